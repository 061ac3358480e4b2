"""People who walk around a spinning LiDAR, from recorded gaits, with what is true of them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import torch

from equi_nodes.body.model import Body, Posed, load_body
from equi_nodes.body.skeleton import to_local
from equi_nodes.datasets.bvh import Motion
from equi_nodes.datasets.motions import category, motions
from equi_nodes.datasets.person_poses import poses_of
from equi_nodes.datasets.person_views import seen
from equi_nodes.geometry.rotations import exp_so3, yaw_of

SENSOR = np.array([0.0, 0.0, 1.2])  # metres above the floor; the axes are level
BEAMS = np.radians(np.linspace(-25, 10, 64))
TURNS = np.radians(np.arange(-180, 180, 0.2))
NOISE = 0.01  # metres, of the range
STRIDE = (0.8, 2.0)  # s, shortest and longest part of a gait that is repeated
DISTANCES = (3.5, 5.0)  # metres from the sensor to the middle of the circle that one walks on
RADII = (1.0, 1.6)  # metres of the circles
START_NS = 1_000_000_000  # a stamp of zero says that there is none
MOST = 8  # people whose circles do not meet


class Instant(NamedTuple):
    """What a sweep saw of people, and the truth; z is up and the floor at zero.

    Attributes:
        stamp_ns: nanoseconds.
        points: (N, 3) float32 metres.
        instances: (N,) uint16, whose point each is, counted from 1.
        rotations: (P, 22, 3, 3) float32 global part rotations.
        betas: (P, 10) float32 shapes.
        posed: vertices (P, V, 3) and joints (P, 22, 3), metres.
    """

    stamp_ns: int
    points: np.ndarray
    instances: np.ndarray
    rotations: np.ndarray
    betas: np.ndarray
    posed: Posed


class Gait(NamedTuple):
    """A part of a recorded walk that ends as it began, to be repeated.

    Attributes:
        rotations: (T, 22, 3, 3), as if the person always faced x.
        steps: (T, 2) metres forward and left from each frame to the next.
        turns: (T,) rad, by which the person turns meanwhile.
        height: metres, mean of the pelvis.
        period: seconds from one frame to the next.
    """

    rotations: np.ndarray
    steps: np.ndarray
    turns: np.ndarray
    height: float
    period: float


def walk_around(
    rng: np.random.Generator, *, people: int, seconds: float, rate_hz: float
) -> Iterator[Instant]:
    """Yield what a LiDAR sees of people who walk on circles around it.

    All rays of a sweep are taken at one instant: in reality a person is passed in milliseconds.

    Args:
        rng: of shapes, gaits, circles and noise.
        people: how many, at most 8.
        seconds: length.
        rate_hz: sweeps a second.

    Raises:
        EquiError: the recordings of motion are not on this machine, or open3d is missing.
    """
    body, poses = load_body(), poses_of("test")
    gaits = [gait_of(motion) for motion in motions("test") if _is_walk(motion)]
    betas = np.stack([poses.shape(rng) for _ in range(people)])
    times = np.arange(round(seconds * rate_hz)) / rate_hz
    walks = [
        walk(rng, gaits[rng.integers(len(gaits))], one, person / people * 2 * np.pi, times, body)
        for person, one in enumerate(betas)
    ]
    for index, time in enumerate(times):
        rotations = np.stack([turned[index] for turned, _ in walks]).astype(np.float32)
        places = np.stack([place[index] for _, place in walks])
        posed = _on_floor(body, rotations, betas, places)
        points, instances = sweep(rng, posed.vertices.numpy(), body.faces.numpy())
        yield Instant(START_NS + round(time * 1e9), points, instances, rotations, betas, posed)


def gait_of(motion: Motion) -> Gait:
    """Return the part of a walk whose last pose is most like its first."""
    local = to_local(torch.from_numpy(motion.rotations))[:, 1:].flatten(1)
    apart = torch.cdist(local, local).numpy()
    frames = np.arange(len(local))
    lasts = (frames[None] - frames[:, None]) * motion.period
    apart[(lasts < STRIDE[0]) | (lasts > STRIDE[1])] = np.inf
    first, last = np.unravel_index(np.argmin(apart), apart.shape)
    yaws = np.unwrap([yaw_of(rotation) for rotation in motion.rotations[first : last + 1, 0]])
    moved = np.diff(motion.translation[first : last + 1, :2], axis=0)
    back = about_z(-yaws[:-1])
    return Gait(
        back[:, None] @ motion.rotations[first:last],
        (back[:, :2, :2] @ moved[..., None])[..., 0],
        np.diff(yaws),
        float(motion.translation[first:last, 2].mean()),
        motion.period,
    )


def walk(
    rng: np.random.Generator,
    gait: Gait,
    betas: np.ndarray,
    direction: float,
    times: np.ndarray,
    body: Body,
) -> tuple[np.ndarray, np.ndarray]:
    """Return rotations (T, 22, 3, 3) and places on the floor (T, 2) of one who walks on a circle.

    Args:
        rng: of the circle, and where on it the walk begins.
        gait: how the person walks; short legs take shorter steps.
        betas: (10,) its shape.
        direction: rad, in which the circle lies from the sensor.
        times: (T,) seconds.
        body: whose shape it is.
    """
    frames = np.arange(int(times[-1] / gait.period) + 2) % len(gait.turns)
    steps = gait.steps[frames] * _leg_share(body, betas, gait.height)
    radius, way = rng.uniform(*RADII), rng.choice([-1, 1])
    bend = way * np.linalg.norm(steps.mean(0)) / radius - gait.turns.mean()
    yaws = rng.uniform(0, 2 * np.pi) + np.cumsum(gait.turns[frames] + bend)
    turned = about_z(yaws)
    places = np.cumsum((turned[:, :2, :2] @ steps[..., None])[..., 0], 0)
    middle = rng.uniform(*DISTANCES) * np.array([np.cos(direction), np.sin(direction)])
    centre = _centre(places, radius, way, yaws)
    shown = np.rint(times / gait.period).astype(int)
    rotations = turned[shown, None] @ gait.rotations[frames[shown]]
    return rotations, places[shown] - centre + middle


def about_z(angles: np.ndarray) -> np.ndarray:
    """Return the rotations (T, 3, 3) by angles (T,) rad about the vertical."""
    return exp_so3(np.stack([0 * angles, 0 * angles, angles], -1))


def sweep(
    rng: np.random.Generator, vertices: np.ndarray, faces: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return points (N, 3) float32 on people (P, V, 3), metres, and whose they are (N,) uint16."""
    people, count = vertices.shape[:2]
    mesh = (vertices - SENSOR).reshape(-1, 3)
    all_faces = (faces[None] + count * np.arange(people)[:, None, None]).reshape(-1, 3)
    hits = seen(mesh, all_faces, _rays_at(vertices - SENSOR))
    ranges = np.linalg.norm(hits.points, axis=1, keepdims=True)
    points = hits.points * (1 + rng.normal(0, NOISE, ranges.shape) / ranges) + SENSOR
    return points.astype(np.float32), (1 + hits.faces // len(faces)).astype(np.uint16)


def _is_walk(motion: Motion) -> bool:
    """Return whether it is a walk that is long enough for every stride."""
    return category(motion) == "walk" and len(motion.rotations) * motion.period > STRIDE[1]


def _rays_at(people: np.ndarray) -> np.ndarray:
    """Return the directions (R, 3) of the sensor's rays that may meet people (P, V, 3)."""
    turn, beam = (grid.ravel() for grid in np.meshgrid(TURNS, BEAMS))
    rays = np.stack([np.cos(beam) * np.cos(turn), np.cos(beam) * np.sin(turn), np.sin(beam)], 1)
    is_near = np.zeros(len(rays), bool)
    for vertices in people:
        towards = vertices.mean(0)
        skin = vertices / np.linalg.norm(vertices, axis=1, keepdims=True)
        towards /= np.linalg.norm(towards)
        is_near |= rays @ towards > (skin @ towards).min()
    return rays[is_near]


def _on_floor(body: Body, rotations: np.ndarray, betas: np.ndarray, places: np.ndarray) -> Posed:
    """Pose people (P, ...) so that the lowest of each touches the floor."""
    at = torch.from_numpy(np.pad(places, ((0, 0), (0, 1))).astype(np.float32))
    posed = body.pose(torch.from_numpy(rotations), torch.from_numpy(betas), at)
    lift = torch.zeros(len(at), 1, 3)
    lift[:, 0, 2] = -posed.vertices[..., 2].amin(1)
    return Posed(posed.vertices + lift, posed.joints + lift)


def _leg_share(body: Body, betas: np.ndarray, height: float) -> float:
    """Return how high a standing person's pelvis is, to that of the one who was recorded."""
    vertices, joints = body.rest(torch.from_numpy(betas)[None])
    return float(joints[0, 0, 2] - vertices[0, :, 2].min()) / height


def _centre(places: np.ndarray, radius: float, way: int, yaws: np.ndarray) -> np.ndarray:
    """Return the middle of the circle that one walks on, to the left or to the right."""
    beside = way * radius * np.stack([-np.sin(yaws), np.cos(yaws)], 1)
    return (places + beside).mean(0)
