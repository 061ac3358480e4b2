"""Errors of bodies beside the true ones."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from equi_nodes.body.model import load_body
from equi_nodes.evaluation.body_errors import BodyErrors
from equi_nodes.geometry.rotations import exp_so3
from equi_nodes.pipelines.body_results import no_bodies
from equi_nodes.samples import BodySample, CloudSample

JOINTS = np.random.default_rng(0).normal(0, 0.5, (22, 3))
STILL = np.tile(np.eye(3), (22, 1, 1))
TURN = np.radians(10.0)


def found(ids: list[int], *, accepted: bool = True, stamp_ns: int = 1) -> BodySample:
    """Return people whose joints are 3 cm off along x, known to 1 cm, turned by 10 degrees."""
    people = len(ids)
    nobody = no_bodies(CloudSample(stamp_ns, "odom", np.zeros((0, 3))), load_body(), {}, ())
    return replace(
        nobody,
        ids=np.array(ids),
        accepted=np.full(people, accepted),
        joints=np.stack([JOINTS + [0.03, 0.0, 0.0]] * people),
        joint_covariances=np.tile(1e-4 * np.eye(3), (people, 22, 1, 1)),
        rotations=np.tile(exp_so3(np.array([0.0, TURN, 0.0])), (people, 22, 1, 1)),
    )


def test_known_errors_are_told_as_they_are():
    errors = BodyErrors()
    for second in range(3):
        errors.add(found([1, 2], stamp_ns=1 + second * 10**9), {n: (JOINTS, STILL) for n in (1, 2)})
    figures = errors.figures()
    assert (figures["people"], figures["scored"]) == (6, 6)
    for name, value in (("mpjpe_cm", 3.0), ("pelvis_turn_deg", 10.0)):
        assert figures[name] == pytest.approx(dict.fromkeys(("mean", "median", "p90"), value))
    assert figures["calibration_90"] == 0.0  # 3 standard deviations off, all of them
    assert [(row["second"], row["scored"]) for row in figures["by_second"]] == [
        (0, 2), (1, 2), (2, 2),
    ]  # fmt: skip


def test_errors_within_their_ellipsoids_count_as_such():
    errors, wide = BodyErrors(), found([1])
    errors.add(replace(wide, joint_covariances=9 * wide.joint_covariances), {1: (JOINTS, STILL)})
    assert errors.figures()["calibration_90"] == 1.0


@pytest.mark.parametrize(
    ("sample", "true", "scored"),
    [
        (found([1], accepted=False), [1], 0),
        (found([3]), [1, 2], 0),
        (found([3]), [1], 0),
        (found([0]), [7], 1),
        (found([0]), [7, 8], 0),
        (found([1]), [], 0),
    ],
    ids=["doubted", "unknown", "another", "one without a number", "whose", "no truth"],
)
def test_only_who_is_accepted_and_known_is_judged(sample, true, scored):
    errors = BodyErrors()
    errors.add(sample, {number: (JOINTS, STILL) for number in true})
    figures = errors.figures()
    assert (figures["people"], figures["scored"]) == (len(true), scored)
