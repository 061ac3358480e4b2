"""The report on a run of the odometry: one self-contained page, its figures as JSON and PNG."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from matplotlib import rc_context
from matplotlib.figure import Figure

from equi_nodes.datasets.euroc import PoseTable
from equi_nodes.evaluation import odometry_figures as draw
from equi_nodes.evaluation.figures import STYLE
from equi_nodes.evaluation.odometry import OdometryRun, error_table, origin_of
from equi_nodes.evaluation.odometry_online import Difference
from equi_nodes.evaluation.page import machine_facts, render, svg, tile

PACKAGES = ("numpy", "numba", "opencv-python-headless", "gtsam", "evo")
REAL_TIME_MS = 50.0  # between two frames of the usual camera


@dataclass(frozen=True, eq=False)
class OdometryContext:
    """What a reader must know of a run.

    Attributes:
        title: head of the page.
        command: what was typed.
        how: ``stereo`` or ``mono``, and through what it went.
        picture: (H, W, 3) bgr8, features of one frame, or None.
        difference: of a live node to the run in this process, None where there was no live node.
    """

    title: str
    command: str
    how: str
    picture: np.ndarray | None = None
    difference: Difference | None = None


def write_odometry_report(
    folder: Path,
    run: OdometryRun,
    measured: dict,
    truth: PoseTable | None,
    context: OdometryContext,
) -> Path:
    """Write ``report.html``, ``metrics.json`` and ``figures/*.png``; return the page's path.

    Args:
        folder: exists.
        run: what came out.
        measured: the figures of ``odometry.measure``.
        truth: poses to compare with, or None.
        context: what the reader must know.
    """
    (folder / "metrics.json").write_text(json.dumps(measured, indent=2) + "\n")
    (folder / "figures").mkdir(exist_ok=True)
    with rc_context(STYLE):
        drawn = _draw(run, truth, context)
        for name, figure in drawn.items():
            figure.savefig(folder / "figures" / f"{name}.png", dpi=160)
        charts = [svg(figure) for figure in drawn.values()]
    seconds = (run.steps[-1].stamp_ns - run.steps[0].stamp_ns) * 1e-9
    page = render(
        title=context.title,
        subtitle=f"{len(run.steps)} frames in {seconds:.0f} s, {context.how}.",
        tiles=_tiles(measured),
        charts=charts,
        facts=_facts(run, measured, context),
    )
    path = folder / "report.html"
    path.write_text(page, encoding="utf-8")
    return path


def _draw(run: OdometryRun, truth: PoseTable | None, context: OdometryContext) -> dict[str, Figure]:
    drawn, usable = {}, run.usable
    if usable:
        drawn["path"] = draw.draw_path(usable, truth)
        table = error_table(usable, truth, origin_of(run.samples)) if truth is not None else None
        if table is not None and len(table.stamps_ns):
            drawn["error"] = draw.draw_error(table)
    drawn |= _inside(run) if context.difference is None else _live(run, context.difference)
    if context.picture is not None:
        drawn["tracks"] = draw.draw_picture(context.picture)
    return drawn


def _inside(run: OdometryRun) -> dict[str, Figure]:
    """Draw what only the process that computed the odometry knows of it."""
    drawn = {}
    if run.usable:
        drawn = {"biases": draw.draw_biases(run.usable), "features": draw.draw_status(run.usable)}
    return drawn | {"times": draw.draw_times(run)}


def _live(run: OdometryRun, difference: Difference) -> dict[str, Figure]:
    """Draw how a live node did."""
    drawn = {"ages": draw.draw_ages(run)} if run.usable else {}
    if len(difference.stamps_ns):
        drawn["difference"] = draw.draw_difference(difference)
    return drawn


def _tiles(measured: dict) -> list[dict[str, str]]:
    tiles = []
    if "ate_rmse_m" in measured:
        path, scale = f"over {measured['path_m']:.1f} m", f"{100 * measured['scale_error']:.1f} %"
        tiles.append(tile("ATE, RMSE", f"{1e3 * measured['ate_rmse_m']:.1f} mm", path))
        tiles.append(tile("Scale error", scale, "length against the truth"))
    if nees := measured.get("nees"):
        value = f"{nees['position']:.1f} / {nees['orientation']:.1f}"
        tiles.append(tile("NEES", value, "position / orientation; 3 is honest"))
    if times := measured["frame_ms"]:
        verdict = "good" if times["p95"] < REAL_TIME_MS else "bad"
        tiles.append(
            tile("A frame, p95", f"{times['p95']:.0f} ms", f"p50 {times['p50']:.0f} ms", verdict)
        )
    if "node" in measured:
        tiles += _live_tiles(measured)
    first = measured["first_answer_s"]
    note = "never" if first is None else f"first after {first:.2f} s"
    tiles.append(tile("Answered", f"{measured['answered']} / {measured['frames']}", note))
    resets = measured["resets"]
    return [*tiles, tile("Resets", str(resets), "", "bad" if resets else "good")]


def _live_tiles(measured: dict) -> list[dict[str, str]]:
    """Return what only a live node has: age, losses, and the difference to the offline run."""
    node, difference = measured["node"], measured["difference_to_offline"]
    dropped, imu = node["frames"]["dropped"], node["imu"]
    tiles = [
        tile("Frames dropped", str(dropped), f"of {node['frames']['sent']} sent",
             "bad" if dropped else "good"),
        tile("IMU samples lost", str(imu["lost"]), f"of {imu['sent']} sent",
             "bad" if imu["lost"] else "good"),
    ]  # fmt: skip
    if ages := node["age_ms"]:
        tiles.append(tile("Age, p99", f"{ages['p99']:.0f} ms", f"p50 {ages['p50']:.0f} ms"))
    if difference["matched"]:
        most, rms = difference["position_max_mm"], difference["position_rms_mm"]
        tiles.append(tile("Beside offline", f"{most:.2f} mm", f"at most; RMS {rms:.2f} mm"))
    return tiles


def _facts(run: OdometryRun, measured: dict, context: OdometryContext) -> list[tuple[str, str]]:
    remarks = dict.fromkeys(remark for step in run.steps for remark in step.remarks)
    reasons = dict.fromkeys(s.reason for s in run.samples if s.reason)
    said = [*remarks, *reasons, *measured.get("node", {}).get("warnings", {})]
    return [
        ("command", context.command),
        ("hash of the states", measured["hash"]),
        ("said on the way", "; ".join(said[:12]) or "nothing"),
        *machine_facts(*PACKAGES),
    ]
