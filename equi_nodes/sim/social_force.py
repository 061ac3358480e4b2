"""The social-force model of walking people.

Every pedestrian is a point mass whose acceleration is the sum of a driving term (Helbing & Molnar
1995, Phys. Rev. E 51:4282, equation 2), a measured pair interaction and a wall term (Moussaid et
al. 2009, Proc. R. Soc. B 276:2755, section 3) and the cohesion of those who walk together
(Moussaid et al. 2010, PLoS ONE 5:e10047, equations 5 to 7). All arrays are SI units.
"""

from __future__ import annotations

import numpy as np

RELAXATION_TIME = 0.54  # s, tau of Moussaid 2009, section 3(a)
DESIRED_SPEED = 1.29  # m/s, mean over walkers, ibid.
DESIRED_SPEED_SD = 0.19  # m/s, ibid.
TOP_SPEED_RATIO = 1.3  # of the desired speed, Helbing & Molnar 1995, section III

INTERACTION_STRENGTH = 4.5  # m/s^2, A of Moussaid 2009, section 3(b)
INTERACTION_RANGE = 0.35  # s, gamma: range in metres per m/s of closing speed, ibid.
VELOCITY_WEIGHT = 2.0  # lambda, relative velocity against line of sight, ibid.
ANGULAR_RANGE = 2.0  # n, of the sideways term, ibid.
ANGULAR_RANGE_SLOWING = 3.0  # n', of the slowing term, ibid.
SIDE_PREFERENCE = 0.005  # epsilon: people pass each other on the right, ibid.

WALL_STRENGTH = 3.0  # m/s^2, a, ibid. section 3(a)
WALL_RANGE = 0.1  # m, b, ibid.

GROUP_GAZE = 4.0  # 1/s per radian of head turn, beta_1 of Moussaid 2010, table S1
GROUP_ATTRACTION = 3.0  # m/s^2, beta_2, ibid.
GROUP_REPULSION = 1.0  # m/s^2, beta_3, ibid.
GROUP_DISTANCE = 0.8  # m, closer than this group members push apart, ibid.
FIELD_OF_VIEW = np.pi / 2  # rad to each side without turning the head, ibid.

TINY = 1e-9


def driving_force(
    positions: np.ndarray, velocities: np.ndarray, goals: np.ndarray, speeds: np.ndarray
) -> np.ndarray:
    """Return the (A, 2) acceleration towards the goals (A, 2) at the desired speeds (A,).

    Whoever comes near the goal slows down to stop on it, so a standing person is one whose goal is
    where the person stands.
    """
    offset = goals - positions
    distance = np.linalg.norm(offset, axis=-1, keepdims=True)
    wanted = np.minimum(speeds[:, None], distance / RELAXATION_TIME)
    return (wanted * offset / (distance + TINY) - velocities) / RELAXATION_TIME


def interaction_force(positions: np.ndarray, velocities: np.ndarray) -> np.ndarray:
    """Return the (A, 2) acceleration that every pedestrian feels from all others."""
    offset = positions[None] - positions[:, None]  # (A, A, 2): from i to j
    distance = np.linalg.norm(offset, axis=-1)
    sight = offset / (distance[..., None] + TINY)
    closing = VELOCITY_WEIGHT * (velocities[:, None] - velocities[None]) + sight
    length = np.linalg.norm(closing, axis=-1)
    along = closing / (length[..., None] + TINY)
    across = np.stack([-along[..., 1], along[..., 0]], axis=-1)
    reach = INTERACTION_RANGE * length + TINY
    angle = np.arctan2(_cross(along, sight), np.sum(along * sight, axis=-1))
    angle = angle + reach * SIDE_PREFERENCE
    fading = -INTERACTION_STRENGTH * np.exp(-distance / reach)
    slowing = fading * np.exp(-((ANGULAR_RANGE_SLOWING * reach * angle) ** 2))
    turning = fading * np.sign(angle) * np.exp(-((ANGULAR_RANGE * reach * angle) ** 2))
    np.fill_diagonal(slowing, 0.0)
    np.fill_diagonal(turning, 0.0)
    return np.sum(slowing[..., None] * along + turning[..., None] * across, axis=1)


def wall_force(positions: np.ndarray, boxes: np.ndarray) -> np.ndarray:
    """Return the (A, 2) acceleration away from axis-aligned boxes.

    Args:
        positions: (A, 2) metres.
        boxes: (O, 2, 2) metres, the low and the high corner of each building.
    """
    nearest = np.clip(positions[:, None], boxes[:, 0], boxes[:, 1])  # (A, O, 2)
    offset = positions[:, None] - nearest
    distance = np.linalg.norm(offset, axis=-1, keepdims=True)
    push = WALL_STRENGTH * np.exp(-distance / WALL_RANGE) * offset / (distance + TINY)
    return push.sum(axis=1)


def group_force(positions: np.ndarray, velocities: np.ndarray, groups: np.ndarray) -> np.ndarray:
    """Return the (A, 2) acceleration that keeps those with the same group number together."""
    others = (groups[:, None] == groups[None]) & ~np.eye(len(groups), dtype=bool)
    size = others.sum(axis=1)
    centre = (others @ positions) / np.maximum(size, 1)[:, None]
    towards = centre - positions
    distance = np.linalg.norm(towards, axis=-1)
    direction = towards / (distance[:, None] + TINY)
    head_turn = np.maximum(_angle_between(velocities, towards) - FIELD_OF_VIEW, 0.0)
    gaze = -GROUP_GAZE * head_turn[:, None] * velocities
    is_apart = distance > np.maximum(size / 2.0, GROUP_DISTANCE)
    attraction = GROUP_ATTRACTION * is_apart[:, None] * direction
    return (size > 0)[:, None] * (gaze + attraction) + _group_repulsion(positions, others)


def _group_repulsion(positions: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Return the (A, 2) push away from members (A, A bool) that are too close."""
    offset = positions[:, None] - positions[None]
    distance = np.linalg.norm(offset, axis=-1)
    is_close = others & (distance < GROUP_DISTANCE)
    weight = GROUP_REPULSION * is_close / (distance + TINY)
    return np.sum(weight[..., None] * offset, axis=1)


def _angle_between(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Return the (A,) unsigned angle between the rows of two (A, 2) arrays, radians."""
    return np.abs(np.arctan2(_cross(a, b), np.sum(a * b, axis=-1)))


def _cross(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Return the planar cross product over the last axis."""
    return a[..., 0] * b[..., 1] - a[..., 1] * b[..., 0]
