"""What all looks at cells in their frames share: what they go by, and what they tell.

The first points are tokens, the first of these coarser tokens. Letters: B clouds, N points, M
tokens, R guesses.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from equi_nodes.equivariant.attention import NOWHERE
from equi_nodes.equivariant.partition import Cells
from equi_nodes.geometry.neighbours import Close, closest, first_of
from equi_nodes.models.apen_layers import Architecture

NEARBY = 4.0  # offsets to neighbours count so many times as much as those from the middle
NOTHING = -10.0  # of what is not there, before a maximum


class Looked(NamedTuple):
    """What a look tells of points.

    Attributes:
        known: (B, N, F) numbers that no motion of a cell changes.
        logits: (B, N, labels), likewise.
        axes: (B, N, 3, 2) where forward and up of their cell point after all.
        rest: (R, B, N, 3) metres, where they lie on the figure at rest, better each time; a look
            at pieces makes no such guess.
    """

    known: Tensor
    logits: Tensor
    axes: Tensor
    rest: Tensor


class Around(NamedTuple):
    """What lies close in the same cell, for the tokens of one level.

    Where there is too little the closest stands in, without weight, which changes no maximum.

    Attributes:
        below: to each token, points of the level below.
        beside: to each token, tokens; a look at figures does not ask.
        above: to each point of the level below, tokens.
        apart: (B, 1, M, M) logits, large and negative to tokens of other cells and padding.
    """

    below: Close
    beside: Close | None
    above: Close
    apart: Tensor


def largest(seen: Tensor, close: Close) -> Tensor:
    """Return the largest (B, M, C) of what is seen (B, M, K, C) of close points by ``Around``."""
    return seen.amax(2).masked_fill(close.weight[..., :1] == 0, NOTHING)


def look_around(points: Tensor, cells: Cells, mask: Tensor, a: Architecture) -> tuple[Around, ...]:
    """Return what lies close in the same cell; the first points are tokens, so many at each level.

    Args:
        points: (B, N, 3) metres.
        cells: the partition.
        mask: (B, N) bool, the points that are there.
        a: says how many tokens, ever fewer; with fewer points the others are not there. Those of a
            figure are not asked what is beside them.
    """
    levels, index = [], cells.index
    for count in a.tokens:
        first, own, there = (first_of(part, count) for part in (points, index, mask))
        same = _together(cells, own, own, there)
        levels.append(
            Around(
                _close(first, points, _together(cells, own, index, mask), a.around),
                None if a.figure else _close(first, first, same, a.around),
                _close(points, first, _together(cells, index, own, there), a.heard),
                NOWHERE * (~same).to(points)[:, None],
            )
        )
        points, index, mask = first, own, there
    return tuple(levels)


def _close(centres: Tensor, points: Tensor, mask: Tensor, count: int) -> Close:
    index, weight, offsets = closest(centres, points, mask, count)
    is_none = weight == 0
    return Close(
        torch.where(is_none, index[..., :1], index),
        weight,
        torch.where(is_none[..., None], offsets[..., :1, :], offsets),
    )


def _together(cells: Cells, one: Tensor, other: Tensor, there: Tensor) -> Tensor:
    """Return (B, A, C) which of the cells ``one`` (B, A) and ``other`` (B, C) are the same."""
    if cells.member.shape[-1] == 1:
        return there[:, None]
    return (one[..., None] == other[:, None]) & there[:, None]
