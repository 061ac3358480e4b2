"""How equivariant a prediction pipeline is: the world moves, the answer must move with it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from equi_nodes.samples import PredictionSample, TrackSample

MOVES = 20  # random rotations and shifts
FAR_ORIGIN = np.array([300_000.0, 400_000.0, 0.0])  # m, as map coordinates lie
GRID = 2.0**-16  # m; on it positions are exact in float64 at the far origin too
FAR_AWAY = np.array([100.0, 0.0, 0.0])  # m, where an agent should act on nobody

Run = Callable[[list[TrackSample]], PredictionSample]  # the last result of a fresh pipeline


def crowd(agents: int = 12, steps: int = 4, seed: int = 0) -> list[TrackSample]:
    """Return the samples of a small crowd that walks about, 0.4 s apart."""
    rng = np.random.default_rng(seed)
    place, stride = rng.normal(0, 3, (agents, 2)), rng.normal(0, 0.4, (agents, 2))
    samples = []
    for step in range(steps):
        stride = stride + rng.normal(0, 0.05, stride.shape)
        place = place + stride
        stamp = 1_000_000_000 + step * 400_000_000
        samples.append(TrackSample.of_positions(stamp, "map", np.arange(agents), place))
    return samples


def equivariance_errors(run: Run, reflect: bool = False) -> dict[str, float]:
    """Return the largest errors in metres over random moves of a crowd.

    Returns:
        ``near``: turned and moved about the origin; ``far``: turned, then moved 500 km away;
        ``permuted``: agents in another order; ``far_agent``: one more agent 100 m away.
    """
    samples, rng = crowd(), np.random.default_rng(1)
    before = run(samples)
    errors = {"near": 0.0, "far": 0.0, "permuted": 0.0}
    for _ in range(MOVES):
        turn = _orthogonal(rng, reflect)
        shift = np.append(rng.uniform(-20, 20, 2), 0.0)
        turned = [_moved(sample, turn, shift) for sample in samples]
        gridded = [_on_grid(sample) for sample in turned]
        far = [_moved(sample, np.eye(3), FAR_ORIGIN) for sample in gridded]
        here, near, there = run(turned), run(gridded), run(far)
        expected = before.paths @ turn[:2, :2].T + shift[:2]
        errors["near"] = max(errors["near"], _difference(here.paths, expected))
        errors["far"] = max(errors["far"], _difference(there.paths, near.paths + FAR_ORIGIN[:2]))
        order = rng.permutation(len(before.ids))
        after = run([_ordered(sample, order) for sample in samples])
        errors["permuted"] = max(errors["permuted"], _difference(after.paths, before.paths[order]))
    beside = run([_joined(sample) for sample in samples])
    errors["far_agent"] = _difference(beside.paths[: len(before.ids)], before.paths)
    return errors


def _difference(one: np.ndarray, two: np.ndarray) -> float:
    return float(np.abs(one - two).max())


def _orthogonal(rng: np.random.Generator, reflect: bool) -> np.ndarray:
    angle = rng.uniform(0, 2 * np.pi)
    matrix = np.eye(3)
    matrix[:2, :2] = [[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]
    return matrix @ np.diag([1.0, -1.0, 1.0]) if reflect else matrix


def _moved(sample: TrackSample, turn: np.ndarray, shift: np.ndarray) -> TrackSample:
    return replace(sample, positions=sample.positions @ turn.T + shift)


def _on_grid(sample: TrackSample) -> TrackSample:
    return replace(sample, positions=np.round(sample.positions / GRID) * GRID)


def _ordered(sample: TrackSample, order: np.ndarray) -> TrackSample:
    return TrackSample.of_positions(
        sample.stamp_ns, sample.frame_id, sample.ids[order], sample.positions[order]
    )


def _joined(sample: TrackSample) -> TrackSample:
    far = sample.positions[:1] + FAR_AWAY
    ids = np.append(sample.ids, sample.ids.max() + 1)
    positions = np.concatenate([sample.positions, far])
    return TrackSample.of_positions(sample.stamp_ns, sample.frame_id, ids, positions)
