"""The report on a run of the closed loop: one page, its film, its figures as JSON and PNG."""

from __future__ import annotations

import json
from pathlib import Path

from matplotlib import rc_context
from matplotlib.figure import Figure

from equi_nodes.evaluation import stack_figures as draw
from equi_nodes.evaluation.figures import STYLE
from equi_nodes.evaluation.page import machine_facts, render, svg, tile
from equi_nodes.evaluation.stack_film import write_film
from equi_nodes.evaluation.stack_run import StackRun
from equi_nodes.evaluation.stack_scores import measure

PACKAGES = ("mujoco", "rclpy", "torch", "onnxruntime", "numpy")
MOST_SAID = 30  # sentences
COLUMNS = {  # of the table of nodes: title, key, format
    "rate, Hz": ("rate_hz", "{:.1f}"), "p50, ms": ("p50", "{:.1f}"), "p99, ms": ("p99", "{:.1f}"),
    "CPU, cores": ("cpu", "{:.2f}"), "memory, MB": ("rss_mb", "{:.0f}"),
    "dropped": ("dropped", "{:.0f}"),
}  # fmt: skip


def write_report(
    run: StackRun, folder: Path, command: str = "", measured: dict | None = None
) -> Path:
    """Write ``report.html``, ``film.mp4``, ``metrics.json``, ``run.npz`` and ``figures/*.png``.

    Args:
        run: what happened.
        folder: exists.
        command: what was typed.
        measured: the figures of ``stack_scores.measure``, and any more; None: they are measured.

    Returns:
        the path of the page.
    """
    measured = measure(run) if measured is None else measured
    run.save(folder / "run.npz")
    (folder / "metrics.json").write_text(json.dumps(measured, indent=2) + "\n")
    (folder / "figures").mkdir(exist_ok=True)
    with rc_context(STYLE):
        for name, figure in (drawn := _draw(run)).items():
            figure.savefig(folder / "figures" / f"{name}.png", dpi=160)
        charts = [svg(figure) for figure in drawn.values()]
    page = render(
        title=f"The closed loop: {run.scenario}, seed {run.seed}",
        subtitle=f"{run.seconds:.0f} s of simulated time, {measured['driven_m']:.1f} m driven.",
        tiles=_tiles(measured),
        video=write_film(run, folder).name,
        charts=charts,
        sheet=_sheet(measured["nodes"]),
        facts=_facts(run, command),
    )
    path = folder / "report.html"
    path.write_text(page, encoding="utf-8")
    return path


def _draw(run: StackRun) -> dict[str, Figure]:
    drawn = {"top_view": draw.draw_top_view(run), "map": draw.draw_map(run)}
    if run.people:
        drawn["distance"] = draw.draw_distance(run)
    if len(run.estimate.stamps_ns):
        drawn["odometry"] = draw.draw_odometry(run)
    if any(len(seconds) for seconds in run.latencies.values()):
        drawn["latency"] = draw.draw_latencies(run)
    return drawn


def _tiles(measured: dict) -> list[dict[str, str]]:
    goals, touched = measured["goals"], measured["collisions"]
    others = measured["collisions_by_others"]
    tiles = [
        tile("Goals", f"{goals['reached']} / {goals['count']}",
             f"in {measured['minutes']:.1f} minutes",
             "good" if goals["reached"] == goals["count"] else "bad"),
        tile("Collisions", str(touched), f"caused by the robot; {others} by others",
             "bad" if touched else "good"),
    ]  # fmt: skip
    if measured["nearest_person_m"] is not None:
        value = f"{measured['nearest_person_m']:.2f} m"
        tiles.append(tile("Nearest person", value, "between the outlines"))
    if measured["path_ratio"] is not None:
        tiles.append(tile("Path ratio", f"{measured['path_ratio']:.2f}", "driven / shortest"))
    return [*tiles, *_quality(measured)]


def _quality(measured: dict) -> list[dict[str, str]]:
    """Return what is known of how good the parts were."""
    tiles = []
    if odometry := measured["odometry"]:
        share = f"{100 * odometry['share_of_path']:.1f} % of the way off at the end"
        tiles.append(tile("Odometry, ATE", f"{odometry['ate_rmse_m']:.2f} m", share))
    if (tracking := measured.get("tracking")) and tracking.get("mota") is not None:
        note = f"{tracking['id_switches']} changes of id"
        tiles.append(tile("Tracking, MOTA", f"{tracking['mota']:.2f}", note))
    if "ade" in measured["prediction"]:
        errors = measured["prediction"]
        note = f"constant velocity {errors['constant_velocity']['ade']:.2f} m"
        tiles.append(tile("Prediction, ADE", f"{errors['top1']['ade']:.2f} m", note))
    if (overlap := measured.get("map")) and overlap.get("iou_free") is not None:
        note = f"free; occupied {overlap['iou_occupied']:.2f}"
        tiles.append(tile("Map, IoU", f"{overlap['iou_free']:.2f}", note))
    return tiles


def _sheet(nodes: dict[str, dict]) -> dict:
    """Return the table of nodes."""
    rows = []
    for name, node in nodes.items():
        values = node | node["latency_ms"]
        cells = (f.format(values[key]) if key in values else "" for key, f in COLUMNS.values())
        rows.append([name, *cells])
    return {"title": "Nodes", "head": list(COLUMNS), "rows": rows}


def _facts(run: StackRun, command: str) -> list[tuple[str, str]]:
    plans = {}
    for plan in run.plans:
        words = plan.planner if not plan.reason else plan.reason
        plans[words] = plans.get(words, 0) + 1
    planned = ", ".join(f"{words} ({count})" for words, count in plans.items())
    start = run.truth.stamps_ns[0]
    said = [f"{(r.begin_ns - start) * 1e-9:.1f} s {r.node}: {r.words}" for r in run.remarks]
    return [
        *([("command", command)] if command else []),
        ("world", f"scenario {run.scenario}, seed {run.seed}"),
        ("plans", planned or "none"),
        ("said on the way", "; ".join([*run.notes, *said][:MOST_SAID]) or "nothing"),
        *machine_facts(*PACKAGES),
    ]
