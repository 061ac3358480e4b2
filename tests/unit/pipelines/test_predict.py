"""The prediction pipeline: what it does with good, young and bad tracks."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from equi_nodes.config.eqmotion import EqMotionConfig
from equi_nodes.errors import EquiError
from equi_nodes.models.eqmotion import Architecture
from equi_nodes.pipelines.predict import Predictor
from equi_nodes.samples import TrackSample

STEP_NS = 400_000_000


class StraightOn:
    """A network of two modes: the last step goes on (75 %), or everybody stops (25 %)."""

    name, dtype, architecture = "mock", np.float32, Architecture(past=8, future=12)

    def __init__(self) -> None:
        self.masks: list[np.ndarray] = []

    def __call__(self, past, mask, time_step):
        self.masks.append(mask[0])
        stride = past[:, :, -1:] - past[:, :, -2:-1]
        walk = stride * np.arange(1, 13)[:, None]
        paths = np.stack([np.zeros_like(walk), walk], 2)
        agents = past.shape[1]
        probabilities = np.broadcast_to([0.25, 0.75], (1, agents, 2))
        covariances = np.broadcast_to(0.01 * np.eye(2), (*paths.shape, 2))
        neighbours = np.zeros((1, agents, 1), int)
        return paths, probabilities, covariances, neighbours, np.full((1, agents, 1), 0.5)


def sample(step: float, positions: dict[int, tuple[float, float]]) -> TrackSample:
    stamp = 1_000_000_000 + round(step * STEP_NS)
    return TrackSample.of_positions(stamp, "map", list(positions), list(positions.values()))


def walk(predictor: Predictor, steps: int, ids=(7, 8), origin: float = 0.0, rate: int = 1):
    result = None
    for k in range(steps * rate):
        places = {i: (origin + 0.5 * k / rate, origin + float(i)) for i in ids}
        result = predictor.step(sample(k / rate, places))
    return result


@pytest.fixture
def predictor() -> Predictor:
    return Predictor(StraightOn())


def test_most_probable_mode_comes_first_and_starts_at_the_agent(predictor: Predictor) -> None:
    result = walk(predictor, 8)
    assert result.ids.tolist() == [7, 8] and result.observed_steps.tolist() == [8, 8]
    np.testing.assert_allclose(result.probabilities, [[0.75, 0.25]] * 2)
    np.testing.assert_allclose(result.paths[0, 0, 0], result.positions[0, :2] + [0.5, 0], atol=1e-6)
    assert result.time_step_ns == STEP_NS and not result.is_fallback


@pytest.mark.parametrize("rate", [1, 4, 10])
def test_any_tracker_rate_is_resampled_to_the_time_step(rate: int) -> None:
    predictor = Predictor(StraightOn())
    result = walk(predictor, 9, rate=rate)
    assert result.observed_steps.tolist() == [8, 8]
    np.testing.assert_allclose(result.paths[:, 0, 0, 0] - result.positions[:, 0], 0.5, atol=1e-5)


def test_far_from_the_origin_nothing_changes() -> None:
    near, far = walk(Predictor(StraightOn()), 8), walk(Predictor(StraightOn()), 8, origin=5e5)
    np.testing.assert_allclose(far.paths - 5e5, near.paths, atol=1e-6)


def test_young_track_waits_for_its_second_step_with_a_reason(predictor: Predictor) -> None:
    result = predictor.step(sample(0, {1: (0, 0)}))
    assert len(result.ids) == 0 and "1 of the 2 steps" in result.rejected[1]
    assert predictor.step(sample(1, {1: (0.5, 0)})).ids.tolist() == [1]


def test_nan_and_duplicate_tracks_are_refused_and_the_others_predicted(
    predictor: Predictor,
) -> None:
    walk(predictor, 3, ids=(1, 2, 3))
    bad = sample(3, {1: (1.5, 1), 2: (np.nan, 2), 3: (1.5, 3)})
    ids = np.array([1, 2, 3, 3])
    positions = np.concatenate([bad.positions, bad.positions[-1:]])
    result = predictor.step(TrackSample.of_positions(bad.stamp_ns, "map", ids, positions))
    assert result.ids.tolist() == [1]
    assert "not a finite number" in result.rejected[2] and "two tracks" in result.rejected[3]
    assert np.isfinite(result.paths).all()


def test_a_jump_starts_the_history_anew(predictor: Predictor) -> None:
    walk(predictor, 5, ids=(1,))
    result = predictor.step(sample(5, {1: (12.5, 1)}))
    assert "max_speed" in result.rejected[1]
    assert predictor.step(sample(6, {1: (13.0, 1)})).observed_steps.tolist() == [2]


def test_a_gap_starts_the_history_anew_and_a_short_one_is_bridged(predictor: Predictor) -> None:
    walk(predictor, 4, ids=(1,))
    assert predictor.step(sample(5, {1: (2.5, 1)})).observed_steps.tolist() == [6]
    assert "1 of the 2" in predictor.step(sample(9, {1: (4.5, 1)})).rejected[1]


def test_time_that_goes_back_resets_and_says_so(predictor: Predictor) -> None:
    walk(predictor, 8)
    result = predictor.step(sample(0, {7: (0, 7)}))
    assert "went back" in result.notes[0] and len(result.ids) == 0


def test_a_repeated_stamp_replaces_the_sample(predictor: Predictor) -> None:
    walk(predictor, 4, ids=(1,))
    assert predictor.step(sample(3, {1: (1.5, 1)})).observed_steps.tolist() == [4]


def test_no_tracks_give_no_predictions(predictor: Predictor) -> None:
    result = predictor.step(sample(0, {}))
    assert result.paths.shape[0] == 0 and not result.rejected and not result.is_fallback


def test_agents_beyond_the_limit_are_refused_by_reason() -> None:
    predictor = Predictor(StraightOn(), EqMotionConfig(max_agents=2))
    walk(predictor, 2, ids=(1, 2))
    result = predictor.step(sample(2, {1: (1, 1), 2: (1, 2), 3: (1, 3)}))
    result = predictor.step(sample(3, {1: (1.5, 1), 2: (1.5, 2), 3: (1.5, 3)}))
    assert result.ids.tolist() == [1, 2] and "max_agents" in result.rejected[3]


@pytest.mark.parametrize("fault", ["raises", "nan"])
def test_a_failing_network_is_replaced_by_constant_velocity(fault: str) -> None:
    class Broken(StraightOn):
        def __call__(self, *inputs):
            if fault == "raises":
                raise RuntimeError("device lost")
            return tuple(
                np.full_like(np.asarray(x, float), np.nan) for x in super().__call__(*inputs)
            )

    result = walk(Predictor(Broken()), 4)
    assert result.is_fallback and "constant velocity" in result.notes[0]
    np.testing.assert_allclose(result.paths[0, 0, 1], result.positions[0, :2] + [1.0, 0])
    assert (np.diff(result.covariances[0, 0, :, 0, 0]) > 0).all()


def test_nothing_is_more_certain_than_its_track(predictor: Predictor) -> None:
    certain = walk(predictor, 8)
    predictor.reset()
    for k in range(8):
        tracked = sample(k, {7: (0.5 * k, 7), 8: (0.5 * k, 8)})
        uncertain = predictor.step(replace(tracked, covariances=np.stack([0.5 * np.eye(3)] * 2)))
    np.testing.assert_allclose(
        uncertain.covariances - certain.covariances,
        0.5 * np.eye(2) + np.zeros(uncertain.covariances.shape),
        atol=1e-9,
    )


def test_a_covariance_that_is_none_counts_as_unknown(predictor: Predictor) -> None:
    for k in range(3):
        tracked = sample(k, {7: (0.5 * k, 7)})
        result = predictor.step(replace(tracked, covariances=-np.ones((1, 3, 3))))
    assert (np.linalg.eigvalsh(result.covariances) > 0).all()


def test_interactions_are_by_row_of_the_result(predictor: Predictor) -> None:
    result = walk(predictor, 3, ids=(1, 2, 3))
    np.testing.assert_allclose(result.interactions[1:, 0], 0.5)


def test_warm_up_accepts_a_network_that_turns_with_the_world(predictor: Predictor) -> None:
    predictor.warm_up()


def test_warm_up_refuses_a_network_that_prefers_a_direction() -> None:
    class EastwardBound(StraightOn):
        def __call__(self, *inputs):
            paths, *rest = super().__call__(*inputs)
            return paths + np.array([0.1, 0.0]), *rest

    with pytest.raises(EquiError, match="do not turn with the world.*mock"):
        Predictor(EastwardBound()).warm_up()
