"""`equi eval vio` and `equi bench vio`: accuracy, symmetry, consistency, faults, time."""

from __future__ import annotations

import argparse
from dataclasses import asdict
from typing import Any

import cv2
import numpy as np
from rich.console import Console
from rich.progress import track
from rich.table import Column, Table

from equi_nodes.cli.odometry_consistency import consistency
from equi_nodes.cli.odometry_recording import Choice, euroc_variant
from equi_nodes.cli.odometry_replay import open_odometry
from equi_nodes.datasets.euroc import REFLECTION, EurocRecording, open_euroc
from equi_nodes.datasets.location import data_dir
from equi_nodes.datasets.recording import SensorRecording, of_euroc, with_one_camera
from equi_nodes.errors import EquiError
from equi_nodes.evaluation.fault_verdict import KEPT, false_alarms, judge
from equi_nodes.evaluation.faults import FAULTS
from equi_nodes.evaluation.odometry import OdometryRun, measure, parts, steps
from equi_nodes.geometry.rotations import rotation
from equi_nodes.samples import OdometrySample

CLIP = "euroc_mh01_30s"
STARTS = {
    "from the first frame": Choice(),
    "from frame 40, in motion": Choice(start_frame=40),
    "backwards, from rest": Choice(is_reversed=True),
}
BUDGET_MS = {"stereo": 33.0, "mono": 20.0}  # p95 on one core
RIGS = ("stereo", "mono")
FOUND_UNITS = {"gyro_bias": "rad/s", "accel_bias": "m/s²", "time_offset": "s"}


def evaluate(args: argparse.Namespace, console: Console) -> dict:
    """Evaluate what is asked for, print it and return the figures."""
    if args.scenarios:
        from equi_nodes.cli import odometry_drives

        return odometry_drives.evaluate(args, console)
    if args.simulated:
        return _simulated(args.simulated, console)
    clip = open_euroc(args.clip or data_dir(CLIP))
    if args.faults is not None:
        return _faults(clip, args.faults or list(FAULTS), console)
    return _accuracy(clip, args.slam, console)


def bench(args: argparse.Namespace, console: Console) -> dict:
    """Measure the time a frame by part, images decoded before, OpenCV on one thread."""
    cv2.setNumThreads(1)
    clip = open_euroc(data_dir(CLIP))
    rows, table = [], Table("", "part", "p50 ms", "p95 ms", "max ms", box=None)
    for rig in RIGS:
        run = _run(_recording(clip, rig), rig)
        times = {"all": measure(run, None)["frame_ms"]} | parts(run)
        for part, spread in times.items():
            rows.append({"backend": rig, "size": part} | {f"{k}_ms": v for k, v in spread.items()})
            table.add_row(rig, part, *(f"{spread[key]:.1f}" for key in ("p50", "p95", "max")))
    console.print(table)
    within = {
        row["backend"]: row["p95_ms"] <= BUDGET_MS[row["backend"]]
        for row in rows
        if row["size"] == "all"
    }
    return {"rows": rows, "within_budget": within}


def _accuracy(clip: EurocRecording, with_slam: bool, console: Console) -> dict:
    """Score both rigs from three starts, and how the mirrored and the turned clip agree."""
    table = Table(
        "", Column("start", no_wrap=True), "ATE mm", "scale %", "NEES pos / rot",
        "truth exact", "answered", "false alarms", "p95 ms", box=None,
    )  # fmt: skip
    figures: dict[str, Any] = {}
    plain: dict[str, OdometryRun] = {}
    for rig in RIGS:
        figures[rig] = {}
        for name, choice in STARTS.items():
            run = _run(_recording(euroc_variant(clip, choice), rig), f"{rig} {name}", with_slam)
            plain.setdefault(rig, run)
            truth = euroc_variant(clip, choice).ground_truth
            alarms = {"false_alarms": false_alarms(run)}
            figures[rig][name] = measured = measure(run, truth) | alarms
            table.add_row(rig, name, *_cells(measured))
    console.print(table)
    figures["symmetry"] = symmetry = _symmetry(clip, plain["stereo"])
    console.print(
        f"The mirrored clip differs from the mirrored path by {1e3 * symmetry['mirrored_m']:.2f} mm"
        f" at most, the turned rig by {1e3 * symmetry['remounted_m']:.2g} mm."
    )
    return figures


def _symmetry(clip: EurocRecording, plain: OdometryRun) -> dict[str, float]:
    """Return how far the mirrored clip and a rig with turned axes are from what they should be."""
    from equi_nodes.datasets.euroc import mirrored, remounted

    in_mirror = _run(of_euroc(mirrored(clip), "mirrored"), "mirrored")
    expected = [REFLECTION @ sample.T_w_b @ REFLECTION for sample in plain.samples]
    R_a_b = rotation(np.array([0.3, -0.5, 0.2, 0.7]))
    turned = _run(of_euroc(remounted(clip, R_a_b), "remounted"), "remounted")
    return {
        "mirrored_m": _farthest(in_mirror.samples, expected),
        "remounted_m": _farthest(turned.samples, [sample.T_w_b for sample in plain.samples]),
    }


def _farthest(samples: list[OdometrySample], poses: list[np.ndarray]) -> float:
    """Return the largest distance after the headings at the start were made equal."""
    stated = np.array([sample.T_w_b[:3, 3] for sample in samples])
    wanted = np.array([T[:3, 3] for T in poses])
    stated, wanted = stated - stated[0], wanted - wanted[0]
    cross = stated[:, :2].T @ wanted[:, :2]
    angle = np.arctan2(cross[0, 1] - cross[1, 0], cross[0, 0] + cross[1, 1])
    cosine, sine = np.cos(angle), np.sin(angle)
    R = np.array([[cosine, -sine, 0.0], [sine, cosine, 0.0], [0.0, 0.0, 1.0]])
    return float(np.linalg.norm(stated @ R.T - wanted, axis=1).max())


def _faults(clip: EurocRecording, names: list[str], console: Console) -> dict:
    """Break the clip in every way and judge what comes of it."""
    for name in names:
        if name not in FAULTS:
            raise EquiError(f"There is no fault '{name}': choose of {', '.join(FAULTS)}.")
    table = Table(
        Column("fault", no_wrap=True), "verdict", "answered", "named s", "recovered s", "worst mm",
        "of bound", "harm", Column("said", no_wrap=True), box=None,
    )  # fmt: skip
    results = {}
    sound = _run(of_euroc(clip, "sound"), "sound")
    for name in names:
        fault = FAULTS[name]
        faulty = fault.change(of_euroc(clip, name), np.random.default_rng(0))
        outcome = judge(_run(faulty, name), fault.seconds, faulty.truth, sound)
        results[name] = asdict(outcome)
        table.add_row(
            name, outcome.verdict, f"{outcome.answered:.0%}", _seconds(outcome.named_s),
            _seconds(outcome.recovered_s), f"{1e3 * outcome.worst_m:.0f}",
            f"{outcome.confident:.2f}", f"{outcome.harm:.2f}", outcome.said,
        )  # fmt: skip
    console.print(table)
    kept = sum(result["verdict"] in KEPT for result in results.values())
    alarms = false_alarms(sound)
    console.print(f"{kept} of {len(results)} kept; false alarms without a fault: {alarms:.1%}")
    return {"faults": results, "kept": kept, "count": len(results), "false_alarms": alarms}


def _simulated(runs: int, console: Console) -> dict:
    """Fly simulated paths and ask whether the stated covariance is what the errors have."""
    seeds = track(range(runs), description="flying", console=console, transient=True)
    figures = consistency(seeds)
    low, high = figures["band"]
    for part in ("orientation", "position"):
        console.print(
            f"NEES of {part} {figures[f'nees_{part}']:.2f}, honest in {low:.2f} to {high:.2f}; "
            f"{figures[f'inside_{part}']:.0%} of the times inside"
        )
    title = f"after {figures['cold_seconds']:.0f} s, {figures['cold_runs']} cold starts"
    table = Table(title, "mean error", "worst", "stated sigma", "squared ratio", box=None)
    for name, found in figures["found"].items():
        cells = (f"{found[key]:.2g}" for key in ("mean", "worst", "stated", "ratio"))
        table.add_row(f"{name.replace('_', ' ')}, {FOUND_UNITS[name]}", *cells)
    console.print(table)
    return figures


def _recording(clip: EurocRecording, rig: str) -> SensorRecording:
    recording = of_euroc(clip, rig)
    return with_one_camera(recording) if rig == "mono" else recording


def _run(recording: SensorRecording, name: str, with_slam: bool = False) -> OdometryRun:
    odometry = open_odometry(recording, with_slam=with_slam)
    shown = track(steps(odometry, recording.events), description=name, total=None, transient=True)
    return OdometryRun(tuple(shown))


def _cells(measured: dict) -> list[str]:
    nees = measured.get("nees", {})
    return [
        f"{1e3 * measured.get('ate_rmse_m', np.nan):.1f}",
        f"{100 * measured.get('scale_error', np.nan):.2f}",
        f"{nees.get('position', np.nan):.1f} / {nees.get('orientation', np.nan):.1f}",
        f"{nees.get('position_exact', np.nan):.0f} / {nees.get('orientation_exact', np.nan):.0f}",
        f"{measured['answered']} / {measured['frames']}",
        f"{measured['false_alarms']:.1%}",
        f"{measured['frame_ms']['p95']:.0f}",
    ]


def _seconds(value: float | None) -> str:
    return "" if value is None else f"{value:.2f}"
