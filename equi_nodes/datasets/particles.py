"""Charged and spring-linked particles in free space: N-body sets with known laws and known links.

The set-up follows Kipf et al. (ICML 2018) in three dimensions as EqMotion uses it: five particles,
no box, a time step of 0.001 and one frame every 200 steps. Quantities have no unit.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

PARTICLES = 5
FRAMES = 49
STEPS_PER_FRAME = 200
TIME_STEP = 1e-3
SPEED = 0.5  # of every particle at the start
MOST_FORCE = 100.0  # each component of one pair's force is clipped to it
BOX = 5.0  # charged particles that start outside are mirrored back inside
SPRING = 0.1  # force for each unit of distance


@dataclass(frozen=True)
class Particles:
    """Simulations.

    Attributes:
        positions: (S, N, FRAMES, 3) float32.
        links: (S, N, N), product of the charges, or one where a spring is.
    """

    positions: np.ndarray
    links: np.ndarray


def charged(
    simulations: int, seed: int, report: Callable[[float], None] = lambda _: None
) -> Particles:
    """Simulate charges of +1 and -1 that attract and repel each other by Coulomb's law."""
    rng = np.random.default_rng(seed)
    charges = rng.choice([-1.0, 1.0], (simulations, PARTICLES))
    links = charges[:, :, None] * charges[:, None]
    start = rng.normal(0, 1, (simulations, PARTICLES, 3))
    start = np.where(np.abs(start) > BOX, np.sign(start) * 2 * BOX - start, start)

    def pair_force(offset: np.ndarray) -> np.ndarray:
        distance = np.linalg.norm(offset, axis=-1, keepdims=True) + np.eye(PARTICLES)[..., None]
        return np.clip(links[..., None] * offset / distance**3, -MOST_FORCE, MOST_FORCE)

    return Particles(_simulate(start, pair_force, rng, report), links)


def springs(
    simulations: int, seed: int, report: Callable[[float], None] = lambda _: None
) -> Particles:
    """Simulate particles of which each pair is linked by a spring, or not, with equal odds."""
    rng = np.random.default_rng(seed)
    upper = np.triu(rng.integers(0, 2, (simulations, PARTICLES, PARTICLES)), 1).astype(float)
    links = upper + upper.swapaxes(1, 2)
    start = rng.normal(0, 0.5, (simulations, PARTICLES, 3))

    def pair_force(offset: np.ndarray) -> np.ndarray:
        return -SPRING * links[..., None] * offset

    return Particles(_simulate(start, pair_force, rng, report), links)


def _simulate(
    position: np.ndarray,
    pair_force: Callable[[np.ndarray], np.ndarray],
    rng: np.random.Generator,
    report: Callable[[float], None],
) -> np.ndarray:
    """Kick, then drift; return the saved positions (S, N, FRAMES, 3)."""
    velocity = rng.normal(size=position.shape)
    velocity *= SPEED / np.linalg.norm(velocity, axis=-1, keepdims=True)
    frames = []
    for frame in range(FRAMES):
        for _ in range(STEPS_PER_FRAME):
            offset = position[:, :, None] - position[:, None]  # (S, N, N, 3)
            velocity = velocity + TIME_STEP * pair_force(offset).sum(2)
            position = position + TIME_STEP * velocity
        frames.append(position)
        report((frame + 1) / FRAMES)
    return np.stack(frames, 2).astype(np.float32)
