"""The pictures of a report: predictions of chosen moments, and curves of error and honesty."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.patches import Ellipse, Patch
from matplotlib.ticker import MultipleLocator

from equi_nodes.evaluation.matching import Matched
from equi_nodes.evaluation.moments import Moment
from equi_nodes.samples import TrackSample

INK = "#1c2430"
GREY = "#8a94a3"
PALE = "#b9c2ce"
FAINT = "#d5dae1"
BLUE = "#1f6fd6"
BLUE_RGB = to_rgb(BLUE)
TRUTH = "#e4572e"
STYLE = {
    "font.size": 9.0, "axes.titlesize": 10.0, "axes.titleweight": "bold",
    "axes.titlelocation": "left", "axes.edgecolor": FAINT, "axes.labelcolor": INK,
    "axes.spines.top": False, "axes.spines.right": False, "text.color": INK,
    "xtick.color": GREY, "ytick.color": GREY, "xtick.major.size": 0.0, "ytick.major.size": 0.0,
    "axes.grid": True, "axes.axisbelow": True, "grid.color": "#eceff3", "grid.linewidth": 0.7,
    "svg.fonttype": "none", "svg.hashsalt": "equi_nodes", "legend.frameon": False,
}  # fmt: skip
ELLIPSE_90 = 2.0 * np.sqrt(-2.0 * np.log(0.1))  # standard deviations across, of a plane Gaussian
ELLIPSES = 3  # of the most probable futures
REGION_GRID = 240  # points a side
LIKELY = 0.02  # probability of a future whose surroundings are looked at for regions
PAD = 1.2  # m, around the paths of a moment
SMALLEST_VIEW = 3.5  # m, from the middle of a moment to its border
LARGEST_VIEW = 9.0  # m, likewise
LABEL_GAP = 0.06  # of the highest value, between two labels at the end of curves


def draw_moments(
    matched: Matched, tracks: Sequence[TrackSample], stamps: np.ndarray, moments: list[Moment]
) -> Figure:
    """Draw one panel a moment: past, truth and predicted futures, equal axes in metres.

    Args:
        matched: the predictions that the moments are rows of.
        tracks: the recording, for the others who are around.
        stamps: (S,) ns, the instants of the predictions.
        moments: at most six.
    """
    columns = min(3, len(moments))
    rows = -(-len(moments) // columns)
    figure = Figure(figsize=(3.9 * columns, 4.15 * rows), layout="constrained")
    figure.get_layout_engine().set(hspace=0.06)
    panels = figure.subplots(rows, columns, squeeze=False).ravel()
    by_stamp = {sample.stamp_ns: sample for sample in tracks}
    for panel, moment in zip(panels, moments):
        stamp = int(stamps[matched.instant[moment.row]])
        _draw_moment(panel, matched, moment, by_stamp.get(stamp))
    for panel in panels[len(moments) :]:
        panel.axis("off")
    _moment_legend(figure, panels[0])
    return figure


def draw_map(tracks: Sequence[TrackSample]) -> Figure:
    """Draw every track of a recording from above, equal axes in metres."""
    figure = Figure(figsize=(5.8, 4.2), layout="constrained")
    panel = figure.subplots()
    ids = np.concatenate([sample.ids for sample in tracks])
    positions = np.concatenate([sample.positions[:, :2] for sample in tracks])
    lines = [positions[ids == agent] for agent in np.unique(ids)]
    panel.add_collection(LineCollection(lines, colors=BLUE, linewidths=0.7, alpha=0.35))
    panel.scatter(*np.array([line[-1] for line in lines]).T, s=5, color=BLUE, linewidths=0)
    panel.set(title=f"{len(lines)} people seen", xlabel="x, m", ylabel="y, m")
    panel.set_aspect("equal", "datalim")
    panel.autoscale_view()
    return figure


def draw_horizon(horizon: dict) -> Figure:
    """Draw the mean error over the time ahead; ``horizon`` is that of ``replay.measure``."""
    figure = Figure(figsize=(5.8, 4.2), layout="constrained")
    panel = figure.subplots()
    seconds = horizon["seconds"]
    curves = (
        ("constant_velocity", "constant velocity", GREY, (4, 2)),
        ("top1", "most probable path", BLUE, ()),
        ("best", "best of all paths", INK, ()),
    )
    heights = _spread([horizon[key][-1] for key, *_ in curves])
    for (key, name, colour, dashes), height in zip(curves, heights):
        panel.plot([0, *seconds], [0, *horizon[key]], color=colour, lw=1.8, dashes=dashes)
        panel.annotate(
            f"{horizon[key][-1]:.2f} m  {name}", (seconds[-1], height), (6, 0),
            textcoords="offset points", color=colour, va="center",
        )  # fmt: skip
    panel.set(title="Error over the horizon", xlabel="time ahead, s", ylabel="mean error, m")
    panel.set(xlim=(0, seconds[-1] * 1.5), ylim=(0, 1.08 * heights.max()))
    panel.set_xticks(np.arange(0.0, seconds[-1] + 0.01))
    return figure


def draw_calibration(coverage: dict) -> Figure:
    """Draw how many truths the regions hold beside how many they claim to hold."""
    figure = Figure(figsize=(5.8, 4.2), layout="constrained")
    panel = figure.subplots()
    level, share = 100 * np.array(coverage["level"]), 100 * np.array(coverage["share"])
    panel.plot([0, 100], [0, 100], color=GREY, lw=1.0, dashes=(4, 2))
    panel.fill_between(level, level, share, color=BLUE, alpha=0.12, lw=0)
    panel.plot(level, share, color=BLUE, lw=1.8)
    held = float(np.interp(90.0, level, share))
    panel.plot(90.0, held, "o", color=BLUE, ms=6)
    panel.annotate(
        f"90 % regions hold {held:.0f} %", (90.0, held), (-8, 0), textcoords="offset points",
        ha="right", va="bottom", color=BLUE, weight="bold",
    )  # fmt: skip
    panel.text(62, 56, "honest", color=GREY, rotation=45, rotation_mode="anchor",
               transform_rotates_text=True)  # fmt: skip
    panel.text(4, 94, "too wide", color=GREY, style="italic", va="top")
    panel.text(96, 4, "too narrow", color=GREY, style="italic", ha="right")
    panel.set(title="Calibration", xlabel="claimed share, %", ylabel="truths inside, %")
    panel.set(xlim=(0, 100), ylim=(0, 100), aspect="equal", anchor="W")
    return figure


def draw_latency(latencies: np.ndarray, meaning: str) -> Figure:
    """Draw the distribution of latencies (S,) in seconds; ``meaning`` says from what to what."""
    figure = Figure(figsize=(5.8, 4.2), layout="constrained")
    panel = figure.subplots()
    values = 1e3 * latencies
    p50, p99 = np.percentile(values, [50, 99])
    last = p99 + 0.25 * (p99 - values.min()) + 1e-6
    bins = np.linspace(0.9 * values.min(), last, 40)
    panel.hist(np.minimum(values, last), bins, color=BLUE, alpha=0.75, edgecolor="white", lw=0.5)
    top = panel.get_ylim()[1]
    for value, name, side, drop in ((p50, "p50", "left", -4), (p99, "p99", "right", -18)):
        panel.axvline(value, color=INK, lw=1.0)
        panel.annotate(
            f"{name} {value:.1f} ms", (value, top), (5 if side == "left" else -5, drop),
            textcoords="offset points", ha=side, va="top", weight="bold",
            bbox={"facecolor": "white", "edgecolor": "none", "pad": 1.0},
        )  # fmt: skip
    panel.set(title="Latency", xlabel=f"{meaning}, ms", ylabel="instants")
    panel.grid(visible=False, axis="x")
    return figure


def _draw_moment(panel: Axes, matched: Matched, moment: Moment, around: TrackSample | None) -> None:
    row = moment.row
    here, truth = matched.past[row, -1], matched.truth[row]
    past = matched.past[row][np.isfinite(matched.past[row]).all(axis=1)]
    same_instant = matched.instant == matched.instant[row]
    for other in np.flatnonzero(same_instant & (matched.ids != matched.ids[row])):
        _draw_other(panel, matched.past[other], matched.truth[other])
    if around is not None:
        others = around.positions[around.ids != matched.ids[row], :2]
        panel.plot(*others.T, "o", color=GREY, ms=4, mew=0, zorder=2)
    _draw_modes(panel, matched, row)
    panel.plot(*np.vstack([here, matched.straight[row]]).T, color=GREY, lw=1.2, dashes=(3, 2))
    panel.plot(*np.vstack([here, truth]).T, "-o", color=TRUTH, lw=1.8, ms=3, mew=0, zorder=6)
    panel.plot(*past.T, "-o", color=INK, lw=1.8, ms=3, mew=0, zorder=6)
    panel.plot(*here, "o", color=INK, ms=8, mec="white", mew=1.2, zorder=7)
    _frame(panel, np.vstack([past, truth, _probable_ends(matched, row)]))
    panel.set_title(moment.title, pad=20)
    panel.annotate(
        moment.note, (0, 1), (0, 7), xycoords="axes fraction", textcoords="offset points",
        color=GREY, fontsize=8.5,
    )  # fmt: skip


def _draw_other(panel: Axes, past: np.ndarray, truth: np.ndarray) -> None:
    panel.plot(*past.T, color=PALE, lw=1.6, zorder=1)
    panel.plot(*np.vstack([past[-1:], truth]).T, color=PALE, lw=1.2, dashes=(1, 1), zorder=1)


def _draw_modes(panel: Axes, matched: Matched, row: int) -> None:
    """Draw the futures of one agent: the more probable the stronger, and where they end."""
    here, chances = matched.past[row, -1], matched.probabilities[row]
    _draw_region(panel, matched.paths[row, :, -1], matched.covariances[row, :, -1], chances)
    strength = np.sqrt(chances)
    for mode in reversed(range(len(chances))):
        path, weight = matched.paths[row, mode], float(strength[mode])
        alpha = min(0.95, 0.05 + 1.3 * weight)
        panel.plot(*np.vstack([here, path]).T, color=BLUE, lw=0.5 + 2.2 * weight, alpha=alpha,
                   zorder=4, solid_capstyle="round")  # fmt: skip
        panel.plot(*path[-1], "o", color=BLUE, ms=1 + 6 * weight, alpha=alpha, mew=0, zorder=5)
    for mode in range(min(ELLIPSES, len(chances))):
        panel.add_patch(_ellipse(matched.paths[row, mode, -1], matched.covariances[row, mode, -1]))


def _draw_region(
    panel: Axes, means: np.ndarray, covariances: np.ndarray, chances: np.ndarray
) -> None:
    """Shade where a mixture (K, 2), (K, 2, 2), (K,) holds half and nine tenths of its mass."""
    likely = chances >= LIKELY
    reach = 3.0 * np.sqrt(covariances[likely].max())
    low, high = means[likely].min(axis=0) - reach, means[likely].max(axis=0) + reach
    x, y = (np.linspace(low[axis], high[axis], REGION_GRID) for axis in (0, 1))
    offset = np.stack(np.meshgrid(x, y), axis=-1)[:, :, None] - means  # (G, G, K, 2)
    distance = np.einsum("...ki,kij,...kj->...k", offset, np.linalg.inv(covariances), offset)
    height = chances / np.sqrt(np.linalg.det(covariances))
    density = (height * np.exp(-0.5 * distance)).sum(axis=-1)
    falling = np.sort(density.ravel())[::-1]
    held = np.cumsum(falling) / falling.sum()
    levels = falling[np.searchsorted(held, (0.9, 0.5))]
    fills = [(*BLUE_RGB, 0.10), (*BLUE_RGB, 0.20)]
    panel.contourf(x, y, density, [*levels, 1.01 * falling[0]], colors=fills, zorder=0)


def _ellipse(mean: np.ndarray, covariance: np.ndarray) -> Ellipse:
    """Return the region that holds 90 % of a plane Gaussian."""
    variances, axes = np.linalg.eigh(covariance)
    width, height = ELLIPSE_90 * np.sqrt(np.maximum(variances, 0.0))
    tilt = np.degrees(np.arctan2(axes[1, 0], axes[0, 0]))
    return Ellipse(mean, width, height, angle=tilt, fill=False, ec=(*BLUE_RGB, 0.55), lw=0.8,
                   ls=(0, (4, 2)), zorder=3)  # fmt: skip


def _probable_ends(matched: Matched, row: int) -> np.ndarray:
    """Return the (M, 2) end points that together hold most of the probability."""
    before = np.cumsum(matched.probabilities[row]) - matched.probabilities[row]
    return matched.paths[row, before < 0.8, -1]


def _frame(panel: Axes, points: np.ndarray) -> None:
    """Show a square of whole metres around the points (N, 2)."""
    middle = (points.max(axis=0) + points.min(axis=0)) / 2.0
    half = float(np.clip(np.ptp(points, axis=0).max() / 2.0 + PAD, SMALLEST_VIEW, LARGEST_VIEW))
    panel.set(xlim=(middle[0] - half, middle[0] + half), ylim=(middle[1] - half, middle[1] + half))
    panel.set_aspect("equal")
    for axis in (panel.xaxis, panel.yaxis):
        axis.set_major_locator(MultipleLocator(1.0 if half < 4.0 else 2.0))
        axis.set_major_formatter("{x:.0f} m")


def _spread(values: list[float]) -> np.ndarray:
    """Return heights close to the values, in their order, far enough apart for a label each."""
    order, heights = np.argsort(values), np.array(values, np.float64)
    for lower, upper in zip(order, order[1:]):
        heights[upper] = max(heights[upper], heights[lower] + LABEL_GAP * max(values))
    return heights


def _moment_legend(figure: Figure, panel: Axes) -> None:
    handles = [
        panel.plot([], [], "-o", color=INK, lw=1.8, ms=4, label="observed")[0],
        panel.plot([], [], "-o", color=TRUTH, lw=1.8, ms=4, label="what happened")[0],
        panel.plot([], [], "-o", color=BLUE, lw=2.0, ms=5, label="predicted, by probability")[0],
        Patch(fc=(*BLUE_RGB, 0.12), label="90 % and 50 % region at the end"),
        panel.plot([], [], color=(*BLUE_RGB, 0.6), lw=0.8, dashes=(4, 2),
                   label=f"90 % of the {ELLIPSES} likeliest paths")[0],
        panel.plot([], [], color=GREY, lw=1.2, dashes=(3, 2), label="constant velocity")[0],
        panel.plot([], [], "o", color=GREY, ms=5, label="others")[0],
    ]  # fmt: skip
    figure.legend(handles=handles, loc="outside upper left", ncols=len(handles), columnspacing=1.3,
                  handlelength=1.6)  # fmt: skip
