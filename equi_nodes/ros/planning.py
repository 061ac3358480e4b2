"""Maps, poses and plans as messages and back. Any class of message will do."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, NamedTuple

import cv2
import numpy as np

from equi_nodes.geometry.rotations import transform, yaw_of
from equi_nodes.ros.convert import Make, header, stamp_ns
from equi_nodes.ros.gate import QUATERNION_TOLERANCE
from equi_nodes.ros.sensors import transform_of, xyz
from equi_nodes.samples import GridSample, PlanSample, PredictionSample

MOST_CELLS = 64_000_000  # a larger map is not read at all
TILT = 1e-3  # a map whose z axis leans by more is no floor plan


class Place(NamedTuple):
    """A pose in a frame.

    Attributes:
        frame_id: of the pose.
        T: (4, 4) maps points of the place into the frame.
    """

    frame_id: str
    T: np.ndarray


def grid_problem(msg: Any) -> str:
    """Return why a ``nav_msgs/OccupancyGrid`` cannot be used, empty if it can."""
    info = msg.info
    cells = info.width * info.height
    if not (np.isfinite(info.resolution) and info.resolution > 0.0):
        return f"its resolution is {info.resolution:g} m, it must be above zero"
    if cells == 0:
        return f"it has no cells: {info.width} x {info.height}"
    if cells > MOST_CELLS:
        return f"{info.width} x {info.height} cells are more than the limit of {MOST_CELLS}"
    if len(msg.data) != cells:
        return f"it has {len(msg.data)} cells, {info.width} x {info.height} are {cells}"
    if problem := pose_problem(info.origin):
        return f"its origin: {problem}"
    if transform_of(info.origin.position, info.origin.orientation)[2, 2] < 1.0 - TILT:
        return "its origin is tilted, a map must be level"
    cells = _cells(msg)
    if cells.min() < -1 or cells.max() > 100:
        return "it has cells outside -1..100"
    return ""


def grid_sample(msg: Any) -> GridSample:
    """Read a ``nav_msgs/OccupancyGrid`` in which ``grid_problem`` finds none; cells are a view."""
    info = msg.info
    return GridSample(
        stamp_ns=stamp_ns(msg.header.stamp),
        frame_id=msg.header.frame_id,
        resolution=float(info.resolution),
        origin=flat(transform_of(info.origin.position, info.origin.orientation)),
        cells=_cells(msg).reshape(info.height, info.width),
    )


def grid_message(grid: GridSample, make: Make) -> Any:
    """Build a ``nav_msgs/OccupancyGrid``."""
    x, y, yaw = grid.origin.tolist()
    height, width = grid.cells.shape
    head = header(grid.stamp_ns, grid.frame_id, make)
    info = make(
        "nav_msgs/msg/MapMetaData",
        map_load_time=head.stamp,
        resolution=grid.resolution,
        width=width,
        height=height,
        origin=_pose(x, y, float(np.sin(yaw / 2)), float(np.cos(yaw / 2)), make),
    )
    cells = make.array("b", grid.cells.ravel())
    return make("nav_msgs/msg/OccupancyGrid", header=head, info=info, data=cells)


def update_problem(msg: Any, grid: GridSample | None) -> str:
    """Return why a ``map_msgs/OccupancyGridUpdate`` cannot be laid on a map, empty if it can."""
    if grid is None:
        return "no map has come before it"
    if msg.header.frame_id != grid.frame_id:
        return f"its frame is '{msg.header.frame_id}', that of the map is '{grid.frame_id}'"
    if len(msg.data) != msg.width * msg.height:
        return f"it has {len(msg.data)} cells, {msg.width} x {msg.height} are announced"
    height, width = grid.cells.shape
    if min(msg.x, msg.y) < 0 or msg.x + msg.width > width or msg.y + msg.height > height:
        return f"its cells lie outside the map of {width} x {height}"
    cells = _cells(msg)
    if cells.size and (cells.min() < -1 or cells.max() > 100):
        return "it has cells outside -1..100"
    return ""


def updated(grid: GridSample, msg: Any) -> GridSample:
    """Return a map with an update laid on it; the map itself stays as it is."""
    cells = grid.cells.copy()
    patch = _cells(msg).reshape(msg.height, msg.width)
    cells[msg.y : msg.y + msg.height, msg.x : msg.x + msg.width] = patch
    return replace(grid, stamp_ns=stamp_ns(msg.header.stamp), cells=cells)


def pose_problem(pose: Any) -> str:
    """Return why a ``geometry_msgs/Pose`` cannot be used, empty if it can."""
    q = pose.orientation
    if not np.isfinite(xyz(pose.position)).all():
        return "its position is not a finite number"
    length = np.linalg.norm((q.x, q.y, q.z, q.w))
    if not abs(length - 1.0) < 1e2 * QUATERNION_TOLERANCE:  # people type them with two digits
        return f"its orientation has the length {length:.3g}, it must be 1"
    return ""


def place_problem(msg: Any, name: str) -> str:
    """Return why a ``PoseStamped`` cannot be used, empty if it can; ``name`` says what it is."""
    if not msg.header.frame_id:
        return f"the frame_id of the {name} is empty"
    problem = pose_problem(msg.pose)
    return f"the {name} cannot be used: {problem}" if problem else ""


def place(msg: Any) -> Place:
    """Read a ``geometry_msgs/PoseStamped`` in which ``place_problem`` finds none."""
    return Place(msg.header.frame_id, transform_of(msg.pose.position, msg.pose.orientation))


def flat(T: np.ndarray) -> np.ndarray:
    """Return (3,) x, y in metres and yaw in rad of a pose (4, 4)."""
    return np.array([T[0, 3], T[1, 3], yaw_of(T)])


def people_in(people: PredictionSample, frame_id: str, T: np.ndarray) -> PredictionSample:
    """Return predictions in another frame, into which ``T`` (4, 4) maps points."""
    R, shift = T[:2, :2], T[:2, 3]
    return replace(
        people,
        frame_id=frame_id,
        positions=transform(T, people.positions),
        paths=people.paths @ R.T + shift,
        covariances=R @ people.covariances @ R.T,
    )


def plan_path(plan: PlanSample, make: Make) -> Any:
    """Build the ``nav_msgs/Path`` of a plan; without a plan it has no poses."""
    head = header(plan.stamp_ns, plan.frame_id, make)
    half = plan.poses[:, 2] / 2
    numbers = np.column_stack([plan.poses[:, :2], np.sin(half), np.cos(half)]).tolist()
    poses = [
        make("geometry_msgs/msg/PoseStamped", header=head, pose=_pose(*row, make))
        for row in numbers
    ]  # fmt: skip
    return make("nav_msgs/msg/Path", header=head, poses=poses)


def is_blocked(poses: np.ndarray, grid: GridSample, occupied: int, radius: float) -> bool:
    """Return whether an obstacle of a map is nearer to (P, 3) poses than a radius, metres.

    Obstacles are cells of at least ``occupied`` per cent. One cell of the radius is forgiven, so
    that a path which just fits stays.
    """
    c, s = np.cos(grid.origin[2]), np.sin(grid.origin[2])
    own = (poses[:, :2] - grid.origin[:2]) @ np.array([[c, -s], [s, c]]) / grid.resolution
    column, row = np.floor(own).astype(np.int64).T
    margin, size = int(np.ceil(radius / grid.resolution)) + 1, grid.cells.shape
    top, left = max(row.min() - margin, 0), max(column.min() - margin, 0)
    window = grid.cells[top : row.max() + margin + 1, left : column.max() + margin + 1]
    is_inside = (row >= 0) & (row < size[0]) & (column >= 0) & (column < size[1])
    if not window.size or not is_inside.any():
        return False
    away = cv2.distanceTransform((window < occupied).astype(np.uint8), cv2.DIST_L2, 5)
    nearest = away[row[is_inside] - top, column[is_inside] - left].min()
    return bool(nearest * grid.resolution <= max(radius - grid.resolution, 0.0))


def _cells(msg: Any) -> np.ndarray:
    """Return the cells of a message as int8, a view where its data is an array."""
    try:
        return np.frombuffer(msg.data, np.int8)
    except TypeError:
        return np.asarray(msg.data, np.int8)


def _pose(x: float, y: float, sine: float, cosine: float, make: Make) -> Any:
    """Build a ``geometry_msgs/Pose`` on the floor from half its yaw's sine and cosine."""
    return make(
        "geometry_msgs/msg/Pose",
        position=make("geometry_msgs/msg/Point", x=x, y=y, z=0.0),
        orientation=make("geometry_msgs/msg/Quaternion", x=0.0, y=0.0, z=sine, w=cosine),
    )
