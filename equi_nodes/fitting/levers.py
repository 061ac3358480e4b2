"""How points of a posed body move when its parts turn, its shape changes and it is shifted."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from equi_nodes.body.model import SHAPES, Body
from equi_nodes.body.skeleton import JOINTS, PARENT_OR_SELF
from equi_nodes.body.surface import face_normals

PARTS = len(JOINTS)
TURNS, SHIFT, SHAPE = slice(0, 3 * PARTS), slice(3 * PARTS, 3 * PARTS + 3), slice(-SHAPES, None)
UNKNOWNS = 3 * PARTS + 3 + SHAPES  # turns of the parts about the frame's axes, shift, shape


class Pose(NamedTuple):
    """Where bodies are: the arguments of ``Body.pose``."""

    rotations: Tensor
    betas: Tensor
    translation: Tensor


class PosedBody:
    """Bodies in a pose, ready to be asked how they would move.

    Attributes:
        vertices, normals: (B, V, 3) metres, and unit vectors outwards.
        joints: (B, 22, 3) metres.
    """

    def __init__(self, body: Body, pose: Pose):
        self.body, self.pose = body, pose
        self.vertices, self.joints = body.pose(*pose)
        self._rest, self._rest_joints = body.rest(pose.betas)
        self._turns = pose.rotations @ body.rest_to_tpose
        parent = list(PARENT_OR_SELF)
        self._bones = _turned(
            self._turns[:, parent], self._rest_joints - self._rest_joints[:, parent]
        )

    @property
    def normals(self) -> Tensor:
        """Return the unit normals (B, V, 3) of the vertices, outwards."""
        faces = self.body.faces
        of_faces = face_normals(self.vertices, faces)
        summed = torch.zeros_like(self.vertices)
        for corner in range(3):
            summed.index_add_(1, faces[:, corner], of_faces)
        return torch.nn.functional.normalize(summed, dim=-1)

    def vertex_motion(self, index: Tensor) -> Tensor:
        """Return d(vertex)/d(unknowns) (B, N, 3, 79) of the vertices (B, N)."""
        body, weights = self.body, self.body.skin[index]
        rest = rows(self._rest, index)
        arms = _lever(self._turns, rest[:, :, None] - self._rest_joints[:, None])
        levers = weights[..., None] * arms + self._chain_levers(weights @ body.chain)
        blended = (weights @ self._turns.flatten(2)).unflatten(-1, (3, 3))
        shape = blended @ body.shape_dirs[index]
        shape = shape + (weights @ self._shape_of_parts().flatten(2)).unflatten(-1, (3, SHAPES))
        return _motion(levers, shape)

    def joint_motion(self) -> Tensor:
        """Return d(joint)/d(unknowns) (B, 22, 3, 79)."""
        ways = self.body.chain.expand(len(self.joints), -1, -1)
        return _motion(self._chain_levers(ways), self._shape_of_joints())

    def _chain_levers(self, ways: Tensor) -> Tensor:
        """Return the levers (B, N, 22, 3) of the bones that carry N points, (B, N, 22) of each."""
        owners = self.body.chain.new_zeros(PARTS, PARTS)
        owners[range(1, PARTS), list(PARENT_OR_SELF[1:])] = 1.0
        carried = owners[:, :, None] * self._bones[:, :, None]
        return (ways @ carried.flatten(2)).unflatten(-1, (PARTS, 3))

    def _shape_of_joints(self) -> Tensor:
        """Return d(joint)/d(shape) (B, 22, 3, 10)."""
        directions = self.body.joint_shape_dirs
        parent = list(PARENT_OR_SELF)
        bones = self._turns[:, parent] @ (directions - directions[parent])
        return (self.body.chain @ bones.flatten(2)).unflatten(-1, (3, SHAPES))

    def _shape_of_parts(self) -> Tensor:
        """Return how much the frame of each part is shifted a unit of shape, (B, 22, 3, 10)."""
        return self._shape_of_joints() - self._turns @ self.body.joint_shape_dirs


def rows(values: Tensor, index: Tensor) -> Tensor:
    """Return the rows (B, N, C) of values (B, V, C) that an index (B, N) names."""
    return torch.gather(values, 1, index[..., None].expand(-1, -1, values.shape[-1]))


def _turned(turns: Tensor, vectors: Tensor) -> Tensor:
    return (turns @ vectors[..., None])[..., 0]


def _lever(turns: Tensor, vectors: Tensor) -> Tensor:
    """Return each part's turn (B, 22, 3, 3) of its vectors (B, N, 22, 3)."""
    return torch.einsum("bjcd,bnjd->bnjc", turns, vectors)


def _motion(levers: Tensor, shape: Tensor) -> Tensor:
    """Return motions (B, N, 3, 79): a turn moves the end of its lever across, a shift moves all."""
    x, y, z = levers.unbind(-1)
    zero = torch.zeros_like(x)
    across = torch.stack([zero, z, -y, -z, zero, x, y, -x, zero], -1)  # d x lever, by d
    across = across.unflatten(-1, (3, 3)).transpose(2, 3).flatten(3)
    same = torch.eye(3).to(levers).expand(*levers.shape[:2], 3, 3)
    return torch.cat([across, same, shape], -1)
