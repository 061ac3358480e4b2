"""Labelled clouds as messages: the cloud as it came with three fields more."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from equi_nodes.ros.clouds import cloud_sample, with_fields
from equi_nodes.ros.convert import Make
from equi_nodes.samples import NO_LABEL, CloudSample


@dataclass(frozen=True)
class Received(CloudSample):
    """A cloud with the message that it was read from, to which something will be added."""

    message: Any = None


class Boxes(Protocol):
    """What is drawn of parts: label, and corners (P, 3) of their boxes in metres."""

    labels: np.ndarray
    low: np.ndarray
    high: np.ndarray


class Labelled(Protocol):
    """What is needed of a result; its cloud is a ``Received`` one."""

    stamp_ns: int
    frame_id: str
    cloud: Any
    labels: np.ndarray
    instances: np.ndarray
    confidences: np.ndarray
    parts: Boxes


def received(msg: Any) -> Received:
    """Read a ``sensor_msgs/PointCloud2`` and keep it; raises EquiError as ``cloud_sample``."""
    return Received(**vars(cloud_sample(msg)), message=msg)


def labelled_cloud(result: Labelled, make: Make) -> Any:
    """Build the message that came with ``label``, ``instance`` and ``confidence`` of each point.

    Points that were no measurement stay where they are and have no label.
    """
    msg, rows = result.cloud.message, result.cloud.index
    count = msg.width * msg.height
    columns = {"label": result.labels, "instance": result.instances}
    every = {name: np.full(count, NO_LABEL, np.uint16) for name in columns}
    every["confidence"] = np.zeros(count, np.float32)
    for name, values in (columns | {"confidence": result.confidences}).items():
        every[name][rows] = values
    return with_fields(msg, make, **every)
