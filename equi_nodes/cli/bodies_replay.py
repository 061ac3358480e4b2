"""`equi replay BAG --node arteq`: fit bodies to the people of a bag, offline."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from equi_nodes.cli.cloud_replay import count_kinds, replay_clouds
from equi_nodes.config.arteq import ArtEqConfig
from equi_nodes.datasets.bags import Make, read_messages, summarize
from equi_nodes.evaluation.body_errors import BodyErrors
from equi_nodes.pipelines.fit_body import BodyFitter
from equi_nodes.ros.bodies import Skeleton, body_array, skeletons
from equi_nodes.ros.clouds import cloud_sample
from equi_nodes.ros.convert import stamp_ns
from equi_nodes.samples import BodySample

BODY_TYPE, TRUTH_TOPIC = "equi_msgs/msg/BodyArray", "/truth/bodies"
# True bodies by their number, of each stamp (nanoseconds) and frame.
Truth = dict[tuple[int, str], dict[int, Skeleton]]


def replay_arteq(arguments: argparse.Namespace, console: Console) -> dict:
    """Write the bag of bodies and return the figures; raises as ``replay_clouds``."""
    node = _Fitting(read_truth(arguments.bag))
    figures = replay_clouds(node, arguments, console)
    console.print(summary(figures))
    console.print(f"hash {figures['hash'][:16]}   {arguments.out / node.bag}", soft_wrap=True)
    return figures


def read_truth(bag: Path) -> Truth:
    """Return the true bodies of a bag, none where it has none; raises EquiError if unreadable."""
    if all((topic.name, topic.type) != (TRUTH_TOPIC, BODY_TYPE) for topic in summarize(bag).topics):
        return {}
    messages = (item.message for item in read_messages(bag, TRUTH_TOPIC))
    return {(stamp_ns(msg.header.stamp), msg.header.frame_id): skeletons(msg) for msg in messages}


def summary(figures: dict) -> Table:
    """Return the figures that matter as a table."""
    table, people = Table("", "", box=None, show_header=False, pad_edge=False), figures["people"]
    unreadable = sum(figures["unreadable"].values())
    table.add_row("clouds", f"{figures['clouds']}, {unreadable} unreadable")
    table.add_row("people", f"{people['answered']} answered, {people['accepted']} of them accepted,"
                  f" {sum(people['rejected'].values())} rejected")  # fmt: skip
    for why in ("not_accepted", "rejected"):
        for reason, count in people[why].items():
            table.add_row(why.replace("_", " "), f"{count}: {reason}")
    if figures["clouds"] and not people["answered"]:
        table.add_row("hint", "the points of people have to be cut out: by lidar_tracker, or one"
                      " person a cloud, or told apart by a field instance")  # fmt: skip
    table.add_row("a step", "p50 {p50:.1f}, p99 {p99:.1f} ms".format(**figures["step_ms"]))
    _add_truth(table, figures.get("truth"))
    return table


def _add_truth(table: Table, truth: dict | None) -> None:
    """Add how far off the bodies are, or why that is not known."""
    if truth is None:
        table.add_row("errors", f"not known: the bag has no {TRUTH_TOPIC}")
    elif not truth["scored"]:
        table.add_row("errors", f"not known: no accepted body is of a stamp, frame and number of"
                      f" {TRUTH_TOPIC}")  # fmt: skip
    else:
        spread = "mean {mean:.2f}, median {median:.2f}, 90 % below {p90:.2f}"
        table.add_row("joints off", spread.format(**truth["mpjpe_cm"]) + " cm")
        table.add_row("pelvis turned", spread.format(**truth["pelvis_turn_deg"]) + " deg")
        table.add_row("90 % ellipsoids hold", f"{100 * truth['calibration_90']:.1f} %")


class _Fitting:
    """Fits bodies and counts what comes out."""

    bag, topic = "bodies.mcap", "/bodies"
    read = staticmethod(cloud_sample)

    def __init__(self, truth: Truth) -> None:
        self._truth, self._errors = truth, BodyErrors()
        self._doubts: list[str] = []  # a word for each body, empty for an accepted one
        self._rejected: list[str] = []

    def open(self, settings: dict[str, Any]) -> BodyFitter:
        """Return the pipeline."""
        return BodyFitter.from_config(ArtEqConfig(**settings))

    def answer(self, result: BodySample) -> Any:
        """Count and judge the bodies of a cloud and return their message."""
        self._doubts += result.reasons
        self._rejected += result.rejected.values()
        self._errors.add(result, self._truth.get((result.stamp_ns, result.frame_id), {}))
        return body_array(result, Make())

    def digest(self, result: BodySample) -> bytes:
        """Return the bodies, and whether they are accepted."""
        parts = (result.ids, result.accepted, result.rotations, result.joints, result.shapes)
        return b"".join(part.tobytes() for part in parts)

    def figures(self) -> dict[str, Any]:
        """Return counts of people and reasons, and the errors where the truth is known."""
        answered, doubts = len(self._doubts), [reason for reason in self._doubts if reason]
        people, accepted = answered + len(self._rejected), answered - len(doubts)
        counts = {
            "answered": answered,
            "accepted": accepted,
            "share_accepted": accepted / people if people else 0.0,
            "not_accepted": count_kinds(doubts),
            "rejected": count_kinds(self._rejected),
        }
        truth = {"truth": self._errors.figures()} if self._truth else {}
        return {"people": counts} | truth
