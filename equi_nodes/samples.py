"""What flows between the rooms of this package: plain arrays, free of ROS and of torch."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from enum import Enum, IntEnum

import numpy as np

NO_LABEL = 65535  # label and instance of a point that has none


@dataclass(frozen=True)
class TrackSample:
    """The tracked agents of one instant.

    Attributes:
        stamp_ns: time of the newest measurement used, nanoseconds.
        frame_id: the fixed frame of all vectors, for example ``odom`` or ``map``.
        ids: (A,) int64, one per agent, unique while the track lives.
        positions: (A, 3) float64, metres.
        velocities: (A, 3) float64, m/s; a row of NaN where the tracker gives none.
        covariances: (A, 3, 3) float64, m^2, of the positions; zero where unknown.
        velocity_covariances: (A, 3, 3) float64, (m/s)^2; None where unknown.
        sizes: (A, 3) float64, metres along the axes of the frame; None where unknown.
        classes: (A,) uint8, constants of ``equi_msgs/Track``; None where unknown.
        existence: (A,) float64 in 0..1, how likely each agent is really one; None is one.
        coasted: (A,) bool, whose position is extrapolated; None is nobody's.
    """

    stamp_ns: int
    frame_id: str
    ids: np.ndarray
    positions: np.ndarray
    velocities: np.ndarray
    covariances: np.ndarray
    velocity_covariances: np.ndarray | None = None
    sizes: np.ndarray | None = None
    classes: np.ndarray | None = None
    existence: np.ndarray | None = None
    coasted: np.ndarray | None = None

    @classmethod
    def of_positions(
        cls, stamp_ns: int, frame_id: str, ids: Sequence[int], positions: Sequence
    ) -> TrackSample:
        """Return a sample of positions alone, (A, 2) or (A, 3) metres."""
        ids = np.asarray(ids, np.int64)
        planar = np.asarray(positions, np.float64).reshape(len(ids), -1 if len(ids) else 2)
        positions = np.zeros((len(ids), 3))
        positions[:, : planar.shape[1]] = planar
        unknown = np.full((len(ids), 3), np.nan)
        return cls(stamp_ns, frame_id, ids, positions, unknown, np.zeros((len(ids), 3, 3)))


@dataclass(frozen=True)
class PredictionSample:
    """What the agents of one instant will do, modes sorted by falling probability.

    Step ``t`` of a path (t = 0 .. F-1) is at ``stamp_ns + (t + 1) * time_step_ns``.

    Attributes:
        stamp_ns: time of the tracks that were predicted from, nanoseconds.
        frame_id: frame of all vectors, that of the tracks.
        time_step_ns: time between two steps, nanoseconds.
        ids: (A,) int64, the predicted agents.
        positions: (A, 3) float64, metres, where each agent was at ``stamp_ns``.
        observed_steps: (A,) int, how many past steps each prediction rests on.
        paths: (A, K, F, 2) float64, metres.
        probabilities: (A, K) float64, each row sums to 1.
        covariances: (A, K, F, 2, 2) float64, m^2, of each path's points.
        interactions: (A, A) float64 in 0..1, how strongly agent j (column) acts on agent i (row).
        is_fallback: the model failed, these are constant-velocity paths.
        rejected: reason by track id, for every track that was not predicted.
        notes: what else a user should know of this step, in sentences.
    """

    stamp_ns: int
    frame_id: str
    time_step_ns: int
    ids: np.ndarray
    positions: np.ndarray
    observed_steps: np.ndarray
    paths: np.ndarray
    probabilities: np.ndarray
    covariances: np.ndarray
    interactions: np.ndarray
    is_fallback: bool = False
    rejected: dict[int, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


class Status(Enum):
    """How far the odometry can be trusted; the reason stands beside it in words."""

    INITIALISING = "initialising"
    TRACKING = "tracking"
    DEGRADED = "degraded"
    LOST = "lost"


@dataclass(frozen=True)
class Frame:
    """One image, or two taken at the same time.

    Attributes:
        stamp_ns: time of exposure by the camera's clock, nanoseconds.
        left: (H, W) uint8.
        right: (H, W) uint8, or None where it is missing.
    """

    stamp_ns: int
    left: np.ndarray
    right: np.ndarray | None = None


@dataclass(frozen=True)
class ImuSample:
    """What an IMU felt at one time, in its own axes.

    Attributes:
        stamp_ns: by the IMU's clock, nanoseconds.
        gyro: (3,) rad/s.
        accel: (3,) specific force, m/s^2: +g upwards at rest.
    """

    stamp_ns: int
    gyro: np.ndarray
    accel: np.ndarray


@dataclass(frozen=True)
class WheelSample:
    """How fast the wheels say that a robot moves, in the axes of its base.

    Attributes:
        stamp_ns: nanoseconds.
        speed: m/s along x.
        yaw_rate: rad/s about z.
    """

    stamp_ns: int
    speed: float
    yaw_rate: float


@dataclass(frozen=True)
class CloudSample:
    """One sweep of a LiDAR, or any other cloud.

    Attributes:
        stamp_ns: time that the per-point times count from, nanoseconds.
        frame_id: frame of the points, that of the sensor as a rule.
        points: (N, 3) float32, metres; all finite.
        times: (N,) float32, seconds from ``stamp_ns``, or None where the cloud has none.
        intensity: (N,) float32, or None where the cloud has none.
        index: (N,) int64 of each point in the message that it came from.
        is_return: (N,) bool, False where a ray met nothing, and its point says how far space can be
            taken for free; None where all points are returns.
        instance: (N,) int64, whose point each is, or None where the cloud does not say.
    """

    stamp_ns: int
    frame_id: str
    points: np.ndarray
    times: np.ndarray | None = None
    intensity: np.ndarray | None = None
    index: np.ndarray | None = None
    is_return: np.ndarray | None = None
    instance: np.ndarray | None = None


@dataclass(frozen=True)
class PosedCloud:
    """A sweep, and where its sensor was while it swept.

    Attributes:
        cloud: the points in the frame of the sensor.
        frame_id: the fixed frame of the poses.
        times: (K,) seconds from the cloud's stamp, evenly spaced; a single one where the points
            have no times or the sensor stood still.
        poses: (K, 4, 4) map points of the sensor into the fixed frame at those times.
    """

    cloud: CloudSample
    frame_id: str
    times: np.ndarray
    poses: np.ndarray


@dataclass(frozen=True)
class VelocityCommand:
    """What a differential drive shall do.

    Attributes:
        speed: m/s forwards.
        yaw_rate: rad/s to the left.
    """

    speed: float = 0.0
    yaw_rate: float = 0.0


@dataclass(frozen=True)
class Tracks:
    """Where the features of one frame are, as normalised points (x/z, y/z) without distortion.

    Attributes:
        stamp_ns: of the frame.
        ids: (N,) int64, one a feature, never used again.
        left: (N, 2) normalised points of the left camera.
        right: (N, 2) of the right camera; NaN where the feature was not found there.
        left_covariance: (N, 2, 2) of the left points, normalised units squared.
        right_covariance: (N, 2, 2) of the right points; NaN where there is none.
        still: share of the features explained by a rotation alone, 0..1; 0 if any moved visibly.
        problems: what was wrong with the images, in sentences.
    """

    stamp_ns: int
    ids: np.ndarray
    left: np.ndarray
    right: np.ndarray
    left_covariance: np.ndarray
    right_covariance: np.ndarray
    still: float = 0.0
    problems: tuple[str, ...] = ()


@dataclass(frozen=True)
class OdometrySample:
    """Where the body is after one frame, or propagated to a time between two. World z is up.

    Attributes:
        stamp_ns: time of the state by the clock of the stamps, nanoseconds.
        status: how far it can be trusted.
        reason: why it is not better, empty while tracking.
        T_w_b: (4, 4) pose of the body in the world.
        velocity: (3,) of the body, in the world, m/s.
        angular_velocity: (3,) of the body, in the body, rad/s, bias taken out.
        gyro_bias: (3,) rad/s.
        accel_bias: (3,) m/s^2.
        covariance: (15, 15) of the errors of orientation (rotation vector in the world), position,
            velocity, gyro bias and accelerometer bias, in that order, SI units.
        time_offset: seconds to add to a camera stamp to have the IMU's time of it.
        time_offset_spread: standard deviation of its error, seconds.
        landmarks: (L, 3) world points that were used in this step, metres.
        landmark_ids: (L,) int64 of their tracks.
        T_map_w: (4, 4) slow correction of the world by the map, None where there is no map.
        figures: numbers for diagnostics: tracks, attempted, accepted, nis (mean, per degree of
            freedom), stationary (0 or 1), resets.
    """

    stamp_ns: int
    status: Status
    reason: str
    T_w_b: np.ndarray
    velocity: np.ndarray
    angular_velocity: np.ndarray
    gyro_bias: np.ndarray
    accel_bias: np.ndarray
    covariance: np.ndarray
    time_offset: float = 0.0
    time_offset_spread: float = 0.0
    landmarks: np.ndarray = field(default_factory=lambda: np.zeros((0, 3)))
    landmark_ids: np.ndarray = field(default_factory=lambda: np.zeros(0, np.int64))
    T_map_w: np.ndarray | None = None
    figures: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class GridSample:
    """An occupancy grid, laid out as ``nav_msgs/OccupancyGrid`` is: row 0 has the smallest y.

    The centre of cell (row, column) lies at ``((column + 0.5), (row + 0.5)) * resolution`` in the
    grid's own axes, which ``origin`` places in ``frame_id``.

    Attributes:
        stamp_ns: time of the map, nanoseconds.
        frame_id: the frame that the map is fixed in, for example ``map``.
        resolution: metres per cell.
        origin: (3,) x, y in metres and yaw in rad of the grid's lower left corner.
        cells: (H, W) int8, -1 unknown, else 0..100 per cent of being occupied.
    """

    stamp_ns: int
    frame_id: str
    resolution: float
    origin: np.ndarray
    cells: np.ndarray


@dataclass(frozen=True)
class SweepSample:
    """A sweep to be mapped, and where its sensor sits on the robot.

    Attributes:
        posed: the ends of the rays, and the poses of the sensor, where they begin.
        T_base_sensor: (4, 4) maps points of the sensor into the base of the robot, which is on the
            ground.
    """

    posed: PosedCloud
    T_base_sensor: np.ndarray


@dataclass(frozen=True)
class MapSample:
    """What became of a map with one sweep.

    Attributes:
        stamp_ns: time of the sweep's last point, nanoseconds.
        frame_id: of the map.
        grid: the map where it changed and is due to be told, else None.
        is_mapped: the sweep is in the map; ``notes`` say why not.
        figures: numbers for diagnostics: returns, obstacles, people, confirmed, contradicted.
        is_fallback, rejected: as every pipeline's result has them, False and empty.
        notes: what a user should know, in sentences.
    """

    stamp_ns: int
    frame_id: str
    grid: GridSample | None = None
    is_mapped: bool = True
    figures: dict[str, float] = field(default_factory=dict)
    is_fallback: bool = False
    rejected: dict[int, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


class PlanCode(IntEnum):
    """How planning ended; the numbers are those of ``nav2_msgs/ComputePathToPose``."""

    NONE = 0
    UNKNOWN = 200
    INVALID_PLANNER = 201
    TF_ERROR = 202
    START_OUTSIDE_MAP = 203
    GOAL_OUTSIDE_MAP = 204
    START_OCCUPIED = 205
    GOAL_OCCUPIED = 206
    TIMEOUT = 207
    NO_VALID_PATH = 208


@dataclass(frozen=True)
class PlanRequest:
    """Where to go, from where, and on which map.

    Attributes:
        grid: the map as it is known now.
        start, goal: (3,) x, y in metres and yaw in rad, in the map's frame.
        tolerance: metres from the goal at which a path may end where the goal itself is blocked or
            cannot be reached.
        people: what people around will do, in the map's frame; None where nobody is known.
        is_cancelled: asked while planning; the plan is given up as soon as it returns True.
        stamp_ns: time of the pose, nanoseconds; 0 takes that of the map.
    """

    grid: GridSample
    start: np.ndarray
    goal: np.ndarray
    tolerance: float = 0.5
    people: PredictionSample | None = None
    is_cancelled: Callable[[], bool] = lambda: False
    stamp_ns: int = 0


@dataclass(frozen=True)
class PlanGraph:
    """The sparse graph that a plan was searched on, for markers and diagnostics.

    Attributes:
        nodes: (N, 2) float64, metres, in the map's frame.
        edges: (E, 2) int64, pairs of nodes.
        edge_costs: (E,) float64, metres, raised where people or walls are near.
        is_frontier: (N,) bool, nodes at the border of the unknown.
        values: (N,) float64, metres that are expected from each node to the goal; NaN if unknown.
    """

    nodes: np.ndarray
    edges: np.ndarray
    edge_costs: np.ndarray
    is_frontier: np.ndarray
    values: np.ndarray


@dataclass(frozen=True)
class PlanSample:
    """A path from the start to the goal, or the reason why there is none.

    Attributes:
        stamp_ns: time of the request, nanoseconds.
        frame_id: frame of all poses, that of the map.
        code: NONE for a path, else why there is none.
        reason: the code as one sentence; empty for a path.
        poses: (P, 3) float64, x, y in metres and yaw in rad, about one a cell; (0, 3) without path.
        length: metres along the poses.
        cost: length raised by the costs of the map along it.
        planner: who answered: ``known_map`` (A*, all of whose way was seen), ``network`` (the way
            that the network finds best), ``a_star`` (unknown space counts as open: there is no
            network, or ``is_fallback``), ``none`` without a path.
        known_share: share of the path's length in space that was seen, 0..1.
        graph: what was searched, None where no graph was built.
        is_fallback: the network was asked and its answer not taken; ``notes`` say why.
        rejected: always empty; every pipeline's result has it.
        notes: what else a user should know, in sentences.
    """

    stamp_ns: int
    frame_id: str
    code: PlanCode
    reason: str = ""
    poses: np.ndarray = field(default_factory=lambda: np.zeros((0, 3)))
    length: float = 0.0
    cost: float = 0.0
    planner: str = "none"
    known_share: float = 1.0
    graph: PlanGraph | None = None
    is_fallback: bool = False
    rejected: dict[int, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class BodySample:
    """The bodies of the people in one cloud; rotations are relative to a T-pose.

    Attributes:
        stamp_ns, frame_id: of the cloud; all vectors are in its frame.
        ids: (A,) int64, the instance of each person's points; 0 where the cloud has none.
        accepted: (A,) bool, whether the points are such a body's; ``reasons`` say why not.
        reasons: one sentence a person, empty for an accepted one.
        rotations: (A, 22, 3, 3) of each part, global; ``local_rotations`` relative to its parent.
        rotation_sigmas: (A, 22) rad, about the axis that is known worst.
        joints: (A, 22, 3) metres; the first is the pelvis.
        joint_covariances: (A, 22, 3, 3) m^2.
        angles: (A,) rad by the name of a joint of REP-155.
        shapes: (A, 10) coefficients of the body.
        part_confidences: (A, 22) 0..1, how much of what is told of a part was seen.
        residuals: (A,) metres, distance of the points from the surface.
        coverages: (A,) 0..1, share of the surface on the side of the sensor that points lie on.
        counts: (A,) int64, points of each person.
        vertices: (A, V, 3) float32 metres, the skin; ``faces`` (F, 3) are its triangles.
        parts: (N,) uint8 part of each point of the cloud, 22 of what is of no person.
        confidences: (N,) float32 0..1, of these labels.
        points: (N, 3) float32, instances: (N,) int64, of the cloud as it came.
        is_fallback, notes: as every pipeline's result has them.
        rejected: reason by instance, for every person that was not fitted.
        figures: numbers for diagnostics.
    """

    stamp_ns: int
    frame_id: str
    ids: np.ndarray
    accepted: np.ndarray
    reasons: tuple[str, ...]
    rotations: np.ndarray
    local_rotations: np.ndarray
    rotation_sigmas: np.ndarray
    joints: np.ndarray
    joint_covariances: np.ndarray
    angles: dict[str, np.ndarray]
    shapes: np.ndarray
    part_confidences: np.ndarray
    residuals: np.ndarray
    coverages: np.ndarray
    counts: np.ndarray
    vertices: np.ndarray
    faces: np.ndarray
    points: np.ndarray
    instances: np.ndarray
    parts: np.ndarray
    confidences: np.ndarray
    is_fallback: bool = False
    rejected: dict[int, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    figures: dict[str, float] = field(default_factory=dict)
