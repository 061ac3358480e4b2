"""The pictures of the odometry's report: path, error, biases, time, tracks."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from equi_nodes.datasets.euroc import PoseTable
from equi_nodes.evaluation.figures import BLUE, GREY, INK, TRUTH
from equi_nodes.evaluation.odometry import ErrorTable, OdometryRun, pose_in_map, truth_at
from equi_nodes.evaluation.odometry_online import Difference
from equi_nodes.geometry.rotations import rigid_fit, transform
from equi_nodes.samples import OdometrySample

AXIS_COLOURS = (BLUE, "#17803d", TRUTH)
SIZE = (5.8, 4.2)
PARTS = {"tracking": BLUE, "filter": "#7aa7e8", "map": GREY}


def draw_path(samples: list[OdometrySample], truth: PoseTable | None) -> Figure:
    """Draw the path from above and its height, and the truth laid on it as well as it fits."""
    figure = Figure(figsize=SIZE, layout="constrained")
    above, height = figure.subplots(2, 1, height_ratios=(3, 1))
    positions = np.array([pose_in_map(sample)[:3, 3] for sample in samples])
    seconds = _seconds(samples)
    above.plot(*positions[:, :2].T, color=BLUE, lw=1.6, label="odometry", zorder=3)
    above.plot(*positions[0, :2], "o", color=INK, ms=5, zorder=4, label="start")
    height.plot(seconds, positions[:, 2], color=BLUE, lw=1.4)
    pairs = _paired(samples, truth) if truth is not None else None
    if pairs is not None and len(pairs[0]) > 3:
        rows, laid = pairs
        above.plot(*laid[:, :2].T, color=TRUTH, lw=1.2, dashes=(4, 2), label="truth", zorder=2)
        height.plot(seconds[rows], laid[:, 2], color=TRUTH, lw=1.2, dashes=(4, 2))
    above.set(title="Path from above", xlabel="x, m", ylabel="y, m")
    above.set_aspect("equal", "datalim")
    above.legend(loc="best")
    height.set(xlabel="time, s", ylabel="height, m")
    return figure


def draw_error(table: ErrorTable) -> Figure:
    """Draw the error of position and orientation beside what the odometry says it may be."""
    figure = Figure(figsize=SIZE, layout="constrained")
    panels = figure.subplots(2, 1, sharex=True)
    seconds = (table.stamps_ns - table.stamps_ns[0]) * 1e-9
    turned = np.degrees(np.linalg.norm(table.rotation, axis=1))
    spread = np.degrees(np.sqrt(np.trace(table.rotation_covariance, axis1=1, axis2=2)))
    _band(panels[0], seconds, 1e3 * table.distance, 3e3 * table.sigma, "position, mm")
    _band(panels[1], seconds, turned, 3 * spread, "orientation, deg")
    panels[0].set_title("Error since the start, and three stated standard deviations")
    panels[1].set_xlabel("time, s")
    return figure


def draw_biases(samples: list[OdometrySample]) -> Figure:
    """Draw both biases with three standard deviations around them."""
    figure = Figure(figsize=SIZE, layout="constrained")
    panels = figure.subplots(2, 1, sharex=True)
    seconds = _seconds(samples)
    spreads = np.sqrt([np.maximum(np.diag(sample.covariance), 0.0) for sample in samples])
    biases = {
        "gyro, rad/s": (np.array([s.gyro_bias for s in samples]), spreads[:, 9:12]),
        "accelerometer, m/s$^2$": (np.array([s.accel_bias for s in samples]), spreads[:, 12:15]),
    }
    for panel, (name, (values, sigma)) in zip(panels, biases.items()):
        for axis, colour in enumerate(AXIS_COLOURS):
            low, high = (values[:, axis] + sign * 3 * sigma[:, axis] for sign in (-1, 1))
            panel.fill_between(seconds, low, high, color=colour, alpha=0.12, lw=0)
            panel.plot(seconds, values[:, axis], color=colour, lw=1.4, label="xyz"[axis])
        span = max(float(np.ptp(values[len(values) // 4 :])), 1e-3)
        settled = values[len(values) // 4 :]
        panel.set(ylabel=name, ylim=(settled.min() - span, settled.max() + span))
    panels[0].set_title("Biases, with three standard deviations")
    panels[0].legend(loc="upper right", ncols=3)
    panels[1].set_xlabel("time, s")
    return figure


def draw_times(run: OdometryRun) -> Figure:
    """Draw what each frame took, part on part."""
    figure = Figure(figsize=SIZE, layout="constrained")
    panel = figure.subplots()
    seconds = np.array([step.stamp_ns - run.steps[0].stamp_ns for step in run.steps]) * 1e-9
    base = np.zeros(len(seconds))
    for name, colour in PARTS.items():
        times = 1e3 * np.array([step.parts.get(name, 0.0) for step in run.steps])
        if times.max(initial=0.0) > 0.05:
            panel.fill_between(seconds, base, base + times, color=colour, lw=0, label=name)
            base = base + times
    total = 1e3 * np.array([step.seconds for step in run.steps])
    p95 = float(np.percentile(total, 95))
    panel.axhline(p95, color=INK, lw=1.0)
    panel.annotate(f"p95 {p95:.1f} ms", (seconds[-1], p95), (0, 4), textcoords="offset points",
                   ha="right", weight="bold")  # fmt: skip
    panel.set(title="Time a frame", xlabel="time, s", ylabel="ms", ylim=(0, 1.6 * p95 + 1e-3))
    panel.legend(loc="upper right", ncols=3)
    return figure


def draw_ages(run: OdometryRun) -> Figure:
    """Draw how old the odometry of a live node was when it came; gaps are frames not answered."""
    figure = Figure(figsize=SIZE, layout="constrained")
    panel = figure.subplots()
    seconds = np.array([step.stamp_ns - run.steps[0].stamp_ns for step in run.steps]) * 1e-9
    ages = 1e3 * np.array([step.seconds for step in run.steps])
    p99 = float(np.nanpercentile(ages, 99))
    panel.plot(seconds, ages, color=BLUE, lw=1.2)
    panel.axhline(p99, color=INK, lw=1.0)
    panel.annotate(f"p99 {p99:.1f} ms", (seconds[-1], p99), (0, 4), textcoords="offset points",
                   ha="right", weight="bold")  # fmt: skip
    panel.set(title="From sending a frame to receiving its odometry", xlabel="time, s", ylabel="ms",
              ylim=(0, 1.6 * p99))  # fmt: skip
    return figure


def draw_difference(difference: Difference) -> Figure:
    """Draw how far a live node's poses are from those of the run in this process."""
    figure = Figure(figsize=SIZE, layout="constrained")
    panels = figure.subplots(2, 1, sharex=True)
    seconds = (difference.stamps_ns - difference.stamps_ns[0]) * 1e-9
    panels[0].plot(seconds, 1e3 * difference.position, color=BLUE, lw=1.4)
    panels[1].plot(seconds, np.degrees(difference.rotation), color=BLUE, lw=1.4)
    panels[0].set(title="Difference of the live node to the offline run", ylabel="position, mm")
    panels[1].set(xlabel="time, s", ylabel="orientation, deg")
    for panel in panels:
        panel.set_ylim(bottom=0)
    return figure


def draw_picture(picture: np.ndarray) -> Figure:
    """Show a bgr8 picture (H, W, 3) of the tracks."""
    figure = Figure(figsize=SIZE, layout="constrained")
    panel = figure.subplots()
    panel.imshow(picture[..., ::-1])
    panel.set_axis_off()
    panel.set_title("Green moved the estimate; blue: seen by both, orange: by one")
    return figure


def draw_status(samples: list[OdometrySample]) -> Figure:
    """Draw the number of landmarks and the mean normalised innovation over time."""
    figure = Figure(figsize=SIZE, layout="constrained")
    panels = figure.subplots(2, 1, sharex=True)
    seconds = _seconds(samples)
    panels[0].plot(seconds, [s.figures.get("tracks", np.nan) for s in samples], color=BLUE, lw=1.2,
                   label="tracked")  # fmt: skip
    used = [s.figures.get("accepted", np.nan) for s in samples]
    panels[0].plot(seconds, used, color=INK, lw=1.2, label="used")
    panels[1].plot(seconds, [s.figures.get("nis", np.nan) for s in samples], color=BLUE, lw=1.0)
    panels[1].axhline(1.0, color=GREY, lw=1.0, dashes=(4, 2))
    panels[0].set(title="Features, and innovation per degree of freedom (1 is honest)")
    panels[0].legend(loc="upper right", ncols=2)
    panels[1].set(xlabel="time, s", ylim=(0, 3))
    return figure


def _band(
    panel: Axes, seconds: np.ndarray, error: np.ndarray, bound: np.ndarray, name: str
) -> None:
    panel.fill_between(seconds, 0, bound, color=BLUE, alpha=0.12, lw=0)
    panel.plot(seconds, error, color=BLUE, lw=1.4)
    top = 1.15 * max(float(error.max()), float(np.percentile(bound, 90)))
    panel.set(ylabel=name, ylim=(0, max(top, 1e-6)))


def _seconds(samples: list[OdometrySample]) -> np.ndarray:
    return np.array([sample.stamp_ns - samples[0].stamp_ns for sample in samples]) * 1e-9


def _paired(samples: list[OdometrySample], truth: PoseTable) -> tuple[np.ndarray, np.ndarray]:
    """Return the rows that have a truth, and its positions moved onto theirs by least squares."""
    found = [(row, truth_at(truth, sample.stamp_ns)) for row, sample in enumerate(samples)]
    rows = np.array([row for row, T in found if T is not None], int)
    true = np.array([T[:3, 3] for _, T in found if T is not None]).reshape(-1, 3)
    stated = np.array([pose_in_map(samples[row])[:3, 3] for row in rows]).reshape(-1, 3)
    if len(rows) < 4:
        return rows, true
    return rows, transform(rigid_fit(true, stated), true)
