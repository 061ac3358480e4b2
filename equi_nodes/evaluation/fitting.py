"""How far fitted bodies are from the true ones, however the cloud is seen and turned."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
import torch
from scipy.stats import chi2

from equi_nodes.body.model import Body
from equi_nodes.body.skeleton import to_local
from equi_nodes.datasets.person_clouds import VIEWS, PersonCloud, draw_person, random_rotation
from equi_nodes.datasets.person_poses import poses_of
from equi_nodes.geometry.rotations import log_so3

COUNTS = {"full": 2048, "single_view": 2048, "lidar256": 256}
NOISE = {"full": 0.001, "single_view": None, "lidar256": None}  # metres; None: the sensor's own
CM = 100.0
INSIDE = float(chi2.ppf(0.9, 3))  # squared Mahalanobis radius of a 90 % ellipsoid


class Answer(NamedTuple):
    """What a method says of one person, in the frame of the points.

    Attributes:
        rotations: (22, 3, 3) global part rotations.
        shape: (10,) coefficients.
        place: (3,) metres, the pelvis.
        parts: (N,) part of each point.
        covariances: (22, 3, 3) m^2 of the joints, None where the method has none.
        accepted: whether the method takes it for a person.
    """

    rotations: np.ndarray
    shape: np.ndarray
    place: np.ndarray
    parts: np.ndarray
    covariances: np.ndarray | None = None
    accepted: bool = True


Method = Callable[[np.ndarray], Answer]


def people(split: str, view: str, count: int, seed: int = 0) -> Iterator[PersonCloud]:
    """Yield people of a split as they are seen, each turned at random.

    Args:
        split: test (other takes of the activities of the training) or ood (other activities).
        view: one of ``VIEWS``.
        count: people.
        seed: of everything random; no training draws from it.
    """
    rng = np.random.default_rng((seed, VIEWS.index(view), sum(map(ord, split))))
    poses = poses_of(split)
    for _ in range(count):
        yield draw_person(rng, poses, view, COUNTS[view], NOISE[view])


@dataclass
class Score:
    """The errors of one method, a number a person.

    Attributes:
        v2v, mpjpe: cm, mean distance of vertices and of joints.
        angle: degrees, mean error of the joints' local rotations.
        part_accuracy: share of the points with the right part.
        inside: share of the joints inside their 90 % ellipsoid, empty without covariances.
        accepted: whether the person was taken for one.
    """

    v2v: list[float] = field(default_factory=list)
    mpjpe: list[float] = field(default_factory=list)
    angle: list[float] = field(default_factory=list)
    part_accuracy: list[float] = field(default_factory=list)
    inside: list[float] = field(default_factory=list)
    accepted: list[bool] = field(default_factory=list)

    def add(self, body: Body, truth: PersonCloud, answer: Answer) -> None:
        """Judge one person."""
        true_skin, true_joints = _posed(body, truth.rotations, truth.betas, truth.translation)
        skin, joints = _posed(body, answer.rotations, answer.shape, answer.place)
        self.v2v.append(CM * float(np.linalg.norm(skin - true_skin, axis=-1).mean()))
        off = joints - true_joints
        self.mpjpe.append(CM * float(np.linalg.norm(off, axis=-1).mean()))
        both = np.stack([answer.rotations, truth.rotations]).astype(np.float64)
        ours, true = to_local(torch.from_numpy(both)).numpy()
        turn = log_so3(ours @ np.swapaxes(true, -1, -2))
        self.angle.append(float(np.degrees(np.linalg.norm(turn, axis=-1)).mean()))
        self.part_accuracy.append(float((answer.parts == truth.parts).mean()))
        self.accepted.append(answer.accepted)
        if answer.covariances is not None:
            self.inside.append(inside_share(off, answer.covariances))

    def figures(self) -> dict[str, float]:
        """Return the means, and the spread of the errors over people."""
        means = {
            "v2v_cm": self.v2v, "mpjpe_cm": self.mpjpe, "joint_angle_deg": self.angle,
            "part_accuracy": self.part_accuracy, "accepted": self.accepted,
        }  # fmt: skip
        if self.inside:
            means["calibration_90"] = self.inside
        spread = {"v2v_cm_median": 50, "v2v_cm_p90": 90}
        return {name: float(np.mean(values)) for name, values in means.items()} | {
            name: float(np.percentile(self.v2v, share)) for name, share in spread.items()
        }


def inside_share(off: np.ndarray, covariances: np.ndarray) -> float:
    """Return the share of errors (J, 3) that lie inside the 90 % ellipsoids of (J, 3, 3)."""
    squared = np.einsum("ji,jik,jk->j", off, np.linalg.inv(covariances), off)
    return float((squared <= INSIDE).mean())


def turned_errors(
    body: Body, method: Method, person: PersonCloud, turns: int, seed: int = 0
) -> np.ndarray:
    """Return V2V (turns,) in cm of one person under random rotations of the input."""
    rng, score = np.random.default_rng(seed), Score()
    for _ in range(turns):
        turned = turn(person, random_rotation(rng))
        score.add(body, turned, method(turned.points))
    return np.array(score.v2v)


def turn(person: PersonCloud, rotation: np.ndarray) -> PersonCloud:
    """Return a person turned about the origin of its frame, with its truth."""
    return person._replace(
        points=(person.points @ rotation.T).astype(np.float32),
        rotations=rotation @ person.rotations,
        translation=rotation @ person.translation,
        joints=person.joints @ rotation.T,
    )


def accepted_share(method: Method, clouds: Sequence[np.ndarray]) -> float:
    """Return the share of clouds (N, 3) in which a method sees a person."""
    return float(np.mean([method(points).accepted for points in clouds]))


def _posed(
    body: Body, rotations: np.ndarray, shape: np.ndarray, place: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    arrays = (np.asarray(part, np.float32)[None] for part in (rotations, shape, place))
    posed = body.pose(*map(torch.from_numpy, arrays))
    return posed.vertices[0].double().numpy(), posed.joints[0].double().numpy()
