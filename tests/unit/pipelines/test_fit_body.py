"""People are found by the shipped network, and a pillar is nobody."""

from __future__ import annotations

import numpy as np
import pytest

from equi_nodes.body.model import load_body
from equi_nodes.config.arteq import ArtEqConfig
from equi_nodes.datasets.person_clouds import draw_person
from equi_nodes.datasets.person_poses import Poses
from equi_nodes.evaluation.fitting_negatives import pillar
from equi_nodes.pipelines.fit_body import BodyFitter
from equi_nodes.runtime.weights import shipped_weights
from equi_nodes.samples import CloudSample


@pytest.fixture(scope="module")
def fitter() -> BodyFitter:
    if not shipped_weights("arteq").exists():
        pytest.skip("no weights of arteq are shipped")
    return BodyFitter.from_config(ArtEqConfig(is_smoothed=False, threads=1))


@pytest.fixture(scope="module")
def poses() -> Poses:
    """A T-pose in all shapes of the population, so that no recordings are needed."""
    body = load_body()
    still = np.tile(np.eye(3, dtype=np.float32), (1, 22, 1, 1))
    return Poses(still, body.betas.numpy(), body.ages.numpy())


def test_joints_of_a_person_at_any_turn_are_found(fitter: BodyFitter, poses: Poses) -> None:
    rng = np.random.default_rng(0)
    for _ in range(3):
        person = draw_person(rng, poses.aged(20.0, 60.0), "full", 1000)
        found = fitter.step(CloudSample(1, "", person.points))
        assert found.accepted.all() and len(found.ids) == 1
        assert np.linalg.norm(found.joints[0] - person.joints, axis=1).mean() < 0.08


def test_a_pillar_is_nobody(fitter: BodyFitter, poses: Poses) -> None:
    rng = np.random.default_rng(0)
    for _ in range(3):
        cloud = pillar(rng, poses).astype(np.float32)
        found = fitter.step(CloudSample(1, "", cloud))
        assert not found.accepted.any() and all(found.reasons)
