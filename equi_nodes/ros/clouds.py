"""Point clouds as messages and back, whatever their layout. Any class of message will do."""

from __future__ import annotations

from typing import Any

import numpy as np

from equi_nodes.errors import EquiError
from equi_nodes.ros.convert import SECOND_NS, Make, header, stamp_ns
from equi_nodes.samples import CloudSample

# Codes of ``sensor_msgs/PointField`` and the numbers they stand for.
KINDS = {1: "i1", 2: "u1", 3: "i2", 4: "u2", 5: "i4", 6: "u4", 7: "f4", 8: "f8"}
CODES = {kind: code for code, kind in KINDS.items()}
TIME_FIELDS = ("t", "time", "timestamp", "offset_time", "time_stamp", "timeStamp")
SECONDS_PER = {"s": 1.0, "us": 1e-6, "ns": 1e-9}
FIELDS = ("x", "y", "z", "intensity", "instance", *TIME_FIELDS)
UNITS_OF = {"f": ("s", "us", "ns"), "u": ("ns",), "i": ("ns",)}  # tried in turn, by kind of number
FARTHEST = 1e6  # m; a point beyond is no measurement, and its square would not be a number
MOST_POINTS = 20_000_000  # a larger cloud is not read at all
LONGEST_SWEEP = 1.5  # s between a point and the stamp; a longer time is of another clock


def cloud_problem(msg: Any) -> str:
    """Return why a ``sensor_msgs/PointCloud2`` cannot be used, as far as its head tells."""
    points, fields = msg.width * msg.height, {field.name: field for field in msg.fields}
    if points == 0:
        return f"it has no points: {msg.width} x {msg.height}"
    if points > MOST_POINTS:
        return f"{msg.width} x {msg.height} points are more than the limit of {MOST_POINTS}"
    if missing := [axis for axis in "xyz" if axis not in fields]:
        return f"it has no field {', '.join(missing)}, only {', '.join(fields) or 'none'}"
    if odd := [axis for axis in "xyz" if KINDS.get(fields[axis].datatype) not in ("f4", "f8")]:
        return f"its field {', '.join(odd)} is not float32 or float64"
    return _layout_problem(msg)


def _layout_problem(msg: Any) -> str:
    """Return where the bytes of a cloud do not suffice for what it announces."""
    for field in msg.fields:
        end = field.offset + np.dtype(KINDS.get(field.datatype, "u1")).itemsize
        if end > msg.point_step:
            return f"field {field.name} ends at byte {end} of points of {msg.point_step} bytes"
    row = msg.width * msg.point_step
    if msg.height > 1 and msg.row_step < row:
        return f"a row of {row} bytes does not fit row_step {msg.row_step}"
    needed = (msg.height - 1) * msg.row_step + row
    if len(msg.data) < needed:
        return f"{len(msg.data)} bytes are less than the {needed} announced"
    return ""


def cloud_sample(msg: Any, time_unit: str = "auto") -> CloudSample:
    """Read a ``sensor_msgs/PointCloud2`` in which ``cloud_problem`` finds nothing.

    Points that are no finite measurement are left out, ``index`` says which are left. Where none
    has to go and the message holds float32 in the machine's order, the points are a view of its
    bytes.

    Args:
        msg: the message.
        time_unit: of the per-point times, ``s``, ``us`` or ``ns``; ``auto`` takes integers for
            nanoseconds and floats for what makes a sweep of them. Times that lie beside the stamp
            are times of day, others count from the stamp.

    Raises:
        EquiError: the message cannot be used.
    """
    if problem := cloud_problem(msg):
        raise EquiError(f"The cloud cannot be used: {problem}.")
    rows, layout = _rows(msg), _layout(msg)
    is_sound = _are_sound(rows.view(layout))
    index = np.arange(len(rows)) if is_sound.all() else np.flatnonzero(is_sound)
    if len(index) < len(rows):
        rows = rows[is_sound]  # whole records: much faster than field by field
    columns, stamp = rows.view(layout), stamp_ns(msg.header.stamp)
    timed = next((name for name in TIME_FIELDS if name in layout.names), None)
    return CloudSample(
        stamp_ns=stamp,
        frame_id=msg.header.frame_id,
        points=_points(columns),
        times=_times(columns[timed], stamp, time_unit) if timed else None,
        intensity=_single(columns["intensity"]) if "intensity" in layout.names else None,
        index=index,
        instance=columns["instance"].astype(np.int64) if "instance" in layout.names else None,
    )


def cloud_message(
    stamp: int, frame_id: str, points: np.ndarray, make: Make, **extra: np.ndarray
) -> Any:
    """Build a ``sensor_msgs/PointCloud2`` of x, y, z in float32 metres and further fields.

    Args:
        stamp: nanoseconds.
        frame_id: of the points.
        points: (N, 3) metres.
        make: builds messages.
        extra: (N,) numbers by the name of their field, stored as what they are, for example
            ``label`` uint16.
    """
    columns = dict(zip("xyz", np.asarray(points, np.float32).T, strict=True)) | extra
    layout = np.dtype([(name, column.dtype.newbyteorder("<")) for name, column in columns.items()])
    rows = np.empty(len(points), layout)
    for name, column in columns.items():
        rows[name] = column
    fields = [
        make(
            "sensor_msgs/msg/PointField",
            name=name,
            offset=layout.fields[name][1],
            datatype=CODES[column.dtype.str[1:]],
            count=1,
        )
        for name, column in columns.items()
    ]
    return make(
        "sensor_msgs/msg/PointCloud2",
        header=header(stamp, frame_id, make),
        height=1,
        width=len(rows),
        fields=fields,
        is_bigendian=False,
        point_step=layout.itemsize,
        row_step=layout.itemsize * len(rows),
        data=make.array("B", rows.view(np.uint8)),
        is_dense=True,
    )


def with_fields(msg: Any, make: Make, **extra: np.ndarray) -> Any:
    """Build the same ``sensor_msgs/PointCloud2`` with further fields, which replace their like.

    Args:
        msg: a message in which ``cloud_problem`` finds nothing.
        make: builds messages.
        extra: (N,) numbers of all points of the message by the name of their field.
    """
    rows, order = _rows(msg), ">" if msg.is_bigendian else "<"
    kinds = [(name, column.dtype.newbyteorder(order)) for name, column in extra.items()]
    layout = np.dtype([("before", rows.dtype), *kinds])
    wider = np.empty(len(rows), layout)
    wider["before"] = rows
    for name, column in extra.items():
        wider[name] = column
    added = [
        make(
            "sensor_msgs/msg/PointField",
            name=name, offset=layout.fields[name][1], datatype=CODES[column.dtype.str[1:]], count=1,
        )
        for name, column in extra.items()
    ]  # fmt: skip
    return make(
        "sensor_msgs/msg/PointCloud2",
        header=msg.header,
        height=msg.height,
        width=msg.width,
        fields=[field for field in msg.fields if field.name not in extra] + added,
        is_bigendian=msg.is_bigendian,
        point_step=layout.itemsize,
        row_step=layout.itemsize * msg.width,
        data=make.array("B", wider.view(np.uint8)),
        is_dense=msg.is_dense,
    )


def _rows(msg: Any) -> np.ndarray:
    """Return the points (N,) as records of bytes, a view unless the rows of an image are padded."""
    shape, strides = (msg.height, msg.width), (msg.row_step, msg.point_step)
    if msg.height == 1 or msg.row_step == msg.width * msg.point_step:
        shape, strides = (msg.height * msg.width,), (msg.point_step,)
    record = np.dtype(f"V{msg.point_step}")
    return np.ndarray(shape, record, _bytes(msg.data), 0, strides).reshape(-1)


def _bytes(data: Any) -> Any:
    """Return the bytes of a message, as they are where they are an array."""
    try:
        return memoryview(data)
    except TypeError:
        return np.asarray(data, np.uint8)


def _layout(msg: Any) -> np.dtype:
    """Return where the fields that are read stand in a record; ``xyz`` if they lie in a row."""
    fields = {
        field.name: (_kind(msg, field), field.offset)
        for field in msg.fields
        if field.name in FIELDS and field.datatype in KINDS
    }
    (kind, start), *others = (fields[axis] for axis in "xyz")
    if others == [(kind, start + kind.itemsize), (kind, start + 2 * kind.itemsize)]:
        fields["xyz"] = (np.dtype((kind, 3)), start)
    formats, offsets = zip(*fields.values(), strict=True)
    return np.dtype(
        {"names": list(fields), "formats": formats, "offsets": offsets, "itemsize": msg.point_step}
    )


def _kind(msg: Any, field: Any) -> np.dtype:
    return np.dtype(KINDS[field.datatype]).newbyteorder(">" if msg.is_bigendian else "<")


def _points(columns: np.ndarray) -> np.ndarray:
    """Return the points (N, 3) float32, a view where the layout allows it."""
    if "xyz" in columns.dtype.names:
        return _single(columns["xyz"])
    return np.column_stack([_single(columns[axis]) for axis in "xyz"])


def _single(column: np.ndarray) -> np.ndarray:
    return column.astype(np.float32, copy=False)


def _are_sound(columns: np.ndarray) -> np.ndarray:
    """Return whether each point is a finite measurement (N,)."""
    with np.errstate(over="ignore", invalid="ignore"):
        x, y, z = (columns[axis] for axis in "xyz")
        return x * x + y * y + z * z <= FARTHEST**2  # of NaN this is false


def _times(values: np.ndarray, stamp: int, unit: str) -> np.ndarray | None:
    """Return seconds from the stamp (N,) float32, None where the times cannot be of this sweep."""
    units = (unit,) if unit in SECONDS_PER else UNITS_OF[values.dtype.kind]
    values = values.astype(np.float64)
    values[~np.isfinite(values)] = 0.0
    longest = float(np.abs(values).max(initial=0.0))
    for scale in (SECONDS_PER[unit] for unit in units):
        if abs(longest * scale - stamp / SECOND_NS) <= LONGEST_SWEEP < stamp / SECOND_NS:
            return (values * scale - stamp / SECOND_NS).astype(np.float32)
    for scale in (SECONDS_PER[unit] for unit in units):
        if longest * scale <= LONGEST_SWEEP:
            return (values * scale).astype(np.float32)
    return None
