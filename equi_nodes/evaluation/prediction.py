"""How good predicted futures are: displacement errors and the honesty of their regions.

N agents, K modes, F future steps. Errors are in metres. ADE is the mean over the steps, FDE the
error of the last one; "best" takes the smaller over all modes, each of the two on its own as the
published protocol does, "top1" the most probable mode.
"""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor

LEVELS = np.linspace(0.05, 0.95, 19)
SAMPLES = 128  # drawn from each mixture to rank the truth by density
CHUNK = 1024  # agents at a time, to bound the memory


def displacement(paths: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """Return the distance of every mode to the truth: (N, K, F, 2), (N, F, 2) to (N, K, F)."""
    return np.linalg.norm(paths - truth[:, None], axis=-1)


def score(
    paths: np.ndarray, probabilities: np.ndarray, covariances: np.ndarray, truth: np.ndarray
) -> dict:
    """Return every figure of a set of predictions, means over the agents.

    Args:
        paths: (N, K, F, 2) metres.
        probabilities: (N, K).
        covariances: (N, K, F, 2, 2) m^2.
        truth: (N, F, 2) metres.

    Returns:
        ``agents``, ``ade_best``, ``fde_best``, ``ade_top1``, ``fde_top1``, ``error_best`` and
        ``error_top1`` over the horizon (F,), ``calibration_90`` and ``coverage`` at ``LEVELS``.
    """
    if not len(truth):
        return {"agents": 0}
    error = displacement(paths, truth)
    top = error[np.arange(len(error)), probabilities.argmax(1)]
    best = error[np.arange(len(error)), error.mean(2).argmin(1)]
    levels = density_level(paths, probabilities, covariances, truth)
    return {
        "agents": len(truth),
        "ade_best": float(error.mean(2).min(1).mean()),
        "fde_best": float(error[..., -1].min(1).mean()),
        "ade_top1": float(top.mean()),
        "fde_top1": float(top[:, -1].mean()),
        "error_best": best.mean(0).tolist(),
        "error_top1": top.mean(0).tolist(),
        "calibration_90": float((levels <= 0.9).mean()),
        "coverage": [float((levels <= level).mean()) for level in LEVELS],
    }


def constant_velocity(past: np.ndarray, steps: int) -> np.ndarray:
    """Continue the last displacement of (N, T, 2) for ``steps`` steps, (N, steps, 2)."""
    return past[:, -1:] + np.arange(1, steps + 1)[:, None] * (past[:, -1:] - past[:, -2:-1])


def point_score(path: np.ndarray, truth: np.ndarray) -> dict:
    """Return ``ade`` and ``fde`` of a single path, (N, F, 2) against (N, F, 2)."""
    error = np.linalg.norm(path - truth, axis=-1)
    return {"ade": float(error.mean()), "fde": float(error[:, -1].mean())}


def density_level(
    paths: np.ndarray, probabilities: np.ndarray, covariances: np.ndarray, truth: np.ndarray
) -> np.ndarray:
    """Return the share of the predicted mass that is denser than the truth, (N, F).

    A truth at level p lies on the border of the smallest region that holds the share p of the
    mixture, so that honest predictions give levels spread evenly over 0..1.
    """
    generator = torch.Generator().manual_seed(0)
    arrays = (paths, probabilities, covariances, truth)
    chunks = zip(*(torch.tensor(array, dtype=torch.float32).split(CHUNK) for array in arrays))
    return torch.cat([_levels(*chunk, generator) for chunk in chunks]).numpy()


def _levels(
    paths: Tensor,
    probabilities: Tensor,
    covariances: Tensor,
    truth: Tensor,
    generator: torch.Generator,
) -> Tensor:
    origin = truth[:, :1]  # small numbers, so that float32 holds the densities
    paths, truth = (paths - origin[:, None]).transpose(1, 2), truth - origin  # (N, F, K, 2)
    covariances = covariances.transpose(1, 2)
    agents, steps = truth.shape[:2]
    mode = torch.multinomial(probabilities, SAMPLES * steps, True, generator=generator)
    mode = mode.view(agents, steps, SAMPLES, 1)
    root = torch.linalg.cholesky(covariances)
    noise = torch.randn(agents, steps, SAMPLES, 2, 1, generator=generator)
    drawn = paths.gather(2, mode.expand(-1, -1, -1, 2))
    spread = root.gather(2, mode[..., None].expand(-1, -1, -1, 2, 2))
    drawn = drawn + (spread @ noise)[..., 0]
    points = torch.cat([truth[:, :, None], drawn], 2)
    density = mixture_log_density(points, paths, probabilities.log()[:, None], covariances)
    return (density[..., 1:] > density[..., :1]).float().mean(-1)


def mixture_log_density(
    points: Tensor, means: Tensor, log_probabilities: Tensor, covariances: Tensor
) -> Tensor:
    """Return the log density of points in the plane under Gaussian mixtures, (..., S).

    Args:
        points: (..., S, 2).
        means: (..., K, 2).
        log_probabilities: (..., K).
        covariances: (..., K, 2, 2).
    """
    xx, xy, yy = covariances[..., 0, 0], covariances[..., 0, 1], covariances[..., 1, 1]
    determinant = xx * yy - xy * xy
    x, y = (points[..., None, :] - means[..., None, :, :]).unbind(-1)  # (..., S, K)
    xx, xy, yy = ((part / determinant)[..., None, :] for part in (xx, xy, yy))
    distance = yy * x * x - 2 * xy * x * y + xx * y * y
    weight = log_probabilities - 0.5 * determinant.log() - math.log(2 * math.pi)
    return torch.logsumexp(weight[..., None, :] - 0.5 * distance, -1)
