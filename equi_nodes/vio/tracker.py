"""The front end: features found in the left image, followed over time and into the right one."""

from __future__ import annotations

from collections import deque
from dataclasses import replace

import numpy as np

from equi_nodes.config.vio import TrackerConfig
from equi_nodes.geometry.camera import Camera
from equi_nodes.geometry.rotations import inverse
from equi_nodes.samples import Frame, Tracks
from equi_nodes.vio.detection import Detector, merged
from equi_nodes.vio.features import Features, no_features
from equi_nodes.vio.flow import FlowFinder, expected
from equi_nodes.vio.image_check import are_equal, complaint, remark
from equi_nodes.vio.outliers import ROTATES, essential_inliers, pose_inliers, rotation_inliers
from equi_nodes.vio.stereo import Match, StereoMatcher, seen_from_left
from equi_nodes.vio.stillness import StillnessWatch
from equi_nodes.vio.types import Prediction, Rig

SCALE_LINES = 720  # of the image for which pixel thresholds are given
MERGED_DISTANCE = 4.0  # px; two features that are nearer follow the same corner
FARTHEST = 40.0  # baselines; farther the stereo pair tells no distance
GUESSES = np.array([0.0, 4.0, 10.0, 25.0])  # baselines to try in turn; 0: as the nearest feature
DEFAULT_DISTANCE = 3.0  # m, where nothing is known
FEW_MATCHES = 0.15  # share of the features sought; below, left and right may be swapped
SWAP_INTERVAL = 5  # frames between two looks whether they are
MISFIT_FRAMES = 10  # over which left and right must not fit before it is said
MOST_MISFIT = 2.0  # times what noise explains, of the median distance from the epipolar lines
MEDIAN_OF_NOISE = 0.6745 * np.sqrt(2.0)  # of the distance, left and right having noise of one each
FROZEN_FLOW = 1.0  # px expected, from which an unchanged image must be an old one


class Tracker:
    """Follows features through the frames of one rig.

    Every frame: check the images, follow the known features from where the filter expects them,
    drop those that do not move with the others, fill free places with new corners, and look for
    all of them in the right image. A feature without a right point stays, seen by the left alone.
    """

    def __init__(self, rig: Rig, config: TrackerConfig = TrackerConfig()):
        self._config, self._left = config, rig.cameras[0]
        self._right = rig.cameras[1] if len(rig.cameras) > 1 else None
        scale = min(self._left.width, self._left.height) / SCALE_LINES
        self._limit = config.ransac_distance * scale / self._left.focal
        finder = FlowFinder(config.window, config.levels, config.return_distance)
        self._finder = finder
        self._detector = Detector((self._left.height, self._left.width), config.corner_quality)
        self._farthest = np.inf
        if self._right:
            epipolar = config.epipolar_distance * scale
            self._stereo = StereoMatcher(self._left, self._right, finder, epipolar)
            self._swapped = StereoMatcher(self._right, self._left, finder, epipolar)
            apart = self._right.T_b_c[:3, 3] - self._left.T_b_c[:3, 3]
            self._farthest = FARTHEST * float(np.linalg.norm(apart))
            self._guesses = GUESSES * float(np.linalg.norm(apart))
        self._next_id = 0
        self.reset()

    def reset(self) -> None:
        """Forget the images and the features; ids go on."""
        self._features = no_features()
        self._images: tuple[np.ndarray | None, np.ndarray | None] = (None, None)
        self._T_w_b: np.ndarray | None = None  # at the newest usable image, if frames came since
        self._frames = 0
        self._is_swapped = False
        self._misfits: deque[float] = deque(maxlen=MISFIT_FRAMES)
        self._generator = np.random.default_rng(self._config.seed)
        self._watch = StillnessWatch(self._config.still_distance, self._config.still_time)
        self._detector.reset()

    def track(self, frame: Frame, predict: Prediction | None = None) -> Tracks:
        """Return where the features are in a frame.

        Args:
            frame: the images; without a right one all features are seen by the left camera alone.
            predict: what the filter expects, None where it expects nothing.
        """
        predict = self._since_last_image(predict)
        problem = complaint(frame.left, self._left, "left") or self._frozen(frame.left, predict)
        if problem:
            self._T_w_b = predict.T_w_b_before if predict else None
            return self._tracks(frame.stamp_ns, no_features(), None, 0.0, (problem,))
        problems = [remark(frame.left, "left")]
        self._frames += 1
        features, turning = self._follow(frame.left, predict)
        features, still = self._watch.judge(features, frame.stamp_ns, turning)
        features = self._refill(frame.left, features)
        right = self._usable_right(frame, problems)
        features, match = self._look_right(frame.left, right, features)
        if self._is_swapped:
            problems.append("left and right look swapped: all disparities are negative")
        else:
            problems.append(self._misfit())
        self._features, self._images, self._T_w_b = features, (frame.left, frame.right), None
        said = tuple(filter(None, problems))
        return self._tracks(frame.stamp_ns, features, match, still, said)

    def _since_last_image(self, predict: Prediction | None) -> Prediction | None:
        """Let the prediction start at the newest usable image rather than at the frame before."""
        if predict is None or self._T_w_b is None:
            return predict
        return replace(predict, T_w_b_before=self._T_w_b)

    def _frozen(self, left: np.ndarray, predict: Prediction | None) -> str:
        """Say so if the image is the one before although the features should have moved."""
        before = self._images[0]
        if before is None or predict is None or not len(self._features):
            return ""
        if not are_equal(before, left):
            return ""
        moved = np.hypot(*(self._expected(predict) - self._features.pixels).T)
        return "the left image repeats the one before" if np.median(moved) > FROZEN_FLOW else ""

    def _expected(self, predict: Prediction | None) -> np.ndarray:
        """Return (N, 2) pixels at which the features should appear."""
        features = self._features
        if predict is None:
            return features.pixels
        T_b_c = self._left.T_b_c
        T_now_before = self._left.T_c_b @ inverse(predict.T_w_b_now) @ predict.T_w_b_before @ T_b_c
        return expected(
            features.points, self._distances(predict), T_now_before, self._left, features.pixels
        )

    def _distances(self, predict: Prediction | None) -> np.ndarray:
        """Return (N,) metres: by stereo, else by the filter, else that of most features."""
        distance = np.minimum(self._features.distance, self._farthest)
        if predict:
            known = predict.distance_by_id
            ids = self._features.ids
            filtered = np.array([known.get(i, np.nan) for i in ids.tolist()], np.float64)
            distance = np.where(np.isnan(distance), filtered, distance)
        return np.where(np.isnan(distance), _typical(distance, predict), distance)

    def _follow(self, left: np.ndarray, predict: Prediction | None) -> tuple[Features, np.ndarray]:
        """Return the features found again, and which of them a rotation explains."""
        old = self._features
        if not len(old):
            return old, np.zeros(0, bool)
        flow = self._finder.find(self._images[0], left, old.pixels, self._expected(predict))
        points = self._left.normalise(flow.pixels)
        rows = flow.found & np.isfinite(points).all(1)
        rows[np.flatnonzero(rows)[merged(flow.pixels[rows], MERGED_DISTANCE)]] = False
        before = old.keep(rows)
        now = replace(before, pixels=flow.pixels[rows], points=points[rows])
        turning = rotation_inliers(
            before.points, now.points, self._limit, self._config.ransac_rounds, self._generator
        )
        good = self._moves_along(before, now, turning)
        return now.keep(good), turning[good]

    def _moves_along(self, before: Features, now: Features, turning: np.ndarray) -> np.ndarray:
        """Return (N,) bool: the features that move as most do."""
        if not len(now):
            return np.zeros(0, bool)
        landmarks = seen_from_left(before.points, before.distance, self._farthest)
        rounds = self._config.ransac_rounds
        good = pose_inliers(landmarks, before.points, now.points, self._limit, rounds)
        if good is None and turning.mean() > ROTATES:
            good = turning
        if good is None:
            good = essential_inliers(before.points, now.points, self._limit)
        return np.zeros(len(now), bool) if good is None else good

    def _refill(self, left: np.ndarray, features: Features) -> Features:
        """Put new corners into free places, if there are enough of them."""
        most = self._config.max_tracks
        if most - len(features) < self._config.refill_share * most:
            return features
        pixels = self._detector.detect(left, features.pixels, most)
        points = self._left.normalise(pixels)
        usable = np.isfinite(points).all(1)
        ids = np.arange(self._next_id, self._next_id + int(usable.sum()))
        self._next_id += len(ids)
        return features.and_new(ids, pixels[usable], points[usable])

    def _usable_right(self, frame: Frame, problems: list[str]) -> np.ndarray | None:
        """Return the right image unless something is wrong with it, which is said."""
        if self._right is None:
            return None
        if frame.right is None:
            problems.append("the right image is missing")
            return None
        problem = complaint(frame.right, self._right, "right")
        before_left, before_right = self._images
        is_old = before_right is not None and are_equal(before_right, frame.right)
        if not problem and is_old and not are_equal(before_left, frame.left):
            problem = "the right image repeats the one before"
        problems.append(problem or remark(frame.right, "right"))
        return None if problem else self._equalised(frame.left, frame.right)

    def _equalised(self, left: np.ndarray, right: np.ndarray) -> np.ndarray:
        """Return the right image, with the mean and spread of the left one if asked for."""
        if not self._config.equalise:
            return right
        gain = left[::4, ::4].std() / max(right[::4, ::4].std(), 1.0)
        levels = (np.arange(256) - right[::4, ::4].mean()) * gain + left[::4, ::4].mean()
        return np.clip(np.round(levels), 0, 255).astype(np.uint8)[right]

    def _look_right(
        self,
        left: np.ndarray,
        right: np.ndarray | None,
        features: Features,
    ) -> tuple[Features, Match | None]:
        """Look for the features in the right image; of those lost there, for the longest unsought.

        Returns:
            The features with what is known of their distances, and what was found.
        """
        if right is None:
            self._misfits.clear()
            return features, None
        lost = np.flatnonzero(features.searched >= 0)
        lost = lost[np.argsort(features.searched[lost], kind="stable")]
        sought = np.ones(len(features), bool)
        sought[lost[self._config.refinds :]] = False
        rows = np.flatnonzero(sought)
        found = self._stereo.match(
            (left, right),
            features.pixels[rows],
            features.points[rows],
            self._try_at(features)[rows],
        )
        if np.isfinite(self._stereo.misfit):
            self._misfits.append(self._stereo.misfit)
        else:
            self._misfits.clear()
        self._judge_swap((left, right), features.keep(rows), found)
        match = _nowhere(len(features))
        if self._is_swapped:
            return features, match
        for part, values in zip(match, found):
            part[rows] = values
        hit = np.isfinite(match.distance)
        searched = np.where(sought, np.where(hit, -1, self._frames), features.searched)
        distance = np.where(hit, match.distance, features.distance)
        return replace(features, searched=searched, distance=distance), match

    def _misfit(self) -> str:
        """Say so if the right points have been off their epipolar lines for some frames."""
        if len(self._misfits) < MISFIT_FRAMES:
            return ""
        off = float(np.median(self._misfits)) * self._right.focal
        if off < MOST_MISFIT * MEDIAN_OF_NOISE * self._config.pixel_noise:
            return ""
        return (
            f"left and right do not fit their calibration: points are {off:.1f} px off their"
            " epipolar lines"
        )

    def _judge_swap(
        self, images: tuple[np.ndarray, np.ndarray], sought: Features, found: Match
    ) -> None:
        """If few features were found, see whether more are with the cameras exchanged."""
        hits = np.isfinite(found.distance).sum()
        if hits > FEW_MATCHES * len(sought) and not self._is_swapped:
            return
        if self._frames % SWAP_INTERVAL == 1:
            points, near = self._right.normalise(sought.pixels), self._try_at(sought)
            other = self._swapped.match(images, sought.pixels, points, near)
            now = np.isfinite(other.distance).sum()
            if self._is_swapped:
                self._is_swapped = bool(hits < 2 * now)  # until it is clearly no longer so
            else:
                self._is_swapped = bool(now > 2 * hits and now > 2 * FEW_MATCHES * len(sought))

    def _try_at(self, features: Features) -> np.ndarray:
        """Return (N,) metres at which to look for features in the right image.

        Where nothing is known, it is the distance of the nearest feature in the image; and each
        time that a search failed, one of a few distances in turn.
        """
        distance = np.minimum(features.distance, self._farthest)
        unknown = np.flatnonzero(np.isnan(distance))
        known = np.flatnonzero(~np.isnan(distance))
        guess = self._guesses[(features.ids[unknown] + self._frames) % len(self._guesses)]
        if len(known):
            new = features.searched[unknown] < 0
            apart = features.pixels[unknown, None] - features.pixels[known]
            nearest = np.square(apart).sum(2).argmin(1)
            guess = np.where(new | (guess == 0), distance[known[nearest]], guess)
        distance[unknown] = np.where(guess > 0, guess, DEFAULT_DISTANCE)
        return distance

    def _tracks(
        self,
        stamp_ns: int,
        features: Features,
        match: Match | None,
        still: float,
        problems: tuple[str, ...],
    ) -> Tracks:
        """Return the features as the filter takes them."""
        match = match or _nowhere(len(features))
        return Tracks(
            stamp_ns,
            features.ids,
            features.points,
            match.points,
            self._covariance(self._left, features.points),
            self._covariance(self._right, match.points),
            still,
            problems,
        )

    def _covariance(self, camera: Camera | None, points: np.ndarray) -> np.ndarray:
        """Return (N, 2, 2) of normalised points (N, 2), NaN where there is no point."""
        if camera is None or not len(points):
            return np.full((len(points), 2, 2), np.nan)
        lens = camera.jacobian(points)
        return self._config.pixel_noise**2 * lens @ np.swapaxes(lens, 1, 2)


def _nowhere(count: int) -> Match:
    """Return what is known of features that were not found in the right image."""
    pair, one = (count, 2), (count,)
    return Match(np.full(pair, np.nan), np.full(pair, np.nan), np.full(one, np.nan))


def _typical(distance: np.ndarray, predict: Prediction | None) -> float:
    """Return the distance of most features, metres."""
    known = distance[np.isfinite(distance)]
    if len(known):
        return float(np.median(known))
    return predict.distance if predict else DEFAULT_DISTANCE
