"""Clouds of single people with their truth, as cameras and LiDARs see them, by the thousand."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch

from equi_nodes.body.model import Body, load_body
from equi_nodes.body.skeleton import JOINTS
from equi_nodes.body.surface import interpolate, part_labels, sample_surface
from equi_nodes.datasets.person_poses import Poses
from equi_nodes.datasets.person_scene import PersonMesh, dressed, is_left, with_floor
from equi_nodes.datasets.person_views import Hits, random_camera, random_lidar, seen
from equi_nodes.errors import EquiError
from equi_nodes.geometry.rotations import exp_so3, rotation

VIEWS = ("full", "single_view", "lidar256")
OUTSIDE = len(JOINTS)  # the part of points that are not of the person
SENSORS = {"single_view": random_camera, "lidar256": random_lidar}
SENSOR_NOISE = {"full": 0.001, "single_view": 0.005, "lidar256": 0.015}  # metres
TILT = np.radians(20)  # how far from level a sensor looks at people
AROUND = 0.3  # metres, spread of what is not of the person
FEWEST = 16  # points of the person, with fewer another one is drawn


@dataclass(frozen=True)
class CloudOptions:
    """What spoils clouds; by default nothing but the noise of the sensor.

    Attributes:
        noise: metres, lowest and highest standard deviation, drawn evenly in its logarithm; None
            takes that of the sensor.
        upright: share of the people who are seen by a level sensor as they stand; the others are
            seen from anywhere. The whole is then turned at random all the same.
        missing: share of the people of whom a limb is hidden, or all beyond a plane.
        ground: share of the people who have some of the floor around their feet.
        clothing: metres, the most that clothes stand off; each person draws a thickness below.
        outliers: largest share of the points that are somewhere around.
    """

    noise: tuple[float, float] | None = None
    upright: float = 0.5
    missing: float = 0.0
    ground: float = 0.0
    clothing: float = 0.0
    outliers: float = 0.0


TRAINING = CloudOptions((0.001, 0.03), missing=0.25, ground=0.3, clothing=0.03, outliers=0.1)


class PersonCloud(NamedTuple):
    """A cloud of one person and what is true of it, in the frame of the points.

    Attributes:
        points: (N, 3) float32 metres.
        parts: (N,) int64 part of each point, 22 where it is not of the person.
        rest: (N, 3) float32 metres, the same point of the skin on the mean body at rest; zero where
            it is not of the person.
        rotations: (22, 3, 3) float32 global part rotations, identity in a T-pose.
        betas: (10,) float32 shape coefficients.
        translation: (3,) float32 metres, where the pelvis is.
        joints: (22, 3) float32 metres.
    """

    points: np.ndarray
    parts: np.ndarray
    rest: np.ndarray
    rotations: np.ndarray
    betas: np.ndarray
    translation: np.ndarray
    joints: np.ndarray


def draw_person(
    rng: np.random.Generator,
    poses: Poses,
    view: str,
    count: int,
    noise: float | None = None,
    options: CloudOptions | None = None,
) -> PersonCloud:
    """Draw a person, and a cloud of it that is turned uniformly at random.

    Args:
        rng: where all randomness comes from.
        poses: what poses and shapes there are.
        view: ``full`` (all around, evenly by area), ``single_view`` (a depth camera) or
            ``lidar256`` (a spinning LiDAR, at a distance that suits ``count``).
        count: N points; where a sensor saw fewer, some are there twice.
        noise: metres, standard deviation: of every coordinate of a full cloud, of the range of a
            sensor; None leaves it to the options.
        options: what spoils the cloud; None for nothing.

    Raises:
        EquiError: no such view, or a sensor's view without open3d.
    """
    if view not in VIEWS:
        raise EquiError(f"There is no view {view!r} of people; take {', '.join(VIEWS)}.")
    body, options = load_body(), options or CloudOptions()
    before = _sensor_turn(rng, options.upright)
    rotations, betas = before @ poses.draw(rng), poses.shape(rng)
    vertices, joints = pose_one(body, rotations, betas)
    mesh = _spoiled(rng, body, vertices, options)
    sigma = _noise(rng, view, options) if noise is None else noise
    has_floor = rng.random() < options.ground
    hits = _sampled(rng, mesh, view, count, sigma, before[:, 2] if has_floor else None)
    parts, rest = _labels(body, mesh, hits)
    if (parts != OUTSIDE).sum() < FEWEST:
        return draw_person(rng, poses, view, count, noise, options)
    points = _with_outliers(rng, hits.points, parts, rest, rng.uniform(0, options.outliers))
    turn, shift = random_rotation(rng), rng.uniform(-1, 1, 3)
    return PersonCloud(
        _single(points @ turn.T + shift), parts, rest, _single(turn @ rotations), betas,
        _single(shift), _single(joints @ turn.T + shift),
    )  # fmt: skip


def random_rotation(rng: np.random.Generator) -> np.ndarray:
    """Return a rotation (3, 3), all equally likely."""
    return rotation(rng.normal(size=4))


def pose_one(body: Body, rotations: np.ndarray, betas: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return vertices (V, 3) and joints (22, 3) of one body, its pelvis in the origin, float32."""
    turns, shape = torch.from_numpy(_single(rotations)), torch.from_numpy(_single(betas))
    posed = body.pose(turns[None], shape[None], torch.zeros(1, 3))
    return posed.vertices[0].numpy(), posed.joints[0].numpy()


def _sensor_turn(rng: np.random.Generator, upright: float) -> np.ndarray:
    """Return how the person, who stands along z, is turned before the sensor."""
    if rng.random() >= upright:
        return random_rotation(rng)
    tilt, yaw = rng.uniform(-TILT, TILT), rng.uniform(-np.pi, np.pi)
    return exp_so3(np.array([0.0, tilt, 0.0])) @ exp_so3(np.array([0.0, 0.0, yaw]))


def _noise(rng: np.random.Generator, view: str, options: CloudOptions) -> float:
    if options.noise is None:
        return SENSOR_NOISE[view]
    return float(np.exp(rng.uniform(*np.log(options.noise))))


def _spoiled(
    rng: np.random.Generator, body: Body, vertices: np.ndarray, options: CloudOptions
) -> PersonMesh:
    if options.clothing:
        vertices = dressed(rng, body, vertices, rng.uniform(0, options.clothing))
    faces = body.faces.numpy()
    kept = np.ones(len(faces), bool)
    if rng.random() < options.missing:
        kept = is_left(rng, body, vertices)
    return PersonMesh(vertices, faces[kept], np.flatnonzero(kept))


def _sampled(
    rng: np.random.Generator,
    mesh: PersonMesh,
    view: str,
    count: int,
    noise: float,
    up: np.ndarray | None,
) -> Hits:
    """Return count points of the mesh, and of a floor where it has an up, around its origin."""
    if view == "full":
        mesh = mesh if up is None else with_floor(rng, mesh, up)
        hits = _all_around(rng, mesh, count)
        return hits._replace(points=hits.points + rng.normal(0, noise, hits.points.shape))
    sensor = SENSORS[view](rng, mesh.size, count)
    ahead = np.array([sensor.distance, 0, 0])
    if up is not None and -ahead @ up > (mesh.vertices @ up).min():  # else it is below the floor
        mesh = with_floor(rng, mesh, up)
    vertices = mesh.vertices + ahead
    hits = seen(vertices, mesh.faces, sensor.rays(rng, vertices))
    ranges = np.linalg.norm(hits.points, axis=1, keepdims=True)
    noisy = hits.points * (1 + rng.normal(0, noise, ranges.shape) / ranges)
    return _exactly(rng, hits._replace(points=noisy - ahead), count)


def _all_around(rng: np.random.Generator, mesh: PersonMesh, count: int) -> Hits:
    generator = torch.Generator().manual_seed(int(rng.integers(2**62)))
    skin, faces = torch.from_numpy(mesh.vertices), torch.from_numpy(mesh.faces)
    samples = sample_surface(skin[None], faces, count, generator)
    return Hits(*(values[0].numpy() for values in samples))


def _exactly(rng: np.random.Generator, hits: Hits, count: int) -> Hits:
    """Return count of the hits in random order, some twice where they are fewer."""
    found = len(hits.points)
    if not found:
        return hits
    chosen = rng.permutation(found)[:count]
    if found < count:
        chosen = np.concatenate([chosen, rng.integers(found, size=count - found)])
    return Hits(*(values[chosen] for values in hits))


def _labels(body: Body, mesh: PersonMesh, hits: Hits) -> tuple[np.ndarray, np.ndarray]:
    """Return parts (N,) and points of the mean body (N, 3) of the hits."""
    is_skin = hits.faces < len(mesh.skin)
    faces = torch.from_numpy(mesh.skin[np.where(is_skin, hits.faces, 0)])[None]
    weights = torch.from_numpy(_single(hits.weights))[None]
    parts = part_labels(body.faces, body.vertex_part, faces, weights)[0].numpy()
    rest = interpolate(body.template[None], body.faces, faces, weights)[0].numpy()
    return np.where(is_skin, parts, OUTSIDE), np.where(is_skin[:, None], rest, 0)


def _with_outliers(
    rng: np.random.Generator, points: np.ndarray, parts: np.ndarray, rest: np.ndarray, share: float
) -> np.ndarray:
    """Return the points with a share of them moved around; labels follow in place."""
    is_out = rng.random(len(points)) < share
    parts[is_out], rest[is_out] = OUTSIDE, 0
    return points + is_out[:, None] * rng.normal(0, AROUND, points.shape)


def _single(values: np.ndarray) -> np.ndarray:
    return np.asarray(values, np.float32)
