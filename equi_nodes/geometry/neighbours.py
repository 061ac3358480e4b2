"""Neighbour search in fixed shapes, without data-dependent control flow, so that it exports."""

from __future__ import annotations

from typing import NamedTuple

import numba
import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import pad

NEVER = 1e6  # m^2, to what is not there
SPARE = 4  # points more than asked for, of which distances that are only about right may be wrong


class Neighbours(NamedTuple):
    """The neighbours of every agent.

    Attributes:
        index: (B, A, M) int64 into the flattened (B * A) agents.
        weight: (B, A, M) in 0..1; zero for the agent itself, for padding and beyond the radius.
    """

    index: Tensor
    weight: Tensor


def everyone(valid: Tensor) -> Neighbours:
    """Return all other agents of the scene with weight one, for (B, A) bool ``valid``."""
    scenes, agents = valid.shape
    index = torch.arange(agents, device=valid.device).expand(scenes, agents, agents)
    apart = ~torch.eye(agents, dtype=torch.bool, device=valid.device)
    return Neighbours(_flat(index, agents), valid[:, None] & apart)


def nearest(positions: Tensor, valid: Tensor, count: int, radius: float) -> Neighbours:
    """Return the ``count`` nearest agents within ``radius``, weighted so that nothing jumps.

    The weight falls smoothly to zero at the radius, and also at the distance of the first agent
    that is left out: an agent that enters or leaves the neighbourhood does so with weight zero.

    Args:
        positions: (B, A, d) metres.
        valid: (B, A) bool.
        count: neighbours kept.
        radius: metres.
    """
    agents = positions.shape[1]
    offsets = positions[:, :, None] - positions[:, None]  # (B, A, A, d)
    apart = ~torch.eye(agents, dtype=torch.bool, device=valid.device)
    seen = valid[:, None] & valid[:, :, None] & apart
    squared = torch.where(seen, offsets.square().sum(-1), 4 * radius**2)
    padding = squared.new_full((1, 1, count + 1), 4 * radius**2).expand(*squared.shape[:2], -1)
    squared, index = torch.topk(torch.cat([squared, padding], -1), count + 1, largest=False)
    reach = squared[..., -1:].clamp(max=radius**2)
    weight = (1 - squared[..., :-1] / reach.clamp(min=1e-6)).clamp(min=0).square()
    return Neighbours(_flat(index[..., :-1].clamp(max=agents - 1), agents), weight)


def gather(features: Tensor, index: Tensor) -> Tensor:
    """Return the neighbours' features: (H, B, A, ...) by (B, A, M) to (H, B, A, M, ...)."""
    return _rows(features.flatten(1, 2), index, 1)


def _flat(index: Tensor, agents: int) -> Tensor:
    first = torch.arange(index.shape[0], device=index.device) * agents
    return index + first[:, None, None]


def farthest_first(points: Tensor, mask: Tensor, count: int) -> Tensor:
    """Return ``count`` points of each cloud, each the farthest from all before it.

    The first is the farthest from the mean, so neither the order of the points nor the frame
    matters. Every point comes once, padding last. Not for export: it precedes a network.

    Args:
        points: (B, N, 3) metres.
        mask: (B, N) bool.
        count: at most N.

    Returns:
        (B, count) int64 indices.
    """
    weight = mask.to(points)[..., None]
    middle = (points * weight).sum(1, keepdim=True) / weight.sum(1, keepdim=True).clamp(min=1)
    first = (points - middle).square().sum(-1).masked_fill(~mask, -1.0).argmax(1)
    arrays = (values.detach().cpu().numpy() for values in (points, mask, first))
    return torch.from_numpy(_farthest(*arrays, count)).to(points.device)


@numba.njit(cache=True)
def _farthest(points: np.ndarray, mask: np.ndarray, first: np.ndarray, count: int) -> np.ndarray:
    """Return the indices; one step needs the one before, so only compiled code is fast."""
    clouds, size, _ = points.shape
    chosen = np.empty((clouds, count), np.int64)
    for cloud in range(clouds):
        apart = np.where(mask[cloud], np.inf, -1.0).astype(points.dtype)
        index = first[cloud]
        for number in range(count):
            chosen[cloud, number], last = index, points[cloud, index]
            apart[index] = -2.0  # less than of padding, and it stays so
            for row in range(size):
                dx = points[cloud, row, 0] - last[0]
                dy = points[cloud, row, 1] - last[1]
                dz = points[cloud, row, 2] - last[2]
                apart[row] = min(apart[row], dx * dx + dy * dy + dz * dz)
            index = apart.argmax()
    return chosen


def seeds_first(points: Tensor, mask: Tensor, count: int) -> Tensor:
    """Return the order (B, N) that puts the ``count`` farthest points first, the rest as it was."""
    seeds = farthest_first(points, mask, min(count, points.shape[1]))
    is_seed = torch.zeros_like(mask).scatter(1, seeds, True)
    rest = is_seed.to(torch.int8).argsort(dim=1, stable=True)[:, : points.shape[1] - seeds.shape[1]]
    return torch.cat([seeds, rest], 1)


class Close(NamedTuple):
    """The points closest to each of others.

    Attributes:
        index: (B, M, K) int64 into the N points of the same cloud.
        weight: (B, M, K) in 0..1, falling to zero at the first point that is left out.
        offsets: (B, M, K, 3) metres, to them.
    """

    index: Tensor
    weight: Tensor
    offsets: Tensor


def closest(centres: Tensor, points: Tensor, mask: Tensor, count: int) -> Close:
    """Return the closest points to centres; with fewer points the others have no weight.

    Args:
        centres: (B, M, 3) metres.
        points: (B, N, 3) metres.
        mask: bool, the points that count, (B, N), or for each centre its own, (B, M, N).
        count: K.
    """
    mask = mask[:, None] if mask.dim() == 2 else mask
    last, some = points.shape[1] - 1, count + 1 + SPARE
    squared = _squared(centres, pad(points, (0, 0, 0, some)), pad(mask, (0, some)))
    about, index = torch.topk(squared, some, largest=False)
    there, index = about < NEVER / 2, index.clamp(max=last)
    offsets = take(points, index) - centres[:, :, None]
    exact = torch.where(there, offsets.square().sum(-1), NEVER)
    near, order = torch.topk(exact, count + 1, largest=False)
    weight = (1 - near[..., :-1] / near[..., -1:].clamp(min=1e-9)).clamp(min=0)
    weight = weight * (near[..., :-1] < NEVER)
    order = order[..., :-1]
    spread = order[..., None].expand(*order.shape, 3)
    return Close(index.gather(-1, order), weight, offsets.gather(2, spread))


def _squared(centres: Tensor, points: Tensor, mask: Tensor) -> Tensor:
    """Return about the squared distances (B, M, N), NEVER where masked.

    One product: more is lost in rounding than by the difference of each pair, which takes several
    times as long.
    """
    far = points.square().sum(-1, keepdim=True)
    if mask.shape[1] == 1:  # the same for all centres
        far = far.masked_fill(~mask.transpose(1, 2), NEVER)
    one, ones = torch.ones_like(centres[..., :1]), torch.ones_like(far)
    from_centres = torch.cat([-2 * centres, centres.square().sum(-1, keepdim=True), one], -1)
    squared = from_centres @ torch.cat([points, ones, far], -1).transpose(1, 2)
    return squared if mask.shape[1] == 1 else squared.masked_fill(~mask, NEVER)


def mixed(features: Tensor, close: Close) -> Tensor:
    """Return the weighted means (B, M, C) of the features (B, N, C) of close points; zero of none.

    They change continuously, as the weight of whatever leaves the neighbourhood is zero.
    """
    weight = close.weight / (close.weight.sum(-1, keepdim=True) + 1e-6)
    return (take(features, close.index) * weight[..., None]).sum(2)


def first_of(values: Tensor, count: int) -> Tensor:
    """Return the values (B, N, ...) of the first ``count`` points; zero where there are fewer."""
    return pad(values, (0, 0) * (values.dim() - 2) + (0, count))[:, :count]


def take(features: Tensor, index: Tensor) -> Tensor:
    """Return the rows of each cloud's features: (B, N, C) by (B, M, K) to (B, M, K, C)."""
    return _rows(features.flatten(0, 1), _flat(index, features.shape[1]), 0)


def _rows(flat: Tensor, index: Tensor, axis: int) -> Tensor:
    return flat.index_select(axis, index.flatten()).unflatten(axis, index.shape)
