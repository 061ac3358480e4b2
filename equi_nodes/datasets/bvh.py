"""BVH recordings of human motion, brought to the 22-joint body."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np

from equi_nodes.body.skeleton import JOINTS
from equi_nodes.errors import EquiError

METRES = 0.01  # the files count centimetres
TO_ROS = np.array([[0.0, 0, 1], [1, 0, 0], [0, 1, 0]])  # the files have y up and face z
# Whose turn each joint of the body takes. What the recordings do not tell turns with its parent:
# the lowest vertebra with the pelvis, the toes with the foot.
TAKES = {
    "pelvis": "hip", "spine1": "hip", "spine2": "abdomen", "spine3": "chest",
    "neck": "neck", "head": "head",
    **{f"{side}_{part}": f"{side[0]}{clip}" for side in ("left", "right") for part, clip in (
        ("collar", "Collar"), ("shoulder", "Shldr"), ("elbow", "ForeArm"), ("wrist", "Hand"),
        ("hip", "Thigh"), ("knee", "Shin"), ("ankle", "Foot"), ("foot", "Foot"),
    )},
}  # fmt: skip


@dataclass(frozen=True, eq=False)
class Motion:
    """How a person moved.

    Attributes:
        rotations: (T, 22, 3, 3) float32 global part rotations, identity in a T-pose; REP-103 axes.
        translation: (T, 3) float32 of the pelvis, metres.
        period: seconds from one frame to the next.
        name: of the recording.
    """

    rotations: np.ndarray
    translation: np.ndarray
    period: float
    name: str = ""


class _Joint(NamedTuple):
    """A joint of a file: where its parent stands in the list, which channels are its own."""

    name: str
    parent: int
    channels: tuple[str, ...]


def read_bvh(path: str | Path) -> Motion:
    """Read a recording whose skeleton rests in a T-pose, its first frame included.

    Raises:
        EquiError: it cannot be read, is cut off, or lacks a joint.
    """
    path = Path(path)
    try:
        head, _, body = path.read_text().partition("MOTION")
        joints = _hierarchy(head.split())
        rows, period = _frames(body.split(), sum(len(joint.channels) for joint in joints))
    except (OSError, UnicodeDecodeError, ValueError, IndexError) as error:
        raise EquiError(f"{path} is no BVH recording ({error}); fetch it again.") from None
    missing = sorted(set(TAKES.values()) - {joint.name for joint in joints})
    if missing:
        raise EquiError(f"{path} has no joint {missing[0]}; give one of the skeleton with Thighs.")
    turned = _global(joints, rows)
    rotations = np.stack([turned[TAKES[name]] for name in JOINTS], 1)
    rotations = TO_ROS @ rotations @ TO_ROS.T
    place = [joints[0].channels.index(f"{axis}position") for axis in "XYZ"]
    translation = rows[:, place] @ TO_ROS.T * METRES
    return Motion(rotations.astype(np.float32), translation.astype(np.float32), period, path.stem)


def _hierarchy(words: list[str]) -> list[_Joint]:
    """Return the joints in the order of their channels; ends of limbs have none and are left."""
    joints: list[_Joint] = []
    ways: list[int] = []  # from the root to where we are; -1 is the end of a limb
    for index, word in enumerate(words):
        if word in ("ROOT", "JOINT"):
            joints.append(_Joint(words[index + 1], ways[-1] if ways else -1, ()))
            ways.append(len(joints) - 1)
        elif word == "End":
            ways.append(-1)
        elif word == "CHANNELS":
            names = tuple(words[index + 2 : index + 2 + int(words[index + 1])])
            joints[ways[-1]] = joints[ways[-1]]._replace(channels=names)
        elif word == "}":
            ways.pop()
    return joints


def _frames(words: list[str], channels: int) -> tuple[np.ndarray, float]:
    """Return the rows (T, channels) and the seconds between two."""
    count, period = int(words[words.index("Frames:") + 1]), float(words[words.index("Time:") + 1])
    values = np.array(words[words.index("Time:") + 2 :], float)
    if len(values) != count * channels or count < 1:
        raise ValueError(f"{len(values)} numbers for {count} frames of {channels}")
    if not (period > 0 and np.isfinite(values).all()):
        raise ValueError("a number is not finite, or the frame time not above 0")
    return values.reshape(count, channels), period


def _global(joints: list[_Joint], rows: np.ndarray) -> dict[str, np.ndarray]:
    """Return the global rotations (T, 3, 3) of all joints, in the axes of the file."""
    turned: list[np.ndarray] = []
    column = 0
    for joint in joints:
        total = turned[joint.parent] if joint.parent >= 0 else np.eye(3)
        for offset, channel in enumerate(joint.channels):
            if channel.endswith("rotation"):
                total = total @ _turn(channel[0], np.radians(rows[:, column + offset]))
        column += len(joint.channels)
        turned.append(np.broadcast_to(total, (len(rows), 3, 3)))
    return {joint.name: rotation for joint, rotation in zip(joints, turned)}


def _turn(axis: str, angles: np.ndarray) -> np.ndarray:
    """Return the rotations (T, 3, 3) by angles (T,) rad about one axis."""
    first, second = {"X": (1, 2), "Y": (2, 0), "Z": (0, 1)}[axis]
    out = np.broadcast_to(np.eye(3), (len(angles), 3, 3)).copy()
    out[:, first, first] = out[:, second, second] = np.cos(angles)
    out[:, second, first] = np.sin(angles)
    out[:, first, second] = -out[:, second, first]
    return out
