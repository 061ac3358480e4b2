"""Bags without ROS: reading rosbag2 (mcap, sqlite3) and ROS 1 bags, writing rosbag2 mcap."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from rosbags.highlevel import AnyReader
from rosbags.interfaces import (
    Qos,
    QosDurability,
    QosHistory,
    QosLiveliness,
    QosReliability,
    QosTime,
)
from rosbags.rosbag2 import (
    CompressionFormat,
    CompressionMode,
    StoragePlugin,
    Writer,
    WriterError,
)
from rosbags.typesys import Stores, get_types_from_msg, get_typestore
from rosbags.typesys.store import Typestore

from equi_nodes.errors import EquiError

MAGICS = (b"\x89MCAP", b"SQLite format 3", b"#ROSBAG V2.0")
RELIABLE = Qos(
    QosHistory.KEEP_LAST, 10, QosReliability.RELIABLE, QosDurability.VOLATILE,
    QosTime(0, 0), QosTime(0, 0), QosLiveliness.AUTOMATIC, QosTime(0, 0), False,
)  # fmt: skip

LATCHED = RELIABLE._replace(durability=QosDurability.TRANSIENT_LOCAL)


@dataclass(frozen=True)
class BagMessage:
    """One message of a bag.

    Attributes:
        topic: its name.
        stamp_ns: when it was recorded, nanoseconds.
        message: an object with the fields of the message type.
    """

    topic: str
    stamp_ns: int
    message: Any


@dataclass(frozen=True)
class Topic:
    """What a bag holds of one topic."""

    name: str
    type: str
    count: int


@dataclass(frozen=True)
class Summary:
    """What a bag holds.

    Attributes:
        start_ns: time of the first message, nanoseconds.
        seconds: from the first message to the last.
        topics: sorted by name.
    """

    start_ns: int
    seconds: float
    topics: tuple[Topic, ...]


class Make:
    """Builds messages that the bag writer takes, by type name: see ``ros/convert.py``."""

    def __call__(self, type_name: str, **fields: Any) -> Any:
        """Return a message of ``type_name`` ("package/msg/Name"); every field must be given."""
        return typestore().types[type_name](**fields)

    def array(self, code: str, values: np.ndarray) -> np.ndarray:
        """Return a numeric sequence field; ``code`` is a type code of the ``array`` module."""
        return np.ascontiguousarray(values, dtype=np.dtype(code)).reshape(-1)


@cache
def typestore() -> Typestore:
    """Return the message types of ROS 2 and of ``equi_msgs``."""
    store = get_typestore(Stores.ROS2_JAZZY)
    for path in sorted(_interface_folder().glob("*.msg")):
        store.register(get_types_from_msg(path.read_text(), f"equi_msgs/msg/{path.stem}"))
    return store


def write_bag(path: str | Path, messages: Iterable[BagMessage], *, overwrite: bool = False) -> None:
    """Write a rosbag2 in mcap storage; nothing is left at ``path`` when it fails half-way.

    Args:
        path: ending in ``.mcap``: one file; otherwise a folder with its metadata. Both can be
            played by ``ros2 bag play``.
        messages: in time order, built by ``Make``.
        overwrite: replace what is there.

    Raises:
        EquiError: ``path`` exists, or cannot be written.
    """
    path = Path(path)
    if path.exists() and not overwrite:
        raise EquiError(f"{path} exists already; choose another name or add --force.")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".bag-", dir=path.parent) as scratch:
            folder = Path(scratch) / path.stem
            _write_folder(folder, messages)
            _remove(path)
            shutil.move(folder / f"{path.stem}.mcap" if path.suffix == ".mcap" else folder, path)
    except OSError as error:
        raise EquiError(f"Cannot write the bag {path}: {error.strerror or error}.") from error


class BagWriter:
    """Writes messages one by one; ``bag_writer`` makes one."""

    def __init__(self, writer: Writer) -> None:
        """Write through an open writer of rosbags."""
        self._writer = writer
        self._connections: dict[str, Any] = {}

    def write(
        self, topic: str, type_name: str, stamp_ns: int, data: bytes, *, is_latched: bool = False
    ) -> None:
        """Add one message.

        Args:
            topic: its name; all its messages have one type.
            type_name: "package/msg/Name".
            stamp_ns: when it was recorded, nanoseconds.
            data: the message in CDR, as it goes over the wire.
            is_latched: what was sent last is kept for late readers, as always of ``tf_static``.
        """
        if topic not in self._connections:
            is_kept = is_latched or topic.endswith("tf_static")
            self._connections[topic] = self._writer.add_connection(
                topic, type_name, typestore=typestore(),
                offered_qos_profiles=[LATCHED if is_kept else RELIABLE],
            )  # fmt: skip
        self._writer.write(self._connections[topic], stamp_ns, data)


@contextmanager
def bag_writer(folder: str | Path, *, is_compressed: bool = False) -> Iterator[BagWriter]:
    """Open a rosbag2 folder in mcap storage for writing; ``is_compressed`` makes chunks of zstd.

    Raises:
        EquiError: the folder exists.
    """
    writer = Writer(folder, version=9, storage_plugin=StoragePlugin.MCAP)
    if is_compressed:
        writer.set_compression(CompressionMode.STORAGE, CompressionFormat.ZSTD)
    try:
        with writer:
            yield BagWriter(writer)
    except WriterError as error:
        raise EquiError(f"Cannot write the bag: {error}") from error


def read_messages(
    path: str | Path, topic: str | None = None, type_name: str | None = None
) -> Iterator[BagMessage]:
    """Yield the messages of a bag in time order.

    Args:
        path: a rosbag2 folder, a single ``.mcap`` or ``.db3`` file, or a ROS 1 ``.bag``.
        topic: only this one.
        type_name: only this type, "package/msg/Name".

    Raises:
        EquiError: no such bag, not a bag, damaged, or nothing in it matches.
    """
    with _opened(Path(path)) as reader:
        chosen = [
            connection
            for connection in reader.connections
            if topic in (None, connection.topic) and type_name in (None, connection.msgtype)
        ]
        if not chosen:
            raise EquiError(_nothing_matches(path, topic, type_name, reader))
        for connection, stamp_ns, data in reader.messages(chosen):
            message = reader.deserialize(data, connection.msgtype)
            yield BagMessage(connection.topic, stamp_ns, message)


def summarize(path: str | Path) -> Summary:
    """Return what a bag holds; raises ``EquiError`` as ``read_messages`` does."""
    with _opened(Path(path)) as reader:
        topics = tuple(
            Topic(name, info.msgtype or "several types", info.msgcount)
            for name, info in sorted(reader.topics.items())
        )
        seconds = reader.duration / 1e9 if reader.message_count else 0.0
        return Summary(int(reader.start_time), seconds, topics)


@contextmanager
def _opened(path: Path) -> Iterator[AnyReader]:
    """Open a bag of any kind; whatever a damaged file makes the reader raise becomes a sentence."""
    if not path.exists():
        raise EquiError(f"There is no bag {path}; check the path.")
    try:
        with AnyReader([path], default_typestore=typestore()) as reader:
            yield reader
    except (EquiError, KeyboardInterrupt, GeneratorExit):
        raise
    except Exception as error:
        raise EquiError(_why_unreadable(path, error)) from error


def _why_unreadable(path: Path, error: Exception) -> str:
    if isinstance(error, PermissionError):
        return f"The bag {path} may not be read: change its permissions."
    detail = str(error).rstrip(".").splitlines()[0] if str(error) else type(error).__name__
    if path.is_dir() and not (path / "metadata.yaml").exists():
        return f"{path} is not a bag: the folder has no metadata.yaml."
    if path.is_file() and not _first_bytes(path).startswith(MAGICS):
        return f"{path} is not a bag: it is neither mcap, nor sqlite3, nor a ROS 1 bag."
    return f"The bag {path} is damaged or cut off ({detail}): copy or record it again."


def _first_bytes(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(16)


def _nothing_matches(
    path: str | Path, topic: str | None, type_name: str | None, reader: AnyReader
) -> str:
    wanted = f"topic {topic}" if topic else "topic"
    wanted += f" of type {type_name}" if type_name else ""
    there = ", ".join(f"{c.topic} ({c.msgtype})" for c in reader.connections) or "none"
    return f"The bag {path} has no {wanted}; its topics are: {there}."


def _write_folder(folder: Path, messages: Iterable[BagMessage]) -> None:
    store = typestore()
    with bag_writer(folder) as writer:
        for item in messages:
            type_name = item.message.__msgtype__
            data = store.serialize_cdr(item.message, type_name)
            writer.write(item.topic, type_name, item.stamp_ns, data)


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def _interface_folder() -> Path:
    """Return the folder of the ``equi_msgs`` definitions, installed or in the checkout."""
    prefixes = [Path(p) for p in os.environ.get("AMENT_PREFIX_PATH", "").split(os.pathsep) if p]
    checkout = Path(__file__).resolve().parents[2] / "ros_ws" / "src"
    for shelf in [prefix / "share" for prefix in prefixes] + [checkout]:
        if (shelf / "equi_msgs" / "msg").is_dir():
            return shelf / "equi_msgs" / "msg"
    raise EquiError("The definitions of equi_msgs are not found; build ros_ws or source its setup.")
