"""Training EqMotion on recordings of pedestrians, one configuration for all scenes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import chain, count, islice
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from equi_nodes.datasets import eth_ucy
from equi_nodes.datasets.scenes import Scene, SceneBatch, batches, scenes, scenes_of
from equi_nodes.datasets.tracks import Recording, Windows, windows
from equi_nodes.evaluation.pedestrians import Predicted, predict_scenes
from equi_nodes.evaluation.prediction import density_level, displacement, mixture_log_density
from equi_nodes.models.eqmotion import Architecture, EqMotion, Futures
from equi_nodes.training.loop import Report, Schedule, Task, fit


@dataclass(frozen=True)
class Augmentation:
    """What makes the training data as varied as what a robot meets."""

    noise: float = 0.12  # m, greatest standard deviation of white noise on the past
    clean: float = 1 / 3  # share of the agents without that noise
    other_rates: float = 0.5  # share of the sequences resampled to another time step in an epoch
    time_steps: tuple[float, float] = (0.1, 1.0)  # s, the range of those time steps
    scales: float = 1.25  # sequences are enlarged or shrunk by at most this factor
    shortened: float = 0.3  # share of the agents whose track begins later
    unseen: float = 0.05  # share of single steps that were not seen


@dataclass(frozen=True)
class Weights:
    """Weights of the loss' parts beside the winning mode's mean error."""

    central: float = 1.0  # error of the first mode, which learns the middle of all futures
    likelihood: float = 0.2  # of the truth under the mixture
    expected: float = (
        0.2  # error that the probabilities expect, so that the likeliest mode is useful
    )


AGENTS_PER_BATCH = 256
BATCHES_PER_EPOCH = (
    240  # about once through the data of four scenes; the same however much there is
)
ANNEALING = 0.4  # share of the training in which the other modes still follow the winner
CALIBRATION_WINDOWS = 2000
SOFTNESS = 0.5  # m, how far from the winner a mode may be and still follow, at the start


def train(
    held_out: str | None,
    folder: Path,
    schedule: Schedule = Schedule(),
    architecture: Architecture = Architecture(),
    augmentation: Augmentation = Augmentation(),
    report: Report | None = None,
) -> tuple[EqMotion, dict]:
    """Train on all scenes but one, choose the epoch and fit the calibration on validation data.

    Args:
        held_out: the scene that is neither trained nor validated on; None trains on all.
        folder: where the state is kept; calling again with the same folder continues there.
        report: called after each epoch with its number and figures.

    Returns:
        the model, and the validation figures of the kept epoch.
    """
    torch.manual_seed(schedule.seed)
    model = EqMotion(architecture).to("cuda" if torch.cuda.is_available() else "cpu")
    heads, tails = eth_ucy.training_split(held_out)
    validation = scenes_of(tails, architecture.past, architecture.future)

    def batches_of(epoch: int) -> Iterator[SceneBatch]:
        seeds = ((schedule.seed, epoch, round_) for round_ in count())
        rounds = (training_batches(heads, architecture, augmentation, seed) for seed in seeds)
        return islice(chain.from_iterable(rounds), BATCHES_PER_EPOCH)

    task = Task(batches_of, loss, lambda average: validate(average, validation))
    figures = fit(model, task, schedule, folder, report)
    calibrate(model, validation)
    return model, figures


def validate(model: EqMotion, validation: list[Scene]) -> dict[str, float]:
    """Return best-of-K and likeliest-mode errors on whole windows; their sum chooses the epoch."""
    paths, probabilities, _, truth, _ = _predict(model, validation)
    error = displacement(paths, truth)
    top = error[np.arange(len(error)), probabilities.argmax(1)]
    figures = {
        "ade_best": error.mean(2).min(1).mean(),
        "fde_best": error[..., -1].min(1).mean(),
        "ade_top1": top.mean(),
        "fde_top1": top[:, -1].mean(),
    }
    figures = {"criterion": sum(figures.values())} | figures
    return {name: float(value) for name, value in figures.items()}


def calibrate(model: EqMotion, validation: list[Scene], rounds: int = 8) -> None:
    """Scale the deviations of each step: 90 % regions then hold 90 % of the validation data."""
    if not model.architecture.probabilistic:
        return
    predicted = _predict(model, validation)
    rows = np.random.default_rng(0).permutation(len(predicted.truth))[:CALIBRATION_WINDOWS]
    parts = [part[rows] for part in predicted[:4]]
    low, high = np.full((2, len(model.decode.inflation)), [[0.3], [3.0]])
    for _ in range(rounds):  # bisection, all steps at once
        middle = np.sqrt(low * high)
        scaled = parts[2] * (middle**2)[:, None, None]
        holds = (density_level(parts[0], parts[1], scaled, parts[3]) <= 0.9).mean(0) > 0.9
        low, high = np.where(holds, low, middle), np.where(holds, middle, high)
    model.decode.inflation *= torch.as_tensor(np.sqrt(low * high)).to(model.decode.inflation)


def training_batches(
    recordings: list[Recording], a: Architecture, augmentation: Augmentation, seed: tuple[int, ...]
) -> Iterator[SceneBatch]:
    """Yield all scenes of the recordings, varied and in random order."""
    rng = np.random.default_rng(seed)
    chosen = []
    for recording in recordings:
        if rng.random() < augmentation.other_rates:
            time_step = rng.uniform(*augmentation.time_steps)
            recording = recording.resampled(time_step, rng.random())
        scale = augmentation.scales ** rng.uniform(-1, 1)
        recording = replace(recording, positions=scale * recording.positions)
        cut = _vary(windows(recording, a.past, a.future), augmentation, rng)
        stride = max(1, round(eth_ucy.NOMINAL_STEP_S / recording.step_s))  # instants stay as many
        chosen += scenes(cut, recording.step_s)[rng.integers(stride) :: stride]
    return batches(chosen, AGENTS_PER_BATCH, rng)


def loss(
    model: nn.Module, batch: SceneBatch, progress: float, weights: Weights = Weights()
) -> Tensor:
    """Return what the modes, their probabilities and their covariances are trained by.

    The first mode learns the middle of all futures; of the others, the one nearest to the truth
    learns (winner takes all). Paths learn nothing from the likelihood.
    """
    device = next(model.parameters()).device
    past, mask, time_step, future, keep = (torch.from_numpy(x).to(device) for x in _arrays(batch))
    futures = model(past, mask, time_step)
    paths, truth = futures.paths[keep], future[keep]  # (N, K, F, 2), (N, F, 2)
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
    """Return how much each mode learns, (N, K): soft at first, the winner alone later."""
    softness = SOFTNESS * max(0.0, 1 - progress / ANNEALING)
    return torch.softmax((error.amin(-1, keepdim=True) - error) / (softness + 1e-3), -1)


def _log_likelihood(futures: Futures, keep: Tensor, truth: Tensor) -> Tensor:
    """Return the mean log density of the true points under the mixtures; paths learn nothing."""
    means = futures.paths[keep].detach().transpose(1, 2)  # (N, F, K, 2)
    covariances = futures.covariances[keep].transpose(1, 2)
    log_probabilities = torch.log_softmax(futures.logits[keep], -1)[:, None]
    return mixture_log_density(truth[:, :, None], means, log_probabilities, covariances).mean()


def _vary(cut: Windows, augmentation: Augmentation, rng: np.random.Generator) -> Windows:
    agents, steps = cut.past_mask.shape
    deviation = rng.uniform(0, augmentation.noise, (agents, 1, 1))
    deviation *= rng.random((agents, 1, 1)) >= augmentation.clean
    past = cut.past + deviation * rng.normal(size=cut.past.shape)
    late = rng.random(agents) < augmentation.shortened
    first = np.where(late, rng.integers(1, steps - 1, agents), 0)
    seen = rng.random((agents, steps)) >= augmentation.unseen
    seen[:, -1] = True
    seen &= np.arange(steps) >= first[:, None]
    return replace(cut, past=past, past_mask=cut.past_mask & seen)


def _arrays(batch: SceneBatch) -> tuple[np.ndarray, ...]:
    return batch.past, batch.mask, batch.time_step, batch.future, batch.known


def _predict(model: EqMotion, chosen: list[Scene]) -> Predicted:
    device = next(model.parameters()).device

    @torch.no_grad()
    def network(*inputs: np.ndarray) -> tuple[np.ndarray, ...]:
        futures = model(*(torch.from_numpy(array).to(device) for array in inputs))
        return tuple(part.cpu().numpy() for part in futures.distribution())

    return predict_scenes(network, chosen)
