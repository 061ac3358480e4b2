"""People's poses and shapes from points at any orientation, after Feng et al. (ArtEq, ICCV 2023).

In two steps, both exact for the 60 rotations of the icosahedron. Attention over the group votes
for the rotation of each part, from orbit kernels and a point network that all frames share. The
cloud is then put into the voted frame of the pelvis, where nothing changes when the person is
turned, and a small transformer tells parts, rest coordinates, and the rotations once more, finer.
Letters: B people, N points, M tokens (the first points, which are far apart), K neighbours.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.functional import relu

from equi_nodes.equivariant.attention import NOWHERE, Block
from equi_nodes.equivariant.icosahedral import (
    SIZE,
    GroupConvolution,
    OrbitConvolution,
    in_frames,
    to_matrices,
)
from equi_nodes.geometry.neighbours import Close, closest, mixed
from equi_nodes.geometry.projection import closest_rotation


@dataclass(frozen=True)
class Architecture:
    """Sizes of the network.

    Attributes:
        tokens: points that look around themselves; the first ones, so put far ones there.
        passes: how often the body is looked at, each time in the frame found before.
        worth: of how many independent points a part's points are worth, at most.
    """

    parts: int = 22
    betas: int = 10
    tokens: int = 64
    neighbours: int = 16
    radius: float = 0.35
    kernels: int = 16
    frame_width: int = 48
    width: int = 96
    heads: int = 4
    layers: int = 4
    passes: int = 2
    worth: float = 0.5


class Estimate(NamedTuple):
    """What the network says of people, in the order of its outputs.

    Attributes:
        parts: (B, N, 23) logits of each point's part, the last of being of no person.
        rest: (B, N, 3) metres, the point of the mean body at rest that each point is.
        confidence: (B, N) log of the inverse variance of that, 1/m^2.
        rotations: (B, 22, 3, 3) global part rotations.
        betas: (B, 10) shape.
        translation: (B, 3) metres, the pelvis.
        log_sigma: (B, 22, 2) logs of rad and of metres, how far each part may be off.
        certainty: (B, 22) how clearly the votes for a rotation agree.
    """

    parts: Tensor
    rest: Tensor
    confidence: Tensor
    rotations: Tensor
    betas: Tensor
    translation: Tensor
    log_sigma: Tensor
    certainty: Tensor


class Seen(NamedTuple):
    """What is seen of a body in a frame; the first three and ``betas`` as in ``Estimate``.

    Attributes:
        turns: (B, 22, 3, 3) mean part rotations in the frame; shorter where they are not sure.
        joints: (B, 22, 3) metres, in the frame, from the middle of the points.
    """

    parts: Tensor
    rest: Tensor
    confidence: Tensor
    turns: Tensor
    joints: Tensor
    log_sigma: Tensor
    betas: Tensor


def seen_from(points: Tensor, parts: Tensor, betas: Tensor) -> Seen:
    """Return as what is seen the outputs (B, N, 27) of points and (B, 22, 14) of parts."""
    turns = parts[..., :9].unflatten(-1, (3, 3)) + torch.eye(3).to(parts)
    return Seen(
        points[..., :-4], points[..., -4:-1], 3 + 3 * points[..., -1], turns, parts[..., 9:12],
        parts[..., 12:] - 1, betas,
    )  # fmt: skip


def told(seen: Seen, middle: Tensor, turns: Tensor | None = None) -> Estimate:
    """Return an estimate from what is seen around a middle (B, 3), in the frame it is seen in.

    Args:
        seen: of the bodies.
        middle: metres, of the points.
        turns: (B, 22, 3, 3) that take the place of those seen; multiples of rotations, about.
    """
    certainty = (seen.turns.square().sum((-2, -1)) / 3).sqrt()
    rotations = closest_rotation(seen.turns if turns is None else turns)
    return Estimate(
        seen.parts, seen.rest, seen.confidence, rotations, seen.betas,
        middle + seen.joints[:, 0], seen.log_sigma, certainty,
    )  # fmt: skip


def centred(points: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
    """Return points (B, N, 3) around their middle, zero where there are none; and it (B, 3)."""
    there = mask.to(points)[..., None]
    middle = (points * there).sum(1) / there.sum(1).clamp(min=1)
    return (points - middle[:, None]) * there, middle


class Cloud(NamedTuple):
    """Points around their middle, (B, N, 3), a mask, and each token's neighbours."""

    points: Tensor
    mask: Tensor
    around: Close

    def every_second(self) -> Cloud:
        """Return the cloud of every second person."""
        around = Close(*(part[::2] for part in self.around))
        return Cloud(self.points[::2], self.mask[::2], around)


class ArtEq(nn.Module):
    """Find the frame of the body, then look at the body in it.

    Args:
        architecture: sizes.
        rest_to_tpose: (22, 3, 3) rotation of each part from the rest pose to a T-pose; it is kept
            with the weights.
    """

    def __init__(
        self, architecture: Architecture = Architecture(), rest_to_tpose: Tensor | None = None
    ):
        super().__init__()
        self.architecture = a = architecture
        self.group_votes = GroupVotes(a)
        self.body = BodyInFrame(a)
        turns = torch.eye(3).repeat(a.parts, 1, 1) if rest_to_tpose is None else rest_to_tpose
        self.register_buffer("rest_to_tpose", turns.clone())

    def forward(self, points: Tensor, mask: Tensor) -> Estimate:
        """Return poses and shapes.

        Args:
            points: (B, N, 3) metres, N at least ``tokens``, farthest first.
            mask: (B, N) bool.
        """
        cloud, middle = self.prepare(points, mask)
        frame = closest_rotation(self.vote(cloud)[:, 0])
        seen = self.look(cloud, frame)
        for _ in range(self.architecture.passes - 1):
            frame = frame @ closest_rotation(seen.turns[:, 0])
            seen = self.look(cloud, frame)
        return self.conclude(cloud, middle, frame, seen)

    def prepare(self, points: Tensor, mask: Tensor) -> tuple[Cloud, Tensor]:
        """Return the cloud around its middle, and the middle (B, 3)."""
        points, middle = centred(points, mask)
        a = self.architecture
        around = closest(points[:, : a.tokens], points, mask, a.neighbours)
        return Cloud(points, mask, around), middle

    def vote(self, cloud: Cloud) -> Tensor:
        """Return the mean rotation of each part, (B, 22, 3, 3), by votes over the group."""
        return to_matrices(self.group_votes(cloud))

    def look(self, cloud: Cloud, frame: Tensor) -> Seen:
        """Return what is seen of the cloud in frames (B, 3, 3)."""
        inside = cloud._replace(
            points=cloud.points @ frame,
            around=cloud.around._replace(offsets=cloud.around.offsets @ frame[:, None]),
        )
        return self.body(inside)

    def conclude(self, cloud: Cloud, middle: Tensor, frame: Tensor, seen: Seen) -> Estimate:
        """Return the estimate in the frame of the points, votes and points brought together."""
        prior = 0.5 * (-2 * seen.log_sigma[..., :1, None]).exp() * seen.turns
        said = told(seen, middle, prior + self._alignment(cloud, frame, seen))
        place = middle + (frame @ (said.translation - middle)[..., None])[..., 0]
        return said._replace(rotations=frame[:, None] @ said.rotations, translation=place)

    def _alignment(self, cloud: Cloud, frame: Tensor, seen: Seen) -> Tensor:
        """Return (B, 22, 3, 3) how each part's points lie to where they are at rest, over 1/m^2.

        The closest rotation to it is the best fit in the least squares; a multiple of it may be
        added to a prior.
        """
        labels = seen.parts.softmax(-1)[..., :-1] * cloud.mask.to(frame)[..., None]
        points = cloud.points @ frame
        weight = labels * seen.confidence.exp()[..., None]
        total = weight.sum(1)
        share = (weight / (total[:, None] + 1e-6)).transpose(1, 2)  # (B, 22, N)
        here, there = share @ points, share @ seen.rest
        products = (points[..., None] * seen.rest[..., None, :]).flatten(2)
        spread = (share @ products).unflatten(-1, (3, 3)) - here[..., None] * there[..., None, :]
        count = labels.sum(1)
        worth = total / (count + 1e-6) * count.clamp(max=self.architecture.worth)
        return worth[..., None, None] * spread @ self.rest_to_tpose.transpose(-1, -2)

    def example_inputs(self, people: int = 2, points: int = 120) -> tuple[Tensor, Tensor]:
        """Return points and a mask of the right shapes."""
        draw = torch.Generator().manual_seed(0)
        cloud = 0.4 * torch.randn(people, points, 3, generator=draw)
        return cloud, torch.arange(points).expand(people, -1) < points - 5


class GroupVotes(nn.Module):
    """Votes of the 60 group elements for the rotation of each part."""

    def __init__(self, a: Architecture):
        super().__init__()
        width, self.tokens = a.frame_width, a.tokens
        self.kernels = OrbitConvolution(1, a.kernels, a.radius)
        self.point = nn.Sequential(
            nn.Linear(a.kernels + 3, width), nn.ReLU(), nn.Linear(width, width), nn.ReLU()
        )
        self.beside = GroupConvolution(2 * width, width)
        self.attend = Block(width, a.heads)
        self.vote = nn.Sequential(nn.LayerNorm(width), nn.Linear(width, a.parts))

    def forward(self, cloud: Cloud) -> Tensor:
        """Return (B, 22, 60)."""
        around, tokens = cloud.around, cloud.points[:, : self.tokens]
        ones = around.offsets.new_ones(1, 1, 1, SIZE, 1).expand(*around.weight.shape, -1, -1)
        local = relu(self.kernels(around.offsets, around.weight, ones))
        features = self.point(torch.cat([in_frames(tokens), local], -1))
        there = cloud.mask[:, : self.tokens].to(features)[..., None, None]
        mean = (features * there).sum(1) / there.sum(1).clamp(min=1)
        largest = (features * there).amax(1)  # features are not negative
        found = relu(self.beside(torch.cat([mean, largest], -1)))
        return self.vote(self.attend(found)).transpose(1, 2)


class BodyInFrame(nn.Module):
    """A transformer over tokens and one query a part, that sees a body about upright."""

    def __init__(self, a: Architecture):
        super().__init__()
        self.tokens, width = a.tokens, a.width
        self.local = nn.Sequential(
            nn.Linear(6, width // 2), nn.ReLU(), nn.Linear(width // 2, width)
        )
        self.queries = nn.Parameter(0.5 * torch.randn(a.parts + 1, width))
        self.blocks = nn.ModuleList(Block(width, a.heads) for _ in range(a.layers))
        self.norm = nn.LayerNorm(width)
        self.of_token = nn.Linear(width, width)
        self.of_point = nn.Linear(3, width)
        self.point = nn.Sequential(
            nn.ReLU(), nn.Linear(width, width), nn.ReLU(), nn.Linear(width, a.parts + 5)
        )
        self.part = nn.Linear(width, 14)  # a matrix, a joint, two spreads
        self.betas = nn.Linear(width, a.betas)

    def forward(self, cloud: Cloud) -> Seen:
        """Return what is seen."""
        features = self._tokens(cloud)
        there = cloud.mask[:, : self.tokens]
        is_query = there.new_ones(1, 1).expand(there.shape[0], self.queries.shape[0])
        missing = NOWHERE * (~torch.cat([there, is_query], 1)).to(features)[:, None, None]
        queries = self.queries.expand(features.shape[0], -1, -1)
        features = torch.cat([features, queries], 1)
        for block in self.blocks:
            features = block(features, missing)
        features = self.norm(features)
        points = self._points(cloud, self.of_token(features[:, : self.tokens]))
        queries = features[:, self.tokens :]
        parts = self.part(queries[:, :-1])
        return seen_from(points, parts, self.betas(queries[:, -1]))

    def _tokens(self, cloud: Cloud) -> Tensor:
        around = cloud.around
        middles = cloud.points[:, : self.tokens, None].expand_as(around.offsets)
        features = self.local(torch.cat([5 * around.offsets, middles], -1))
        is_close = around.weight[..., None] > 0
        return features.masked_fill(~is_close, -10.0).amax(2)

    def _points(self, cloud: Cloud, tokens: Tensor) -> Tensor:
        """Return (B, N, parts + 5) of features of the tokens (B, M, C)."""
        first, there = cloud.points[:, : self.tokens], cloud.mask[:, : self.tokens]
        heard = mixed(tokens, closest(cloud.points, first, there, 4))
        return self.point(heard + self.of_point(cloud.points))
