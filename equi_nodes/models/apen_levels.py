"""A look at what has many pieces: tokens at several levels, each looking at what is close.

Letters: B clouds, N points, M tokens.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from equi_nodes.equivariant.attention import Block
from equi_nodes.geometry.neighbours import Close, first_of, mixed, take
from equi_nodes.models.apen_around import NEARBY, Around, largest
from equi_nodes.models.apen_layers import Architecture


class Pieces(nn.Module):
    """Points at all levels; where pieces lie at rest they do not guess."""

    def __init__(self, a: Architecture, scale: float):
        super().__init__()
        self.level = Level(a, scale / NEARBY)

    def forward(
        self, points: Tensor, own: Tensor, frames: Tensor, around: tuple[Around, ...]
    ) -> tuple[Tensor, Tensor]:
        """Look as ``apen_figure.Figure`` does, of no guesses."""
        return self.level(points, frames, around), own.new_zeros(0, *own.shape)


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
