"""`equi replay BAG --node apen`: label the clouds of a bag, offline."""

from __future__ import annotations

import argparse
import hashlib
import json
import time
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

import numpy as np
from rich.console import Console
from rich.progress import Progress

from equi_nodes.config.apen import ApenConfig
from equi_nodes.datasets.bags import BagMessage, Make, Topic, read_messages, summarize, write_bag
from equi_nodes.errors import EquiError
from equi_nodes.evaluation.report import report_folder
from equi_nodes.ros.clouds import cloud_problem
from equi_nodes.ros.labelled import labelled_cloud, received

if TYPE_CHECKING:
    from equi_nodes.pipelines.segment import Segmented, Segmenter

CLOUD_TYPE = "sensor_msgs/msg/PointCloud2"
TOPIC = "/points/labelled"


def replay_apen(arguments: argparse.Namespace, console: Console) -> dict:
    """Write the bag of labelled clouds and return the figures.

    Raises:
        EquiError: the bag has no clouds, or on several topics and none is named.
    """
    from equi_nodes.pipelines.segment import Segmenter

    if arguments.online:
        raise EquiError("Clouds are replayed offline only; leave --online out.")
    topic, folder = _topic(arguments), report_folder(arguments.out)
    chosen = {name: getattr(arguments, name) for name in ("backend", "weights")}
    settings = {name: value for name, value in chosen.items() if value is not None}
    segmenter = Segmenter.from_config(ApenConfig(**settings))
    segmenter.warm_up()
    tally = _Tally()
    with Progress(console=console, transient=True) as progress:
        messages = read_messages(arguments.bag, topic.name)
        clouds = progress.track(messages, total=topic.count, description="labelling")
        bag = folder / "labelled.mcap"
        write_bag(bag, _labelled(clouds, segmenter, tally), overwrite=True)
    figures = {"bag": arguments.bag.name, "topic": topic.name} | tally.figures()
    (folder / "metrics.json").write_text(json.dumps(figures, indent=1) + "\n")
    console.print(f"{figures['clouds']} clouds, {figures['unlabelled']} without labels; {bag}")
    return figures


class _Tally:
    """Counts what comes out."""

    def __init__(self) -> None:
        self.results: list[dict[str, float]] = []
        self.times: list[float] = []
        self.refused, self.hash = 0, hashlib.sha256()

    def add(self, result: Segmented, seconds: float) -> None:
        """Count one labelled cloud."""
        self.times.append(seconds)
        self.hash.update(result.labels.tobytes() + result.instances.tobytes())
        if result.notes:
            self.refused += 1
        else:
            self.results.append(result.figures)

    def figures(self) -> dict:
        """Return counts, means over the labelled clouds, and times."""
        names = self.results[0] if self.results else ()
        means = {name: float(np.mean([one[name] for one in self.results])) for name in names}
        p50, p99 = np.percentile(self.times or [0.0], [50, 99]) * 1e3
        return {
            "clouds": len(self.times), "unlabelled": self.refused, "mean": means,
            "step_ms": {"p50": p50, "p99": p99}, "hash": self.hash.hexdigest(),
        }  # fmt: skip


def _topic(arguments: argparse.Namespace) -> Topic:
    """Return the topic that is asked for, or the only one."""
    topics = [topic for topic in summarize(arguments.bag).topics if topic.type == CLOUD_TYPE]
    named = [topic for topic in topics if arguments.topic in (None, topic.name)]
    if len(named) != 1:
        names = ", ".join(topic.name for topic in topics) or "no topic"
        raise EquiError(f"The bag {arguments.bag} has clouds on {names}; name one with --topic.")
    return named[0]


def _labelled(
    clouds: Iterable[BagMessage], segmenter: Segmenter, tally: _Tally
) -> Iterator[BagMessage]:
    """Yield the clouds with labels; a message that cannot be read is left out."""
    for item in clouds:
        if cloud_problem(item.message):
            tally.refused += 1
            continue
        cloud, started = received(item.message), time.perf_counter()
        result = segmenter.step(cloud)
        tally.add(result, time.perf_counter() - started)
        yield BagMessage(TOPIC, item.stamp_ns, labelled_cloud(result, Make()))
