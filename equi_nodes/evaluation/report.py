"""The report on a replay: one self-contained page, its figures as JSON, its predictions as CSV."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from matplotlib import rc_context
from matplotlib.figure import Figure

from equi_nodes.errors import EquiError
from equi_nodes.evaluation import figures
from equi_nodes.evaluation.film import film
from equi_nodes.evaluation.matching import Matched
from equi_nodes.evaluation.moments import choose
from equi_nodes.evaluation.page import machine_facts, render, svg, tile
from equi_nodes.evaluation.replay import ReplayResult
from equi_nodes.samples import PredictionSample, TrackSample

HONEST = (0.85, 0.95)  # share of truths that honest 90 % regions hold
PACKAGES = ("rclpy", "torch", "onnxruntime", "numpy")


@dataclass(frozen=True)
class Context:
    """What a reader must know of a run.

    Attributes:
        title, subtitle: head of the page.
        command: what was typed.
        latency: from what to what the latencies reach.
        facts: further lines of "how this was made", name and value.
    """

    title: str
    subtitle: str
    command: str
    latency: str
    facts: tuple[tuple[str, str], ...] = ()


def report_folder(path: str | Path) -> Path:
    """Return the folder, made if need be; raises ``EquiError`` if it cannot be written to."""
    folder = Path(path)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        probe = folder / ".writable"
        probe.touch()
        probe.unlink()
    except OSError as error:
        raise EquiError(
            f"Cannot write to {folder} ({error.strerror}); choose another --out."
        ) from error
    return folder


def write_report(
    folder: Path,
    result: ReplayResult,
    matched: Matched | None,
    measured: dict,
    tracks: Sequence[TrackSample],
    context: Context,
) -> Path:
    """Write ``report.html``, ``metrics.json``, ``predictions.csv`` and ``figures/*.png``.

    Args:
        folder: that of ``report_folder``.
        result: what came out.
        matched: its predictions beside the truth; None: nothing could be scored.
        measured: the figures of ``replay.measure``, and any more for ``metrics.json``.
        tracks: what went in.
        context: what the reader must know.

    Returns:
        the path of the page.
    """
    drawn = _draw(result, matched, measured, tracks, context)
    (folder / "metrics.json").write_text(json.dumps(measured, indent=2) + "\n")
    _write_predictions(folder / "predictions.csv", result)
    (folder / "figures").mkdir(exist_ok=True)
    with rc_context(figures.STYLE):
        for name, figure in drawn.items():
            figure.savefig(folder / "figures" / f"{name}.png", dpi=160)
        pictures = {name: svg(figure) for name, figure in drawn.items()}
    page = render(
        title=context.title,
        subtitle=context.subtitle,
        tiles=_tiles(measured),
        film=film(result.predictions) if measured["predictions"] else "",
        script=render("film.js"),
        moments=pictures.pop("moments", ""),
        charts=list(pictures.values()),
        table=_table(measured),
        facts=_facts(measured, context),
    )
    path = folder / "report.html"
    path.write_text(page, encoding="utf-8")
    return path


def _draw(
    result: ReplayResult,
    matched: Matched | None,
    measured: dict,
    tracks: Sequence[TrackSample],
    context: Context,
) -> dict[str, Figure]:
    with rc_context(figures.STYLE):
        drawn = {}
        if matched is not None:
            stamps = np.array([prediction.stamp_ns for prediction in result.predictions])
            drawn["moments"] = figures.draw_moments(matched, tracks, stamps, choose(matched))
            drawn["horizon"] = figures.draw_horizon(measured["horizon"])
            drawn["calibration"] = figures.draw_calibration(measured["coverage"])
        if len(result.latencies):
            drawn["latency"] = figures.draw_latency(result.latencies, context.latency)
        if any(len(sample.ids) for sample in tracks):
            drawn["map"] = figures.draw_map(tracks)
    return drawn


def _tiles(measured: dict) -> list[dict[str, str]]:
    """Return the few figures that stand on top of the page."""
    tiles = []
    if measured["scored"]:
        straight, held = measured["constant_velocity"], measured["calibration_90"]
        best = f"best of {measured['modes']}"
        tiles += [
            tile(f"ADE / FDE, {best}", f"{measured['ade']:.2f} / {measured['fde']:.2f}", "metres"),
            tile("ADE, most probable path", f"{measured['top1']['ade']:.2f} m",
                  *_compared(measured["top1"]["ade"], straight["ade"])),
            tile("90 % regions hold", f"{100 * held:.0f} %", "of the truths",
                  "good" if HONEST[0] <= held <= HONEST[1] else "bad"),
        ]  # fmt: skip
    if measured["latency_ms"]:
        latency = measured["latency_ms"]
        p50, p99 = f"{latency['p50']:.1f} ms", f"p99 {latency['p99']:.1f} ms"
        tiles.append(tile("Latency p50", p50, p99))
    received = measured["frames"] - measured["drops"]
    verdict = "bad" if measured["drops"] else "good"
    note = f"{measured['drops']} dropped" if measured["drops"] else "nothing dropped"
    count = f"{received} / {measured['frames']}"
    return [*tiles, tile("Instants predicted", count, note, verdict)]


def _compared(ours: float, straight: float) -> tuple[str, str]:
    """Return how an error compares with that of constant velocity, and a verdict."""
    if ours <= straight:
        return f"{100 * (1 - ours / max(straight, 1e-9)):.0f} % below constant velocity", "good"
    return f"{100 * (ours / max(straight, 1e-9) - 1):.0f} % above constant velocity", "bad"


def _table(measured: dict) -> dict | None:
    """Return errors at whole seconds beside constant velocity."""
    if not measured["scored"]:
        return None
    horizon = measured["horizon"]
    seconds = np.array(horizon["seconds"])
    whole = np.unique([np.abs(seconds - s).argmin() for s in range(1, int(seconds[-1]) + 1)])
    columns = np.append(whole, len(seconds) - 1) if whole[-1] != len(seconds) - 1 else whole
    rows = [
        ("Best path", horizon["best"], measured),
        ("Most probable path", horizon["top1"], measured["top1"]),
        ("Constant velocity", horizon["constant_velocity"], measured["constant_velocity"]),
    ]
    return {
        "head": [f"{seconds[column]:.1f} s" for column in columns],
        "rows": [
            [name, *(f"{curve[column]:.2f}" for column in columns),
             f"{errors['ade']:.3f}", f"{errors['fde']:.3f}"]
            for name, curve, errors in rows
        ],
        "modes": measured["modes"],
        "scored": f"{measured['scored']:,}",
    }  # fmt: skip


def _facts(measured: dict, context: Context) -> list[tuple[str, str]]:
    reasons = ", ".join(f"{reason} ({n})" for reason, n in measured["rejected"].items())
    return [
        ("command", context.command),
        *context.facts,
        ("hash of predictions", measured["hash"]),
        ("not predicted", reasons or "nobody"),
        ("fallbacks", f"{measured['fallbacks']} instants at constant velocity"),
        *machine_facts(*PACKAGES),
    ]


def _write_predictions(path: Path, result: ReplayResult) -> None:
    """Write the most probable path of every agent at every instant, one row a point."""
    with path.open("w", newline="") as file:
        table = csv.writer(file)
        table.writerow(("stamp_ns", "id", "probability", "seconds_ahead", "x", "y",
                        "variance_xx", "variance_xy", "variance_yy"))  # fmt: skip
        for prediction in result.predictions:
            if len(prediction.ids):
                table.writerows(_rows(prediction))


def _rows(prediction: PredictionSample) -> Iterator[list]:
    seconds = prediction.time_step_ns / 1e9 * np.arange(1, prediction.paths.shape[2] + 1)
    upper = prediction.covariances[:, 0][..., [0, 0, 1], [0, 1, 1]]
    numbers = np.concatenate([prediction.paths[:, 0], upper], axis=-1).round(4).tolist()
    agents = zip(prediction.ids.tolist(), prediction.probabilities[:, 0].round(4).tolist(), numbers)
    for name, probability, path in agents:
        for ahead, point in zip(seconds.round(3).tolist(), path):
            yield [prediction.stamp_ns, name, probability, ahead, *point]
