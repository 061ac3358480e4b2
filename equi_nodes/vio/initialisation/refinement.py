"""All poses, velocities, biases and landmarks of a window at once: batch least squares.

World: z up, the last frame at the origin with the yaw it has. Errors of rotations are rotation
vectors in the world. The landmarks are eliminated from every step (Schur complement); they are
kept as inverse distances along the ray of their first view, which far ones need.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from equi_nodes.geometry.rotations import exp_so3, hat, log_so3
from equi_nodes.vio.initialisation.preintegration import Preintegrated
from equi_nodes.vio.initialisation.reprojection import NEAREST, add_views
from equi_nodes.vio.initialisation.window import Observations

POSE = 9  # rotation, position, velocity of one frame
FIRST_DAMPING, LEAST_DAMPING, MOST_DAMPING = 1e-6, 1e-12, 1e6
FARTHEST = 1e3  # m: greatest depth of a landmark in its first view


@dataclass(frozen=True)
class Problem:
    """What is known of a window.

    Attributes:
        observations: K frames, L landmarks.
        imu: between the frames, with the biases given below.
        T_b_c: (4, 4).
        gravity: (3,) in the world.
        imu_biases: (6,) gyro and accelerometer bias that the IMU was summed up with.
        biases: (6,) gyro and accelerometer bias expected.
        bias_information: (6, 6) of the two biases' expectation.
        still: (K,) frames at which the body is known to stand.
        still_spread: m/s, of the velocity there.
    """

    observations: Observations
    imu: Preintegrated
    T_b_c: np.ndarray
    gravity: np.ndarray
    imu_biases: np.ndarray
    biases: np.ndarray
    bias_information: np.ndarray
    still: np.ndarray
    still_spread: float

    @cached_property
    def imu_whitening(self) -> np.ndarray:
        """Return (S, 9, 9) that gives the residuals of the IMU unit variance."""
        return np.linalg.inv(np.linalg.cholesky(self.imu.covariance))


@dataclass(frozen=True)
class Solution:
    """The state of a window.

    Attributes:
        R: (K, 3, 3) body to world. p, v: (K, 3).
        biases: (6,) of gyro and accelerometer.
        anchor_R: (L, 3, 3) camera to world, and anchor_p: (L, 3), from which landmarks are told.
        inverse: (L, 3), x/z, y/z and 1/z in the anchor's frame.
    """

    R: np.ndarray
    p: np.ndarray
    v: np.ndarray
    biases: np.ndarray
    anchor_R: np.ndarray
    anchor_p: np.ndarray
    inverse: np.ndarray

    @property
    def landmarks(self) -> np.ndarray:
        """Return (L, 3) world points."""
        rays = np.concatenate([self.inverse[:, :2], np.ones((len(self.inverse), 1))], 1)
        rays = rays / self.inverse[:, 2:]
        return self.anchor_p + np.einsum("lij,lj->li", self.anchor_R, rays)


@dataclass(frozen=True)
class Refined:
    """The best state of a window and how far it can be trusted.

    Attributes:
        solution: the state.
        covariance: (9 K + 6, 9 K + 6): rotation, position, velocity of each frame, then gyro and
            accelerometer bias; position and yaw of the last frame have none, they are the origin.
        residual: (M,) of each view, standard deviations.
        imu_residual: root mean square, standard deviations.
        settled: the cost did not fall any more.
    """

    solution: Solution
    covariance: np.ndarray
    residual: np.ndarray
    imu_residual: float
    settled: bool


def anchored(
    problem: Problem, R: np.ndarray, p: np.ndarray, landmarks: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return anchor_R, anchor_p and inverse of landmarks (L, 3), told from their first view."""
    views = problem.observations
    first = np.searchsorted(views.landmark, np.arange(views.landmarks))
    frame = views.frame[first]
    anchor_R = R[frame] @ problem.T_b_c[:3, :3]
    anchor_p = p[frame] + R[frame] @ problem.T_b_c[:3, 3]
    z = np.einsum("lji,lj->li", anchor_R, landmarks - anchor_p)[:, 2]
    usual = np.median(z[z > NEAREST]) if (z > NEAREST).any() else 1.0
    z = np.where(z > NEAREST, np.minimum(z, FARTHEST), usual)
    return anchor_R, anchor_p, np.concatenate([views.points[first], 1.0 / z[:, None]], 1)


def refine(problem: Problem, start: Solution, iterations: int, tolerance: float) -> Refined:
    """Run Levenberg-Marquardt and return state and covariance.

    Args:
        problem: to solve. start: where from.
        iterations: steps at most.
        tolerance: relative change of the cost at which it has settled.
    """
    solution, damping, settled = start, FIRST_DAMPING, False
    system = _linearise(problem, solution)
    for _ in range(iterations):
        step = _solve(system, damping)
        candidate = _moved(solution, *step)
        new = _linearise(problem, candidate)
        if new.cost < system.cost:
            settled = system.cost - new.cost < tolerance * system.cost
            solution, system = candidate, new
            damping = max(damping / 10, LEAST_DAMPING)
            if settled:
                break
        elif damping >= MOST_DAMPING:
            settled = True
            break
        else:
            damping = min(damping * 10, MOST_DAMPING)
    covariance = _covariance(system)
    return Refined(solution, covariance, system.residual, system.imu_residual, settled)


@dataclass(frozen=True)
class _System:
    """Normal equations of one linearisation: states x, landmarks l."""

    xx: np.ndarray  # (9 K + 6, 9 K + 6)
    x: np.ndarray
    ll: np.ndarray  # (L, 3, 3)
    l: np.ndarray  # noqa: E741
    xl: np.ndarray  # (6 K, L, 3), rotation and position of each frame
    cost: float
    residual: np.ndarray
    imu_residual: float


def _linearise(problem: Problem, solution: Solution) -> _System:
    """Add up the normal equations of images, IMU and expectations."""
    size = POSE * len(solution.R) + 6
    count = problem.observations.landmarks
    xx, x = np.zeros((size, size)), np.zeros(size)
    system = _System(
        xx, x, np.zeros((count, 3, 3)), np.zeros((count, 3)),
        np.zeros((6 * len(solution.R), count, 3)), 0.0, np.zeros(0), 0.0,
    )  # fmt: skip
    residual, image_cost = _add_images(problem, solution, system)
    _hold_farthest(solution.inverse[:, 2], system)
    imu_cost = _add_imu(problem, solution, system)
    prior_cost = _add_expectations(problem, solution, system)
    rows = POSE * (len(solution.R) - 1)
    return replace(
        system,
        cost=image_cost + imu_cost + prior_cost,
        residual=residual,
        imu_residual=float(np.sqrt(imu_cost / rows)),
    )


def _add_images(problem: Problem, solution: Solution, system: _System) -> tuple[np.ndarray, float]:
    """Add the reprojections; return each view's residual and the robust cost."""
    views, frames, count = problem.observations, len(solution.R), len(solution.inverse)
    xx, x = np.zeros((frames, 6, 6)), np.zeros((frames, 6))
    residual, cost = add_views(
        views.frame,
        views.landmark,
        views.points,
        views.spread,
        solution.R,
        solution.p,
        problem.T_b_c,
        solution.landmarks,
        _landmark_jacobian(solution),
        xx,
        x,
        system.ll,
        system.l,
        system.xl.reshape(frames, 6, count, 3),
    )
    poses = POSE * np.arange(frames)[:, None] + np.arange(6)
    system.xx[poses[:, :, None], poses[:, None, :]] += xx
    system.x[poses] += x
    return residual, cost


def _landmark_jacobian(solution: Solution) -> np.ndarray:
    """Return (L, 3, 3): world point by x/z, y/z and 1/z in its anchor."""
    a, b, rho = solution.inverse.T
    local = np.zeros((len(rho), 3, 3))
    local[:, 0, 0] = local[:, 1, 1] = 1 / rho
    local[:, :, 2] = -np.stack([a, b, np.ones_like(a)], 1) / rho[:, None] ** 2
    return solution.anchor_R @ local


def _hold_farthest(inverse_depth: np.ndarray, system: _System) -> None:
    """Keep landmarks from beyond the farthest: steps would count on what cannot happen."""
    held = (inverse_depth <= 1 / FARTHEST) & (system.l[:, 2] < 0)
    system.ll[held, 2], system.ll[held, :, 2], system.ll[held, 2, 2] = 0.0, 0.0, 1.0
    system.l[held, 2], system.xl[:, held, 2] = 0.0, 0.0


def _add_imu(problem: Problem, solution: Solution, system: _System) -> float:
    """Add the preintegrated IMU between consecutive frames; return its cost."""
    change = solution.biases - problem.imu_biases
    imu = problem.imu.at(change[:3], change[3:])
    residual, J = _imu_residuals(imu, solution, problem.gravity)
    biases = POSE * len(solution.R) + np.arange(6)
    whitening = problem.imu_whitening
    residual, J = np.einsum("sij,sj->si", whitening, residual), whitening @ J
    information = J.transpose(0, 2, 1) @ J
    gradient = (residual[:, None] @ J)[:, 0]
    for s in range(len(residual)):
        at = np.concatenate([POSE * s + np.arange(2 * POSE), biases])
        system.xx[at[:, None], at] += information[s]
        system.x[at] -= gradient[s]
    return float((residual**2).sum())


def _imu_residuals(
    imu: Preintegrated, solution: Solution, gravity: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return (S, 9) and its Jacobian (S, 9, 24) by both frames' states and the biases."""
    R, T = solution.R, imu.duration[:, None]
    back = R[:-1].transpose(0, 2, 1)
    dv = solution.v[1:] - solution.v[:-1] - gravity * T
    dp = solution.p[1:] - solution.p[:-1] - solution.v[:-1] * T - gravity * T**2 / 2
    turn = log_so3(back @ R[1:] @ imu.R.transpose(0, 2, 1))
    v = np.einsum("sij,sj->si", back, dv) - imu.v
    p = np.einsum("sij,sj->si", back, dp) - imu.p
    J = np.zeros((len(T), 9, 2 * POSE + 6))
    J[:, 0:3, 0:3], J[:, 0:3, 9:12] = -back, back
    J[:, 3:6, 0:3], J[:, 3:6, 6:9], J[:, 3:6, 15:18] = back @ hat(dv), -back, back
    J[:, 6:9, 0:3], J[:, 6:9, 3:6], J[:, 6:9, 12:15] = back @ hat(dp), -back, back
    J[:, 6:9, 6:9] = -back * T[..., None]
    J[:, 0:3, 18:21] = -imu.R_gyro
    J[:, 3:6, 18:21], J[:, 3:6, 21:24] = -imu.v_gyro, -imu.v_accel
    J[:, 6:9, 18:21], J[:, 6:9, 21:24] = -imu.p_gyro, -imu.p_accel
    return np.concatenate([turn, v, p], 1), J


def _add_expectations(problem: Problem, solution: Solution, system: _System) -> float:
    """Add what is known of the biases and of standing frames; return the cost."""
    off = solution.biases - problem.biases
    system.xx[-6:, -6:] += problem.bias_information
    system.x[-6:] -= problem.bias_information @ off
    cost = float(off @ problem.bias_information @ off)
    weight = problem.still_spread**-2
    for frame in np.flatnonzero(problem.still):
        at = POSE * frame + np.arange(6, 9)
        system.xx[at, at] += weight
        system.x[at] -= weight * solution.v[frame]
        cost += float(weight * solution.v[frame] @ solution.v[frame])
    return cost


def _reduced(system: _System, damping: float) -> tuple[np.ndarray, np.ndarray, tuple]:
    """Return the system of the free states without landmarks, and what restores those.

    Free are all but yaw and position of the last frame.
    """
    diagonal = np.einsum("lii->li", system.ll)
    ll = system.ll + (damping * diagonal + 1e-12)[:, :, None] * np.eye(3)
    inverse = np.linalg.inv(ll)
    rows, count = len(system.xl), len(inverse)
    poses = (POSE * np.arange(rows // 6)[:, None] + np.arange(6)).reshape(-1)
    gain = (system.xl.transpose(1, 0, 2) @ inverse).transpose(1, 0, 2).reshape(rows, 3 * count)
    H, g = system.xx.copy(), system.x.copy()
    H[poses[:, None], poses] -= gain @ system.xl.reshape(rows, -1).T
    g[poses] -= gain @ system.l.reshape(-1)
    H[np.diag_indices(len(H))] += damping * np.diag(system.xx)
    free = np.delete(np.arange(len(g)), len(g) - 6 - POSE + np.arange(2, 6))
    H = H[free[:, None], free]
    return (H + H.T) / 2, g[free], (inverse, poses, free)


def _solve(system: _System, damping: float) -> tuple[np.ndarray, np.ndarray]:
    """Return the step of all states and of all landmarks (L, 3)."""
    H, g, (inverse, poses, free) = _reduced(system, damping)
    step = np.zeros(len(system.x))
    step[free] = np.linalg.solve(H, g)
    moved = step[poses] @ system.xl.reshape(len(poses), -1)
    rest = system.l - moved.reshape(-1, 3)
    return step, np.einsum("lij,lj->li", inverse, rest)


def _covariance(system: _System) -> np.ndarray:
    """Return the covariance of all states."""
    H, _, (_, _, free) = _reduced(system, 0.0)
    covariance = np.zeros_like(system.xx)
    covariance[np.ix_(free, free)] = np.linalg.inv(H)
    return covariance


def _moved(solution: Solution, step: np.ndarray, landmarks: np.ndarray) -> Solution:
    """Return the state after a step."""
    poses = step[:-6].reshape(-1, POSE)
    inverse = _moved_landmarks(solution.inverse, landmarks)
    return replace(
        solution,
        R=exp_so3(poses[:, :3]) @ solution.R,
        p=solution.p + poses[:, 3:6],
        v=solution.v + poses[:, 6:9],
        biases=solution.biases + step[-6:],
        inverse=inverse,
    )


def _moved_landmarks(inverse: np.ndarray, step: np.ndarray) -> np.ndarray:
    """Return landmarks (L, 3) after a step, each moved in a straight line in space.

    A change of scale is then a straight line of all poses and landmarks together, along which
    steps can be long. A landmark that would come nearer by half or more, as far ones do, moves
    straight in its inverse distance instead.
    """
    left = 1 - step[:, 2] / inverse[:, 2]  # share of the distance
    is_straight, moved = left > 0.5, inverse + step
    left, old = left[is_straight, None], inverse[is_straight]
    moved[is_straight, :2] = old[:, :2] + step[is_straight, :2] / left
    moved[is_straight, 2:] = old[:, 2:] / left
    moved[:, 2] = np.clip(moved[:, 2], 1 / FARTHEST, 1 / NEAREST)
    return moved
