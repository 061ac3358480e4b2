"""A body whose skin follows 22 joints: rest shapes from coefficients, posed by rotations.

Metres and REP-103 axes: x forward, y left, z up. The shipped body comes from open geometry, see
``weights/body.LICENSES.md``; any file of the same arrays can take its place.
"""

from __future__ import annotations

import zipfile
from dataclasses import dataclass, fields, replace
from functools import cached_property, lru_cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from equi_nodes.body.skeleton import JOINTS, PARENT_OR_SELF, PARENTS, chain
from equi_nodes.errors import EquiError

SHIPPED = Path(__file__).resolve().parents[1] / "weights" / "body.npz"
SHAPES = 10  # coefficients


class Posed(NamedTuple):
    """Bodies in a pose: vertices (B, V, 3) and joints (B, 22, 3), metres."""

    vertices: Tensor
    joints: Tensor


@dataclass(frozen=True, eq=False)
class Body:
    """A linear-blend-skinned body.

    Attributes:
        template: (V, 3) rest vertices of the mean shape, metres.
        shape_dirs: (V, 3, 10) displacement of them per unit of each shape coefficient.
        joint_template, joint_shape_dirs: the same of the joints, (22, 3) and (22, 3, 10).
        faces: (F, 3) int64 triangles, counter-clockwise from outside.
        skin_indices, skin_weights: (V, 4) int64 joints that carry a vertex, and how much of it.
        vertex_part: (V,) int64, the joint that carries most of a vertex: its part label.
        rest_to_tpose: (22, 3, 3) global rotation of each part from the rest pose to a T-pose.
        betas: (1000, 10) shapes of a population; unit variance a column, not Gaussian.
        ages: (1000,) years of each of them.
    """

    template: Tensor
    shape_dirs: Tensor
    joint_template: Tensor
    joint_shape_dirs: Tensor
    faces: Tensor
    skin_indices: Tensor
    skin_weights: Tensor
    vertex_part: Tensor
    rest_to_tpose: Tensor
    betas: Tensor
    ages: Tensor

    parents = PARENTS

    def to(self, target: torch.device | torch.dtype | str) -> Body:
        """Return the body on another device, or with its real numbers in another precision."""
        moved = {field.name: getattr(self, field.name) for field in fields(self)}
        if isinstance(target, torch.dtype):
            moved = {name: t for name, t in moved.items() if t.is_floating_point()}
        return replace(self, **{name: tensor.to(target) for name, tensor in moved.items()})

    @cached_property
    def skin(self) -> Tensor:
        """The weights as a matrix (V, 22)."""
        joints = torch.zeros(len(self.template), len(JOINTS)).to(self.skin_weights)
        return joints.scatter_add_(1, self.skin_indices, self.skin_weights)

    @cached_property
    def chain(self) -> Tensor:
        """The tree as a matrix (22, 22), see ``skeleton.chain``."""
        return chain().to(self.template)

    def rest(self, betas: Tensor) -> tuple[Tensor, Tensor]:
        """Return rest vertices (B, V, 3) and joints (B, 22, 3) of shapes (B, 10), metres."""
        vertices = self.template + torch.einsum("vck,bk->bvc", self.shape_dirs, betas)
        joints = self.joint_template + torch.einsum("jck,bk->bjc", self.joint_shape_dirs, betas)
        return vertices, joints

    def pose(self, rotations: Tensor, betas: Tensor, translation: Tensor) -> Posed:
        """Pose bodies; differentiable in everything.

        Args:
            rotations: (B, 22, 3, 3) global rotation of each part; identity is the T-pose.
            betas: (B, 10) shape coefficients.
            translation: (B, 3) metres, where the pelvis joint is.

        Returns:
            Vertices and joints in the frame that the rotations and the translation are of.
        """
        vertices, rest_joints = self.rest(betas)
        turns = rotations @ self.rest_to_tpose
        joints = self.place_joints(turns, rest_joints, translation)
        shifts = joints - (turns @ rest_joints[..., None])[..., 0]
        affine = torch.cat([turns, shifts[..., None]], -1).flatten(2)
        blended = (self.skin @ affine).unflatten(-1, (3, 4))
        skinned = (blended[..., :3] @ vertices[..., None])[..., 0] + blended[..., 3]
        return Posed(skinned, joints)

    def place_joints(self, turns: Tensor, rest_joints: Tensor, translation: Tensor) -> Tensor:
        """Return joints (B, 22, 3) of turns (B, 22, 3, 3) from rest, without posing the skin."""
        parent = list(PARENT_OR_SELF)
        bones = rest_joints - rest_joints[:, parent]
        turned = (turns[:, parent] @ bones[..., None])[..., 0]
        return self.chain @ turned + translation[:, None]


@lru_cache(maxsize=4)
def load_body(path: str | Path = "") -> Body:
    """Read a body: the shipped one, or an ``.npz`` with the same arrays. Read once a path.

    A model that one holds a licence for can be plugged in so: write its template, shape directions,
    joints, triangles, four weights a vertex and the rotations to its T-pose under the names that
    ``ARRAYS`` lists. Its own 10 shape coefficients are then what all the rest speaks of.

    Raises:
        EquiError: no such file, not an archive, or an array is missing or of a wrong shape.
    """
    path = Path(path or SHIPPED)
    try:
        with np.load(path, allow_pickle=False) as archive:
            arrays = {name: archive[key] for name, key in ARRAYS.items() if key in archive.files}
    except FileNotFoundError:
        raise EquiError(f"There is no body {path}; check the path.") from None
    except (OSError, ValueError, AttributeError, zipfile.BadZipFile):
        raise EquiError(
            f"{path} is no body; give an .npz as `equi_nodes.body.bake` makes."
        ) from None
    _check(path, arrays)
    return Body(**{name: _tensor(values) for name, values in arrays.items()})


ARRAYS = {  # field: its name in the archive
    "template": "v_template",
    "shape_dirs": "shape_dirs",
    "joint_template": "j_template",
    "joint_shape_dirs": "j_shape_dirs",
    "faces": "faces",
    "skin_indices": "skin_indices",
    "skin_weights": "skin_weights",
    "vertex_part": "vertex_part",
    "rest_to_tpose": "rest_to_tpose",
    "betas": "beta_samples",
    "ages": "age_years",
}


def _check(path: Path, arrays: dict[str, np.ndarray]) -> None:
    missing = [key for name, key in ARRAYS.items() if name not in arrays]
    if missing:
        raise EquiError(f"The body {path} lacks {', '.join(missing)}; bake it again.")
    vertices, joints, samples = len(arrays["template"]), len(JOINTS), len(arrays["betas"])
    wanted = {
        "template": (vertices, 3), "shape_dirs": (vertices, 3, SHAPES),
        "joint_template": (joints, 3), "joint_shape_dirs": (joints, 3, SHAPES),
        "faces": (len(arrays["faces"]), 3), "skin_indices": (vertices, 4),
        "skin_weights": (vertices, 4), "vertex_part": (vertices,),
        "rest_to_tpose": (joints, 3, 3), "betas": (samples, SHAPES), "ages": (samples,),
    }  # fmt: skip
    for name, shape in wanted.items():
        if arrays[name].shape != shape:
            raise EquiError(
                f"{ARRAYS[name]} of the body {path} has shape {arrays[name].shape}; it must be"
                f" {shape}."
            )
    for name, limit in (("faces", vertices), ("skin_indices", joints), ("vertex_part", joints)):
        if arrays[name].size and not 0 <= arrays[name].min() <= arrays[name].max() < limit:
            raise EquiError(f"{ARRAYS[name]} of the body {path} must lie in 0..{limit - 1}.")
    if not all(np.isfinite(values).all() for values in arrays.values()):
        raise EquiError(f"The body {path} holds numbers that are not finite; bake it again.")


def _tensor(values: np.ndarray) -> Tensor:
    return torch.from_numpy(
        values.astype(np.float32 if np.issubdtype(values.dtype, np.floating) else np.int64)
    )
