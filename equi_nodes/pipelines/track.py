"""From sweeps of a LiDAR whose poses are known to the people around."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from equi_nodes.config.lidar_tracker import LidarTrackerConfig
from equi_nodes.geometry.pose_trail import SECOND_NS, laid_out, span
from equi_nodes.geometry.repeats import repeats
from equi_nodes.samples import CloudSample, PosedCloud, TrackSample
from equi_nodes.tracking.background import Background
from equi_nodes.tracking.candidates import Candidates, Points, candidates
from equi_nodes.tracking.clusters import below, cluster
from equi_nodes.tracking.ground import Ground
from equi_nodes.tracking.score import View, evidence, view_of
from equi_nodes.tracking.splitting import split
from equi_nodes.tracking.tracker import Tracker, TrackerSettings
from equi_nodes.tracking.visibility import Horizon

LARGEST = 1.3  # m across or along the view; a larger cluster is no person
GROUND_SIGMA = 0.05  # m, of the ground's height
PERSON = 1  # constant of ``equi_msgs/Track``
STUCK = "the sweep repeats the one before: it is not used"
LONGEST_GAP = 1.0  # s without a sweep after which all tracks begin anew
MOST_POINTS = 60_000  # points; of more every second, third, ... is used


@dataclass(frozen=True)
class TrackResult:
    """The people of one sweep.

    Attributes:
        stamp_ns: time of the sweep's last point, nanoseconds.
        frame_id: fixed frame of all vectors.
        tracks: everybody that is told of.
        crops: (C, 3) float32 points of those that were seen, metres in the fixed frame.
        crop_ids: (C,) int64, whose track each point belongs to.
        figures: numbers for diagnostics: points, ground, clusters, followed.
        is_fallback, rejected, notes: as every pipeline's result has them.
    """

    stamp_ns: int
    frame_id: str
    tracks: TrackSample
    crops: np.ndarray
    crop_ids: np.ndarray
    figures: dict[str, float] = field(default_factory=dict)
    is_fallback: bool = False
    rejected: dict[int, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


class LidarTracker:
    """Finds what may be people in each sweep and follows them."""

    backend_name = "numpy"

    def __init__(
        self, config: LidarTrackerConfig = LidarTrackerConfig(), tracker: Tracker | None = None
    ) -> None:
        """Follow nobody yet; ``tracker`` follows in place of the usual one."""
        self.config = config
        self._ground, self._background = Ground(), Background()
        self._tracker = tracker or Tracker(
            TrackerSettings(
                config.acceleration, config.confirmation, config.existence, config.coast
            )
        )
        self._stamp_ns: int | None = None
        self._cloud: CloudSample | None = None

    @classmethod
    def from_config(cls, config: LidarTrackerConfig) -> LidarTracker:
        """Return a tracker with the user's settings."""
        return cls(config)

    def warm_up(self) -> None:
        """Run once on a few points, so that the first sweep finds everything imported."""
        around = np.random.default_rng(0).normal(0.0, 3.0, (500, 3)).astype(np.float32)
        self.step(PosedCloud(CloudSample(1, "", around), "", np.zeros(1), np.eye(4)[None]))
        self.reset()

    def reset(self) -> None:
        """Forget all people and the ground."""
        self._ground.clear()
        self._background.clear()
        self._tracker.clear()
        self._stamp_ns = self._cloud = None

    def step(self, sample: PosedCloud) -> TrackResult:
        """Return the people at the end of a sweep."""
        stamp = span(sample.cloud)[1]
        notes = self._elapse(stamp)
        is_stuck = repeats(self._cloud, sample.cloud)
        if is_stuck:
            return self._unseen(sample, stamp, (*notes, STUCK))
        self._cloud, self._seen_ns = sample.cloud, stamp
        cloud, view = self._points(sample, stamp)
        labels = self._labels(cloud)
        seen, labels = self._possible(cloud, labels)
        score = evidence(seen, view)
        self._tracker.update(seen, score, Horizon(cloud.places, cloud.sensor))
        crops, crop_ids = self._crops(cloud, labels)
        self._remember(cloud, labels, stamp)
        return TrackResult(
            stamp_ns=stamp,
            frame_id=sample.frame_id,
            tracks=self._told(stamp, sample.frame_id),
            crops=crops,
            crop_ids=crop_ids,
            figures={
                "points": len(sample.cloud.points), "obstacle_points": len(cloud.places),
                "candidates": len(seen), "followed": len(self._tracker.tracks),
            },
            notes=notes,
        )  # fmt: skip

    def _unseen(self, sample: PosedCloud, stamp: int, notes: tuple[str, ...]) -> TrackResult:
        """Return where everybody is by now, as long as that can be guessed."""
        if stamp - self._seen_ns > LONGEST_GAP * SECOND_NS:
            self._tracker.clear()
        tracks, nothing = self._told(stamp, sample.frame_id), np.zeros((0, 3), np.float32)
        return TrackResult(
            stamp, sample.frame_id, tracks, nothing, np.zeros(0, np.int64), notes=notes
        )

    def _elapse(self, stamp: int) -> tuple[str, ...]:
        """Carry everybody on to the time of a sweep; say so if that cannot be done."""
        before, self._stamp_ns = self._stamp_ns, stamp
        gap = 0.0 if before is None else (stamp - before) / SECOND_NS
        if 0.0 <= gap <= LONGEST_GAP:
            self._tracker.predict(gap)
            return ()
        self._tracker.clear()
        way = "went back by" if gap < 0.0 else "jumped by"
        return (f"the stamps of the sweeps {way} {abs(gap):.1f} s: all tracks begin anew",)

    def _points(self, sample: PosedCloud, stamp: int) -> tuple[Points, View]:
        """Return what stands on the ground in the fixed frame, and how the sensor sees."""
        config, cloud = self.config, sample.cloud
        away = np.linalg.norm(cloud.points, axis=1)
        used = (away > config.min_range) & (away < config.max_range)
        if cloud.is_return is not None:
            used &= cloud.is_return
        used = np.flatnonzero(used)
        used = used[:: 1 + len(used) // MOST_POINTS]
        places = laid_out(sample)[used]
        sensor = sample.poses[len(sample.poses) // 2, :3, 3]
        heights = self._ground.heights(places, sensor)
        height = float(sensor[2] - self._ground.at(sensor[None])[0])
        ages = np.zeros(len(used))
        if cloud.times is not None:
            ages = (stamp - cloud.stamp_ns) / SECOND_NS - cloud.times[used].astype(np.float64)
        is_body = (heights > config.min_height) & (heights < config.max_height)
        is_tall = below(places, heights, config.max_height)
        stands = self._background.stands(places)
        points = Points(places, heights, ages, stands, is_tall, sensor)
        return points.take(np.flatnonzero(is_body)), view_of(places - sensor, height)

    def _labels(self, cloud: Points) -> np.ndarray:
        """Return the number (N,) of what each point belongs to, -1 for walls."""
        labels = cluster(cloud.places, cloud.sensor)
        stands = np.flatnonzero(labels >= 0)
        tracks = self._tracker.tracks
        expected = tracks.states[tracks.is_person, :2]
        labels[stands] = split(cloud.places[stands, :2], labels[stands], expected, cloud.sensor[:2])
        return labels

    def _possible(self, cloud: Points, labels: np.ndarray) -> tuple[Candidates, np.ndarray]:
        """Return the clusters that may be persons, and the number (N,) of each point's, or -1."""
        stands = np.flatnonzero(labels >= 0)
        found = candidates(cloud.take(stands), labels[stands])
        fits = (found.counts >= self.config.min_points) & (found.widths < LARGEST)
        fits &= found.depths < LARGEST
        number = np.append(np.where(fits, np.cumsum(fits) - 1, -1), -1)
        return found.take(np.flatnonzero(fits)), number[labels]

    def _crops(self, cloud: Points, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the points of the people that are told of, and whose they are."""
        tracker = self._tracker
        told = tracker.tracks.is_person & (tracker.matches >= 0)
        owner = np.full(int(labels.max(initial=-1)) + 2, -1)
        owner[tracker.matches[told]] = tracker.tracks.ids[told]
        ids = owner[labels]  # the last entry is for points of nobody
        return cloud.places[ids >= 0].astype(np.float32), ids[ids >= 0]

    def _remember(self, cloud: Points, labels: np.ndarray, stamp: int) -> None:
        """Take all that is no person for what stands."""
        tracker = self._tracker
        alive = tracker.tracks.may_be_person
        is_person = np.zeros(int(labels.max(initial=-1)) + 2, bool)
        is_person[tracker.matches[alive & (tracker.matches >= 0)]] = True
        self._background.add(cloud.places[~is_person[labels]], stamp / SECOND_NS)

    def _told(self, stamp: int, frame_id: str) -> TrackSample:
        """Return the tracks that are told of."""
        tracks = self._tracker.tracks.take(np.flatnonzero(self._tracker.tracks.is_person))
        count = len(tracks)
        places, flat = tracks.states[:, :2], ((0, 0), (0, 1))
        spread = np.zeros((2, count, 3, 3))
        spread[0, :, :2, :2] = tracks.covariances[:, :2, :2]
        spread[1, :, :2, :2] = tracks.covariances[:, 2:, 2:]
        spread[0, :, 2, 2] = GROUND_SIGMA**2
        return TrackSample(
            stamp,
            frame_id,
            tracks.ids,
            np.column_stack([places, self._ground.at(places)]),
            np.pad(tracks.states[:, 2:], flat),
            spread[0],
            spread[1],
            tracks.sizes,
            np.full(count, PERSON, np.uint8),
            tracks.existence,
            tracks.unseen > 0.0,
        )
