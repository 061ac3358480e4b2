"""EqMotion: equivariant multi-agent motion prediction (Xu et al., CVPR 2023), made fit for robots.

``FAITHFUL`` sets every option to the published form; the defaults are what robots need. Letters:
B scenes, A agents, M neighbours, T past steps, F future steps, K modes, C geometric channels,
D pattern width, d space. Features carry the heads first: geometric (H, B, A, d, C), pattern
(H, B, A, D), pairs (H, B, A, M, .), with H = 1 before the heads and H = K in them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.functional import silu

from equi_nodes.equivariant.invariants import SPEED_FLOOR, changes, length, turnings
from equi_nodes.equivariant.linear import ChannelLinear, HeadLinear, Mlp, PairLinear, dct_matrix
from equi_nodes.geometry.neighbours import everyone, gather, nearest

NOMINAL_STEP = 0.4  # s; velocities are in metres per this time, as in the published setting


@dataclass(frozen=True)
class Architecture:
    """Sizes and options of the network; each option says what it changes in the published form."""

    space: int = 2
    past: int = 8
    future: int = 12
    modes: int = 20
    channels: int = 32
    width: int = 64
    layers: int = 3  # before the heads
    categories: int = 4
    used_categories: int = 2  # the others mean "no interaction"
    temperature: float = 1.0  # of the categories
    anchored: bool = True  # features and futures are offsets from each agent's last position
    neighbours: int = 8  # nearest agents that can act on one, boundedly; 0: all, unboundedly
    radius: float = 6.0  # m, beyond which nobody acts on anybody
    head_interactions: bool = False  # every head aggregates messages of its own
    chiral: bool = False  # SE(2): left and right differ; otherwise E(d)
    observation_inputs: bool = True  # which steps were seen, and the time step, are inputs
    smooth_turning: bool = True  # turning fades out at rest, where an angle is ill-conditioned
    jitter_inputs: bool = True  # how much the velocity changes is an input: tells noise from motion
    max_acceleration: float = 3.0  # m/s^2, bounds the futures; 0: free
    probabilistic: bool = True  # probability of each mode and covariance of each step


FAITHFUL = Architecture(
    channels=64,
    anchored=False,
    neighbours=0,
    head_interactions=True,
    chiral=False,
    observation_inputs=False,
    smooth_turning=False,
    jitter_inputs=False,
    max_acceleration=0.0,
    probabilistic=False,
)


class Futures(NamedTuple):
    """What the network says of each agent.

    Attributes:
        paths: (B, A, K, F, d) metres, relative to the agent's last position.
        logits: (B, A, K) of the modes, or None.
        covariances: (B, A, K, F, d, d) m^2, or None.
        neighbours: (B, A, M) int64 into the flattened agents.
        interactions: (B, A, M) in 0..1, how strongly each neighbour acts.
    """

    paths: Tensor
    logits: Tensor | None
    covariances: Tensor | None
    neighbours: Tensor
    interactions: Tensor

    def distribution(self) -> tuple[Tensor, Tensor, Tensor]:
        """Return paths, probabilities and covariances; even and unit ones where there are none."""
        if self.logits is not None:
            return self.paths, self.logits.softmax(-1), self.covariances
        even = torch.full_like(self.paths[..., 0, 0], 1 / self.paths.shape[2])
        unit = torch.eye(self.paths.shape[-1], dtype=even.dtype, device=even.device)
        return self.paths, even, unit.expand(*self.paths.shape, -1)


class Observed(NamedTuple):
    """The past as invariant and equivariant inputs.

    Attributes:
        origin: (B, A, 1, d) metres, what positions are relative to.
        last: (B, A, 1, d) metres, the last position relative to the origin.
        positions, velocities: (B, A, T, d) in metres, and metres per nominal step.
        moved: (B, A, T) bool, where a velocity is known.
        speeds: (B, A, T).
        turnings: (B, A, T), twice that if chiral.
        jitter: (B, A, 2 T) or None.
        knowledge: (B, A, T + 1), which steps were seen and the log of the time step; or None.
        time_step: (B, 1, 1, 1) in nominal steps.
        valid: (B, A) bool.
    """

    origin: Tensor
    last: Tensor
    positions: Tensor
    velocities: Tensor
    moved: Tensor
    speeds: Tensor
    turnings: Tensor
    jitter: Tensor | None
    knowledge: Tensor | None
    time_step: Tensor
    valid: Tensor


class Pairs(NamedTuple):
    """Who acts on whom.

    Attributes:
        index: (B, A, M) int64 into the flattened agents.
        weight: (B, A, M, 1) in 0..1.
        offset: (1, B, A, M, d, 1) metres, own minus the neighbour's origin.
        valid: (B, A) bool.
    """

    index: Tensor
    weight: Tensor
    offset: Tensor
    valid: Tensor

    def difference(self, vectors: Tensor) -> Tensor:
        """Return own minus the neighbour's vectors, (H, B, A, M, d, C)."""
        return vectors[:, :, :, None] - gather(vectors, self.index)

    def total(self, messages: Tensor) -> Tensor:
        """Return the weighted sum of (H, B, A, M, X) over the neighbours."""
        return (self.weight * messages).sum(-2)


class EqMotion(nn.Module):
    """The method's figure from left to right: observe, initialise, reason, learn, decode."""

    def __init__(self, architecture: Architecture = Architecture()):
        super().__init__()
        self.architecture = a = architecture
        self.initialise = Initialisation(a)
        self.reason = Reasoning(a)
        self.layers = nn.ModuleList(FeatureLayer(a) for _ in range(a.layers))
        self.heads = FeatureLayer(a, a.modes, interacts=a.head_interactions, last=True)
        self.decode = Decoder(a)

    def forward(self, past: Tensor, mask: Tensor, time_step: Tensor) -> Futures:
        """Predict the futures of all agents.

        Args:
            past: (B, A, T, d) metres, the last step is the present; values at unseen steps are
                ignored. Take out a far origin in float64 before the call.
            mask: (B, A, T) bool, the steps that were seen; unseen at the last step means padding.
            time_step: (B,) seconds.
        """
        a = self.architecture
        seen = observe(a, past, mask, time_step)
        pairs = pair_up(a, seen)
        geometry, motion, pattern = self.initialise(seen)
        categories = self.reason(geometry, motion, pattern, pairs)
        for layer in self.layers:
            geometry, pattern = layer(geometry, motion, pattern, categories, pairs)
        geometry, _ = self.heads(geometry, motion, pattern, categories, pairs)
        paths, logits, covariances = self.decode(geometry, pattern, seen)
        acting = categories[0, ..., : a.used_categories].sum(-1) * pairs.weight[..., 0]
        return Futures(paths, logits, covariances, pairs.index, acting)

    def example_inputs(self, scenes: int = 2, agents: int = 5) -> tuple[Tensor, Tensor, Tensor]:
        """Return inputs of the right shapes: walkers with a few unseen steps."""
        a = self.architecture
        generator = torch.Generator().manual_seed(0)
        starts, strides = torch.randn(2, scenes, agents, 1, a.space, generator=generator)
        past = 4 * starts + 0.4 * strides * torch.arange(a.past)[:, None]
        mask = torch.rand(scenes, agents, a.past, generator=generator) > 0.1
        mask[..., -2:] = True
        return past, mask, torch.full((scenes,), NOMINAL_STEP)


def observe(a: Architecture, past: Tensor, mask: Tensor, time_step: Tensor) -> Observed:
    """Return velocities, speeds, turnings and centred positions of the past (section 3.2)."""
    step = time_step.to(past.dtype)[:, None, None, None] / NOMINAL_STEP
    valid = mask[..., -1]
    origin = past[:, :, -1:] if a.anchored else _mean(past, valid, dims=(1, 2))
    positions = torch.where(mask[..., None], past - origin, 0.0)
    scale = step if a.observation_inputs else torch.ones_like(step)
    moved = mask[..., 1:] & mask[..., :-1]
    velocities = torch.where(moved[..., None], positions.diff(dim=2), 0.0) / scale
    velocities = torch.cat([velocities[:, :, :1], velocities], 2)
    moved = torch.cat([moved[..., :1], moved], -1)
    knowledge = None
    if a.observation_inputs:
        clock = step[..., 0].log().expand(*valid.shape, 1)
        knowledge = torch.cat([mask.to(past.dtype), clock], -1)
    return Observed(
        origin.expand_as(past[:, :, :1]),
        positions[:, :, -1:],
        positions / scale if a.anchored else positions,
        velocities,
        moved,
        velocities.norm(dim=-1),
        turnings(velocities, a.smooth_turning, a.chiral),
        changes(velocities, moved) if a.jitter_inputs else None,
        knowledge,
        step,
        valid,
    )


def pair_up(a: Architecture, seen: Observed) -> Pairs:
    """Return who can act on whom."""
    if a.neighbours:
        place = (seen.origin + seen.last)[:, :, 0]
        near = nearest(place, seen.valid, a.neighbours, a.radius)
    else:
        near = everyone(seen.valid)
    place = seen.origin.mT[None]  # (1, B, A, d, 1)
    offset = place[:, :, :, None] - gather(place, near.index)
    return Pairs(near.index, near.weight[..., None].to(place.dtype), offset, seen.valid)


class Initialisation(nn.Module):
    """First geometric, velocity and pattern features (section 3.2)."""

    def __init__(self, a: Architecture):
        super().__init__()
        self.architecture = a
        self.register_buffer("dct", dct_matrix(a.past).float(), persistent=False)
        self.positions = ChannelLinear(1, a.past, a.channels, a.chiral)
        self.velocities = ChannelLinear(1, a.past, a.channels, a.chiral)
        turnings = a.past * (2 if a.smooth_turning and a.chiral else 1)
        self.speeds = HeadLinear(1, a.past, a.width // 2)
        self.turnings = HeadLinear(1, turnings, a.width - a.width // 2)
        if a.observation_inputs:
            self.knowledge = HeadLinear(1, a.past + 1, a.width, bias=False)
        if a.jitter_inputs:
            self.jitter = HeadLinear(1, 2 * a.past, a.width, bias=False)

    def forward(self, seen: Observed) -> tuple[Tensor, Tensor, Tensor]:
        """Return (geometry, motion, pattern)."""
        spectrum = (self.dct @ seen.positions).mT[None]  # (1, B, A, d, T)
        centre = centre_of(self.architecture, spectrum, seen.valid)
        geometry = self.positions(spectrum - centre) + centre
        motion = self.velocities((self.dct @ seen.velocities).mT[None])
        pattern = torch.cat(
            [self.speeds(seen.speeds[None]), self.turnings(seen.turnings[None])], -1
        )
        if seen.knowledge is not None:
            pattern = pattern + self.knowledge(seen.knowledge[None])
        if seen.jitter is not None:
            pattern = pattern + self.jitter(seen.jitter[None])
        return geometry, motion, pattern


class Reasoning(nn.Module):
    """Soft interaction category of every pair, from invariants alone (section 3.4)."""

    def __init__(self, a: Architecture):
        super().__init__()
        self.temperature = a.temperature
        self.distance = Mlp(1, 2 * a.channels, a.width, 2 * a.channels)
        self.message = PairLinear(1, a.width, 2 * a.channels, a.width)
        self.message_out = HeadLinear(1, a.width, a.width)
        self.node = Mlp(1, 2 * a.width, a.width, a.width)
        self.category = PairLinear(1, a.width, 2 * a.channels, a.width)
        self.category_out = HeadLinear(1, a.width, a.categories)

    def forward(self, geometry: Tensor, motion: Tensor, pattern: Tensor, pairs: Pairs) -> Tensor:
        """Return (1, B, A, M, categories), each row a distribution."""
        place = length(pairs.difference(geometry) + pairs.offset)
        course = length(pairs.difference(motion))
        edges = self.distance(torch.cat([place, course], -1))
        messages = silu(self.message_out(silu(self.message(pattern, edges, pairs.index))))
        nodes = self.node(torch.cat([pattern, pairs.total(messages)], -1))
        logits = silu(self.category_out(silu(self.category(nodes, edges, pairs.index))))
        return torch.softmax(logits / self.temperature, -1)


class FeatureLayer(nn.Module):
    """Equivariant geometric and invariant pattern learning (section 3.3), one set a head.

    Args:
        a: the architecture.
        heads: how many such layers stand side by side.
        interacts: agents act on each other here.
        last: nothing needs the pattern afterwards.
    """

    def __init__(self, a: Architecture, heads: int = 1, interacts: bool = True, last: bool = False):
        super().__init__()
        self.architecture = a
        c, d = a.channels, a.width
        self.attention = HeadLinear(heads, d, c)
        self.inject = ChannelLinear(heads, c, c, a.chiral)
        self.query = ChannelLinear(heads, c, c, a.chiral)
        self.key = ChannelLinear(heads, c, c, a.chiral)
        self.interacts, self.last = interacts, last
        if interacts:
            used = range(a.used_categories)
            self.edge = nn.ModuleList(PairLinear(heads, d, c, d) for _ in used)
            self.edge_out = nn.ModuleList(HeadLinear(heads, d, c) for _ in used)
            self.gain = Mlp(heads, c, c, c)
        if not last:
            self.message = PairLinear(heads, d, c, d)
            self.message_out = HeadLinear(heads, d, d)
            self.update = Mlp(heads, 2 * d, d, d, activate=False)

    def forward(
        self, geometry: Tensor, motion: Tensor, pattern: Tensor, categories: Tensor, pairs: Pairs
    ) -> tuple[Tensor, Tensor]:
        """Return the new (geometry, pattern)."""
        attended = self._attend(geometry, pattern, pairs)
        if self.interacts or not self.last:
            apart = pairs.difference(geometry) + pairs.offset  # (H, B, A, M, d, C)
            edges = length(apart)
        if self.interacts:
            attended = attended + self._aggregate(apart, edges, pattern, categories, pairs)
        geometry = self._rectify(attended + self.inject(motion), pairs)
        if not self.last:
            messages = silu(self.message_out(silu(self.message(pattern, edges, pairs.index))))
            pattern = pattern + self.update(torch.cat([pattern, pairs.total(messages)], -1))
        return geometry, pattern

    def _attend(self, geometry: Tensor, pattern: Tensor, pairs: Pairs) -> Tensor:
        """Scale each channel's offset from the centre: the inner-agent attention."""
        centre = centre_of(self.architecture, geometry, pairs.valid)
        scale = torch.sigmoid(self.attention(pattern))[..., None, :]
        return geometry + scale * (geometry - centre)

    def _aggregate(
        self, apart: Tensor, edges: Tensor, pattern: Tensor, categories: Tensor, pairs: Pairs
    ) -> Tensor:
        """Sum what the neighbours do, each along its own offset."""
        total = 0.0
        for k, (edge, edge_out) in enumerate(zip(self.edge, self.edge_out)):
            strength = silu(edge_out(silu(edge(pattern, edges, pairs.index))))
            total = total + categories[..., k : k + 1] * strength
        if self.architecture.neighbours:
            apart = apart / (1 + edges[..., None, :])
        gain = pairs.weight * self.gain(total)
        return (gain[..., None, :] * apart).sum(-3)

    def _rectify(self, geometry: Tensor, pairs: Pairs) -> Tensor:
        """Remove what points against the key: a ReLU for vectors (section 3.3)."""
        centre = centre_of(self.architecture, geometry, pairs.valid)
        query, key = self.query(geometry - centre), self.key(geometry - centre)
        against = (query * key).sum(-2, keepdim=True).clamp(max=0)
        return centre + query - against / (key.square().sum(-2, keepdim=True) + 1e-4) * key


class Decoder(nn.Module):
    """Futures from the heads' features (section 3.5), with probability and covariance."""

    def __init__(self, a: Architecture):
        super().__init__()
        self.architecture = a
        self.register_buffer("dct", dct_matrix(a.future).float(), persistent=False)
        self.output = ChannelLinear(a.modes, a.channels, a.future, a.chiral)
        if a.max_acceleration:
            self.start = HeadLinear(1, a.width, a.past + 1)
        if a.probabilistic:
            self.spread = Mlp(a.modes, a.width + a.future, a.width // 2, 1 + 2 * a.future, False)
            self.register_buffer("inflation", torch.ones(a.future))  # fitted on validation data

    def forward(
        self, geometry: Tensor, pattern: Tensor, seen: Observed
    ) -> tuple[Tensor, Tensor | None, Tensor | None]:
        """Return paths (B, A, K, F, d), logits (B, A, K) and covariances (B, A, K, F, d, d)."""
        centre = centre_of(self.architecture, geometry, seen.valid)
        futures = (self.output(geometry - centre) + centre) @ self.dct  # (K, B, A, d, F)
        if not self.architecture.max_acceleration:
            paths = futures - seen.last.mT
            velocities = torch.cat([paths[..., :1], paths.diff(dim=-1)], -1) / seen.time_step
        else:
            velocities = self._start(pattern, seen) + self._limit(futures, seen)
            paths = velocities.cumsum(-1) * seen.time_step
        paths = paths.permute(1, 2, 0, 4, 3)
        if not self.architecture.probabilistic:
            return paths, None, None
        return paths, *self._distribute(velocities.detach(), pattern, seen)

    def _start(self, pattern: Tensor, seen: Observed) -> Tensor:
        """Return the present velocity, a convex mean of those seen and of rest, (1, B, A, d, 1)."""
        logits = self.start(pattern)
        known = torch.cat([seen.moved, torch.ones_like(seen.moved[..., :1])], -1)
        share = torch.softmax(logits.masked_fill(~known, -1e4), -1)[..., :-1]
        return (share[..., None, :] @ seen.velocities[None]).mT

    def _limit(self, change: Tensor, seen: Observed) -> Tensor:
        """Bound the change of velocity since now by the greatest acceleration times the time."""
        steps = torch.arange(1, self.architecture.future + 1, device=change.device)
        bound = self.architecture.max_acceleration * NOMINAL_STEP**2 * steps * seen.time_step
        return change * bound / (bound.square() + length(change).square()[..., None, :]).sqrt()

    def _distribute(
        self, velocities: Tensor, pattern: Tensor, seen: Observed
    ) -> tuple[Tensor, Tensor]:
        """Return mode logits, and covariances aligned with the motion, round at rest."""
        a = self.architecture
        speeds = length(velocities)
        inputs = torch.cat([pattern.expand(a.modes, -1, -1, -1), speeds], -1)
        logits, *logs = self.spread(inputs).split((1, a.future, a.future), -1)
        steps = torch.arange(1, a.future + 1, device=speeds.device)
        usual = self.inflation * (0.05 + 0.25 * NOMINAL_STEP * steps * seen.time_step[..., 0])  # m
        along, across = ((usual * torch.exp(3 * torch.tanh(log / 3))).square() for log in logs)
        heading = velocities / (speeds.square() + SPEED_FLOOR**2).sqrt()[..., None, :]
        heading = heading.mT[..., None]  # (K, B, A, F, d, 1)
        unit = torch.eye(a.space, dtype=speeds.dtype, device=speeds.device)
        covariances = across[..., None, None] * unit
        covariances = covariances + (along - across)[..., None, None] * heading * heading.mT
        return logits[..., 0].permute(1, 2, 0), covariances.permute(1, 2, 0, 3, 4, 5)


def centre_of(a: Architecture, geometry: Tensor, valid: Tensor) -> Tensor | float:
    """Return what channels are offsets from: the scene's mean (H, B, 1, d, 1), or the anchor."""
    if a.anchored:
        return 0.0
    return _mean(geometry.transpose(2, 3), valid[:, None], dims=(3, 4)).transpose(2, 3)


def _mean(values: Tensor, valid: Tensor, dims: tuple[int, int]) -> Tensor:
    """Return the mean over the agents that are valid (first of ``dims``) and the second of them."""
    weight = valid[..., None].to(values.dtype)
    while weight.dim() < values.dim():
        weight = weight[..., None] if dims == (1, 2) else weight[None]
    total = (values * weight).sum(dims, keepdim=True)
    count = weight.sum(dims[0], keepdim=True).clamp(min=1) * values.shape[dims[1]]
    return total / count
