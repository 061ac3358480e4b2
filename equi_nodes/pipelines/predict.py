"""From tracked agents to their possible futures."""

from __future__ import annotations

import logging
from typing import NamedTuple

import numpy as np

from equi_nodes.config.eqmotion import EqMotionConfig
from equi_nodes.errors import EquiError
from equi_nodes.pipelines.history import Past, TrackHistory
from equi_nodes.runtime.network import Network, open_network
from equi_nodes.samples import PredictionSample, TrackSample

TURNING_LIMIT = 1e-3  # m, of the check at the start
FALLBACK_SPREAD = (0.1, 0.35)  # m now, and m more a second: constant velocity's usual error

log = logging.getLogger(__name__)


class Modes(NamedTuple):
    """Futures relative to each agent's position: see ``PredictionSample`` for shapes."""

    paths: np.ndarray
    probabilities: np.ndarray
    covariances: np.ndarray
    interactions: np.ndarray


class Predictor:
    """Keeps the tracks' history and predicts from it.

    Args:
        network: maps past (1, A, T, 2), mask (1, A, T) and time step (1,) to futures.
        config: the user's settings.
    """

    def __init__(self, network: Network, config: EqMotionConfig = EqMotionConfig()):
        self.network, self.config = network, config
        duration = (network.architecture.past - 1) * config.time_step + config.max_gap
        self._history = TrackHistory(duration, config.max_gap, config.max_speed)

    @classmethod
    def from_config(cls, config: EqMotionConfig) -> Predictor:
        """Load the weights and the backend that the settings ask for.

        Raises:
            EquiError: the weights or the backend cannot be had.
        """
        network = open_network("eqmotion", config.weights, config.backend, config.threads)
        return cls(network, config)

    @property
    def backend_name(self) -> str:
        """Return what runs the network: torch, onnx or tensorrt."""
        return self.network.name

    def warm_up(self) -> None:
        """Run the network on a few sizes, so that the first real call is as fast as the others.

        Raises:
            EquiError: its answer does not turn with the world.
        """
        for agents in (1, 8, 32):
            self._infer(np.zeros((agents, self.network.architecture.past, 2)), None)
        error = self._turning_error()
        if not error < TURNING_LIMIT:
            raise EquiError(
                f"The predictions do not turn with the world (off by {error:.2g} m on"
                f" {self.backend_name}); take the shipped weights or another backend."
            )

    def reset(self) -> None:
        """Forget all tracks."""
        self._history.clear()

    def step(self, sample: TrackSample) -> PredictionSample:
        """Predict every track that can be; the others are in ``rejected`` with the reason."""
        notes = self._restart_if_time_went_back(sample)
        sample, rejected = _refuse_bad_tracks(sample)
        if rejected:
            notes.append(f"unusable tracks left out: {len(rejected)}")
        self._history.append(sample)
        past = self._history.past(sample.ids, self.network.architecture.past, self.config.time_step)
        chosen = self._choose(sample, past, rejected)
        sample, past = _take(sample, chosen), Past(*(part[chosen] for part in past))
        modes, failure = self._predict(past)
        if failure:
            notes.append(failure)
        return self._result(sample, past, modes, bool(failure), rejected, tuple(notes))

    def _restart_if_time_went_back(self, sample: TrackSample) -> list[str]:
        newest = self._history.stamp_ns
        if newest is None or sample.stamp_ns >= newest:
            return []
        self.reset()
        back = (newest - sample.stamp_ns) * 1e-9
        return [f"stamps went back by {back:.3f} s; all histories start anew"]

    def _choose(self, sample: TrackSample, past: Past, rejected: dict[int, str]) -> np.ndarray:
        """Return the rows to predict; name the reason for the others."""
        config, steps = self.config, past.mask.sum(1)
        for row in np.flatnonzero(steps < config.min_observations):
            reason = f"observed for {steps[row]} of the {config.min_observations} steps needed"
            jumped = "jumped faster than max_speed, " if past.jumped[row] else ""
            rejected[int(sample.ids[row])] = jumped + reason
        rows = np.flatnonzero(steps >= config.min_observations)
        rows = rows[np.argsort(-steps[rows], kind="stable")]
        for row in rows[config.max_agents :]:
            rejected[int(sample.ids[row])] = f"more than {config.max_agents} agents (max_agents)"
        return np.sort(rows[: config.max_agents])

    def _predict(self, past: Past) -> tuple[Modes, str]:
        """Return the futures, and why they are constant-velocity ones if they are."""
        if not len(past.mask):
            return self._constant_velocity(past), ""
        try:
            modes = self._infer(past.positions, past.mask)
        except Exception as error:  # whatever a backend throws, people keep walking
            log.exception("inference failed")
            return self._constant_velocity(past), f"the network failed ({error}); constant velocity"
        if not all(np.isfinite(part).all() for part in modes):
            return self._constant_velocity(past), "the network gave NaN; constant velocity"
        return modes, ""

    def _infer(self, positions: np.ndarray, mask: np.ndarray | None) -> Modes:
        """Run the network around a local origin, taken out in float64, modes by probability."""
        if mask is None:
            mask = np.ones(positions.shape[:2], bool)
        local = np.where(mask[..., None], positions - positions[:1, -1:], 0.0)
        futures = self.network(
            local[None].astype(self.network.dtype),
            mask[None],
            np.array([self.config.time_step], self.network.dtype),
        )
        paths, probabilities, covariances, neighbours, weights = (part[0] for part in futures)
        order = np.argsort(-probabilities, axis=1, kind="stable")
        take = np.arange(len(order))[:, None], order
        interactions = np.zeros((len(order), len(order)))
        np.maximum.at(interactions, (np.arange(len(order))[:, None], neighbours), weights)
        probabilities = probabilities[take].astype(np.float64)
        return Modes(
            paths[take].astype(np.float64),
            probabilities / probabilities.sum(1, keepdims=True),
            covariances[take].astype(np.float64),
            interactions,
        )

    def _turning_error(self) -> float:
        """Return how far the expected paths of a turned crowd are from the turned paths, metres."""
        rng = np.random.default_rng(0)
        starts, strides = rng.normal(0, (3.0, 0.4), (8, 2, 2)).transpose(2, 0, 1)[..., None, :]
        past = starts + strides * np.arange(self.network.architecture.past)[:, None]
        turn = np.array([[0.6, -0.8], [0.8, 0.6]])
        before, after = (self._infer(crowd, None) for crowd in (past, past @ turn.T))
        expected = [(m.probabilities[..., None, None] * m.paths).sum(1) for m in (before, after)]
        return float(np.abs(expected[0] @ turn.T - expected[1]).max())

    def _constant_velocity(self, past: Past) -> Modes:
        """Continue the last step that was seen twice, with a spread that grows with time."""
        steps = np.arange(1, self.network.architecture.future + 1)
        moved = past.mask[:, -1] & past.mask[:, -2]
        stride = np.where(moved[:, None], past.positions[:, -1] - past.positions[:, -2], 0.0)
        paths = (stride[:, None] * steps[:, None])[:, None]
        now, growth = FALLBACK_SPREAD
        variance = (now + growth * steps * self.config.time_step) ** 2
        covariances = np.broadcast_to(variance[:, None, None] * np.eye(2), (*paths.shape, 2))
        agents = len(paths)
        return Modes(paths, np.ones((agents, 1)), covariances, np.zeros((agents, agents)))

    def _result(
        self,
        sample: TrackSample,
        past: Past,
        modes: Modes,
        is_fallback: bool,
        rejected: dict[int, str],
        notes: tuple[str, ...],
    ) -> PredictionSample:
        """Return to the tracks' frame; nothing is more certain than the track it came from."""
        return PredictionSample(
            sample.stamp_ns,
            sample.frame_id,
            round(self.config.time_step * 1e9),
            sample.ids,
            sample.positions,
            past.mask.sum(1),
            modes.paths + sample.positions[:, None, None, :2],
            modes.probabilities,
            modes.covariances + sample.covariances[:, None, None, :2, :2],
            modes.interactions,
            is_fallback,
            rejected,
            notes,
        )


def _refuse_bad_tracks(sample: TrackSample) -> tuple[TrackSample, dict[int, str]]:
    """Return the usable tracks, and the reason by id for the others."""
    finite = np.isfinite(sample.positions).all(1)
    _, inverse, counts = np.unique(sample.ids, return_inverse=True, return_counts=True)
    twice = counts[inverse] > 1
    rejected = {int(i): "its position is not a finite number" for i in sample.ids[~finite]}
    rejected |= {int(i): "two tracks carry this id" for i in sample.ids[twice]}
    return _take(_with_usable_covariances(sample), np.flatnonzero(finite & ~twice)), rejected


def _with_usable_covariances(sample: TrackSample) -> TrackSample:
    """Replace covariances that are none (not finite, or negative) by zero: unknown."""
    planar = sample.covariances[:, :2, :2]
    usable = np.isfinite(sample.covariances).all((1, 2))
    xx, yy = planar[:, 0, 0], planar[:, 1, 1]
    with np.errstate(invalid="ignore", over="ignore"):
        usable &= (xx >= 0) & (yy >= 0) & (planar[:, 0, 1] ** 2 <= xx * yy)
    covariances = np.where(usable[:, None, None], sample.covariances, 0.0)
    return TrackSample(
        sample.stamp_ns,
        sample.frame_id,
        sample.ids,
        sample.positions,
        sample.velocities,
        covariances,
    )


def _take(sample: TrackSample, rows: np.ndarray) -> TrackSample:
    arrays = (sample.ids, sample.positions, sample.velocities, sample.covariances)
    return TrackSample(sample.stamp_ns, sample.frame_id, *(array[rows] for array in arrays))
