"""All poses, velocities, biases and landmarks of a window at once: batch least squares.

World: z up, the last frame at the origin with the yaw it has. Errors of rotations are rotation
vectors in the world. The landmarks are eliminated from every step (Schur complement); they are
kept as inverse distances along the ray of their first view, which far ones need.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from equi_nodes.geometry.rotations import exp_so3, hat, log_so3
from equi_nodes.vio.initialisation.preintegration import Preintegrated
from equi_nodes.vio.initialisation.window import Observations, sum_by

POSE = 9  # rotation, position, velocity of one frame
HUBER = 2.0  # standard deviations
FIRST_DAMPING, LEAST_DAMPING, MOST_DAMPING = 1e-6, 1e-12, 1e6
SETTLED = 1e-6  # relative change of the cost
NEAREST, FARTHEST = 0.05, 1e3  # m along the ray


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


def refine(problem: Problem, start: Solution, iterations: int) -> Refined:
    """Run Levenberg-Marquardt for at most that many steps and return state and covariance."""
    solution, damping, settled = start, FIRST_DAMPING, False
    system = _linearise(problem, solution)
    for _ in range(iterations):
        step = _solve(system, damping)
        candidate = _moved(solution, *step)
        new = _linearise(problem, candidate)
        if new.cost < system.cost:
            settled = system.cost - new.cost < SETTLED * system.cost
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
    xl: np.ndarray  # (9 K + 6, L, 3)
    cost: float
    residual: np.ndarray
    imu_residual: float


def _linearise(problem: Problem, solution: Solution) -> _System:
    """Add up the normal equations of images, IMU and expectations."""
    size = POSE * len(solution.R) + 6
    count = problem.observations.landmarks
    xx, x = np.zeros((size, size)), np.zeros(size)
    system = _System(
        xx, x, np.zeros((count, 3, 3)), np.zeros((count, 3)), np.zeros((size, count, 3)), 0.0,
        np.zeros(0), 0.0,
    )  # fmt: skip
    residual, image_cost = _add_images(problem, solution, system)
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
    views = problem.observations
    k, j = views.frame, views.landmark
    arm = solution.landmarks[j] - solution.p[k]
    R_b_w = solution.R[k].transpose(0, 2, 1)
    R_c_b = problem.T_b_c[:3, :3].T
    in_body = np.einsum("mij,mj->mi", R_b_w, arm) - problem.T_b_c[:3, 3]
    x, y, z = (in_body @ R_c_b.T).T
    front = z > NEAREST / 2
    z = np.where(front, z, 1.0)
    D = np.zeros((len(z), 2, 3))
    D[:, 0, 0] = D[:, 1, 1] = 1 / z
    D[:, 0, 2], D[:, 1, 2] = -x / z**2, -y / z**2
    whiten = 1 / views.spread
    residual = (views.points - np.stack([x / z, y / z], 1)) * whiten[:, None]
    by_point = (D * whiten[:, None, None]) @ (R_c_b @ R_b_w)
    length = np.where(front, np.linalg.norm(residual, axis=1), 1e3)
    weight = np.where(front, np.minimum(1.0, HUBER / np.maximum(length, 1e-12)), 0.0)
    root = np.sqrt(weight)[:, None]
    J_pose = np.concatenate([by_point @ hat(arm), -by_point], 2) * root[..., None]
    J_landmark = by_point @ _landmark_jacobian(solution)[j] * root[..., None]
    _scatter_images(system, k, j, J_pose, J_landmark, residual * root)
    cost = np.where(length < HUBER, length**2, 2 * HUBER * length - HUBER**2).sum()
    return length, float(cost)


def _landmark_jacobian(solution: Solution) -> np.ndarray:
    """Return (L, 3, 3): world point by x/z, y/z and 1/z in its anchor."""
    a, b, rho = solution.inverse.T
    local = np.zeros((len(rho), 3, 3))
    local[:, 0, 0] = local[:, 1, 1] = 1 / rho
    local[:, :, 2] = -np.stack([a, b, np.ones_like(a)], 1) / rho[:, None] ** 2
    return solution.anchor_R @ local


def _scatter_images(
    system: _System,
    k: np.ndarray,
    j: np.ndarray,
    J_pose: np.ndarray,
    J_landmark: np.ndarray,
    residual: np.ndarray,
) -> None:
    """Add every view's blocks where its frame k and its landmark j stand."""
    J_pose_t, J_landmark_t = J_pose.transpose(0, 2, 1), J_landmark.transpose(0, 2, 1)
    frames, in_frame = sum_by(k, J_pose_t @ J_pose)
    _, x = sum_by(k, (J_pose_t @ residual[..., None])[..., 0])
    columns = POSE * frames[:, None] + np.arange(6)
    system.xx[columns[:, :, None], columns[:, None, :]] += in_frame
    system.x[columns] += x
    system.ll[:] = sum_by(j, J_landmark_t @ J_landmark)[1]
    system.l[:] = sum_by(j, (J_landmark_t @ residual[..., None])[..., 0])[1]
    system.xl[POSE * k[:, None] + np.arange(6), j[:, None]] = J_pose_t @ J_landmark


def _add_imu(problem: Problem, solution: Solution, system: _System) -> float:
    """Add the preintegrated IMU between consecutive frames; return its cost."""
    change = solution.biases - problem.imu_biases
    imu = problem.imu.at(change[:3], change[3:])
    residual, J = _imu_residuals(imu, solution, problem.gravity)
    biases = POSE * len(solution.R) + np.arange(6)
    root = np.linalg.inv(np.linalg.cholesky(imu.covariance))
    residual, J = np.einsum("sij,sj->si", root, residual), root @ J
    for s in range(len(residual)):
        at = np.concatenate([POSE * s + np.arange(2 * POSE), biases])
        system.xx[np.ix_(at, at)] += J[s].T @ J[s]
        system.x[at] -= J[s].T @ residual[s]
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


def _free(size: int) -> np.ndarray:
    """Return the states that are solved for: all but yaw and position of the last frame."""
    last = size - 6 - POSE
    return np.delete(np.arange(size), last + np.arange(2, 6))


def _reduced(system: _System, damping: float) -> tuple[np.ndarray, np.ndarray, tuple]:
    """Return the system of the free states without landmarks, and what restores those."""
    diagonal = np.einsum("lii->li", system.ll)
    ll = system.ll + (damping * diagonal + 1e-12)[:, :, None] * np.eye(3)
    inverse = np.linalg.inv(ll)
    free = _free(len(system.x))
    xl = system.xl[free]
    gain = np.einsum("xli,lij->xlj", xl, inverse)
    H = system.xx[np.ix_(free, free)] - gain.reshape(len(free), -1) @ xl.reshape(len(free), -1).T
    g = system.x[free] - gain.reshape(len(free), -1) @ system.l.reshape(-1)
    H += damping * np.diag(np.diag(system.xx)[free])
    return (H + H.T) / 2, g, (inverse, xl, free)


def _solve(system: _System, damping: float) -> tuple[np.ndarray, np.ndarray]:
    """Return the step of all states and of all landmarks (L, 3)."""
    H, g, (inverse, xl, free) = _reduced(system, damping)
    step = np.zeros(len(system.x))
    step[free] = np.linalg.solve(H, g)
    rest = system.l - np.einsum("xli,x->li", xl, step[free])
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
    inverse = solution.inverse + landmarks
    inverse[:, 2] = np.clip(inverse[:, 2], 1 / FARTHEST, 1 / NEAREST)
    return replace(
        solution,
        R=exp_so3(poses[:, :3]) @ solution.R,
        p=solution.p + poses[:, 3:6],
        v=solution.v + poses[:, 6:9],
        biases=solution.biases + step[-6:],
        inverse=inverse,
    )
