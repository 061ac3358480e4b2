"""Poses and shapes that training and test clouds of people are drawn from."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
import torch

from equi_nodes.body.model import load_body
from equi_nodes.body.skeleton import JOINTS, to_global, to_local
from equi_nodes.datasets.motions import motions
from equi_nodes.geometry.rotations import exp_so3, log_so3

HELD_OUT = 5  # each fifth shape of the population is kept for tests
YOUNGEST, OLDEST = 4.0, 85.0  # years, whom the shapes are of

# How far joints turn, degrees about x (forward), y (left), z (up) in a T-pose, from a young adult's
# usual ranges; those of the right side follow by mirroring.
LIMITS = {
    "spine": ((-15, 15), (-10, 25), (-15, 15)),
    "neck": ((-15, 15), (-20, 25), (-25, 25)),
    "head": ((-15, 15), (-20, 20), (-35, 35)),
    "collar": ((-10, 25), (-5, 5), (-15, 15)),
    "shoulder": ((-90, 60), (-80, 80), (-110, 30)),
    "elbow": ((-5, 5), (-70, 70), (-140, 0)),
    "wrist": ((-50, 50), (-10, 10), (-25, 25)),
    "hip": ((-20, 45), (-110, 25), (-35, 35)),
    "knee": ((-3, 3), (0, 140), (-8, 8)),
    "ankle": ((-12, 12), (-20, 45), (-12, 12)),
    "foot": ((-3, 3), (-30, 10), (-3, 3)),
}
MIRRORED = np.array([-1.0, 1.0, -1.0])  # of a rotation vector, by the plane between left and right


def _limits() -> tuple[np.ndarray, np.ndarray]:
    """Return the lowest and the highest rotation vectors (22, 3) rad; the pelvis stays."""
    ranges = np.zeros((len(JOINTS), 3, 2))
    for index, name in enumerate(JOINTS[1:], 1):
        side, _, part = name.rpartition("_")
        limits = np.radians(LIMITS[part.rstrip("123")])
        ranges[index] = np.sort(limits * MIRRORED[:, None], 1) if side == "right" else limits
    return ranges[..., 0], ranges[..., 1]


LOWEST, HIGHEST = _limits()


@dataclass(frozen=True, eq=False)
class Poses:
    """What people may look like: recorded poses, ways to vary them, shapes.

    Attributes:
        rotations: (P, 22, 3, 3) float32 global part rotations, recorded.
        betas: (S, 10) float32 shapes.
        ages: (S,) years.
        random_share: of the draws that are random, within the limits of the joints.
        mixed_share: of the draws that lie between two recorded poses, each joint moved a little.
        jitter: rad, largest standard deviation by which a joint of a mixed pose is moved.
    """

    rotations: np.ndarray
    betas: np.ndarray
    ages: np.ndarray = field(default_factory=lambda: np.zeros(0))
    random_share: float = 0.0
    mixed_share: float = 0.0
    jitter: float = 0.1

    def draw(self, rng: np.random.Generator) -> np.ndarray:
        """Return global part rotations (22, 3, 3)."""
        kind = rng.random()
        if kind < self.random_share:
            return self.random_pose(rng)
        if kind < self.random_share + self.mixed_share:
            return self.mixed_pose(rng)
        return self.rotations[rng.integers(len(self.rotations))]

    def random_pose(self, rng: np.random.Generator) -> np.ndarray:
        """Return a pose (22, 3, 3) whose joints lie anywhere in their limits, rather near rest."""
        rest = np.clip(0.0, LOWEST, HIGHEST)
        widened = np.maximum(HIGHEST, LOWEST + 1e-9)
        return along_tree(exp_so3(rng.triangular(LOWEST, rest, widened)))

    def mixed_pose(self, rng: np.random.Generator) -> np.ndarray:
        """Return a pose (22, 3, 3) between two recorded ones, with a little of its own."""
        ends = self.rotations[rng.integers(len(self.rotations), size=2)]
        first, second = to_local(torch.from_numpy(ends)).numpy().astype(float)
        between = exp_so3(rng.random() * log_so3(np.swapaxes(first, -1, -2) @ second))
        own = exp_so3(rng.normal(size=(len(JOINTS), 3)) * rng.uniform(0, self.jitter))
        return along_tree(first @ between @ own)

    def shape(self, rng: np.random.Generator) -> np.ndarray:
        """Return shape coefficients (10,)."""
        return self.betas[rng.integers(len(self.betas))]

    def aged(self, youngest: float, oldest: float) -> Poses:
        """Return the same with shapes of an age alone, years."""
        kept = (self.ages >= youngest) & (self.ages <= oldest)
        return replace(self, betas=self.betas[kept], ages=self.ages[kept])


def poses_of(split: str, *, random_share: float = 0.0, mixed_share: float = 0.0) -> Poses:
    """Return the poses of a split of the recordings, and shapes that no other split has.

    Args:
        split: ``train``, ``test`` or ``ood``; the last two share their shapes.
        random_share: see ``Poses``; for training.
        mixed_share: likewise.

    Raises:
        EquiError: no such split, or the recordings are not on this machine.
    """
    rotations = np.concatenate([motion.rotations for motion in motions(split)])
    body = load_body()
    betas, ages = body.betas.numpy(), body.ages.numpy()
    kept = (np.arange(len(betas)) % HELD_OUT == 0) != (split == "train")
    every = Poses(rotations, betas[kept], ages[kept], random_share, mixed_share)
    return every.aged(YOUNGEST, OLDEST)


def along_tree(local: np.ndarray) -> np.ndarray:
    """Return the global rotations (22, 3, 3) float32 of local ones."""
    return to_global(torch.from_numpy(local.astype(np.float32))[None])[0].numpy()
