"""The second look: people of whom front and back were mistaken for each other."""

from __future__ import annotations

import torch
from torch import Tensor

from equi_nodes.body.model import Body
from equi_nodes.body.skeleton import JOINTS
from equi_nodes.fitting.evidence import residual
from equi_nodes.fitting.levers import Pose
from equi_nodes.fitting.refine import Crop, Settings, refine

BACK = (-1.0, -1.0, 1.0)  # half a turn about the axis of a body in a T-pose
SWAPPED = {"left": "right", "right": "left"}
OTHER_SIDE = [  # the number of each part's twin on the other side, or its own
    JOINTS.index("_".join(SWAPPED.get(word, word) for word in name.split("_"))) for name in JOINTS
]


def second_look(
    body: Body,
    crop: Crop,
    start: Pose,
    turn_sigma: Tensor,
    doubtful: Tensor,
    residuals: Tensor,
    settings: Settings = Settings(),
) -> tuple[Crop, Pose, Tensor]:
    """Return what to refine from: those turned around whose points then lie nearer to the body.

    Args:
        body: as in ``refine``, as are the crop, the start, its spread and the settings.
        crop: the points.
        start: where the bodies are about.
        turn_sigma: (B, 22) rad.
        doubtful: (B,) bool, who is looked at in the other way; the others stay as they are.
        residuals: (B,) metres, of the bodies that were refined as they are.
        settings: see there.

    Returns:
        crop, start, and (B,) bool who was turned around.
    """
    is_turned = torch.zeros_like(doubtful)
    if not doubtful.any():
        return crop, start, is_turned
    turned_crop, turned_start = turned_around(body, crop, start)
    tried = _rows(turned_crop, doubtful), _rows(turned_start, doubtful)
    other = refine(body, *tried, turn_sigma[doubtful], settings)
    is_turned[doubtful] = residual(other, tried[0].weights > 0) < residuals[doubtful]
    return (
        Crop(*(chosen(is_turned, *pair) for pair in zip(turned_crop, crop))),
        Pose(*(chosen(is_turned, *pair) for pair in zip(turned_start, start))),
        is_turned,
    )


def turned_around(body: Body, crop: Crop, start: Pose) -> tuple[Crop, Pose]:
    """Return what is believed of people with front for back, and so left for right.

    The limbs are where they were, but are those of the other side.

    Args:
        body: whose rest places the crop tells.
        crop: the points.
        start: about where the bodies are.
    """
    back, middle = torch.tensor(BACK).to(start.rotations), body.joint_template[0]
    rest = None if crop.rest is None else middle + (crop.rest - middle) * back
    rotations = start.rotations[:, OTHER_SIDE] * back  # the turn comes first: signs of columns
    crop = crop._replace(parts=other_side(crop.parts), rest=rest)
    return crop, start._replace(rotations=rotations)


def other_side(of_parts: Tensor) -> Tensor:
    """Return numbers (..., P) of parts with left for right; what comes after them stays."""
    return of_parts[..., [*OTHER_SIDE, *range(len(JOINTS), of_parts.shape[-1])]]


def chosen(is_turned: Tensor, turned: Tensor | None, as_is: Tensor | None) -> Tensor | None:
    """Return the rows (B, ...) of one or the other; None if there are none."""
    if as_is is None:
        return None
    return torch.where(is_turned.view(-1, *[1] * (as_is.ndim - 1)), turned, as_is)


def _rows(parts: tuple, is_wanted: Tensor) -> tuple:
    """Return a named tuple of the same kind with some rows of its tensors."""
    return type(parts)(*(None if part is None else part[is_wanted] for part in parts))
