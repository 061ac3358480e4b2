"""Runs of the tracker: on the simulated robot with true poses, and on real scans without labels."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np

from equi_nodes.datasets.location import data_dir
from equi_nodes.evaluation.guide import guided
from equi_nodes.evaluation.tracking import TrackScore
from equi_nodes.evaluation.tracking_baseline import NearestTracker
from equi_nodes.geometry.pose_trail import PoseTrail, laid_out
from equi_nodes.geometry.rotations import rigid
from equi_nodes.pipelines.track import LidarTracker
from equi_nodes.samples import CloudSample, PosedCloud, TrackSample
from equi_nodes.sim.scenario import FRAME, Scenario
from equi_nodes.sim.simulation import Simulation

VARIANTS = {"ours": lambda: None, "nearest": NearestTracker}
FEWEST, AROUND, FARTHEST = 5, 0.35, 15.0  # points within metres of somebody who can be seen; m
BODY = (0.2, 2.0)  # m above the floor
SWEEP_NS = 100_000_000
KITTI_AHEAD = (0.0, 0.690, 0.698, 0.724, 0.733)  # m from scan to scan, by registration (GICP)
KITTI_HEIGHT, HAND_HEIGHT = 1.73, 1.0  # m of the sensors above the ground, the second one guessed


def track_scenario(
    scenario: Scenario, seconds: float, report: Callable[[float], None] = lambda share: None
) -> tuple[dict[str, TrackScore], list[float]]:
    """Drive through a scenario and track its people in every way.

    Args:
        scenario: is driven through by its true poses.
        seconds: simulated, at most.
        report: is told the share of them that has gone.

    Returns:
        the scores by variant, and the seconds of one core that our own took for each sweep.
    """
    trackers = {name: LidarTracker(tracker=make()) for name, make in VARIANTS.items()}
    scores, times = {name: TrackScore() for name in VARIANTS}, []
    for score in scores.values():
        score.begin()
    for number, (sweep, people) in enumerate(sweeps(scenario, seconds)):
        visible = seen_people(sweep, people)
        for name, tracker in trackers.items():
            began = time.thread_time()
            tracks = tracker.step(sweep).tracks
            if tracker is trackers["ours"]:
                times.append(time.thread_time() - began)
            scores[name].add(tracks, people, visible)
        report((number + 1) * SWEEP_NS / 1e9 / seconds)
    return scores, times


def sweeps(scenario: Scenario, seconds: float) -> Iterator[tuple[PosedCloud, TrackSample]]:
    """Yield the sweeps of a drive with their true poses, and the people at the end of each."""
    blind = replace(scenario, sensors=replace(scenario.sensors, picture=(0, 0)))
    world = Simulation(blind)
    try:
        trail = PoseTrail()
        trail.add(world.stamp_ns, world.truth.T_w_b)
        for readings, truth in guided(world, seconds):
            trail.add(truth.stamp_ns, truth.T_w_b)
            for cloud in readings.clouds:
                yield trail.posed(cloud, world.rig.T_base_lidar, FRAME), truth.people
    finally:
        world.close()


def seen_people(sweep: PosedCloud, people: TrackSample) -> np.ndarray:
    """Return who (P,) has enough points in a sweep to be seen."""
    points = laid_out(sweep)
    points = points[(points[:, 2] > BODY[0]) & (points[:, 2] < BODY[1]), :2]
    places = people.positions[:, :2]
    near = np.hypot(*(places - sweep.poses[0, :2, 3]).T) < FARTHEST
    counts = [(((points - place) ** 2).sum(1) < AROUND**2).sum() for place in places]
    return near & (np.array(counts, int) >= FEWEST)


def real_scans() -> dict[str, dict]:
    """Track on the recorded scans, of which no labels exist.

    Returns:
        by set the counts of each scan, and ``ms`` of one core.

    Raises:
        EquiError: the recordings are not there.
    """
    sets = {"lidar_kitti00_first5": _kitti, "lidar_newer_college_deskew": _newer_college}
    return {name: _counts(list(read())) for name, read in sets.items()}


def _kitti() -> Iterator[PosedCloud]:
    places = np.cumsum(KITTI_AHEAD)
    for number, path in enumerate(sorted(data_dir("lidar_kitti00_first5").glob("*.bin"))):
        points = np.fromfile(path, np.float32).reshape(-1, 4)[:, :3]
        yield _posed(number, points, None, (places[number], 0.0, KITTI_HEIGHT))


def _newer_college() -> Iterator[PosedCloud]:
    """Yield the scans of a sensor that is spun by hand, as if it stood still."""
    folder = data_dir("lidar_newer_college_deskew")
    for number, path in enumerate(sorted(folder.glob("raw_*.bin"))):
        points = np.fromfile(path, np.float32).reshape(-1, 3)
        times = np.fromfile(folder / path.name.replace("raw", "times"), np.float32)
        yield _posed(number, points, times, (0.0, 0.0, HAND_HEIGHT))


def _posed(
    number: int, points: np.ndarray, times: np.ndarray | None, place: tuple[float, float, float]
) -> PosedCloud:
    stamp = SWEEP_NS * (number + 1)
    pose = rigid(np.eye(3), np.array(place))
    return PosedCloud(CloudSample(stamp, "lidar", points, times), FRAME, np.zeros(1), pose[None])


def _counts(scans: list[PosedCloud]) -> dict:
    tracker, times, results = LidarTracker(), [], []
    tracker.warm_up()
    for scan in scans:
        began = time.thread_time()
        results.append(tracker.step(scan))
        times.append(time.thread_time() - began)
    figures = {key: [int(r.figures[key]) for r in results] for key in results[0].figures}
    people = [len(r.tracks.ids) for r in results]
    return figures | {"people": people, "ms": [1e3 * seconds for seconds in times]}
