"""Moving, turning and shaping bodies until their surface lies on points: damped Gauss-Newton."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from equi_nodes.body.model import Body
from equi_nodes.body.skeleton import PARENTS
from equi_nodes.fitting.levers import PARTS, SHAPE, SHIFT, TURNS, Pose, PosedBody, rows
from equi_nodes.geometry.rotations import exp_so3, log_so3

Pull = tuple[Tensor, Tensor, Tensor]  # motions (B, K, 79), residuals (B, K), weights (B, K)


@dataclass(frozen=True)
class Settings:
    """How points pull at a body.

    Attributes:
        iterations: of Gauss-Newton; points are matched anew in each.
        reach: (first, last) metres, robust scale of a point's distance; it shrinks in between.
        sigma: metres, of a point across the surface.
        slide: share of the pull across the surface with which points also pull along it.
        part_penalty: m^2 a unit of -log probability that keeps points to their own part.
        bend_sigma: rad, how far a part may turn against its parent from where it started.
        turn_sigma: rad, how far a part may turn in the world, if the start does not say.
        hint_sigma: metres, of the start's places on the body for single points.
        shared: how many points err together: their number counts divided by it.
        damping: added to every unknown's information, per unit of its own.
    """

    iterations: int = 5
    reach: tuple[float, float] = (0.15, 0.03)
    sigma: float = 0.01
    slide: float = 0.1
    part_penalty: float = 0.003
    bend_sigma: float = 0.3
    turn_sigma: float = 0.6
    hint_sigma: float = 0.06
    shared: float = 4.0
    damping: float = 0.02

    def variance(self, reach: float) -> float:
        """Return m^2 of a point across the surface, at some reach."""
        return self.sigma**2 + (reach / 3) ** 2


class Crop(NamedTuple):
    """Points of persons, padded to the same number.

    Attributes:
        points: (B, N, 3) metres.
        weights: (B, N) 0..1, zero for padding and for what is not of the person.
        parts: (B, N, 22) probabilities of the parts.
        rest: (B, N, 3) metres, where each point would be on the mean body at rest; None if unknown.
        rest_sigma: (B, N) metres, of that.
    """

    points: Tensor
    weights: Tensor
    parts: Tensor
    rest: Tensor | None = None
    rest_sigma: Tensor | None = None


class Fit(NamedTuple):
    """Bodies on points.

    Attributes:
        pose: where they are.
        posed: the bodies there.
        matches: (B, N) int64 vertex next to each point.
        distances: (B, N) signed metres of each point from the surface there, positive outside.
        information: (B, 79, 79) of the unknowns of ``levers``.
        variance: m^2 of a point across the surface, that the information assumes.
    """

    pose: Pose
    posed: PosedBody
    matches: Tensor
    distances: Tensor
    information: Tensor
    variance: float

    @property
    def covariance(self) -> Tensor:
        """Return (B, 79, 79) of the unknowns of ``levers``."""
        return torch.linalg.inv(self.information)


def refine(
    body: Body, crop: Crop, start: Pose, turn_sigma: Tensor, settings: Settings = Settings()
) -> Fit:
    """Bring bodies from a start to the points.

    It turns with the world: no step of it depends on the axes of the frame.

    Args:
        body: in the precision of all else, best float64.
        crop: the points.
        start: where the bodies are about.
        turn_sigma: (B, 22) rad, how well the start knows the turn of each part.
        settings: see there.
    """
    hints = (
        None
        if crop.rest is None
        else _nearest(crop.rest, body.template[None], crop, body, settings.part_penalty)
    )
    first, last = settings.reach
    pose = start
    for number in range(settings.iterations):
        share = number / max(settings.iterations - 1, 1)
        reach = first * (last / first) ** share
        step = _Step(body, crop, pose, hints, reach, settings)
        matrix, gradient = step.normal_equations()
        add_priors(matrix, gradient, start, pose, turn_sigma, settings)
        damped = matrix + torch.diag_embed(settings.damping * matrix.diagonal(dim1=1, dim2=2))
        pose = moved(pose, torch.linalg.solve(damped, gradient))
    step = _Step(body, crop, pose, None, last, settings)
    matrix, gradient = step.normal_equations()
    add_priors(matrix, gradient, start, pose, turn_sigma, settings)
    return Fit(pose, step.posed, step.matches, step.distances, matrix, settings.variance(last))


def moved(pose: Pose, change: Tensor) -> Pose:
    """Return a pose after a change (B, 79) of its unknowns."""
    turns = torch.from_numpy(exp_so3(change[:, TURNS].unflatten(1, (PARTS, 3)).numpy()))
    return Pose(
        turns.to(pose.rotations) @ pose.rotations,
        pose.betas + change[:, SHAPE],
        pose.translation + change[:, SHIFT],
    )


def add_priors(
    matrix: Tensor, gradient: Tensor, start: Pose, pose: Pose, turn_sigma: Tensor,
    settings: Settings,
) -> None:  # fmt: skip
    """Add what is known without points, in place: turns near the start, shapes of a population.

    Parts stay near the start in the world and against their parents, so that a limb without
    points follows the body that it hangs on.
    """
    turned = log_so3((pose.rotations @ start.rotations.transpose(-1, -2)).numpy())
    turned = torch.from_numpy(turned).to(matrix)
    weights = torch.diag_embed(1 / turn_sigma.square())
    for child, parent in enumerate(PARENTS[1:], 1):
        stiffness = 1 / settings.bend_sigma**2
        weights[:, [child, parent], [child, parent]] += stiffness
        weights[:, [child, parent], [parent, child]] -= stiffness
    three = torch.eye(3).to(matrix)
    matrix[:, TURNS, TURNS] += torch.einsum("bij,cd->bicjd", weights, three).reshape(
        len(matrix), 3 * PARTS, 3 * PARTS
    )
    gradient[:, TURNS] -= (weights @ turned).flatten(1)
    matrix[:, SHAPE, SHAPE] += torch.eye(pose.betas.shape[1]).to(matrix)
    gradient[:, SHAPE] -= pose.betas


class _Step:
    """One linearisation: the bodies as posed, and what the points pull at."""

    def __init__(
        self, body: Body, crop: Crop, pose: Pose, hints: Tensor | None, reach: float,
        settings: Settings,
    ):  # fmt: skip
        self.crop, self.hints, self.reach, self.settings = crop, hints, reach, settings
        self.posed = PosedBody(body, pose)
        vertices, normals = self.posed.vertices, self.posed.normals
        self.matches = _nearest(crop.points, vertices, crop, body, settings.part_penalty)
        self.normals = rows(normals, self.matches)
        self.offsets = crop.points - rows(vertices, self.matches)
        self.distances = (self.offsets * self.normals).sum(-1)

    def normal_equations(self) -> tuple[Tensor, Tensor]:
        """Return information (B, 79, 79) and gradient (B, 79) of all points."""
        pulls = self._pulls_of_surface()
        if self.hints is not None:
            pulls.append(self._pull_of_hints())
        equations = [_normal(*pull) for pull in pulls]
        return sum(matrix for matrix, _ in equations), sum(gradient for _, gradient in equations)

    def _pulls_of_surface(self) -> list[Pull]:
        """Return how points pull across the surface next to them, and weakly along it."""
        settings = self.settings
        robust = (1 + self.offsets.square().sum(-1) / self.reach**2).square()
        spread = robust * settings.variance(self.reach) * settings.shared
        weights = self.crop.weights / spread
        motion = self.posed.vertex_motion(self.matches)
        across = (self.normals[..., None, :] @ motion)[..., 0, :]
        along = _to_places(motion, self.offsets, settings.slide * weights)
        return [(across, self.distances, weights), along]

    def _pull_of_hints(self) -> Pull:
        """Return how points pull at the places of the body that the start takes them for."""
        settings, crop = self.settings, self.crop
        offsets = crop.points - rows(self.posed.vertices, self.hints)
        variance = settings.hint_sigma**2 + crop.rest_sigma.square()
        robust = (1 + offsets.square().sum(-1) / (4 * variance)).square()
        weights = crop.weights / (robust * variance * settings.shared)
        return _to_places(self.posed.vertex_motion(self.hints), offsets, weights)


def _nearest(points: Tensor, vertices: Tensor, crop: Crop, body: Body, penalty: float) -> Tensor:
    """Return (B, N) the vertex nearest to each point, of a part that the point may be of."""
    unlikely = -torch.log(crop.parts.clamp(min=1e-3)) * penalty
    here = torch.cat([-2 * points, unlikely], -1)
    of_part = torch.nn.functional.one_hot(body.vertex_part, PARTS).to(points)
    there = torch.cat([vertices, of_part.expand(len(vertices), -1, -1)], -1)
    costs = vertices.square().sum(-1)[:, None] + here @ there.transpose(1, 2)
    return costs.argmin(-1)


def _to_places(motion: Tensor, offsets: Tensor, weights: Tensor) -> Pull:
    """Return a pull in all three directions from motions (B, N, 3, 79) and offsets (B, N, 3)."""
    thrice = weights[..., None].expand(-1, -1, 3)
    return motion.flatten(1, 2), offsets.flatten(1), thrice.flatten(1)


def _normal(motion: Tensor, residuals: Tensor, weights: Tensor) -> tuple[Tensor, Tensor]:
    """Return M' W M (B, 79, 79) and M' W residuals (B, 79) of motions M (B, K, 79)."""
    weighted = (motion * weights[..., None]).transpose(1, 2)
    return weighted @ motion, (weighted @ residuals[..., None])[..., 0]
