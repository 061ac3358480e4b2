"""Odometry that came from a live node, beside that of the same recording in this process."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from equi_nodes.evaluation.odometry import OdometryRun, Step, pose_in_map
from equi_nodes.geometry.rotations import log_so3
from equi_nodes.samples import OdometrySample

EQUAL = 1e-9  # m, less is the rounding of a message


@dataclass(frozen=True, eq=False)
class Difference:
    """Distances between two runs over the same recording where both have a state.

    Attributes:
        stamps_ns: (N,) int64.
        position: (N,) metres.
        rotation: (N,) rad.
        alone: states of the live run that the other one has not.
    """

    stamps_ns: np.ndarray
    position: np.ndarray
    rotation: np.ndarray
    alone: int

    def figures(self) -> dict:
        """Return the largest and the root mean square, millimetres and degrees.

        ``equal`` is the number of poses before the first whose position differs.
        """
        found = {"matched": len(self.stamps_ns), "unmatched": self.alone}
        if not len(self.stamps_ns):
            return found
        found["equal"] = int(np.argmax(np.append(self.position, np.inf) > EQUAL))
        millimetres, degrees = 1e3 * self.position, np.degrees(self.rotation)
        return found | {
            "position_max_mm": float(millimetres.max()),
            "position_rms_mm": float(np.sqrt(np.mean(millimetres**2))),
            "rotation_max_deg": float(degrees.max()),
            "rotation_rms_deg": float(np.sqrt(np.mean(degrees**2))),
        }


def compare(live: OdometryRun, offline: OdometryRun) -> Difference:
    """Compare the published states of two runs, matched by stamp; nothing is aligned."""
    known = {sample.stamp_ns: pose_in_map(sample) for sample in offline.usable}
    both = [(s, known[s.stamp_ns]) for s in live.usable if s.stamp_ns in known]
    T_live = np.array([pose_in_map(sample) for sample, _ in both]).reshape(-1, 4, 4)
    T_offline = np.array([T for _, T in both]).reshape(-1, 4, 4)
    turned = np.swapaxes(T_live[:, :3, :3], 1, 2) @ T_offline[:, :3, :3]
    return Difference(
        np.array([sample.stamp_ns for sample, _ in both], np.int64),
        np.linalg.norm(T_live[:, :3, 3] - T_offline[:, :3, 3], axis=1),
        np.linalg.norm(log_so3(turned), axis=1),
        len(live.usable) - len(both),
    )


def live_run(
    frames_ns: np.ndarray, samples: tuple[OdometrySample, ...], ages: np.ndarray
) -> OdometryRun:
    """Return what a live node made of the frames sent; a step lasts as long as its answer took.

    Args:
        frames_ns: (F,) stamps of the frames sent.
        samples: the states that came back.
        ages: (S,) seconds from sending to receiving each; a frame without an answer has NaN.
    """
    answers = {sample.stamp_ns: (sample, age) for sample, age in zip(samples, ages.tolist())}
    answered = ((stamp, *answers.get(stamp, (None, np.nan))) for stamp in frames_ns.tolist())
    return OdometryRun(tuple(Step(*answer, {}, ()) for answer in answered))
