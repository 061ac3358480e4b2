"""The state of the odometry as a report for the diagnostics."""

from __future__ import annotations

import numpy as np

from equi_nodes.ros.diagnostics import ERROR, OK, WARN, Report
from equi_nodes.ros.sync import FrameMatcher
from equi_nodes.samples import OdometrySample, Status

LEVELS = {
    Status.INITIALISING: WARN,
    Status.TRACKING: OK,
    Status.DEGRADED: WARN,
    Status.LOST: ERROR,
}


def odometry_report(sample: OdometrySample | None, matcher: FrameMatcher) -> Report:
    """Return the status in words, with what stands behind it as figures."""
    counts = {"alone": matcher.alone, "unmatched": matcher.unmatched}
    if sample is None:
        return Report(WARN, "no frame has been processed yet", {"status": "waiting"} | counts)
    spread = np.sqrt(np.maximum(np.diag(sample.covariance), 0.0))
    status = sample.status.value
    return Report(
        LEVELS[sample.status],
        f"{status}: {sample.reason}" if sample.reason else status,
        {
            "status": status,
            "speed": float(np.linalg.norm(sample.velocity)),
            "position_sigma": float(np.linalg.norm(spread[3:6])),
            "rotation_sigma": float(np.linalg.norm(spread[:3])),
            "gyro_bias": " ".join(f"{value:.5f}" for value in sample.gyro_bias),
            "accel_bias": " ".join(f"{value:.4f}" for value in sample.accel_bias),
            "time_offset_ms": 1e3 * sample.time_offset,
            "landmarks": len(sample.landmarks),
        }
        | sample.figures
        | counts,
    )
