"""What a body node is compared with: the mean body laid on the points, then general optimisation.

The mean body at rest is laid on the points by rigid ICP from many turns; then SciPy's L-BFGS
moves pose and shape so that every point comes near a vertex, with weak priors and no network.
"""

from __future__ import annotations

import numpy as np
import torch
from scipy.optimize import minimize
from scipy.spatial import cKDTree

from equi_nodes.body.model import Body
from equi_nodes.body.skeleton import PARENT_OR_SELF
from equi_nodes.datasets.person_clouds import random_rotation
from equi_nodes.evaluation.fitting import Answer
from equi_nodes.geometry.rotations import exp_so3, rigid_fit

USED = 256  # points; more make it slower, not better
STARTS, ICP_STEPS, KEPT = 32, 12, 4
ROUNDS, STEPS = 8, 15  # matched anew each round, steps of L-BFGS in one
BEND, TILT = 0.5, 3.0  # rad, of a part against its parent and in the world; both weak
ROBUST = 0.1  # m


def icp_and_optimisation(body: Body, points: np.ndarray) -> Answer:
    """Fit the body to points (N, 3), metres."""
    rows = np.random.default_rng(0).permutation(len(points))[:USED]
    middle = points.mean(0, dtype=np.float64)
    used = points[rows] - middle
    rest = np.swapaxes(body.rest_to_tpose.double().numpy(), -1, -2)  # what poses as at rest
    pelvis = body.joint_template[0].double().numpy()
    fits = [
        _optimised(body, used, turn @ rest, turn @ pelvis + shift)
        for turn, shift in _laid_on(body.template.double().numpy(), used)
    ]
    _, rotations, shape, place = min(fits, key=lambda fit: fit[0])
    posed = body.pose(*(torch.from_numpy(v[None]).float() for v in (rotations, shape, place)))
    nearest = cKDTree(posed.vertices[0].numpy() + middle).query(points)[1]
    return Answer(rotations, shape, place + middle, body.vertex_part.numpy()[nearest])


def _laid_on(skin: np.ndarray, points: np.ndarray) -> list[tuple[np.ndarray, np.ndarray]]:
    """Return turns (3, 3) and shifts (3,) of the skin (V, 3), the best that differ by 60 degrees.

    People are about as wide from the front as from behind: which way round is right is seen only
    when the limbs have moved.
    """
    rng, tree = np.random.default_rng(0), cKDTree(skin)
    results = []
    for _ in range(STARTS):
        turn = random_rotation(rng)
        shift = points.mean(0) - turn @ skin.mean(0)
        for _ in range(ICP_STEPS):
            away, match = tree.query((points - shift) @ turn)
            T = rigid_fit(skin[match], points)
            turn, shift = T[:3, :3], T[:3, 3]
        results.append((float(np.median(away)), turn, shift))
    kept: list[tuple[np.ndarray, np.ndarray]] = []
    for _, turn, shift in sorted(results, key=lambda result: result[0]):
        if len(kept) < KEPT and all(np.trace(turn.T @ other) < 2.0 for other, _ in kept):
            kept.append((turn, shift))
    return kept


def _optimised(
    body: Body, points: np.ndarray, rotations: np.ndarray, place: np.ndarray
) -> tuple[float, np.ndarray, np.ndarray, np.ndarray]:
    """Return cost, rotations, shape and place after matching and minimising in turns."""
    target, shape = torch.from_numpy(points).float(), np.zeros(10)
    for _ in range(ROUNDS):
        problem = _Problem(body, target, rotations, shape, place)
        found = minimize(
            problem, np.zeros(79), jac=True, method="L-BFGS-B", options={"maxiter": STEPS}
        )
        best = found.x
        rotations = exp_so3(best[:66].reshape(22, 3)) @ rotations
        shape, place = shape + best[69:], place + best[66:69]
    return float(found.fun), rotations, shape, place


class _Problem:
    """The cost of a change of all unknowns, with the matches of the state before it."""

    def __init__(
        self, body: Body, target: torch.Tensor, rotations: np.ndarray, shape: np.ndarray,
        place: np.ndarray,
    ):  # fmt: skip
        arrays = (rotations[None], shape[None], place[None])
        self._body, self._target = body, target
        self._rotations, self._shape, self._place = (torch.from_numpy(a).float() for a in arrays)
        posed = body.pose(self._rotations, self._shape, self._place)
        self._matches = torch.cdist(target, posed.vertices[0]).argmin(1)

    def __call__(self, change: np.ndarray) -> tuple[float, np.ndarray]:
        """Return the cost and its gradient (79,)."""
        change = torch.from_numpy(change).float().requires_grad_()
        turns = change[:66].view(22, 3)
        shape = self._shape + change[69:]
        posed = self._body.pose(_exp(turns) @ self._rotations, shape, self._place + change[66:69])
        squared = (posed.vertices[0, self._matches] - self._target).square().sum(1)
        data = (squared / (squared + ROBUST**2)).mean() / 0.02
        bends = (turns - turns[list(PARENT_OR_SELF)]).square().sum() / BEND**2
        priors = bends + turns.square().sum() / TILT**2 + shape.square().sum()
        cost = data + 0.01 * priors
        cost.backward()
        return float(cost.detach()), change.grad.double().numpy()


def _exp(turns: torch.Tensor) -> torch.Tensor:
    """Return the rotations (22, 3, 3) of rotation vectors (22, 3), differentiably."""
    x, y, z = turns.unbind(-1)
    zero = torch.zeros_like(x)
    skew = torch.stack([zero, -z, y, z, zero, -x, -y, x, zero], -1).unflatten(-1, (3, 3))
    return torch.linalg.matrix_exp(skew)
