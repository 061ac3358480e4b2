"""The first state of the filter: upright by gravity, or from an initialiser."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from equi_nodes.config.vio import FilterConfig
from equi_nodes.geometry.rotations import hat, level_tie, rigid, shortest_rotation
from equi_nodes.vio.imu_buffer import ImuBuffer
from equi_nodes.vio.state import (
    BODY,
    CAMERA,
    POSE,
    POSITION,
    ROTATION,
    VELOCITY,
    InitialState,
    State,
    Waiting,
)
from equi_nodes.vio.types import Rig

FEWEST_SAMPLES = 5
KNOWN = 1e-5  # m and rad, of position and heading, which are zero by definition
AGAIN_POSITION, AGAIN_HEADING = 0.5, 0.1  # m and rad, added to both by starting anew
NO_GRAVITY = 3.0  # m/s^2, a mean specific force below it shows no direction


def upright(stamp_ns: int, buffer: ImuBuffer, config: FilterConfig) -> InitialState | Waiting:
    """Take roll and pitch from the mean specific force before a frame; the rest is loose.

    Args:
        stamp_ns: of the frame.
        buffer: of the IMU.
        config: the settings, with the prior spreads.
    """
    inside = buffer.window(stamp_ns, config.start_window)
    if inside.stop - inside.start < FEWEST_SAMPLES:
        return Waiting("waiting for IMU")
    up = buffer.accel[inside].mean(0)
    if np.linalg.norm(up) < NO_GRAVITY:
        return Waiting("the accelerometer shows no gravity: free fall, wrong unit, or removed")
    spreads = [config.prior_tilt] * 2 + [KNOWN] * 4 + [config.prior_velocity] * 3
    spreads += [config.prior_gyro_bias] * 3 + [config.prior_accel_bias] * 3
    return InitialState(
        stamp_ns,
        rigid(shortest_rotation(up, np.array([0.0, 0.0, 1.0])), np.zeros(3)),
        np.zeros(3),
        np.zeros(3),
        np.zeros(3),
        np.diag(np.square(spreads)),
    )


def grounded(initial: InitialState, T_b_base: np.ndarray) -> InitialState:
    """Put the base (4, 4), instead of the body, in the origin, looking along x."""
    return _carried(initial, level_tie(np.eye(4), initial.T_w_b @ T_b_base))


def continued(initial: InitialState, T_w_b: np.ndarray, covariance: np.ndarray) -> InitialState:
    """Keep position and heading of the state before, and add what a new start may have lost.

    Args:
        initial: the new start, at the origin with any heading.
        T_w_b: (4, 4) last pose.
        covariance: (15, 15) of the last state, plain errors.
    """
    again = _carried(initial, level_tie(T_w_b, initial.T_w_b))
    spread = again.covariance
    spread[2, 2] += covariance[2, 2] + AGAIN_HEADING**2
    spread[POSITION, POSITION] += covariance[POSITION, POSITION] + AGAIN_POSITION**2 * np.eye(3)
    return again


def _carried(initial: InitialState, T_a_w: np.ndarray) -> InitialState:
    """Return a state in another world ``a``."""
    turn = T_a_w[:3, :3]
    wide = np.kron(np.eye(5), turn)
    wide[9:, 9:] = np.eye(6)  # biases are in the body
    return replace(
        initial,
        T_w_b=T_a_w @ initial.T_w_b,
        velocity=turn @ initial.velocity,
        covariance=wide @ initial.covariance @ wide.T,
    )


def first_state(initial: InitialState, rig: Rig, config: FilterConfig) -> State:
    """Return the filter's state, with the covariance of the invariant error."""
    rotation, position = initial.T_w_b[:3, :3], initial.T_w_b[:3, 3]
    cameras = len(rig.cameras)
    camera = [config.prior_extrinsic_rotation] * 3 + [config.prior_extrinsic_translation] * 3
    camera += [config.prior_focal]
    refined = cameras if any(camera) else 0
    P = np.zeros((BODY + CAMERA * refined,) * 2)
    to_invariant = np.eye(15)
    to_invariant[POSITION, ROTATION] = hat(position)
    to_invariant[VELOCITY, ROTATION] = hat(initial.velocity)
    P[:15, :15] = to_invariant @ initial.covariance @ to_invariant.T
    rest = [config.prior_accel_scale] * 3 + [config.prior_time_offset] + camera * refined
    P[15:, 15:] = np.diag(np.square(rest))
    return State(
        time_ns=initial.stamp_ns,
        rotation=rotation,
        position=position,
        velocity=np.array(initial.velocity, np.float64),
        gyro_bias=np.array(initial.gyro_bias, np.float64),
        accel_bias=np.array(initial.accel_bias, np.float64),
        accel_scale=np.ones(3),
        time_offset=0.0,
        camera_rotations=np.stack([camera.T_b_c[:3, :3] for camera in rig.cameras]),
        camera_positions=np.stack([camera.T_b_c[:3, 3] for camera in rig.cameras]),
        focal_scales=np.ones(cameras),
        covariance=P,
    )


def plain_covariance(state: State) -> np.ndarray:
    """Return the covariance (15, 15) of the newest pose of the trail, velocity and biases.

    The pose is that of the last frame; the errors are plain differences.
    """
    n = len(state.covariance)
    rows = np.r_[n - POSE : n, 6:15] if len(state.trail_positions) else np.r_[:15]
    to_plain = np.eye(15)
    to_plain[POSITION, ROTATION] = -hat(newest_pose(state)[:3, 3])
    P = state.covariance[np.ix_(rows, rows)].copy()
    # the velocity's invariant error goes with the body's own rotation error, not the clone's
    body = np.zeros((3, n))
    body[:, VELOCITY], body[:, ROTATION] = np.eye(3), -hat(state.velocity)
    across = body @ state.covariance
    P[VELOCITY] = across[:, rows]
    P[:, VELOCITY] = P[VELOCITY].T
    P[VELOCITY, VELOCITY] = across @ body.T
    return to_plain @ P @ to_plain.T


def newest_pose(state: State) -> np.ndarray:
    """Return T_w_b (4, 4) at the last frame."""
    if len(state.trail_positions):
        return rigid(state.trail_rotations[-1], state.trail_positions[-1])
    return rigid(state.rotation, state.position)
