"""`equi replay BAG --node apen`: label the clouds of a bag, offline."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

import numpy as np
from rich.console import Console

from equi_nodes.cli.cloud_replay import replay_clouds
from equi_nodes.config.apen import ApenConfig
from equi_nodes.datasets.bags import Make
from equi_nodes.ros.labelled import labelled_cloud, received

if TYPE_CHECKING:
    from equi_nodes.pipelines.segment import Segmented, Segmenter


def replay_apen(arguments: argparse.Namespace, console: Console) -> dict:
    """Write the bag of labelled clouds and return the figures; raises as ``replay_clouds``."""
    node = _Labelling()
    figures = replay_clouds(node, arguments, console)
    unreadable = sum(figures["unreadable"].values())
    console.print(
        f"{figures['clouds']} clouds, {unreadable} unreadable, {figures['unlabelled']} without"
        f" labels; {arguments.out / node.bag}"
    )
    return figures


class _Labelling:
    """Labels clouds and counts what comes out."""

    bag, topic = "labelled.mcap", "/points/labelled"
    read = staticmethod(received)

    def __init__(self) -> None:
        self._results: list[dict[str, float]] = []
        self._unlabelled = 0

    def open(self, settings: dict[str, Any]) -> Segmenter:
        """Return the pipeline; torch takes a second to import."""
        from equi_nodes.pipelines.segment import Segmenter

        return Segmenter.from_config(ApenConfig(**settings))

    def answer(self, result: Segmented) -> Any:
        """Count a labelled cloud and return its message."""
        if result.notes:
            self._unlabelled += 1
        else:
            self._results.append(result.figures)
        return labelled_cloud(result, Make())

    def digest(self, result: Segmented) -> bytes:
        """Return the labels."""
        return result.labels.tobytes() + result.instances.tobytes()

    def figures(self) -> dict[str, Any]:
        """Return how many clouds got no labels, and means over those that did."""
        names = self._results[0] if self._results else ()
        means = {name: float(np.mean([one[name] for one in self._results])) for name in names}
        return {"unlabelled": self._unlabelled, "mean": means}
