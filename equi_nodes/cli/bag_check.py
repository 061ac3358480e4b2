"""`equi doctor bag`: what is wrong with the sensors of a recording, before an odometry sees it."""

from __future__ import annotations

from pathlib import Path

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from equi_nodes.cli.odometry_recording import Choice, open_recording
from equi_nodes.config.vio import TrackerConfig
from equi_nodes.datasets.recording import ImuReading, SensorRecording
from equi_nodes.errors import EquiError
from equi_nodes.pipelines.odometry import make_rig
from equi_nodes.samples import Frame
from equi_nodes.vio.sensor_check import Analysis, StartCheck
from equi_nodes.vio.tracker import Tracker

UNITS = {
    "imu_hz": "Hz", "imu_jitter_ms": "ms", "imu_longest_gap_ms": "ms", "imu_gaps": "",
    "camera_hz": "Hz", "camera_jitter_ms": "ms", "camera_longest_gap_ms": "ms", "camera_gaps": "",
    "right_share": "of the frames", "specific_force": "m/s^2", "fastest_turn": "rad/s",
    "newest_apart_s": "s", "agreement": "of 1", "time_offset_ms": "ms",
    "axes_degrees": "degrees", "gyro_scale": "of the images",
}  # fmt: skip


def check_bag(path: Path, calibration: Path | None, seconds: float, console: Console) -> dict:
    """Analyse the first seconds of a bag or of a EuRoC folder, print and return what was found.

    Raises:
        EquiError: it cannot be read, or holds no images.
    """
    with console.status(f"looking at {path}"):
        recording = open_recording(path, Choice(calibration=calibration))
        analysis = analyse_recording(recording, seconds)
    table = Table("", "", "", box=None, show_header=False, pad_edge=False)
    for name, value in analysis.figures.items():
        table.add_row(name.replace("_", " "), f"{value:.4g}", UNITS.get(name, ""))
    console.print(table)
    for finding in analysis.findings:
        console.print(f"[yellow]![/] {escape(finding.text)}.", soft_wrap=True)
    if not analysis.findings:
        console.print("Nothing is wrong with stamps, units and axes.", style="green")
    findings = {finding.name: finding.text for finding in analysis.findings}
    return {"ok": not findings, "findings": findings, "figures": analysis.figures}


def analyse_recording(recording: SensorRecording, seconds: float) -> Analysis:
    """Track features over the first seconds of a recording and judge its sensors.

    Raises:
        EquiError: it holds no images.
    """
    rig = make_rig(recording.cameras, recording.imu_noise)
    tracker, check = Tracker(rig, TrackerConfig()), StartCheck(rig, seconds)
    for event in recording.events:
        if isinstance(event, ImuReading):
            check.imu(event.stamp_ns, event.gyro, event.accel)
        else:
            check.frame(tracker.track(Frame(event.stamp_ns, *event.read()), None))
        if check.analysis is not None:
            return check.analysis
    if not check.sensors.frames:
        raise EquiError(f"There are no images in {recording.name}.")
    return check.finish()
