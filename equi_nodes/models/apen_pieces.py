"""A look at what has many pieces: tokens at several levels, each looking at what is close.

The coarsest attend to each other, and what they made out is told down to the points. All see one
cell at a time, so that cells may move on their own. Letters: B clouds, N points, M tokens.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from equi_nodes.equivariant.attention import Block
from equi_nodes.equivariant.invariants import length
from equi_nodes.geometry.neighbours import Close, first_of, mixed, take
from equi_nodes.models.apen_layers import Architecture, Features, mean_of
from equi_nodes.models.apen_look import NEARBY, Around, Looked, largest


class Pieces(nn.Module):
    """Features that are equivariant cell by cell, of a look at each cell in its frame, and labels.

    Of the other cells a point knows a mean of numbers that no motion of a part changes.
    """

    def __init__(self, a: Architecture, scale: float):
        super().__init__()
        self.scale = scale
        self.outputs = a.scalars, 3 * a.vectors
        self.enter = nn.Linear(sum(self.outputs) + 3, a.width)
        self.level = Level(a, scale / NEARBY)
        self.leave = nn.Sequential(
            nn.LayerNorm(2 * a.width),
            nn.Linear(2 * a.width, a.width),
            nn.ReLU(),
            nn.Linear(a.width, sum(self.outputs)),
        )
        self.aim = nn.Linear(a.vectors, 2, bias=False)
        self.known = a.scalars + a.vectors
        self.label = nn.Sequential(
            nn.Linear(self.known, self.known), nn.SiLU(), nn.Linear(self.known, a.labels)
        )

    def forward(
        self,
        features: Features,
        offsets: Tensor,
        frames: Tensor,
        mask: Tensor,
        around: tuple[Around, ...],
        _: Tensor | None = None,
    ) -> Looked:
        """Look at points at offsets (B, N, 3) from the middle of their cell in frames (B, N, 3, 3).

        Args:
            features: that the cells gave.
            offsets: metres.
            frames: of each point's cell, axes in columns.
            mask: (B, N) bool, the points that are there.
            around: what is close to each other.
        """
        vectors = torch.cat([features.vectors, offsets[..., None] / self.scale], -1)
        seen = (frames.transpose(-1, -2) @ vectors).flatten(2)
        points = self.enter(torch.cat([features.scalars, seen], -1))
        points = self.level(points, frames, around)
        whole = mean_of(points, mask)[:, None].expand_as(points)
        scalars, vectors = self.leave(torch.cat([points, whole], -1)).split(self.outputs, -1)
        features = features.plus(scalars, frames @ vectors.unflatten(-1, (3, -1)))
        known = torch.cat([features.scalars, length(features.vectors)], -1)
        axes = frames[..., ::2] + self.aim(features.vectors)
        return Looked(known, self.label(known), axes, offsets.new_zeros(0, *offsets.shape))


class Level(nn.Module):
    """Tokens look at the points below and at each other, go on to coarser ones, and tell points."""

    def __init__(self, a: Architecture, scale: float, depth: int = 0):
        super().__init__()
        self.depth, is_last = depth, depth + 1 == len(a.tokens)
        self.below, self.beside = Nearby(a.width, scale), Nearby(a.width, 2 * scale)
        self.coarser = Attending(a) if is_last else Level(a, 2 * scale, depth + 1)
        self.again = Nearby(a.width, 2 * scale)
        self.tell = nn.Sequential(
            nn.LayerNorm(2 * a.width),
            nn.Linear(2 * a.width, a.width),
            nn.ReLU(),
            nn.Linear(a.width, a.width),
        )

    def forward(self, points: Tensor, frames: Tensor, around: tuple[Around, ...]) -> Tensor:
        """Map what is known of points (B, N, width), in frames (B, N, 3, 3), to more of it."""
        close = around[self.depth]
        count = close.below.index.shape[1]
        tokens, frames = first_of(points, count), first_of(frames, count)
        tokens = self.below(tokens, points, close.below, frames)
        tokens = self.beside(tokens, tokens, close.beside, frames)
        tokens = self.coarser(tokens, frames, around)
        tokens = self.again(tokens, tokens, close.beside, frames)
        return points + self.tell(torch.cat([points, mixed(tokens, close.above)], -1))


class Attending(nn.Module):
    """The coarsest tokens attend to those of their own cell."""

    def __init__(self, a: Architecture):
        super().__init__()
        self.blocks = nn.ModuleList(Block(a.width, a.heads) for _ in range(a.blocks))

    def forward(self, tokens: Tensor, _: Tensor, around: tuple[Around, ...]) -> Tensor:
        """Map (B, M, width) to the same."""
        for block in self.blocks:
            tokens = block(tokens, around[-1].apart)
        return tokens


class Nearby(nn.Module):
    """What tokens see close to them, each in its frame, added to what they are."""

    def __init__(self, width: int, scale: float):
        super().__init__()
        self.scale = scale
        self.norm, self.beyond = nn.LayerNorm(width), nn.LayerNorm(width)
        self.own = nn.Linear(width, width, bias=False)
        self.other = nn.Linear(width, width)
        self.apart = nn.Linear(3, width, bias=False)
        self.answer = nn.Sequential(nn.ReLU(), nn.Linear(width, width))

    def forward(self, tokens: Tensor, others: Tensor, close: Close, frames: Tensor) -> Tensor:
        """Map tokens (B, M, width) that look at some others (B, N, width) to the same."""
        seen = take(self.other(self.beyond(others)), close.index)
        seen = seen + self.apart(close.offsets @ frames / self.scale)
        return tokens + self.answer(largest(seen, close) + self.own(self.norm(tokens)))
