"""The figures of a run of the closed loop: goals, people, odometry, predictions, times."""

from __future__ import annotations

import numpy as np

from equi_nodes.config.e2_planner import E2PlannerConfig
from equi_nodes.evaluation.mapping import map_figures
from equi_nodes.evaluation.odometry import spread
from equi_nodes.evaluation.stack_people import prediction_figures, tracking_figures
from equi_nodes.evaluation.stack_run import StackRun, Trajectory
from equi_nodes.pipelines.plan import Planner
from equi_nodes.samples import GridSample, PlanRequest
from equi_nodes.sim.crowd import BODY_RADIUS
from equi_nodes.sim.scenario import Robot

CARRIED = 3.0  # m/s; who is faster between two poses did not drive
MISPLACED = 0.5  # m, a robot that believes to be so far away misses its goal
LONG_STAND = 10.0  # s that a robot stands still for one reason, to be named
SHORTEST = E2PlannerConfig(inflation_radius=0.0, time_limit=60.0)


def measure(run: StackRun) -> dict:
    """Return the figures of a run: metres, seconds, and milliseconds where the name says so."""
    caused = [contact for contact in run.collisions if contact.is_robot_at_fault]
    reached = [goal for goal in run.goals if goal.reached_ns is not None]
    nearest = people_distance(run)[1]
    return {
        "scenario": run.scenario,
        "seed": run.seed,
        "success": len(reached) == len(run.goals) and not caused,
        "goals": {"reached": len(reached), "count": len(run.goals)},
        "collisions": len(caused),
        "collisions_by_others": len(run.collisions) - len(caused),
        "minutes": run.seconds / 60.0,
        "nearest_person_m": float(np.nanmin(nearest)) if np.isfinite(nearest).any() else None,
        "path_ratio": path_ratio(run),
        "driven_m": driven(run.truth),
        "odometry": odometry_figures(run),
        "tracking": tracking_figures(run),
        "prediction": prediction_figures(run),
        "map": map_overlap(run),
        "nodes": node_figures(run),
        "causes": causes(run),
        "hash": run.hash,
        "notes": list(run.notes),
    }


def causes(run: StackRun) -> list[str]:
    """Return why a run was no success, in sentences; none of one that was."""
    start = run.truth.stamps_ns[0]
    found = [
        f"drove into {contact.other} at {(contact.stamp_ns - start) * 1e-9:.1f} s"
        for contact in run.collisions
        if contact.is_robot_at_fault
    ]
    missed = [number for number, goal in enumerate(run.goals, 1) if goal.reached_ns is None]
    if not missed:
        return found
    found.append(f"goal {missed[0]} was not reached within {run.seconds:.0f} s")
    if len(run.estimate.stamps_ns) and (error := odometry_error(run)[1][-1]) > MISPLACED:
        found.append(f"the odometry was {error:.2f} m off at the end")
    stood: dict[str, float] = {}
    for remark in run.remarks:
        if remark.node == "path_follower":
            seconds = (remark.end_ns - remark.begin_ns) * 1e-9
            stood[remark.gist] = stood.get(remark.gist, 0.0) + seconds
    found += [f"stood {s:.0f} s: {words}" for words, s in stood.items() if s > LONG_STAND]
    return found


def people_distance(run: StackRun) -> tuple[np.ndarray, np.ndarray]:
    """Return stamps (N,) ns and the metres (N,) between the outlines of robot and nearest person.

    Both are round, as the simulation has them. NaN stands where nobody is.
    """
    stamps = np.array([sample.stamp_ns for sample in run.people], np.int64)
    robot = points_at(run.truth, stamps)
    nearest = [
        np.hypot(*(sample.positions[:, :2] - here).T).min(initial=np.inf)
        for sample, here in zip(run.people, robot)
    ]
    nearest = np.array(nearest, float) - Robot().radius - BODY_RADIUS
    return stamps, np.where(np.isfinite(nearest), nearest, np.nan)


def points_at(way: Trajectory, stamps_ns: np.ndarray) -> np.ndarray:
    """Return (N, 2) metres at some times, straight between the poses."""
    away = (np.asarray(stamps_ns) - way.stamps_ns[0]) * 1e-9
    known = (way.stamps_ns - way.stamps_ns[0]) * 1e-9
    return np.stack([np.interp(away, known, axis) for axis in way.points.T], -1)


def driven(way: Trajectory) -> float:
    """Return the metres that the robot drove; where it was carried does not count."""
    steps = np.hypot(*np.diff(way.points, axis=0).T)
    seconds = np.diff(way.stamps_ns) * 1e-9
    return float(steps[steps < CARRIED * seconds].sum())


def path_ratio(run: StackRun) -> float | None:
    """Return what was driven to the goals that were reached over the shortest ways to them."""
    driven_m = shortest_m = 0.0
    for goal in run.goals:
        if goal.reached_ns is not None and goal.shortest_m is not None:
            stamps = run.truth.stamps_ns
            rows = (stamps >= goal.sent_ns) & (stamps <= goal.reached_ns)
            driven_m += driven(Trajectory(stamps[rows], run.truth.poses[rows]))
            shortest_m += goal.shortest_m
    return driven_m / shortest_m if shortest_m > 0 else None


def shortest(true_map: GridSample, start: np.ndarray, goal: np.ndarray) -> float | None:
    """Return the length of the best path on the true map, metres; None where there is none.

    Args:
        true_map: the building.
        start, goal: (3,) x, y in metres and yaw in the map's frame.
    """
    plan = Planner(SHORTEST).step(PlanRequest(true_map, start, goal))
    return plan.length or None


def odometry_error(run: StackRun) -> tuple[np.ndarray, np.ndarray]:
    """Return stamps (N,) ns and the metres (N,) from the estimate to the truth.

    Nothing is aligned but the start, where both are the same by the meaning of ``odom``.
    """
    stamps = run.estimate.stamps_ns
    error = run.estimate.points - points_at(run.truth, stamps)
    return stamps, np.hypot(*error.T)


def odometry_figures(run: StackRun) -> dict:
    """Return the odometry's errors, in metres, and how often it had which status."""
    if not len(run.estimate.stamps_ns):
        return {}
    _, error = odometry_error(run)
    names, counts = np.unique(run.estimate.statuses, return_counts=True)
    return {
        "ate_rmse_m": float(np.sqrt(np.mean(error**2))),
        "ate_max_m": float(error.max()),
        "end_m": float(error[-1]),
        "share_of_path": float(error[-1]) / max(driven(run.truth), 1e-9),
        "statuses": dict(zip(names.tolist(), counts.tolist())),
    }


def map_overlap(run: StackRun) -> dict:
    """Return how the robot's map overlaps with the true one, as ``mapping.map_figures`` does."""
    if run.map is None:
        return {}
    people = run.people[-1].positions[:, :2] if run.people else None
    return map_figures(run.map, run.true_map, people)


def node_figures(run: StackRun) -> dict[str, dict]:
    """Return rates, latencies in ms and resources by name of the node."""
    names = dict.fromkeys([*run.latencies, *run.resources])
    none = np.zeros(0)
    return {
        name: {"latency_ms": spread(1e3 * run.latencies.get(name, none))}
        | run.resources.get(name, {})
        for name in names
    }
