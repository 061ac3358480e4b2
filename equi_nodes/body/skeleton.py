"""The common 22-joint tree of a human body, and rotations along it."""

from __future__ import annotations

import torch
from torch import Tensor

JOINTS: tuple[str, ...] = (
    "pelvis", "left_hip", "right_hip", "spine1", "left_knee", "right_knee", "spine2",
    "left_ankle", "right_ankle", "spine3", "left_foot", "right_foot", "neck", "left_collar",
    "right_collar", "head", "left_shoulder", "right_shoulder", "left_elbow", "right_elbow",
    "left_wrist", "right_wrist",
)  # fmt: skip
PARENTS: tuple[int, ...] = (
    -1, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 9, 9, 12, 13, 14, 16, 17, 18, 19,
)  # fmt: skip
# The root is its own parent where a parent is only looked up.
PARENT_OR_SELF: tuple[int, ...] = (0, *PARENTS[1:])


def joint(name: str) -> int:
    """Return the index of a joint; the part of the same index is the limb that starts there."""
    return JOINTS.index(name)


def chain() -> Tensor:
    """Return (22, 22) float32: 1 where the column's joint lies on the way from root to the row's.

    A joint is on its own way, the root on nobody's but its own: the product with the bones,
    (22, 3) vectors from parent to joint, gives where the joints are relative to the root.
    """
    ways = torch.eye(len(PARENTS))
    for index, parent in enumerate(PARENTS[1:], 1):
        ways[index] += ways[parent]
    ways[1:, 0] = 0.0
    return ways


def to_local(rotations: Tensor) -> Tensor:
    """Return each part's rotation relative to its parent's.

    Args:
        rotations: (B, 22, 3, 3) of the parts, global; identity is the T-pose.

    Returns:
        (B, 22, 3, 3); the root keeps its global rotation.
    """
    parents = rotations[:, list(PARENTS[1:])]
    local = parents.transpose(-1, -2) @ rotations[:, 1:]
    return torch.cat([rotations[:, :1], local], 1)


def to_global(rotations: Tensor) -> Tensor:
    """Return the global rotations (B, 22, 3, 3) of rotations relative to the parents."""
    turned = [rotations[:, 0]]
    for index, parent in enumerate(PARENTS[1:], 1):
        turned.append(turned[parent] @ rotations[:, index])
    return torch.stack(turned, 1)
