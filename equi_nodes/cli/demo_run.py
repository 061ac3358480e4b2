"""From the bag of a demo, and what its supervisor heard, to a run that can be scored and drawn."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from equi_nodes.datasets.bags import read_messages, summarize
from equi_nodes.errors import EquiError
from equi_nodes.evaluation.stack_frames import with_truth_moved
from equi_nodes.evaluation.stack_run import Contact, Goal, Remark, StackRun, Trajectory
from equi_nodes.evaluation.stack_scores import points_at, shortest
from equi_nodes.geometry.rotations import level_tie
from equi_nodes.ros.convert import prediction_sample, stamp_ns, track_sample
from equi_nodes.ros.heard import Heard
from equi_nodes.ros.planning import flat, grid_sample
from equi_nodes.ros.sensors import transform_of
from equi_nodes.samples import GridSample, PlanCode, PlanSample

TIMING = "/debug/processing_time_ms"
PREDICTION_NS = 500_000_000  # between two predictions that are kept
SAME_REMARK_NS = 2_500_000_000  # a sentence that is repeated sooner is one remark


def read_run(bag: Path, heard: Heard) -> StackRun:
    """Return the run; truth is brought into the frame of the odometry by where both start.

    Raises:
        EquiError: the run was over before the world said anything.
    """
    topics = {topic.name: topic.count for topic in summarize(bag).topics}
    if not topics.get("/ground_truth/odometry") or not heard.record:
        raise EquiError("The run was over before the robot moved; give it more --minutes.")

    def all_of(topic: str, convert: Callable[[Any], Any]) -> Iterator[Any]:
        found = read_messages(bag, topic) if topics.get(topic) else ()
        return (convert(item.message) for item in found)

    maps = list(all_of("/map", grid_sample))[-1:]
    truth = _way(all_of("/ground_truth/odometry", _place))
    estimate = _way(all_of("/odom", _place), list(all_of("/diagnostics", _status)))
    true_map = next(all_of("/ground_truth/map", grid_sample))
    run = StackRun(
        scenario=heard.record["scenario"],
        seed=heard.record["seed"],
        truth=truth,
        estimate=estimate,
        people=tuple(all_of("/ground_truth/people", track_sample)),
        tracks=tuple(all_of("/tracks", track_sample)),
        predictions=tuple(_apart(all_of("/predictions", prediction_sample), PREDICTION_NS)),
        plans=tuple(all_of("/plan", _plan)),
        true_map=true_map,
        map=maps[0] if maps else None,
        goals=tuple(_goals(heard.record["goals"], truth, true_map)),
        collisions=tuple(
            Contact(**{**item, "place": tuple(item["place"])})
            for item in heard.record["collisions"]
        ),
        latencies={
            topic.removesuffix(TIMING).lstrip("/"): np.array(list(all_of(topic, _seconds)))
            for topic in topics
            if topic.endswith(TIMING)
        }
        | heard.spans(),
        resources=heard.resources,
        notes=tuple(heard.notes),
        remarks=tuple(_remarks(all_of("/diagnostics", _sayings))),
    )
    return with_truth_moved(run, _tie(truth, estimate))


def _place(msg: Any) -> tuple[int, np.ndarray]:
    T = transform_of(msg.pose.pose.position, msg.pose.pose.orientation)
    return stamp_ns(msg.header.stamp), T


def _way(
    places: Iterator[tuple[int, np.ndarray]], statuses: Sequence[tuple[int, str] | None] = ()
) -> Trajectory:
    """Return the places in the order of time, each with the status that was told last before."""
    rows = dict(places)
    stamps = np.array(sorted(rows), np.int64)
    poses = np.array([rows[stamp] for stamp in stamps.tolist()]).reshape(-1, 4, 4)
    told = [status for status in statuses if status]
    if not told or not len(stamps):
        return Trajectory(stamps, poses)
    when, words = (np.array(column) for column in zip(*told))
    newest = np.maximum(np.searchsorted(when, stamps, side="right") - 1, 0)
    return Trajectory(stamps, poses, words[newest])


def _tie(truth: Trajectory, estimate: Trajectory) -> np.ndarray:
    """Return T_odom_w (4, 4) by the first odometry; without any the two are the same."""
    if not len(estimate.stamps_ns):
        return np.eye(4)
    row = int(np.abs(truth.stamps_ns - estimate.stamps_ns[0]).argmin())
    return level_tie(estimate.poses[0], truth.poses[row])


def _status(msg: Any) -> tuple[int, str] | None:
    """Return when the odometry told its status and which, None if the message is of another."""
    found = next((s for s in msg.status if s.name.endswith("vio: odometry")), None)
    values = {item.key: item.value for item in found.values} if found else {}
    return (stamp_ns(msg.header.stamp), values["status"]) if "status" in values else None


def _sayings(msg: Any) -> tuple[int, str, str] | None:
    """Return when a node said that something is wrong, who it is and what it said."""
    state = next((s for s in msg.status if s.name.endswith(": state")), None)
    if state is None or not _level(state.level):
        return None
    return stamp_ns(msg.header.stamp), state.hardware_id.lstrip("/"), state.message


def _level(level: Any) -> int:
    return level[0] if isinstance(level, bytes) else int(level)


def _remarks(sayings: Iterator[tuple[int, str, str] | None]) -> list[Remark]:
    """Return what was said, each sentence once for as long as it was repeated."""
    said: list[Remark] = []
    newest: dict[str, int] = {}
    for stamp, node, words in filter(None, sayings):
        row = newest.get(node)
        if row is not None and said[row].words == words:
            if stamp - said[row].end_ns <= SAME_REMARK_NS:
                said[row] = Remark(node, words, said[row].begin_ns, stamp)
                continue
        newest[node] = len(said)
        said.append(Remark(node, words, stamp, stamp))
    return said


def _apart(samples: Iterator[Any], gap_ns: int) -> Iterator[Any]:
    """Yield samples that are so much newer than the one before."""
    last = -gap_ns
    for sample in samples:
        if sample.stamp_ns - last >= gap_ns:
            last = sample.stamp_ns
            yield sample


def _plan(msg: Any) -> PlanSample:
    poses = [flat(transform_of(item.pose.position, item.pose.orientation)) for item in msg.poses]
    poses = np.array(poses).reshape(-1, 3)
    length = float(np.hypot(*np.diff(poses[:, :2], axis=0).T).sum()) if len(poses) > 1 else 0.0
    code = PlanCode.NONE if len(poses) else PlanCode.NO_VALID_PATH
    return PlanSample(
        stamp_ns(msg.header.stamp), msg.header.frame_id, code, poses=poses, length=length
    )


def _goals(records: list[dict], truth: Trajectory, true_map: GridSample) -> Iterator[Goal]:
    """Yield the goals with the shortest way from where the robot was when each was sent."""
    for record in records:
        place, sent_ns, metres = tuple(record["place"]), record["sent_ns"], None
        if sent_ns is not None:
            start = np.array([*points_at(truth, np.array([sent_ns]))[0], 0.0])
            metres = shortest(true_map, start, np.array(place))
        yield Goal(place, sent_ns, record["reached_ns"], metres)


def _seconds(msg: Any) -> float:
    return msg.data / 1e3
