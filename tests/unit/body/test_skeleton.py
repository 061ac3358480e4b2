"""The tree of joints."""

from __future__ import annotations

import torch

from equi_nodes.body.skeleton import JOINTS, PARENTS, chain, joint, to_global, to_local
from equi_nodes.geometry.rotations import exp_so3


def random_rotations(count: int, dtype: torch.dtype = torch.float64) -> torch.Tensor:
    vectors = torch.randn(count, 22, 3, generator=torch.Generator().manual_seed(count))
    return torch.from_numpy(exp_so3(vectors.numpy())).to(dtype)


def test_parents_come_before_their_children():
    assert len(JOINTS) == len(PARENTS) == len(set(JOINTS)) == 22
    assert PARENTS[0] == -1
    assert all(0 <= parent < index for index, parent in enumerate(PARENTS) if index)


def test_every_way_leads_to_the_root_along_the_parents():
    ways = chain().bool()
    hand = [JOINTS[i] for i in torch.flatten(ways[joint("left_wrist")].nonzero())]
    assert hand == [
        "spine1", "spine2", "spine3", "left_collar", "left_shoulder", "left_elbow", "left_wrist",
    ]  # fmt: skip


def test_local_rotations_of_a_stiff_body_are_the_identity_but_of_the_root():
    turn = random_rotations(3)[:, :1].expand(-1, 22, -1, -1)
    local = to_local(turn)
    assert torch.allclose(local[:, 0], turn[:, 0])
    assert torch.allclose(local[:, 1:], torch.eye(3, dtype=local.dtype).expand(3, 21, 3, 3))


def test_global_rotations_of_local_ones_are_those_they_came_of():
    rotations = random_rotations(4)
    assert torch.allclose(to_global(to_local(rotations)), rotations, atol=1e-12)
