"""Replaying the odometry over a recording, and its report."""

from __future__ import annotations

import argparse
import shlex
import sys
from collections.abc import Mapping
from typing import Any

import numpy as np
import yaml
from rich.console import Console
from rich.table import Table

from equi_nodes.cli.odometry_online import node_start, replay_live
from equi_nodes.cli.odometry_recording import Choice, open_recording
from equi_nodes.cli.prediction_replay import progress_bar
from equi_nodes.config.load import load
from equi_nodes.config.vio import PARTS
from equi_nodes.datasets.recording import SensorRecording, Shot
from equi_nodes.errors import EquiError
from equi_nodes.evaluation.odometry import OdometryRun, measure, steps, write_tum
from equi_nodes.evaluation.odometry_report import OdometryContext, write_odometry_report
from equi_nodes.evaluation.report import report_folder
from equi_nodes.pipelines.odometry import Odometry, OdometryParts, make_rig
from equi_nodes.samples import Frame

MODES = {False: "offline", True: "online"}


def replay_vio(arguments: argparse.Namespace, console: Console) -> dict:
    """Replay images and IMU; return the figures of the odometry."""
    choice = Choice(
        arguments.mono, arguments.start_frame, arguments.reverse, arguments.mirror,
        arguments.calibration,
    )  # fmt: skip
    with console.status(f"opening {arguments.bag}"):
        recording = open_recording(arguments.bag, choice)
    folder = report_folder(arguments.out)
    settings = settings_of(arguments.settings)
    odometry = open_odometry(recording, settings, with_slam=arguments.slam)
    run, difference = run_offline(odometry, recording, console), None
    if not run.steps:
        raise EquiError(f"There are no images in {arguments.bag}: equi bag info lists its topics.")
    if arguments.online:
        node = node_start(recording, settings, folder, with_slam=arguments.slam)
        live = replay_live(recording, node, run, arguments.rate, folder, console)
        run, measured, difference = live.run, live.figures, live.difference
    else:
        measured = measure(run, recording.truth)
    figures = {"bag": arguments.bag.name, "mode": MODES[arguments.online]} | measured
    write_tum(folder / "trajectory.tum", run.usable)
    sensors = "mono and IMU" if len(recording.cameras) == 1 else "stereo and IMU"
    through = f", live at {arguments.rate:g}x through DDS" if arguments.online else ""
    context = OdometryContext(
        title=f"Odometry of {recording.name}",
        command=shlex.join(["equi", *sys.argv[1:]]),
        how=sensors + through,
        picture=_picture(odometry, recording, run),
        difference=difference,
    )
    page = write_odometry_report(folder, run, figures, recording.truth, context)
    console.print(summary(figures))
    console.print(f"hash {figures['hash'][:16]}   report {page}", soft_wrap=True)
    return figures


def open_odometry(
    recording: SensorRecording,
    settings: Mapping[str, Mapping[str, Any]] = {},
    *,
    with_slam: bool = False,
) -> Odometry:
    """Return a warm odometry for the sensors of a recording.

    Raises:
        EquiError: a setting is refused.
    """
    configs = {
        part: load(kind, settings.get(part, {}))
        for part, kind in PARTS.items()
        if part != "mapping" or with_slam
    }
    rig = make_rig(recording.cameras, recording.imu_noise)
    odometry = Odometry(rig, OdometryParts(**configs), recording.time_offset)
    odometry.warm_up()
    return odometry


def settings_of(items: list[str]) -> dict[str, dict[str, Any]]:
    """Return by part the values of ``part.parameter=value`` items, as the node names them.

    Raises:
        EquiError: an item has another form or names no parameter.
    """
    values: dict[str, dict[str, Any]] = {part: {} for part in PARTS}
    for item in items:
        name, separator, value = item.partition("=")
        part, _, parameter = name.partition(".")
        if not (separator and parameter):
            raise EquiError(
                f"'{item}' is not of the form part.parameter=value, as filter.trail=20."
            )
        if parameter not in getattr(PARTS.get(part), "__dataclass_fields__", {}):
            raise EquiError(f"There is no parameter {name}: config/nodes/vio.param.yaml has all.")
        values[part][parameter] = yaml.safe_load(value)
    return values


def run_offline(odometry: Odometry, recording: SensorRecording, console: Console) -> OdometryRun:
    """Step the odometry over all frames as fast as the machine allows."""
    with progress_bar(console) as progress:
        shown = progress.track(
            steps(odometry, recording.events), total=None, description=recording.name
        )
        return OdometryRun(tuple(shown))


def summary(figures: dict) -> Table:
    """Return the figures that matter as a table."""
    table = Table("", "", box=None, show_header=False, pad_edge=False)
    if "ate_rmse_m" in figures:
        table.add_row("ATE", f"{figures['ate_rmse_m']:.4f} m over {figures['path_m']:.1f} m")
        table.add_row("scale error", f"{100 * figures['scale_error']:.2f} %")
        if figures["rpe"]:
            rpe = figures["rpe"]
            drift = f"{rpe['translation_m']:.4f} m, {rpe['rotation_deg']:.3f} deg a metre"
            table.add_row("drift", drift)
        if figures["nees"]:
            nees = figures["nees"]
            table.add_row(
                "NEES (3 is honest)",
                f"position {nees['position']:.2f}, orientation {nees['orientation']:.2f}",
            )
    first = figures["first_answer_s"]
    when = "never" if first is None else f"first after {first:.2f} s"
    table.add_row("answered", f"{figures['answered']} / {figures['frames']} frames, {when}")
    if times := figures["frame_ms"]:
        table.add_row("a frame", f"p50 {times['p50']:.1f}, p95 {times['p95']:.1f}, "
                      f"max {times['max']:.1f} ms")  # fmt: skip
    table.add_row("resets", str(figures["resets"]))
    if "node" in figures:
        _add_node(table, figures["node"], figures["difference_to_offline"])
    return table


def _add_node(table: Table, node: dict, difference: dict) -> None:
    """Add what only a live node has."""
    frames, imu = node["frames"], node["imu"]
    table.add_row("frames processed", f"{frames['processed']} / {frames['sent']} sent, "
                  f"{frames['dropped']} dropped, {frames['lost']} lost")  # fmt: skip
    table.add_row("IMU received", f"{imu['received']} / {imu['sent']} sent, "
                  f"{imu['rejected']} rejected, {imu['lost']} lost")  # fmt: skip
    if ages := node["age_ms"]:
        table.add_row("odometry age", f"p50 {ages['p50']:.1f}, p95 {ages['p95']:.1f}, "
                      f"p99 {ages['p99']:.1f} ms")  # fmt: skip
    table.add_row("node", f"{node['cpu']:.2f} cores, {node['rss_mb']:.0f} MiB, "
                  f"exit code {node['exit_code']}")  # fmt: skip
    if difference["matched"]:
        table.add_row("beside offline", f"max {difference['position_max_mm']:.3f} mm, "
                      f"{difference['rotation_max_deg']:.4f} deg, "
                      f"RMS {difference['position_rms_mm']:.3f} mm, "
                      f"{difference['rotation_rms_deg']:.4f} deg")  # fmt: skip
        table.add_row("", f"the first {difference['equal']} of {difference['matched']} poses "
                      f"are equal, {frames['sent'] - frames['processed']} frames were not "
                      "processed")  # fmt: skip


def _picture(odometry: Odometry, recording: SensorRecording, run: OdometryRun) -> np.ndarray:
    """Return the tracks in the middle of the recording, a second after a fresh start there."""
    middle = run.steps[len(run.steps) // 2].stamp_ns
    events = [e for e in recording.events if middle - 1_000_000_000 <= e.stamp_ns <= middle]
    odometry.reset()
    for _ in steps(odometry, events):
        pass
    newest = [event for event in events if isinstance(event, Shot)][-1]
    return odometry.draw_tracks(Frame(newest.stamp_ns, *newest.read()))
