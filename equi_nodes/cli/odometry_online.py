"""Replaying the odometry through a live node, beside the same recording in this process."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console

from equi_nodes.cli.prediction_replay import progress_bar
from equi_nodes.config.graph import NodeStart, read_graph
from equi_nodes.datasets.calibration import Calibration, write_imu_noise, write_kalibr
from equi_nodes.datasets.recording import ImuReading, SensorRecording, Shot
from equi_nodes.evaluation.odometry import OdometryRun, measure, measure_states, spread
from equi_nodes.evaluation.odometry_online import Difference, compare, live_run
from equi_nodes.samples import Frame

if TYPE_CHECKING:
    from equi_nodes.ros.sensor_player import SensorsPlayed

GRAPH, NODE = "vio", "vio"
LOG, CALIBRATION, IMU_NOISE = "node.log", "calibration.yaml", "imu.yaml"


@dataclass(frozen=True, eq=False)
class LiveReplay:
    """What came of playing a recording to a live node.

    Attributes:
        run: its odometry; a step lasts from sending a frame to receiving its odometry.
        figures: for ``metrics.json``.
        difference: to the run in this process.
    """

    run: OdometryRun
    figures: dict[str, Any]
    difference: Difference


def replay_live(
    recording: SensorRecording,
    node: NodeStart,
    offline: OdometryRun,
    rate: float,
    folder: Path,
    console: Console,
) -> LiveReplay:
    """Play a recording to a real node process through DDS and compare with the offline run.

    Raises:
        EquiError: the node does not become active; the sentence says why.
    """
    from equi_nodes.ros.sensor_player import play  # the only part that needs ROS

    with progress_bar(console) as progress:
        task = progress.add_task("starting the node", total=len(offline.steps))

        def show(sent: int, received: int) -> None:
            words = f"playing at {rate:g}x, {received} answered"
            progress.update(task, completed=sent, description=words)

        played = play(node, sensor_data(recording), rate=rate, log=folder / LOG, progress=show)
    run = live_run(played.frames_ns, played.samples, played.ages)
    difference = compare(run, offline)
    told = played.record.figures.get("odometry", {})
    figures = measure_states(run, recording.truth) | {
        "resets": int(float(told.get("resets", 0))),
        "frame_ms": spread(played.work_ms),
        "node": node_figures(played),
        "difference_to_offline": difference.figures(),
        "offline": measure(offline, recording.truth),
    }
    return LiveReplay(run, figures, difference)


def node_start(
    recording: SensorRecording,
    settings: Mapping[str, Mapping[str, Any]],
    folder: Path,
    *,
    with_slam: bool,
) -> NodeStart:
    """Return the node with the rig and the settings of the offline replay.

    The calibration of the recording is written to the folder, and the node reads it there.
    """
    folder = folder.resolve()
    write_kalibr(folder / CALIBRATION, Calibration(recording.cameras, recording.time_offset))
    parameters = {
        "stereo": len(recording.cameras) > 1,
        "calibration": str(folder / CALIBRATION),
        "slam": with_slam,
        "publish_tf": with_slam,  # the map's correction is told there
        # what the player sends and reads, whatever the installed parameter file says
        "autostart": True,
        "rate": "image",
        "transport": "raw",
        "base_frame": "",
        "odom_frame": "odom",
        "invert_tf": False,
    }
    if recording.imu_noise:
        write_imu_noise(folder / IMU_NOISE, recording.imu_noise)
        parameters["imu_calibration"] = str(folder / IMU_NOISE)
    for part, values in settings.items():
        parameters |= {f"{part}.{name}": value for name, value in values.items()}
    return read_graph(GRAPH).with_parameters(parameters).node(NODE)


def sensor_data(recording: SensorRecording) -> Iterator[Frame | tuple]:
    """Yield what each sensor delivered, images read when they are asked for."""
    for event in recording.events:
        if isinstance(event, Shot):
            yield Frame(event.stamp_ns, *event.read())
        elif isinstance(event, ImuReading):
            yield event.stamp_ns, event.gyro, event.accel


def node_figures(played: SensorsPlayed) -> dict[str, Any]:
    """Return how the node did: what it took, dropped and never got, ages in milliseconds."""
    pipeline, imu = (played.record.figures.get(name, {}) for name in ("pipeline", "input imu"))
    sent = len(played.frames_ns)
    taken, dropped = int(pipeline.get("taken", 0)), int(pipeline.get("dropped", 0))
    received, rejected = int(imu.get("received", 0)), int(imu.get("rejected", 0))
    return {
        "frames": {
            "sent": sent,
            "processed": taken,
            "answered": len(played.samples),
            "dropped": dropped,
            "lost": sent - taken - dropped,
        },
        "imu": {
            "sent": played.imu_sent,
            "received": received,
            "rejected": rejected,
            "lost": played.imu_sent - received - rejected,
        },
        "age_ms": spread(1e3 * played.ages),
    } | played.record.summary()
