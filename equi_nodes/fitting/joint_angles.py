"""The angles of REP-155's human joints from the rotations of a body's parts.

At zero a person stands straight, arms hanging. Shoulders and hips turn about z, x and the limb
itself (y, p, r of a shoulder), or about z, x and -y (y, p, r of a hip); p lifts a limb outwards, r
of a hip forwards, y of a hip turns the toes out. Elbows bend forwards with positive angles, knees
backwards with negative ones. The waist bends forwards about y, the head turns about x, z and y.
"""

from __future__ import annotations

import warnings

import numpy as np
from scipy.spatial.transform import Rotation

from equi_nodes.body.skeleton import joint

HANGING = {"l": Rotation.from_euler("x", 90, True), "r": Rotation.from_euler("x", -90, True)}
SIDES = {"l": "left", "r": "right"}
DOWN = np.array([0.0, 0.0, -1.0])


def joint_angles(rotations: np.ndarray) -> dict[str, np.ndarray]:
    """Return rad (A,) by joint of REP-155 from global part rotations (A, 22, 3, 3)."""
    chest = _part(rotations, "spine3")
    up = (_part(rotations, "pelvis").inv() * chest).apply([0.0, 0.0, 1.0])
    angles = {"waist": np.arctan2(up[:, 0], up[:, 2])}
    head = _euler("XZY", chest.inv() * _part(rotations, "head"))
    angles |= dict(zip(("r_head", "y_head", "p_head"), head, strict=True))
    for side in SIDES:
        angles |= _arm(rotations, side) | _leg(rotations, side)
    return angles


def _arm(rotations: np.ndarray, side: str) -> dict[str, np.ndarray]:
    upper, fore = (
        _part(rotations, f"{SIDES[side]}_{name}") * HANGING[side] for name in ("shoulder", "elbow")
    )
    first, lift, twist = _euler("ZXZ", _part(rotations, "spine3").inv() * upper)
    sign = 1.0 if side == "l" else -1.0
    names = (f"{side}_{axis}_shoulder" for axis in "ypr")
    turns = zip(names, (-sign * first, sign * lift, sign * twist), strict=True)
    return dict(turns) | {f"{side}_elbow": _bend(upper, fore)}


def _leg(rotations: np.ndarray, side: str) -> dict[str, np.ndarray]:
    thigh, shank = (_part(rotations, f"{SIDES[side]}_{name}") for name in ("hip", "knee"))
    first, lift, swing = _euler("ZXY", _part(rotations, "pelvis").inv() * thigh)
    sign = 1.0 if side == "l" else -1.0
    names = (f"{side}_{axis}_hip" for axis in "ypr")
    turns = zip(names, (sign * first, sign * lift, -swing), strict=True)
    return dict(turns) | {f"{side}_knee": -_bend(thigh, shank)}


def _part(rotations: np.ndarray, name: str) -> Rotation:
    return Rotation.from_matrix(rotations[:, joint(name)])


def _euler(axes: str, turns: Rotation) -> np.ndarray:
    """Return the three angles (3, A); where two axes fall together the last one is zero."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # such as of an arm that hangs straight
        return turns.as_euler(axes).T


def _bend(upper: Rotation, lower: Rotation) -> np.ndarray:
    """Return the angle (A,) between two limbs that are one line at zero."""
    cosine = (upper.apply(DOWN) * lower.apply(DOWN)).sum(-1)
    return np.arccos(np.clip(cosine, -1.0, 1.0))
