"""Walking people as a bag: their points as a tracker gives them out, and their true bodies."""

from __future__ import annotations

import argparse
from collections.abc import Iterator

import numpy as np
import torch
from rich.console import Console

from equi_nodes.body.model import load_body
from equi_nodes.body.skeleton import to_local
from equi_nodes.cli.prediction_replay import progress_bar
from equi_nodes.datasets.bags import BagMessage, Make, write_bag
from equi_nodes.datasets.walking_people import MOST, Instant, walk_around
from equi_nodes.errors import EquiError
from equi_nodes.ros.bodies import body_array
from equi_nodes.ros.clouds import cloud_message
from equi_nodes.samples import BodySample

CROPS_TOPIC, TRUTH_TOPIC = "/tracks/crops", "/truth/bodies"
FRAME = "odom"


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the options of `equi bag make people`."""
    parser.add_argument("--seed", type=int, default=0, help="other people for each (0)")
    parser.add_argument("--seconds", type=float, default=20.0, help="length (20)")
    parser.add_argument("--people", type=int, default=4, help=f"at most {MOST} (4)")
    parser.add_argument("--rate", type=float, default=10.0, help="sweeps a second (10)")


def write_people(arguments: argparse.Namespace, console: Console) -> None:
    """Simulate people who walk around a LiDAR and write what it sees of them, and the truth.

    Raises:
        EquiError: a number makes no sense, the recordings of motion or open3d are missing, or the
            bag cannot be written.
    """
    limits = {"seconds": (0.2, 3600.0), "people": (1, MOST), "rate": (0.5, 30.0),
              "seed": (0, 2**63)}  # fmt: skip
    for name, (low, high) in limits.items():
        if not low <= getattr(arguments, name) <= high:
            raise EquiError(f"--{name} is out of range; give one in {low:g}..{high:g}.")
    rng = np.random.default_rng(arguments.seed)
    walks = walk_around(
        rng, people=arguments.people, seconds=arguments.seconds, rate_hz=arguments.rate
    )
    with progress_bar(console) as progress:
        count = round(arguments.seconds * arguments.rate)
        shown = progress.track(walks, total=count, description="people walk")
        write_bag(arguments.out, people_messages(shown), overwrite=arguments.force)


def people_messages(instants: Iterator[Instant]) -> Iterator[BagMessage]:
    """Yield the crops and the true bodies of each sweep."""
    make = Make()
    for instant in instants:
        crops = cloud_message(
            instant.stamp_ns, FRAME, instant.points, make, instance=instant.instances
        )
        yield BagMessage(CROPS_TOPIC, instant.stamp_ns, crops)
        yield BagMessage(TRUTH_TOPIC, instant.stamp_ns, body_array(true_bodies(instant), make))


def true_bodies(instant: Instant) -> BodySample:
    """Return the bodies of an instant as if they had been found without any doubt."""
    people = len(instant.rotations)
    numbers = np.arange(1, people + 1)
    rotations, joints = instant.rotations.astype(float), instant.posed.joints.double().numpy()
    parts = joints.shape[:2]
    return BodySample(
        stamp_ns=instant.stamp_ns, frame_id=FRAME, ids=numbers,
        accepted=np.ones(people, bool), reasons=("",) * people, rotations=rotations,
        local_rotations=to_local(torch.from_numpy(rotations)).numpy(),
        rotation_sigmas=np.zeros(parts), joints=joints,
        joint_covariances=np.zeros((*parts, 3, 3)), angles={}, shapes=instant.betas,
        part_confidences=np.ones(parts), residuals=np.zeros(people), coverages=np.ones(people),
        counts=np.array([(instant.instances == number).sum() for number in numbers]),
        vertices=instant.posed.vertices.numpy(), faces=load_body().faces.numpy(),
        points=instant.points, instances=instant.instances.astype(np.int64),
        parts=np.zeros(len(instant.points), np.uint8),
        confidences=np.zeros(len(instant.points), np.float32),
    )  # fmt: skip
