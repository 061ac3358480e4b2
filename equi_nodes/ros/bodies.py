"""Fitted bodies as messages and back, and the labels of the points that they were fitted to."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

import numpy as np

from equi_nodes.geometry.rotations import quaternion, rotation
from equi_nodes.ros.clouds import cloud_message
from equi_nodes.ros.convert import Make, header
from equi_nodes.samples import BodySample


class Skeleton(NamedTuple):
    """Where a person's joints are, in the frame of the message.

    Attributes:
        joints: (22, 3) metres.
        rotations: (22, 3, 3) of the parts, global.
    """

    joints: np.ndarray
    rotations: np.ndarray


def body_array(sample: BodySample, make: Make) -> Any:
    """Build an ``equi_msgs/BodyArray`` of all fitted bodies, accepted or not."""
    bodies = [_body(sample, person, make) for person in range(len(sample.ids))]
    head = header(sample.stamp_ns, sample.frame_id, make)
    return make("equi_msgs/msg/BodyArray", header=head, bodies=bodies)


def skeletons(msg: Any) -> dict[int, Skeleton]:
    """Read the bodies of an ``equi_msgs/BodyArray`` by their id."""
    return {
        int(body.id): Skeleton(
            np.array([(p.x, p.y, p.z) for p in body.joints]),
            rotation(np.array([(q.x, q.y, q.z, q.w) for q in body.global_rotations])),
        )
        for body in msg.bodies
    }


def joint_state(sample: BodySample, make: Make) -> Any:
    """Build a ``sensor_msgs/JointState`` of the accepted people, joints named as REP-155 does.

    Each name ends in ``_`` and the id of the person, as REP-155 tells people apart.
    """
    rows = np.flatnonzero(sample.accepted).tolist()
    names = [f"{joint}_{sample.ids[row]}" for row in rows for joint in sample.angles]
    angles = [float(values[row]) for row in rows for values in sample.angles.values()]
    return make(
        "sensor_msgs/msg/JointState",
        header=header(sample.stamp_ns, sample.frame_id, make),
        name=names,
        position=make.array("d", np.array(angles)),
        velocity=make.array("d", np.zeros(0)),
        effort=make.array("d", np.zeros(0)),
    )


def part_cloud(sample: BodySample, make: Make) -> Any:
    """Build a ``sensor_msgs/PointCloud2`` of the points as they came, each with its part.

    ``part`` is the joint that the limb starts at, 22 for what is of no person.
    """
    return cloud_message(
        sample.stamp_ns, sample.frame_id, sample.points, make,
        part=sample.parts, instance=sample.instances.astype(np.uint16),
        confidence=sample.confidences,
    )  # fmt: skip


def _body(sample: BodySample, person: int, make: Make) -> Any:
    """Build the ``equi_msgs/Body`` of one person."""
    return make(
        "equi_msgs/msg/Body",
        id=int(sample.ids[person]),
        accepted=bool(sample.accepted[person]),
        reason=sample.reasons[person],
        points=int(sample.counts[person]),
        residual=float(sample.residuals[person]),
        coverage=float(sample.coverages[person]),
        global_rotations=_quaternions(sample.rotations[person], make),
        local_rotations=_quaternions(sample.local_rotations[person], make),
        joints=_points(sample.joints[person], make),
        joint_covariances=sample.joint_covariances[person].ravel(),
        rotation_sigma=sample.rotation_sigmas[person].astype(np.float32),
        part_confidence=sample.part_confidences[person].astype(np.float32),
        shape=sample.shapes[person].astype(np.float32),
    )


def _quaternions(rotations: np.ndarray, make: Make) -> list[Any]:
    rows = quaternion(rotations).tolist()
    return [make("geometry_msgs/msg/Quaternion", x=x, y=y, z=z, w=w) for x, y, z, w in rows]


def _points(places: Iterable[Any], make: Make) -> list[Any]:
    return [
        make("geometry_msgs/msg/Point", x=x, y=y, z=z) for x, y, z in np.asarray(places).tolist()
    ]
