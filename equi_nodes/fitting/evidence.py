"""What speaks for a person where a body was fitted, and how well its parts are known."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from equi_nodes.body.surface import face_normals
from equi_nodes.fitting.levers import PARTS, SHAPE, TURNS, rows
from equi_nodes.fitting.refine import Crop, Fit

NEAR = 0.05  # m from the surface, up to which a point is explained by it
BESIDE = 0.08  # m along the surface from the next vertex, the same
COVER = 0.12  # m around a point, the surface that it covers
ONE_SIDED = 0.3  # length of the mean normal where the points are, above which one side was seen
# How well joints are known, chosen together on people of the training split that no weights were
# learned from, so that 90 % ellipsoids hold about 90 % of the joints in all three views.
MODEL_SIGMA = 0.006  # m, of joints on a body that is not this person's own
LEAST_NOISE = 0.004  # m, of points across the surface
TOGETHER = 2.0  # the points' variance counts so often: neighbours err together
KEPT_DOUBT = 0.4  # share of the start's doubt that is left after the refinement
TO_SIGMA = 1.25  # from a mean distance to a standard deviation


class Evidence(NamedTuple):
    """How well bodies explain points.

    Attributes:
        residual: (B,) metres, mean distance of the points across the surface, the worst tenth left
            out.
        explained: (B,) 0..1, share of all points that lie on the body.
        coverage: (B,) 0..1, share of the surface on the side of the points that points lie on.
        off_shape: (B,) how many standard deviations the shape is from the mean, per coefficient.
    """

    residual: Tensor
    explained: Tensor
    coverage: Tensor
    off_shape: Tensor


def evidence(crop: Crop, fit: Fit, is_point: Tensor) -> Evidence:
    """Return what speaks for bodies.

    Args:
        crop: the points, weighed by how likely they are of the person.
        fit: the bodies on them.
        is_point: (B, N) bool, False for padding.
    """
    vertices, normals = fit.posed.vertices, fit.posed.normals
    offsets = crop.points - rows(vertices, fit.matches)
    beside = (offsets.square().sum(-1) - fit.distances.square()).clamp(min=0).sqrt()
    explained = (fit.distances.abs() < NEAR) & (beside < BESIDE) & is_point
    return Evidence(
        residual(fit, is_point),
        explained.sum(1) / is_point.sum(1).clamp(min=1),
        _coverage(fit, crop.points, vertices, normals, explained),
        fit.pose.betas.square().mean(1).sqrt(),
    )


def residual(fit: Fit, is_point: Tensor) -> Tensor:
    """Return (B,) metres, the mean distance of the points from the surface, the best 90 % of them.

    Args:
        fit: of the bodies.
        is_point: (B, N) bool, False for padding.
    """
    count = is_point.sum(1).clamp(min=1)
    ordered = torch.where(is_point, fit.distances.abs(), torch.inf).sort(1).values
    rank = torch.arange(ordered.shape[1]).to(ordered) + 1
    kept = rank <= torch.ceil(0.9 * count)[:, None]
    return torch.where(kept, ordered, 0).sum(1) / kept.sum(1)


def joint_covariances(fit: Fit, is_point: Tensor, start_sigmas: Tensor) -> Tensor:
    """Return (B, 22, 3, 3) m^2 of the joints' positions, in the axes of the frame.

    The points count with the noise that they show, not with the one that the refinement assumed.
    What they say holds if they are matched to the right part of the surface; where the start was
    in doubt they may not be.

    Args:
        fit: of the bodies.
        is_point: (B, N) bool, False for padding.
        start_sigmas: (B, 22) metres, how far each joint may have been off before.
    """
    motion = fit.posed.joint_motion()
    of_points = motion @ fit.covariance[:, None] @ motion.transpose(-1, -2)
    of_points = 0.5 * (of_points + of_points.transpose(-1, -2))  # symmetric to the last bit
    noise = (TO_SIGMA * residual(fit, is_point)).square() + LEAST_NOISE**2
    beside = MODEL_SIGMA**2 + (KEPT_DOUBT * start_sigmas).square()
    seen = (TOGETHER * noise / fit.variance)[:, None, None, None] * of_points
    return seen + beside[..., None, None] * torch.eye(3).to(motion)


def turn_sigmas(fit: Fit) -> Tensor:
    """Return (B, 22) rad, standard deviation of each part's turn about the axis known worst."""
    turns = fit.covariance[:, TURNS, TURNS].unflatten(1, (PARTS, 3)).unflatten(3, (PARTS, 3))
    own = turns.diagonal(dim1=1, dim2=3).permute(0, 3, 1, 2)
    return torch.linalg.eigvalsh(own)[..., -1].clamp(min=0).sqrt()


def shape_sigmas(fit: Fit) -> Tensor:
    """Return (B, 10) standard deviations of the shape's coefficients."""
    return fit.covariance[:, SHAPE, SHAPE].diagonal(dim1=1, dim2=2).clamp(min=1e-9).sqrt()


def seen_parts(fit: Fit, crop: Crop, vertex_part: Tensor) -> Tensor:
    """Return (B, 22) the number of points on each part, by how near to it they are."""
    close = crop.weights * torch.exp(-((fit.distances / NEAR) ** 2))
    counts = torch.zeros(len(close), PARTS).to(close)
    return counts.scatter_add_(1, vertex_part[fit.matches], close)


def _coverage(
    fit: Fit, points: Tensor, vertices: Tensor, normals: Tensor, explained: Tensor
) -> Tensor:
    """Return the covered share of the surface that is turned to where the points were seen from.

    Nobody says where the sensor was: points that lie on one side of the body tell.
    """
    mean = (rows(normals, fit.matches) * explained[..., None]).sum(1)
    mean = mean / explained.sum(1, keepdim=True).clamp(min=1)
    one_sided = torch.linalg.vector_norm(mean, dim=-1) > ONE_SIDED
    facing = (normals @ mean[..., None])[..., 0] > ONE_SIDED**2
    areas = _areas(fit, vertices) * (facing | ~one_sided[:, None])
    far = torch.where(explained, 0.0, 1e3)[:, None]
    is_covered = (torch.cdist(vertices, points) + far).amin(-1) < COVER
    return (areas * is_covered).sum(1) / areas.sum(1).clamp(min=1e-9)


def _areas(fit: Fit, vertices: Tensor) -> Tensor:
    """Return (B, V) the area around each vertex, up to a common factor."""
    faces = fit.posed.body.faces
    of_faces = torch.linalg.vector_norm(face_normals(vertices, faces), dim=-1)
    areas = torch.zeros(vertices.shape[:2]).to(vertices)
    for corner in range(3):
        areas.index_add_(1, faces[:, corner], of_faces)
    return areas
