"""Paths are read as they were written, and refused with the reason."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("rclpy", reason="rclpy is not installed")

from equi_nodes.ros.following import path_poses, path_problem  # noqa: E402
from equi_nodes.ros.messages import make  # noqa: E402
from equi_nodes.ros.planning import plan_path  # noqa: E402
from equi_nodes.samples import PlanCode, PlanSample  # noqa: E402

POSES = np.array([[0.0, 0.0, 0.3], [1.0, 0.5, -2.0]])


def test_a_path_is_read_as_it_was_written():
    msg = plan_path(PlanSample(7, "odom", PlanCode.NONE, poses=POSES), make)
    assert path_problem(msg) == ""
    np.testing.assert_allclose(path_poses(msg), POSES, atol=1e-12)
    msg.poses[0].pose.orientation.w = 5.0
    assert "has no orientation" in path_problem(msg)
    msg.poses[0].pose.position.x = float("nan")
    assert "not a finite number" in path_problem(msg)


def test_no_path_is_a_path_without_poses():
    msg = plan_path(PlanSample(7, "odom", PlanCode.NO_VALID_PATH), make)
    assert path_problem(msg) == ""
    assert path_poses(msg).shape == (0, 3)
