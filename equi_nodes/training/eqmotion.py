"""Training EqMotion on recordings of pedestrians, one configuration for all scenes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from equi_nodes.datasets.tracks import Recording, Windows, windows
from equi_nodes.models.eqmotion import Architecture, Futures


@dataclass(frozen=True)
class Augmentation:
    """What makes the training data as varied as what a robot meets."""

    noise: float = 0.05  # m, greatest standard deviation of white noise on the past
    other_rates: float = 0.5  # share of the sequences resampled to another time step in an epoch
    time_steps: tuple[float, float] = (0.1, 1.0)  # s, the range of those time steps
    shortened: float = 0.3  # share of the agents whose track begins later
    unseen: float = 0.05  # share of single steps that were not seen


@dataclass(frozen=True)
class Weights:
    """Weights of the loss' parts beside the winning mode's mean error."""

    central: float = 1.0  # error of the first mode, which learns the middle of all futures
    likelihood: float = 0.2  # of the truth under the mixture
    expected: float = 0.2  # error that the probabilities expect, so that the likeliest mode is useful


AGENTS_PER_BATCH = 256
ANNEALING = 0.4  # share of the training in which the other modes still follow the winner
SOFTNESS = 0.5  # m, how far from the winner a mode may be and still follow, at the start


@dataclass(frozen=True)
class Batch:
    """Scenes padded to equal numbers of agents; see ``EqMotion.forward``.

    Attributes:
        past, mask, time_step: the network's inputs.
        future: (B, A, F, 2) metres, relative to the last observed position.
        supervised: (B, A) bool, the agents that have a known future.
    """

    past: Tensor
    mask: Tensor
    time_step: Tensor
    future: Tensor
    supervised: Tensor


def batches(
    recordings: list[Recording],
    a: Architecture,
    augmentation: Augmentation | None,
    rng: np.random.Generator,
) -> Iterator[Batch]:
    """Yield all scenes of the recordings in random batches of about equal cost."""
    scenes = []
    for recording in recordings:
        if augmentation and rng.random() < augmentation.other_rates:
            low, high = np.log(augmentation.time_steps)
            recording = recording.resampled(np.exp(rng.uniform(low, high)), rng.random())
        cut = windows(recording, a.past, a.future)
        if augmentation:
            cut = _augment(cut, augmentation, rng)
        scenes += [(cut, rows, recording.step_s) for rows in _scenes(cut)]
    for chosen in _chunks(scenes, rng):
        yield _collate(chosen)


def loss(
    model: nn.Module, batch: Batch, progress: float, weights: Weights = Weights()
) -> Tensor:
    """Return what the modes, their probabilities and their covariances are trained by.

    The first mode learns the middle of all futures; of the others, the one nearest to the truth
    learns (winner takes all). Paths learn nothing from the likelihood.
    """
    futures = model(batch.past, batch.mask, batch.time_step)
    keep = batch.supervised
    paths, truth = futures.paths[keep], batch.future[keep]  # (N, K, F, 2), (N, F, 2)
    error = (paths - truth[:, None]).square().sum(-1).add(1e-12).sqrt().mean(-1)  # (N, K)
    share = _responsibility(error.detach(), progress)
    if futures.logits is None:
        return (share * error).sum(-1).mean()
    winner = (share * error)[:, 1:].sum(-1).mean()
    probabilities = futures.logits[keep].softmax(-1)
    expected = (probabilities * error.detach()).sum(-1).mean()
    likelihood = _log_likelihood(futures, keep, truth)
    return (
        winner
        + weights.central * error[:, 0].mean()
        + weights.expected * expected
        - weights.likelihood * likelihood
    )


def _responsibility(error: Tensor, progress: float) -> Tensor:
    """Return how much each mode learns from an agent, (N, K): soft at first, the winner alone later."""
    softness = SOFTNESS * max(0.0, 1 - progress / ANNEALING)
    return torch.softmax((error.amin(-1, keepdim=True) - error) / (softness + 1e-3), -1)


def _log_likelihood(futures: Futures, keep: Tensor, truth: Tensor) -> Tensor:
    """Return the mean log density of the true points under the mixtures; paths learn nothing."""
    offset = truth[:, None] - futures.paths[keep].detach()  # (N, K, F, 2)
    covariance = futures.covariances[keep]
    xx, xy, yy = covariance[..., 0, 0], covariance[..., 0, 1], covariance[..., 1, 1]
    determinant = xx * yy - xy * xy
    x, y = offset.unbind(-1)
    distance = (yy * x * x - 2 * xy * x * y + xx * y * y) / determinant
    log_mode = torch.log_softmax(futures.logits[keep], -1)[..., None]
    density = log_mode - 0.5 * (distance + determinant.log()) - np.log(2 * np.pi)
    return torch.logsumexp(density, 1).mean()


def _augment(cut: Windows, augmentation: Augmentation, rng: np.random.Generator) -> Windows:
    agents, steps = cut.past_mask.shape
    deviation = rng.uniform(0, augmentation.noise, (agents, 1, 1))
    past = cut.past + deviation * rng.normal(size=cut.past.shape)
    first = np.where(
        rng.random(agents) < augmentation.shortened, rng.integers(1, steps - 1, agents), 0
    )
    seen = rng.random((agents, steps)) >= augmentation.unseen
    seen[:, -1] = True
    seen &= np.arange(steps) >= first[:, None]
    return Windows(cut.scene, past, cut.past_mask & seen, cut.future, cut.future_mask)


def _scenes(cut: Windows) -> list[np.ndarray]:
    """Return the rows of each instant at which somebody has a known future."""
    starts = np.flatnonzero(np.diff(cut.scene)) + 1
    groups = np.split(np.arange(len(cut.scene)), starts)
    known = supervised(cut)
    return [rows for rows in groups if known[rows].any()]


def supervised(cut: Windows) -> np.ndarray:
    """Return (N,) bool: the future is known and two steps or more of the past were seen."""
    return cut.future_mask.all(1) & (cut.past_mask.sum(1) >= 2)


def _chunks(scenes: list, rng: np.random.Generator) -> Iterator[list]:
    """Yield groups of scenes of similar size, in random order, of bounded padded size."""
    size = np.array([len(rows) for _, rows, _ in scenes])
    order = np.argsort(size * rng.uniform(0.8, 1.25, len(size)))
    groups: list[list[int]] = [[]]
    for scene in order:
        largest = max([size[other] for other in groups[-1]] + [size[scene]])
        if groups[-1] and largest * (len(groups[-1]) + 1) > AGENTS_PER_BATCH:
            groups.append([])
        groups[-1].append(scene)
    for group in rng.permutation(len(groups)):
        yield [scenes[scene] for scene in groups[group]]


def _collate(scenes: list) -> Batch:
    width = max(len(rows) for _, rows, _ in scenes)

    def padded(values: list[np.ndarray], dtype: torch.dtype) -> Tensor:
        out = np.zeros((len(values), width, *values[0].shape[1:]))
        for scene, value in zip(out, values):
            scene[: len(value)] = value
        return torch.as_tensor(out, dtype=torch.float32).to(dtype)

    past = [cut.past[rows] for cut, rows, _ in scenes]
    origins = [value[:, -1].mean(0) for value in past]  # keeps float32 exact
    return Batch(
        padded([value - origin for value, origin in zip(past, origins)], torch.float32),
        padded([cut.past_mask[rows] for cut, rows, _ in scenes], torch.bool),
        torch.tensor([step for *_, step in scenes]),
        padded([cut.future[rows] - value[:, -1:] for (cut, rows, _), value in zip(scenes, past)],
               torch.float32),
        padded([supervised(cut)[rows] for cut, rows, _ in scenes], torch.bool),
    )
