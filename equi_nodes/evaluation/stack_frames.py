"""A run of the closed loop whose truth was told in the world's frame, brought into ``odom``."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from equi_nodes.evaluation.stack_run import StackRun, Trajectory
from equi_nodes.geometry.rotations import transform, yaw_of


def with_truth_moved(run: StackRun, T_odom_w: np.ndarray) -> StackRun:
    """Return the run with all that is true moved by ``T_odom_w`` (4, 4), which is level."""

    def moved(x: float, y: float) -> tuple[float, float]:
        return tuple(transform(T_odom_w, np.array([[x, y, 0.0]]))[0, :2].tolist())

    yaw = yaw_of(T_odom_w)
    grid, turn = run.true_map, T_odom_w[:3, :3]
    return replace(
        run,
        truth=Trajectory(run.truth.stamps_ns, T_odom_w @ run.truth.poses),
        people=tuple(
            replace(
                sample,
                positions=transform(T_odom_w, sample.positions),
                velocities=sample.velocities @ turn.T,
            )
            for sample in run.people
        ),
        true_map=replace(grid, origin=np.array([*moved(*grid.origin[:2]), grid.origin[2] + yaw])),
        goals=tuple(
            replace(goal, place=(*moved(*goal.place[:2]), goal.place[2] + yaw))
            for goal in run.goals
        ),
        collisions=tuple(replace(c, place=moved(*c.place)) for c in run.collisions),
    )
