"""Write data sets as bags, and say what a bag holds."""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table

from equi_nodes.cli import people_bag
from equi_nodes.cli.odometry_recording import euroc_messages
from equi_nodes.cli.prediction_replay import TRUTH_TOPIC, progress_bar
from equi_nodes.datasets.bags import BagMessage, Make, summarize, write_bag
from equi_nodes.datasets.eth_ucy import SCENES, scene
from equi_nodes.datasets.euroc import open_euroc
from equi_nodes.errors import EquiError
from equi_nodes.ros.convert import track_array
from equi_nodes.samples import TrackSample
from equi_nodes.sim.plaza import simulate, tracked

HELP = "Write a data set as a rosbag2 recording, or say what a recording holds."
EXAMPLE = "equi bag make crowd crowd.mcap; equi bag info crowd.mcap"
TRACKS_TOPIC = "/tracks"
BREAK_NS = 60_000_000_000  # between two sequences of one scene: no track reaches across


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the actions of `equi bag`."""
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    info = actions.add_parser("info", help="say what a bag holds")
    info.add_argument("bag", type=Path)
    make = actions.add_parser("make", help="write a data set as a bag")
    sets = make.add_subparsers(dest="dataset", required=True, metavar="DATASET")
    recorded = sets.add_parser("eth_ucy", help="real pedestrians, needs the recordings")
    recorded.add_argument("--scene", required=True, help=", ".join(SCENES))
    crowd = sets.add_parser("crowd", help="a simulated crowd with its ground truth")
    crowd.add_argument("--seed", type=int, default=0, help="other people for each (0)")
    crowd.add_argument("--seconds", type=float, default=40.0, help="length (40)")
    crowd.add_argument("--agents", type=int, default=24, help="people at a time (24)")
    crowd.add_argument("--rate", type=float, default=10.0, help="samples a second (10)")
    crowd.add_argument("--noise", type=float, default=0.02, help="tracker's jitter, metres (0.02)")
    euroc = sets.add_parser("euroc", help="images, IMU and true poses of a EuRoC recording")
    euroc.add_argument("folder", type=Path, metavar="DIR", help="the folder that holds mav0")
    euroc.add_argument("--raw", action="store_true", help="images as they are, not as JPEG")
    people = sets.add_parser("people", help="people walking around a LiDAR, and their true bodies")
    people_bag.configure(people)
    for dataset in (recorded, crowd, euroc, people):
        dataset.add_argument("out", type=Path, metavar="OUT", help="OUT.mcap, or a folder")
        dataset.add_argument("--force", action="store_true", help="replace what is there")
    for leaf in (
        info,
        recorded,
        crowd,
        euroc,
        people,
    ):  # argparse gives what follows an action to the action
        leaf.add_argument("--json", metavar="FILE", type=Path, default=argparse.SUPPRESS,
                          help="write the figures to FILE")  # fmt: skip


def run(arguments: argparse.Namespace) -> dict:
    """Write or describe a bag; return what it holds."""
    console = Console()
    if arguments.action == "make":
        if arguments.dataset == "eth_ucy":
            write_tracks(arguments.out, scene_samples(arguments.scene), None, console,
                         overwrite=arguments.force)  # fmt: skip
        elif arguments.dataset == "euroc":
            write_euroc(arguments.out, arguments.folder, console, is_compressed=not arguments.raw,
                        overwrite=arguments.force)  # fmt: skip
        elif arguments.dataset == "people":
            people_bag.write_people(arguments, console)
        else:
            write_crowd(
                arguments.out, console, seed=arguments.seed, seconds=arguments.seconds,
                agents=arguments.agents, rate_hz=arguments.rate, noise=arguments.noise,
                overwrite=arguments.force,
            )  # fmt: skip
    return describe(arguments.bag if arguments.action == "info" else arguments.out, console)


def describe(path: Path, console: Console) -> dict:
    """Print what a bag holds and return it."""
    content = summarize(path)
    table = Table("topic", "type", "messages", "Hz", box=None, header_style="dim", pad_edge=False)
    for topic in content.topics:
        rate = (topic.count - 1) / content.seconds if content.seconds > 0 else 0.0
        table.add_row(topic.name, topic.type, str(topic.count), f"{rate:.3g}")
    console.print(f"{path}: {content.seconds:.1f} s")
    console.print(table)
    topics = [{"name": t.name, "type": t.type, "messages": t.count} for t in content.topics]
    return {"bag": str(path), "seconds": content.seconds, "topics": topics}


def write_crowd(
    path: Path,
    console: Console,
    *,
    seed: int,
    seconds: float,
    agents: int,
    rate_hz: float,
    noise: float,
    overwrite: bool = False,
) -> None:
    """Simulate a crowd and write what a tracker sees of it, and the truth.

    Raises:
        EquiError: a number makes no sense, or the bag cannot be written.
    """
    limits = {
        "--seconds": (seconds, 1.0, 3600.0), "--agents": (agents, 1, 500),
        "--rate": (rate_hz, 0.5, 100.0), "--noise": (noise, 0.0, 1.0), "--seed": (seed, 0, 2**63),
    }  # fmt: skip
    for name, (value, low, high) in limits.items():
        if not low <= value <= high:
            raise EquiError(f"{name} {value:g} is out of range; give one in {low:g}..{high:g}.")
    rng, jitter = np.random.default_rng(seed), np.random.default_rng([seed, 1])
    with progress_bar(console) as progress:
        people = simulate(rng, agents=agents, seconds=seconds, rate_hz=rate_hz)
        count = round(seconds * rate_hz)
        truth = list(progress.track(people, total=count, description="simulating people"))
    write_tracks(path, [tracked(s, noise, jitter) for s in truth], truth, console,
                 overwrite=overwrite)  # fmt: skip


def write_euroc(
    path: Path, folder: Path, console: Console, *, is_compressed: bool, overwrite: bool
) -> None:
    """Write a EuRoC recording with its calibration, the cameras' places on the IMU in tf_static.

    Raises:
        EquiError: the recording cannot be read, or the bag cannot be written.
    """
    messages = euroc_messages(open_euroc(folder), is_compressed=is_compressed)
    with progress_bar(console) as progress:
        shown = progress.track(messages, total=None, description=f"writing {path.name}")
        write_bag(path, shown, overwrite=overwrite)


def scene_samples(name: str) -> list[TrackSample]:
    """Return the tracks of a scene; its sequences follow each other with a break between."""
    samples: list[TrackSample] = []
    for recording in scene(name):
        shift = samples[-1].stamp_ns + BREAK_NS if samples else 0
        first_id = 1 + max((int(s.ids.max()) for s in samples if len(s.ids)), default=-1)
        samples += [
            replace(sample, stamp_ns=sample.stamp_ns + shift, ids=sample.ids + first_id)
            for sample in recording.samples()
        ]
    return samples


def write_tracks(
    path: Path,
    tracks: Sequence[TrackSample],
    truth: Sequence[TrackSample] | None,
    console: Console,
    *,
    overwrite: bool = False,
) -> None:
    """Write tracks, and the truth if there is one, as ``TrackArray`` messages."""
    channels = {TRACKS_TOPIC: tracks} | ({TRUTH_TOPIC: truth} if truth else {})
    instants = list(zip(*channels.values()))
    with progress_bar(console) as progress:
        shown = progress.track(instants, description=f"writing {path.name}")
        write_bag(path, _messages(list(channels), shown), overwrite=overwrite)


def _messages(
    topics: list[str], instants: Iterable[tuple[TrackSample, ...]]
) -> Iterator[BagMessage]:
    make = Make()
    for instant in instants:
        for topic, sample in zip(topics, instant):
            yield BagMessage(topic, sample.stamp_ns, track_array(sample, make))
