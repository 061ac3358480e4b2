"""Replaying the prediction of motion: in this process or through a live node, then the report."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from equi_nodes.config.eqmotion import EqMotionConfig
from equi_nodes.config.graph import read_graph
from equi_nodes.datasets.bags import read_messages
from equi_nodes.errors import EquiError
from equi_nodes.evaluation.matching import match
from equi_nodes.evaluation.replay import ReplayResult, measure, replay
from equi_nodes.evaluation.report import Context, write_report
from equi_nodes.ros.convert import track_sample
from equi_nodes.samples import TrackSample

TRACK_TYPE = "equi_msgs/msg/TrackArray"
TRUTH_TOPIC = "/ground_truth/tracks"
GRAPH, NODE = "predict", "eqmotion"


@dataclass(frozen=True)
class TrackRecording:
    """Tracks of a bag.

    Attributes:
        path: of the bag.
        tracks: what a tracker reported, in time order.
        truth: where everybody really was, or the tracks where the bag says no better.
    """

    path: Path
    tracks: list[TrackSample]
    truth: list[TrackSample]

    @property
    def seconds(self) -> float:
        """Return the time from the first sample to the last."""
        return (self.tracks[-1].stamp_ns - self.tracks[0].stamp_ns) / 1e9

    def describe(self) -> str:
        """Return what it holds in a few words."""
        people = len({int(name) for sample in self.tracks for name in sample.ids})
        rate = (len(self.tracks) - 1) / max(self.seconds, 1e-9)
        return f"{people} people in {self.seconds:.0f} s at {rate:.3g} Hz"


@dataclass(frozen=True)
class Run:
    """One replay.

    Attributes:
        result: what came out.
        latency: from what to what its latencies reach.
        how: how it was run, in a few words.
        figures: more figures for ``metrics.json``.
    """

    result: ReplayResult
    latency: str
    how: str
    figures: dict[str, Any] = field(default_factory=dict)


def read_tracks(path: Path, topic: str | None = None) -> TrackRecording:
    """Read the tracks of a bag, and the truth if it was recorded.

    Raises:
        EquiError: the bag cannot be read, or it is not clear which tracks are meant.
    """
    topics: dict[str, list[TrackSample]] = {}
    for item in read_messages(path, type_name=TRACK_TYPE):
        topics.setdefault(item.topic, []).append(track_sample(item.message))
    given = [name for name in topics if name != TRUTH_TOPIC]
    if topic is None and len(given) == 1:
        topic = given[0]
    if topic not in topics:
        wrong = f"no tracks on {topic}" if topic else "tracks on several topics or only the truth"
        raise EquiError(f"The bag {path} has {wrong}; --topic takes one of: {', '.join(topics)}.")
    tracks = topics[topic]
    return TrackRecording(path, tracks, topics.get(TRUTH_TOPIC, tracks))


def run_offline(recording: TrackRecording, config: EqMotionConfig, console: Console) -> Run:
    """Predict every instant in this process, as fast as it goes."""
    from equi_nodes.pipelines.predict import Predictor  # torch takes a second to import

    with console.status("loading the network"):
        predictor = Predictor.from_config(config)
        predictor.warm_up()
    with progress_bar(console) as progress:
        samples = progress.track(recording.tracks, description="predicting")
        result = replay(predictor, samples)
    how = f"offline on {predictor.backend_name}"
    return Run(result, "one step of the pipeline", how, {"mode": "offline"})


def run_online(
    recording: TrackRecording,
    parameters: dict[str, Any],
    rate: float,
    log: Path,
    console: Console,
) -> Run:
    """Play the tracks to a real node process through DDS.

    Args:
        recording: what to play.
        parameters: of the node, beside those of its file.
        rate: 2 plays twice as fast as recorded.
        log: the node's output goes to this file.
        console: shows the progress.
    """
    from equi_nodes.ros.track_player import play  # the only part that needs ROS

    start = read_graph(GRAPH).with_parameters(parameters).node(NODE)
    with progress_bar(console) as progress:
        task = progress.add_task("starting the node", total=len(recording.tracks))

        def show(sent: int, received: int) -> None:
            words = f"playing at {rate:g}x, {received} predicted"
            progress.update(task, completed=sent, description=words)

        played = play(start, recording.tracks, rate=rate, log=log, progress=show)
    node = {"rate_hz": played.rate_hz} | played.record.summary()
    result = ReplayResult(played.predictions, played.latencies, played.sent)
    how = f"live at {rate:g}x through DDS to the node {NODE}"
    return Run(result, "tracks sent to prediction received", how, {"mode": "online", "node": node})


def write_run(
    recording: TrackRecording, run: Run, folder: Path, command: str, console: Console
) -> tuple[dict, Path]:
    """Score a run and write its report; return the figures and the path of the page."""
    with console.status("scoring and drawing"):
        matched = match(run.result.predictions, recording.tracks, recording.truth)
        figures = {"bag": recording.path.name} | run.figures | measure(run.result, matched)
        context = Context(
            title=f"Predictions of {recording.path.stem}",
            subtitle=f"{recording.describe()}. Replayed {run.how}.",
            command=command,
            latency=run.latency,
            facts=(("recording", f"{recording.path.name}: {recording.describe()}"),),
        )
        page = write_report(folder, run.result, matched, figures, recording.tracks, context)
    return figures, page


def summary(figures: dict) -> Table:
    """Return the figures that matter as a table."""
    table = Table("", "ADE, m", "FDE, m", box=None, header_style="dim", pad_edge=False)
    if figures["scored"]:
        best = f"best of {figures['modes']}"
        rows = {best: figures, "most probable": figures["top1"]}
        rows["constant velocity"] = figures["constant_velocity"]
        for name, errors in rows.items():
            table.add_row(name, f"{errors['ade']:.3f}", f"{errors['fde']:.3f}")
        table.add_row("90 % regions hold", f"{100 * figures['calibration_90']:.1f} %")
    else:
        table.add_row("nobody was seen long enough to be scored")
    latency = figures["latency_ms"]
    if latency:
        table.add_row("latency p50 / p99", f"{latency['p50']:.1f}", f"{latency['p99']:.1f} ms")
    received = figures["frames"] - figures["drops"]
    table.add_row("received / sent", f"{received}", f"{figures['frames']}")
    losses = figures.get("node", {}).get("losses", {})
    reasons = ", ".join(f"{reason} {count}" for reason, count in losses.items())
    table.add_row("dropped", f"{figures['drops']}", reasons)
    return table


def progress_bar(console: Console) -> Progress:
    """Return a progress display with counts and the time that is left."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    return Progress(
        *columns, TimeRemainingColumn(), console=console, transient=True,
        disable=not console.is_terminal,
    )  # fmt: skip
