"""Planar scans are read as clouds; what tells nothing is left out, open rays are marked."""

from __future__ import annotations

from dataclasses import dataclass, field
from types import SimpleNamespace

import numpy as np
import pytest

from equi_nodes.ros.scans import scan_problem, scan_sample

NAN, INF = float("nan"), float("inf")


@dataclass
class Scan:
    """The fields of a ``sensor_msgs/LaserScan``."""

    ranges: list = field(default_factory=lambda: [1.0, 2.0, INF, NAN, 0.01, -INF, 11.0, 4.0])
    angle_min: float = 0.0
    angle_increment: float = np.pi / 4
    time_increment: float = 0.001
    range_min: float = 0.1
    range_max: float = 10.0
    header: SimpleNamespace = field(
        default_factory=lambda: SimpleNamespace(
            stamp=SimpleNamespace(sec=3, nanosec=5), frame_id="laser"
        )
    )


def test_returns_lie_where_they_were_measured():
    cloud = scan_sample(Scan(), open_range=0.0)
    assert (cloud.stamp_ns, cloud.frame_id) == (3_000_000_005, "laser")
    assert cloud.index.tolist() == [0, 1, 7]
    half = np.sqrt(0.5)
    expected = [[1, 0, 0], [2 * half, 2 * half, 0], [4 * half, -4 * half, 0]]
    np.testing.assert_allclose(cloud.points, expected, atol=1e-6)
    np.testing.assert_allclose(cloud.times, [0.0, 0.001, 0.007], atol=1e-9)
    assert cloud.is_return.all()


def test_rays_that_met_nothing_end_where_they_are_trusted():
    cloud = scan_sample(Scan(), open_range=3.0)
    assert cloud.index.tolist() == [0, 1, 2, 6, 7]
    assert cloud.is_return.tolist() == [True, True, False, False, True]
    np.testing.assert_allclose(np.linalg.norm(cloud.points[2:4], axis=1), 3.0, atol=1e-6)


def test_rays_at_one_time_have_no_times():
    assert scan_sample(Scan(time_increment=0.0), open_range=3.0).times is None


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"ranges": []}, "0 ranges"),
        ({"angle_increment": 0.0}, "its angles stand still"),
        ({"range_min": 10.0}, "hold nothing"),
        ({"angle_min": NAN}, "not a finite number"),
        ({"time_increment": INF}, "not a finite number"),
    ],
)
def test_what_is_wrong_is_said(changes, text):
    assert scan_problem(Scan()) == ""
    assert text in scan_problem(Scan(**changes))
