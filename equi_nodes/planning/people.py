"""How likely a robot is to meet people whose motion is predicted."""

from __future__ import annotations

from math import exp, pi, sqrt

import numpy as np
from numba import njit

from equi_nodes.samples import PredictionSample

SPREAD = 0.05  # m, standard deviation that even a person seen just now has
REACH = 3.0  # standard deviations beyond which nobody is looked for
NOWHERE = 5.0  # standard deviations beyond which the distribution function is 0 or 1


def meeting_probability(
    points: np.ndarray, times_s: np.ndarray, people: PredictionSample, distance_m: float
) -> np.ndarray:
    """Return the probability that somebody is within a distance of each point at its time.

    Each mode of a prediction is a normal distribution that moves straight from step to step, from
    where the person was seen. Its integral over the disc is closed along the line of sight and a
    two-point Gauss rule across it: up to 0.05 off (99 of 100 times 0.03) where the spreads of its
    two axes differ up to four times. People are independent.

    Args:
        points: (N, 2) metres, in the frame of the predictions.
        times_s: (N,) seconds after ``people.stamp_ns``; earlier ones count as zero.
        people: what people will do.
        distance_m: radius of the disc, metres.

    Returns:
        (N,) in 0..1; zero where the time is beyond the horizon of the predictions.
    """
    points = np.ascontiguousarray(points, np.float64)
    if not people.paths.size or not len(points):
        return np.zeros(len(points))
    phase = np.maximum(np.asarray(times_s, np.float64), 0.0) * 1e9 / people.time_step_ns
    states = _states(people)
    chances = np.ascontiguousarray(people.probabilities, np.float64)
    return _meet(points, phase, states, chances, _boxes(states, distance_m), float(distance_m))


def _states(people: PredictionSample) -> np.ndarray:
    """Return (A, F + 1, K, 5) x, y, xx, xy, yy of every mode, from where people were seen on."""
    agents, modes, steps = people.paths.shape[:3]
    states = np.zeros((agents, steps + 1, modes, 5))
    states[..., 2::2] = SPREAD**2
    states[:, 0, :, :2] = people.positions[:, None, :2]
    states[:, 1:, :, :2] = people.paths.swapaxes(1, 2)
    upper = people.covariances[..., [0, 0, 1], [0, 1, 1]]
    states[:, 1:, :, 2:] += upper.swapaxes(1, 2)
    return states


def _boxes(states: np.ndarray, distance: float) -> np.ndarray:
    """Return (A, F, 4) the rectangle that holds a person between step f and the next."""
    reach = distance + REACH * np.sqrt(np.maximum(states[..., 2::2], 0.0))
    low, high = (states[..., :2] - reach).min(axis=2), (states[..., :2] + reach).max(axis=2)
    low, high = np.minimum(low[:, :-1], low[:, 1:]), np.maximum(high[:, :-1], high[:, 1:])
    return np.concatenate([low, high], axis=-1)


@njit(cache=True, nogil=True)
def _meet(
    points: np.ndarray,
    phase: np.ndarray,
    states: np.ndarray,
    chances: np.ndarray,
    boxes: np.ndarray,
    distance: float,
) -> np.ndarray:
    """Return 1 minus the product of all people's probabilities of being elsewhere, (N,)."""
    met = np.zeros(len(points))
    steps = boxes.shape[1]
    for n in range(len(points)):
        if not 0.0 <= phase[n] <= steps:
            continue
        step = min(int(phase[n]), steps - 1)
        x, y = points[n]
        apart = 1.0
        for agent in range(len(states)):
            left, low, right, high = boxes[agent, step]
            if left <= x <= right and low <= y <= high:
                before, after = states[agent, step], states[agent, step + 1]
                near = _near(x, y, before, after, phase[n] - step, chances[agent], distance)
                if near > 0.0:  # nobody is there whose numbers are none
                    apart *= 1.0 - min(near, 1.0)
        met[n] = 1.0 - apart
    return met


@njit(cache=True)
def _near(
    x: float,
    y: float,
    before: np.ndarray,
    after: np.ndarray,
    part: float,
    chances: np.ndarray,
    distance: float,
) -> float:
    """Return the probability that one person is near a point, over the modes of both steps."""
    near = 0.0
    for mode in range(len(chances)):
        b, a = before[mode], after[mode]
        dx, dy = x - b[0] - part * (a[0] - b[0]), y - b[1] - part * (a[1] - b[1])
        xx, yy = b[2] + part * (a[2] - b[2]), b[4] + part * (a[4] - b[4])
        away = sqrt(dx * dx + dy * dy)
        if away <= distance + REACH * sqrt(xx + yy):
            xy = b[3] + part * (a[3] - b[3])
            near += chances[mode] * _inside(dx, dy, away, xx, xy, yy, distance)
    return near


@njit(cache=True)
def _inside(
    dx: float, dy: float, away: float, xx: float, xy: float, yy: float, radius: float
) -> float:
    """Return the integral of a normal distribution over a disc whose centre is (dx, dy) off.

    The axes are turned so that u points along the offset: the result turns with the picture.
    """
    c, s = (dx / away, dy / away) if away > 0.0 else (1.0, 0.0)
    along = c * c * xx + 2.0 * s * c * xy + s * s * yy
    if not away <= radius + REACH * sqrt(along):
        return 0.0
    across = s * s * xx - 2.0 * s * c * xy + c * c * yy
    mixed = c * s * (yy - xx) + (c * c - s * s) * xy
    slope = mixed / across
    along = sqrt(max(along - slope * mixed, 0.25 * SPREAD**2))
    ratio = radius / sqrt(across)
    mass = 2.0 * _below(ratio) - 1.0
    density = exp(-0.5 * ratio * ratio) / sqrt(2.0 * pi)
    v = sqrt(across * max(1.0 - 2.0 * ratio * density / mass, 0.0))  # rms inside the disc
    chord = sqrt(max(radius * radius - v * v, 0.0))
    inside = 0.0
    for middle in (away - slope * v, away + slope * v):
        inside += _below((chord - middle) / along) - _below((-chord - middle) / along)
    return 0.5 * mass * inside


@njit(cache=True)
def _below(z: float) -> float:
    """Return the standard normal distribution function, to 1e-5 (Abramowitz, Stegun 26.2.16)."""
    if z >= NOWHERE:
        return 1.0
    if z <= -NOWHERE:
        return 0.0
    t = 1.0 / (1.0 + 0.33267 * abs(z))
    tail = t * (0.4361836 + t * (-0.1201676 + t * 0.9372980))
    tail *= exp(-0.5 * z * z) / sqrt(2.0 * pi)
    return 1.0 - tail if z >= 0.0 else tail
