"""A look at one figure: where each of its points lies on the figure at rest.

That says more than a label: it is learned from every point, not from those at borders alone.
Letters: B clouds, N points, M tokens, R guesses, W width.
"""

from __future__ import annotations

from contextlib import nullcontext

import torch
from torch import Tensor, nn

from equi_nodes.equivariant.attention import Block
from equi_nodes.geometry.neighbours import Close, first_of, mixed, take
from equi_nodes.models.apen_layers import Architecture, Features, mean_of
from equi_nodes.models.apen_look import NEARBY, Around, Looked, largest

LAYERS = 2  # of attention, between guesses
WAVES = (1.0, 2.0, 4.0)  # rad a length
PLACE = 3 * (1 + 2 * len(WAVES))  # numbers that say where a point is


class Figure(nn.Module):
    """Labels by where points are in the frame of their cell, and where they seem to lie at rest.

    Of the other cells a point knows a mean of numbers that no motion of a part changes.
    """

    def __init__(self, a: Architecture, scale: float):
        super().__init__()
        self.scale, self.known = scale, a.width
        self.enter = nn.Linear(2 * PLACE, a.width)
        self.see = Tokens(a)
        self.label = _layers(2 * a.width + PLACE, 2 * a.width, a.labels)
        self.aim = nn.Linear(a.width, 3 * 2)
        nn.init.zeros_(self.aim.weight)  # at first a look leaves frames as they are

    def forward(
        self,
        _: Features | None,
        offsets: Tensor,
        frames: Tensor,
        mask: Tensor,
        around: tuple[Around, ...],
        before: Tensor | None = None,
    ) -> Looked:
        """Look as ``apen_pieces.Pieces`` does; what the cells gave is not asked for.

        The look before may tell where it guessed that points lie at rest, (B, N, 3) metres.
        """
        own = (offsets[..., None, :] @ frames).squeeze(-2) / self.scale
        place = waves(own)
        guessed = None if before is None else before / self.scale
        told = torch.zeros_like(place) if guessed is None else waves(guessed)
        with _fast_matrices() if self.training else nullcontext():
            points = self.enter(torch.cat([place, told], -1)).to(own)
            known, rest = self.see(points, own, frames / self.scale, around[0], guessed)
            whole = mean_of(known, mask)[:, None].expand_as(known)
            logits = self.label(torch.cat([known, whole, place], -1))
            aims = self.aim(known)
        known, logits, aims = (found.to(own) for found in (known, logits, aims))
        axes = frames[..., ::2] + frames @ aims.unflatten(-1, (3, 2))
        return Looked(known, logits, axes, rest * self.scale)


class Tokens(nn.Module):
    """Tokens attend to each other, guess where they lie at rest, and tell the points."""

    def __init__(self, a: Architecture):
        super().__init__()
        self.shape = _layers(3 + 3, a.width // 2, a.width)
        self.enter = nn.Sequential(nn.LayerNorm(a.width), nn.Linear(a.width, a.width))
        self.guesses = nn.ModuleList(Guess(a) for _ in range(a.blocks // LAYERS))
        self.tell = nn.Linear(a.width, a.width)
        self.apart = nn.Linear(3, a.width, bias=False)
        self.correct = nn.Sequential(nn.LayerNorm(a.width), _layers(a.width, a.width, 3))
        self.leave = _layers(a.width + PLACE, a.width, a.width)

    def forward(
        self, points: Tensor, own: Tensor, frames: Tensor, around: Around, guessed: Tensor | None
    ) -> tuple[Tensor, Tensor]:
        """Look at points, of which (B, N, W) is known, at places (B, N, 3).

        Args:
            points: what is known of them.
            own: their places, in lengths.
            frames: (B, N, 3, 3), which turn metres into lengths, too.
            around: what is close.
            guessed: where they seemed to lie at rest before, in lengths.

        Returns:
            what is known of them then, and where they lie at rest, (R, B, N, 3), better each time.
        """
        count = around.below.index.shape[1]
        offsets = around.below.offsets @ first_of(frames, count)
        apart = torch.cat([offsets, _apart(guessed, offsets, around.below)], -1)
        seen = largest(self.shape(NEARBY * apart), around.below)
        tokens = first_of(points, count) + self.enter(seen)
        rest = []
        for guess in self.guesses:
            tokens, maps = guess(tokens, around.apart)
            rest.append(_mapped(maps, first_of(own, count), own, around.above))
        points = self._told(tokens, own, around.above)
        rest.append(rest[-1] + self.correct(points))
        return self.leave(torch.cat([points, waves(rest[-1])], -1)), torch.stack(rest)

    def _told(self, tokens: Tensor, own: Tensor, above: Close) -> Tensor:
        """Return to each point the largest that close tokens say, by where it is beside them.

        How far it is from a token is linear in where both are, and that of the point is the same
        for all tokens: so it is added to the largest, in full precision as they nearly cancel.
        """
        weights = NEARBY * self.apart.weight.T
        place = sum(own[..., axis, None] * row for axis, row in enumerate(weights))
        said = self.tell(tokens) - first_of(place, tokens.shape[1])
        return largest(take(said, above.index), above) + place


class Guess(nn.Module):
    """Layers of attention, and where tokens and what is close to them seem to lie at rest."""

    def __init__(self, a: Architecture):
        super().__init__()
        self.blocks = nn.ModuleList(Block(a.width, a.heads) for _ in range(LAYERS))
        self.map = nn.Linear(a.width, 3 + 3 * 3)
        self.again = nn.Linear(PLACE, a.width)

    def forward(self, tokens: Tensor, apart: Tensor) -> tuple[Tensor, Tensor]:
        """Map tokens (B, M, W) to the same; also return their place at rest and a matrix, flat."""
        for block in self.blocks:
            tokens = block(tokens, apart)
        maps = self.map(tokens)
        return tokens + self.again(waves(maps[..., :3])), maps


def _mapped(maps: Tensor, middles: Tensor, own: Tensor, above: Close) -> Tensor:
    """Return where points at ``own`` (B, N, 3) lie by the mean of the maps of close tokens.

    Args:
        maps: (B, M, 12), where the token is mapped to, and the matrix that maps what is around it.
        middles: (B, M, 3), where the tokens are.
        own: (B, N, 3).
        above: the tokens close to each point.
    """
    place, matrix = maps.split((3, 9), -1)
    shift = place - _times(matrix, middles)
    shift, matrix = mixed(torch.cat([shift, matrix], -1), above).split((3, 9), -1)
    return shift + _times(matrix, own)


def waves(places: Tensor) -> Tensor:
    """Return places (..., 3) with their sines and cosines, (..., PLACE): small steps are seen."""
    phases = (places[..., None] * places.new_tensor(WAVES)).flatten(-2)
    return torch.cat([places, phases.sin(), phases.cos()], -1)


def _apart(guessed: Tensor | None, offsets: Tensor, close: Close) -> Tensor:
    """Return how far apart close points lie at rest, if they do as guessed; (B, M, K, 3).

    Beside how far apart they are it says where a guess stretches the skin.
    """
    if guessed is None:
        return torch.zeros_like(offsets)
    return take(guessed, close.index) - first_of(guessed, close.index.shape[1])[:, :, None]


def _fast_matrices() -> torch.autocast:
    """Return a context where matrices have 16 bits, if the processor multiplies those faster."""
    is_faster = torch.cpu.get_capabilities().get("avx512_bf16", False)
    return torch.autocast("cpu", torch.bfloat16, enabled=is_faster)


def _times(matrix: Tensor, vectors: Tensor) -> Tensor:
    """Return the products of flat matrices (..., 9) with vectors (..., 3)."""
    return (matrix.unflatten(-1, (3, 3)) * vectors[..., None, :]).sum(-1)


def _layers(inputs: int, width: int, outputs: int) -> nn.Sequential:
    return nn.Sequential(nn.Linear(inputs, width), nn.ReLU(), nn.Linear(width, outputs))
