"""The pictures of the closed loop's report: the way from above, people, odometry, times."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import to_rgba
from matplotlib.figure import Figure
from matplotlib.transforms import Affine2D

from equi_nodes.evaluation.figures import BLUE, FAINT, GREY, INK, PALE, TRUTH
from equi_nodes.evaluation.stack_run import StackRun
from equi_nodes.evaluation.stack_scores import odometry_error, people_distance
from equi_nodes.samples import GridSample

SIZE = (5.8, 4.2)
GREEN = "#17803d"
OCCUPIED = 65  # per cent
FREE = 25  # per cent
FARTHEST = 6.0  # m, of people that are shown
MARGIN = 0.5  # m, around the building


def draw_top_view(run: StackRun) -> Figure:
    """Draw the building, both ways of the robot, its plans, the people and the goals."""
    figure = Figure(figsize=SIZE, layout="constrained")
    panel = figure.subplots()
    draw_cells(panel, run.true_map, {"occupied": INK})
    for plan in run.plans:
        panel.plot(*plan.poses[:, :2].T, color=GREEN, lw=0.5, alpha=0.25, zorder=2)
    for line in _walks(run):
        panel.plot(*line.T, color=TRUTH, lw=0.6, alpha=0.5, zorder=2)
    panel.plot(*run.truth.points.T, color=INK, lw=1.6, zorder=3, label="robot")
    panel.plot(*run.estimate.points.T, color=BLUE, lw=1.2, dashes=(4, 2), zorder=4,
               label="its odometry")  # fmt: skip
    panel.plot([], [], color=GREEN, lw=1.0, label="plans")
    panel.plot([], [], color=TRUTH, lw=1.0, label="people")
    for number, goal in enumerate(run.goals, 1):
        colour = GREEN if goal.reached_ns is not None else TRUTH
        panel.plot(*goal.place[:2], "*", color=colour, ms=11, mec="white", zorder=5)
        panel.annotate(str(number), goal.place[:2], (5, 4), textcoords="offset points")
    for contact in run.collisions:
        colour = TRUTH if contact.is_robot_at_fault else GREY
        panel.plot(*contact.place, "X", color=colour, ms=8, zorder=6)
    panel.set_title("From above")
    panel.legend(loc="upper center", bbox_to_anchor=(0.5, -0.08), ncols=4, fontsize=8)
    return figure


def draw_map(run: StackRun) -> Figure:
    """Draw the robot's map with the true walls laid over it."""
    figure = Figure(figsize=SIZE, layout="constrained")
    panel = figure.subplots()
    if run.map is not None:
        draw_cells(panel, run.map, {"unknown": FAINT, "free": "white", "occupied": INK})
    draw_cells(panel, run.true_map, {"occupied": TRUTH}, alpha=0.45)
    panel.set_title("Its map in black, the true walls in orange")
    return figure


def draw_cells(panel: Axes, grid: GridSample, colours: dict[str, str], alpha: float = 1.0) -> None:
    """Paint the cells of a grid, those that have a colour, and fit the panel to it.

    Args:
        panel: axes in metres of the grid's frame.
        grid: the map.
        colours: by ``occupied``, ``free`` and ``unknown``.
        alpha: how much they cover.
    """
    states = {
        "occupied": grid.cells >= OCCUPIED,
        "free": (grid.cells >= 0) & (grid.cells <= FREE),
        "unknown": grid.cells < 0,
    }
    picture = np.zeros((*grid.cells.shape, 4))
    for name, colour in colours.items():
        picture[states[name]] = to_rgba(colour, alpha)
    height, width = np.array(grid.cells.shape) * grid.resolution
    place = Affine2D().rotate(grid.origin[2]).translate(*grid.origin[:2])
    panel.imshow(picture, origin="lower", extent=(0, width, 0, height), interpolation="nearest",
                 transform=place + panel.transData, zorder=1)  # fmt: skip
    corners = place.transform([[0, 0], [width, 0], [0, height], [width, height]])
    (left, low), (right, high) = corners.min(0) - MARGIN, corners.max(0) + MARGIN
    panel.set(xlim=(left, right), ylim=(low, high), xlabel="x, m", ylabel="y, m", aspect="equal")
    panel.grid(visible=False)


def draw_distance(run: StackRun) -> Figure:
    """Draw the distance to the nearest person over time."""
    figure = Figure(figsize=SIZE, layout="constrained")
    panel = figure.subplots()
    stamps, nearest = people_distance(run)
    panel.plot(_seconds(run, stamps), nearest, color=BLUE, lw=1.2)
    panel.set(title="Room between the robot and the nearest person", xlabel="time, s", ylabel="m")
    panel.set_ylim(0, FARTHEST)
    _mark_goals(panel, run)
    return figure


def draw_odometry(run: StackRun) -> Figure:
    """Draw how far the odometry is off over time; shaded where it says that it is not well."""
    figure = Figure(figsize=SIZE, layout="constrained")
    panel = figure.subplots()
    stamps, error = odometry_error(run)
    seconds = _seconds(run, stamps)
    panel.plot(seconds, error, color=BLUE, lw=1.4)
    top = max(0.1, 1.1 * float(error.max(initial=0.0)))
    for status, colour in (("degraded", PALE), ("lost", TRUTH), ("initialising", FAINT)):
        is_so = run.estimate.statuses == status
        if is_so.any():
            panel.fill_between(seconds, 0, top, where=is_so, color=colour, alpha=0.5, lw=0,
                               label=status)  # fmt: skip
    if panel.get_legend_handles_labels()[1]:
        panel.legend(loc="upper left")
    panel.set(title="Odometry beside the truth", xlabel="time, s", ylabel="m off", ylim=(0, top))
    return figure


def draw_latencies(run: StackRun) -> Figure:
    """Draw p50 and p99 of every node's step."""
    figure = Figure(figsize=SIZE, layout="constrained")
    panel = figure.subplots()
    names = [name for name, seconds in run.latencies.items() if len(seconds)]
    rows = np.arange(len(names))[::-1]
    spans = np.array([1e3 * np.percentile(run.latencies[name], [50, 99]) for name in names])
    spans = spans.reshape(-1, 2)
    panel.barh(rows, spans[:, 1], color=BLUE, alpha=0.25, label="p99")
    panel.barh(rows, spans[:, 0], color=BLUE, label="p50")
    for row, (p50, p99) in zip(rows, spans):
        panel.annotate(f"{p50:.1f} / {p99:.1f}", (p99, row), (4, 0), va="center", fontsize=8,
                       textcoords="offset points")  # fmt: skip
    panel.set_yticks(rows, names)
    panel.set(title="Time of a step", xlabel="ms", xlim=(0, 1.25 * spans.max(initial=1.0)))
    panel.grid(visible=False, axis="y")
    panel.legend(loc="upper center", bbox_to_anchor=(0.5, -0.12), ncols=2)
    return figure


def _walks(run: StackRun) -> list[np.ndarray]:
    """Return the way (T, 2) of every person."""
    if not run.people:
        return []
    ids = np.concatenate([sample.ids for sample in run.people])
    points = np.concatenate([sample.positions[:, :2] for sample in run.people])
    return [points[ids == name] for name in np.unique(ids)]


def _mark_goals(panel: Axes, run: StackRun) -> None:
    for number, goal in enumerate(run.goals, 1):
        if goal.reached_ns is not None:
            when = float(_seconds(run, np.array([goal.reached_ns]))[0])
            panel.axvline(when, color=GREEN, lw=0.8)
            panel.annotate(f"goal {number}", (when, FARTHEST), (-2, -2), ha="right", va="top",
                           textcoords="offset points", color=GREEN, rotation=90)  # fmt: skip


def _seconds(run: StackRun, stamps_ns: np.ndarray) -> np.ndarray:
    return (stamps_ns - run.truth.stamps_ns[0]) * 1e-9
