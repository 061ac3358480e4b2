"""What is told of fitted bodies: where they are, how sure that is, whose each point is."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from scipy.spatial import cKDTree
from torch import Tensor

from equi_nodes.body.model import SHAPES, Body
from equi_nodes.body.skeleton import JOINTS, to_local
from equi_nodes.fitting.evidence import (
    Evidence,
    evidence,
    joint_covariances,
    seen_parts,
    shape_sigmas,
    turn_sigmas,
)  # fmt: skip
from equi_nodes.fitting.joint_angles import joint_angles
from equi_nodes.fitting.refine import Crop, Fit
from equi_nodes.fitting.temporal import Look
from equi_nodes.pipelines.person_crops import Person, instances_of
from equi_nodes.samples import BodySample, CloudSample

PARTS = len(JOINTS)
OUTSIDE = PARTS  # the label of points that are of no person
ENOUGH = 4.0  # points on a part, from which it counts as seen
NEAR = 0.06  # m from the surface, up to which a point is labelled by it


@dataclass(frozen=True, eq=False)
class Bodies:
    """Fitted bodies, each in a frame of the cloud's axes around the middle of its points.

    Attributes:
        middles: (B, 3) float64 metres, where those frames are in the cloud's.
        labels: (B, N, 23) probabilities of the parts, the last of what is of no person.
        crop: what was fitted to.
        is_point: (B, N) bool, False for padding.
        fit: the bodies.
        start_sigmas: (B, 22) metres, how far the network thinks its own joints may be off.
        certainty: (B,) 0..1, how sure the network is how the parts are turned, in the mean.
    """

    middles: np.ndarray
    labels: Tensor
    crop: Crop
    is_point: Tensor
    fit: Fit
    start_sigmas: Tensor
    certainty: Tensor

    @cached_property
    def evidence(self) -> Evidence:
        """Return what speaks for them."""
        return evidence(self.crop, self.fit, self.is_point)

    @cached_property
    def joint_covariances(self) -> Tensor:
        """Return (B, 22, 3, 3) m^2 of the joints' positions."""
        return joint_covariances(self.fit, self.is_point, self.start_sigmas)

    @property
    def looks(self) -> list[Look]:
        """Return what this cloud alone says of each of them."""
        fit = self.fit
        places = self.middles + fit.pose.translation.double().numpy()
        sigmas = self.joint_covariances[:, 0].diagonal(dim1=-2, dim2=-1).mean(-1).sqrt()
        parts = (fit.pose.rotations, turn_sigmas(fit), places, sigmas, fit.pose.betas)
        columns = [np.asarray(part, np.float64) for part in (*parts, shape_sigmas(fit))]
        return [Look(*values) for values in zip(*columns, strict=True)]


def no_bodies(
    cloud: CloudSample, body: Body, rejected: dict[int, str], notes: tuple[str, ...]
) -> BodySample:
    """Return what is told where nobody was fitted."""
    nobody = np.zeros(0)
    points = len(cloud.points)
    return BodySample(
        stamp_ns=cloud.stamp_ns,
        frame_id=cloud.frame_id,
        ids=np.zeros(0, np.int64),
        accepted=np.zeros(0, bool),
        reasons=(),
        rotations=np.zeros((0, PARTS, 3, 3)),
        local_rotations=np.zeros((0, PARTS, 3, 3)),
        rotation_sigmas=np.zeros((0, PARTS)),
        joints=np.zeros((0, PARTS, 3)),
        joint_covariances=np.zeros((0, PARTS, 3, 3)),
        angles={},
        shapes=np.zeros((0, SHAPES)),
        part_confidences=np.zeros((0, PARTS)),
        residuals=nobody,
        coverages=nobody,
        counts=np.zeros(0, np.int64),
        vertices=np.zeros((0, len(body.template), 3), np.float32),
        faces=body.faces.numpy(),
        points=cloud.points,
        instances=instances_of(cloud),
        parts=np.full(points, OUTSIDE, np.uint8),
        confidences=np.zeros(points, np.float32),
        rejected=rejected,
        notes=notes,
    )


def told(
    cloud: CloudSample,
    people: list[Person],
    bodies: Bodies,
    looks: list[Look],
    reasons: tuple[str, ...],
    body: Body,
) -> dict[str, object]:
    """Return the fields of a ``BodySample`` that tell of bodies, as they are believed."""
    rotations = np.array([look.rotations for look in looks])
    shapes = np.array([look.shape for look in looks])
    local_place = np.array([look.place for look in looks]) - bodies.middles
    turns, betas, places = (_like(body, part) for part in (rotations, shapes, local_place))
    posed, middles = body.pose(turns, betas, places), bodies.middles[:, None]
    found, parts = bodies.evidence, _labels(cloud, people, bodies, body)
    return {
        "ids": np.array([one.number for one in people], np.int64),
        "accepted": np.array([not reason for reason in reasons], bool),
        "reasons": reasons,
        "rotations": rotations,
        "local_rotations": to_local(torch.from_numpy(rotations)).numpy(),
        "rotation_sigmas": np.array([look.rotation_sigmas for look in looks]),
        "joints": posed.joints.double().numpy() + middles,
        "joint_covariances": bodies.joint_covariances.double().numpy(),
        "angles": joint_angles(rotations),
        "shapes": shapes,
        "part_confidences": _part_confidences(bodies, body),
        "residuals": found.residual.double().numpy(),
        "coverages": found.coverage.double().numpy(),
        "counts": np.array([len(one.rows) for one in people], np.int64),
        "vertices": (posed.vertices.double().numpy() + middles).astype(np.float32),
        "parts": parts[0],
        "confidences": parts[1],
    }


def _part_confidences(bodies: Bodies, body: Body) -> np.ndarray:
    """Return (B, 22) how far points are on each part, and how sure its turn is."""
    seen = seen_parts(bodies.fit, bodies.crop, body.vertex_part)
    return ((1 - torch.exp(-seen / ENOUGH)) / (1 + turn_sigmas(bodies.fit))).double().numpy()


def _labels(
    cloud: CloudSample, people: list[Person], bodies: Bodies, body: Body
) -> tuple[np.ndarray, np.ndarray]:
    """Return part (N,) and confidence (N,) of all points: of the body that they lie on."""
    parts = np.full(len(cloud.points), OUTSIDE, np.uint8)
    confidences = np.zeros(len(cloud.points), np.float32)
    on_body = bodies.fit.distances.abs() < NEAR
    of_body = torch.where(on_body, body.vertex_part[bodies.fit.matches], OUTSIDE)
    sure = torch.gather(bodies.labels, 2, of_body[..., None])[..., 0]
    for row, one in enumerate(people):
        used = cloud.points[one.rows[one.chosen]]
        same = cKDTree(used).query(cloud.points[one.rows])[1]
        parts[one.rows] = of_body[row].numpy()[same]
        confidences[one.rows] = sure[row].numpy()[same]
    return parts, confidences


def _like(body: Body, values: np.ndarray) -> Tensor:
    return torch.from_numpy(values).to(body.template)
