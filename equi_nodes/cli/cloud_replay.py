"""Replaying the clouds of a bag offline: what is the same for every node that takes clouds."""

from __future__ import annotations

import argparse
import hashlib
import json
import re
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from rich.console import Console

from equi_nodes.cli.prediction_replay import progress_bar
from equi_nodes.datasets.bags import BagMessage, Topic, read_messages, summarize, write_bag
from equi_nodes.errors import EquiError
from equi_nodes.evaluation.report import report_folder
from equi_nodes.ros.clouds import cloud_problem
from equi_nodes.samples import CloudSample

CLOUD_TYPE = "sensor_msgs/msg/PointCloud2"


class Pipeline(Protocol):
    """What is replayed."""

    def warm_up(self) -> None:
        """Make ready, so that no time counts it."""

    def step(self, cloud: CloudSample) -> Any:
        """Return the result of one cloud."""


class CloudNode(Protocol):
    """What is a node's own of its replay.

    Attributes:
        bag: name of the bag that it writes.
        topic: of the messages in it.
    """

    bag: str
    topic: str

    def open(self, settings: dict[str, Any]) -> Pipeline:
        """Return the pipeline with these parameters; raises EquiError if it cannot be had."""

    def read(self, msg: Any) -> CloudSample:
        """Read a ``sensor_msgs/PointCloud2`` in which ``cloud_problem`` finds nothing."""

    def answer(self, result: Any) -> Any:
        """Count a result and return it as a message."""

    def digest(self, result: Any) -> bytes:
        """Return what has to be the same in every run."""

    def figures(self) -> dict[str, Any]:
        """Return what was counted."""


def replay_clouds(node: CloudNode, arguments: argparse.Namespace, console: Console) -> dict:
    """Write the bag of answers and ``metrics.json`` and return the figures.

    Raises:
        EquiError: a live node is asked for; the bag has no clouds, or on several topics and none
            is named; the pipeline cannot be had.
    """
    if arguments.online:
        raise EquiError("Clouds are replayed offline only; leave --online out.")
    topic = cloud_topic(arguments.bag, arguments.topic)
    folder = report_folder(arguments.out)
    pipeline = node.open(chosen_settings(arguments, "backend", "weights"))
    pipeline.warm_up()
    replay = _Replay(node, pipeline)
    with progress_bar(console) as progress:
        messages = read_messages(arguments.bag, topic.name)
        clouds = progress.track(messages, total=topic.count, description="replaying")
        write_bag(folder / node.bag, replay.answers(clouds), overwrite=True)
    figures = {"bag": arguments.bag.name, "topic": topic.name} | replay.figures()
    (folder / "metrics.json").write_text(json.dumps(figures, indent=1) + "\n")
    return figures


def chosen_settings(arguments: argparse.Namespace, *names: str) -> dict[str, Any]:
    """Return the parameters of a node among these names that the user gave."""
    given = {name: getattr(arguments, name) for name in names}
    return {name: value for name, value in given.items() if value is not None}


def cloud_topic(bag: Path, name: str | None) -> Topic:
    """Return the topic of clouds that is asked for, or the only one; raises EquiError."""
    topics = [topic for topic in summarize(bag).topics if topic.type == CLOUD_TYPE]
    if not topics:
        raise EquiError(f"The bag {bag} has no clouds (PointCloud2); `equi bag info` lists it all.")
    named = [topic for topic in topics if name in (None, topic.name)]
    if len(named) != 1:
        names = ", ".join(topic.name for topic in topics)
        raise EquiError(f"The bag {bag} has clouds on {names}; name one of them with --topic.")
    return named[0]


def count_kinds(reasons: Iterable[str]) -> dict[str, int]:
    """Return how often each reason occurs, the most frequent first; all numbers in it are N."""
    return dict(Counter(re.sub(r"\d+(\.\d+)?", "N", reason) for reason in reasons).most_common())


class _Replay:
    """Steps a pipeline and counts what is the same for all nodes."""

    def __init__(self, node: CloudNode, pipeline: Pipeline) -> None:
        self._node, self._pipeline = node, pipeline
        self._times: list[float] = []
        self._unreadable: list[str] = []
        self._hash = hashlib.sha256()

    def answers(self, clouds: Iterable[BagMessage]) -> Iterator[BagMessage]:
        """Yield an answer to each cloud; a message that cannot be read gets none."""
        for item in clouds:
            if problem := cloud_problem(item.message):
                self._unreadable.append(problem)
                continue
            cloud, started = self._node.read(item.message), time.perf_counter()
            result = self._pipeline.step(cloud)
            self._times.append(time.perf_counter() - started)
            self._hash.update(self._node.digest(result))
            yield BagMessage(self._node.topic, item.stamp_ns, self._node.answer(result))

    def figures(self) -> dict[str, Any]:
        """Return the node's figures between counts and times."""
        p50, p99 = np.percentile(self._times or [0.0], [50, 99]) * 1e3
        counts = {
            "clouds": len(self._times) + len(self._unreadable),
            "unreadable": count_kinds(self._unreadable),
        }
        times = {"step_ms": {"p50": p50, "p99": p99}, "hash": self._hash.hexdigest()}
        return counts | self._node.figures() | times
