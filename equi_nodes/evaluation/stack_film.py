"""The film of a closed loop from above: H.264 where its encoder is installed, else a GIF."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from equi_nodes.evaluation.stack_figures import FREE, MARGIN, OCCUPIED
from equi_nodes.evaluation.stack_run import StackRun
from equi_nodes.evaluation.stack_scores import people_distance, points_at
from equi_nodes.geometry.rotations import yaw_of
from equi_nodes.samples import GridSample
from equi_nodes.sim.crowd import BODY_RADIUS
from equi_nodes.sim.scenario import Robot

SPEED = 4.0  # times as fast as it was
RATE = 15.0  # pictures a second
GIF_SIZE, GIF_PICTURES = 480, 240  # smaller and fewer, as they are not compressed well
WIDTH, HEIGHT = 960, 720  # at most
HEADER = 34  # pixels of text on top
ROBOT, PERSON = Robot().radius, BODY_RADIUS  # m
TAIL_NS = 3_000_000_000  # of the past behind each person
STALE_NS = 1_000_000_000  # older tracks, predictions and plans are not shown
MODES, FAINTEST = 5, 0.05  # futures drawn, and their least probability
SHIFT = 4  # binary digits behind the point of OpenCV's coordinates
WHITE, INK, GREY, PALE = (255, 255, 255), (48, 36, 28), (163, 148, 138), (222, 216, 210)
BLUE, GREEN, ORANGE, YELLOW = (214, 111, 31), (61, 128, 23), (46, 87, 228), (60, 180, 250)


def write_film(run: StackRun, folder: Path) -> Path:
    """Write ``film.mp4``, or ``film.gif`` without the package imageio-ffmpeg; return its path."""
    try:
        import imageio_ffmpeg
    except ModuleNotFoundError:
        return _write_gif(run, folder / "film.gif")
    path = folder / "film.mp4"
    pictures = _pictures(run, SPEED / RATE)
    first = next(pictures)
    # 28 of H.264's scale of 0 to 51 keeps a minute well below a megabyte.
    options = ["-crf", "28", "-movflags", "+faststart"]
    writer = imageio_ffmpeg.write_frames(
        str(path), first.shape[1::-1], fps=RATE, quality=None, output_params=options,
        pix_fmt_in="bgr24", macro_block_size=2,
    )  # fmt: skip
    writer.send(None)
    for picture in (first, *pictures):
        writer.send(np.ascontiguousarray(picture))
    writer.close()
    return path


def _write_gif(run: StackRun, path: Path) -> Path:
    from PIL import Image

    step = max(SPEED / RATE, run.seconds / GIF_PICTURES)
    shown = []
    for picture in _pictures(run, step):
        scale = GIF_SIZE / max(picture.shape[:2])
        small = cv2.resize(picture, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
        shown.append(Image.fromarray(small[..., ::-1]).quantize(48))
    shown[0].save(path, save_all=True, append_images=shown[1:], duration=round(1e3 * step / SPEED),
                  loop=0)  # fmt: skip
    return path


@dataclass(frozen=True)
class View:
    """Where a point of ``odom`` lies in the picture.

    Attributes:
        corner: (2,) left and top, metres.
        scale: pixels a metre.
        size: width and height in pixels, both even.
    """

    corner: np.ndarray
    scale: float
    size: tuple[int, int]

    @classmethod
    def of(cls, grid: GridSample) -> View:
        """Return the view of a whole map."""
        points = _corners(grid)
        low, high = points.min(0) - MARGIN, points.max(0) + MARGIN
        scale = float(min(WIDTH / (high - low)[0], (HEIGHT - HEADER) / (high - low)[1]))
        width, height = (2 * int(side * scale / 2) for side in high - low)
        return cls(np.array([low[0], high[1]]), scale, (width, height + HEADER))

    def pixels(self, points: np.ndarray) -> np.ndarray:
        """Return points (..., 2) in OpenCV's shifted int32 pixels."""
        places = (np.asarray(points, float) - self.corner) * (self.scale, -self.scale)
        return np.rint((places + (0, HEADER)) * (1 << SHIFT)).astype(np.int32)

    def length(self, metres: float) -> int:
        """Return a length in shifted pixels."""
        return max(1, round(metres * self.scale * (1 << SHIFT)))


class _Painter:
    """Draws the run at any time."""

    def __init__(self, run: StackRun) -> None:
        self.run, self.view = run, View.of(run.true_map)
        self._ground = _ground(run.true_map, self.view)
        self._nearest = people_distance(run)
        self._stamps = {
            name: np.array([sample.stamp_ns for sample in getattr(run, name)], np.int64)
            for name in ("people", "tracks", "predictions", "plans")
        }

    def paint(self, now: int) -> np.ndarray:
        """Return the picture (H, W, 3) bgr8 at a time."""
        picture = self._ground.copy()
        self._paint_goals(picture, now)
        self._paint_ways(picture, now)
        self._paint_predictions(picture, now)
        self._paint_people(picture, now)
        self._paint_robot(picture, now)
        self._paint_header(picture, now)
        return picture

    def _newest(self, name: str, now: int, stale_ns: int = STALE_NS):  # noqa: ANN202
        """Return the newest sample of a kind, None if it is stale."""
        row = int(np.searchsorted(self._stamps[name], now, side="right")) - 1
        is_there = row >= 0 and now - self._stamps[name][row] <= stale_ns
        return getattr(self.run, name)[row] if is_there else None

    def _paint_goals(self, picture: np.ndarray, now: int) -> None:
        for number, goal in enumerate(self.run.goals, 1):
            is_reached = goal.reached_ns is not None and goal.reached_ns <= now
            is_open = goal.sent_ns is not None and goal.sent_ns <= now and not is_reached
            colour = GREEN if is_open else PALE
            at = self.view.pixels(goal.place[:2])
            cv2.circle(picture, at, self.view.length(0.3), colour, 2, cv2.LINE_AA, SHIFT)
            _write(picture, str(number), at // (1 << SHIFT) + (-5, 5), colour)

    def _paint_ways(self, picture: np.ndarray, now: int) -> None:
        for way, colour in ((self.run.truth, INK), (self.run.estimate, BLUE)):
            _line(picture, self.view, way.points[way.stamps_ns <= now], colour)
        plan = self._newest("plans", now, 3 * STALE_NS)
        if plan is not None and len(plan.poses):
            _line(picture, self.view, plan.poses[:, :2], GREEN, 2)

    def _paint_predictions(self, picture: np.ndarray, now: int) -> None:
        prediction = self._newest("predictions", now)
        if prediction is None:
            return
        starts = prediction.positions[:, None, :2]
        for start, paths, chances in zip(starts, prediction.paths, prediction.probabilities):
            for path, chance in zip(paths[:MODES], chances[:MODES]):
                if chance >= FAINTEST:
                    share = min(1.0, 0.25 + chance)
                    colour = tuple(round(255 + share * (c - 255)) for c in BLUE)
                    _line(picture, self.view, np.concatenate([start, path]), colour)

    def _paint_people(self, picture: np.ndarray, now: int) -> None:
        stamps = self._stamps["people"]
        rows = np.flatnonzero((stamps <= now) & (stamps >= now - TAIL_NS))
        tails: dict[int, list] = {}
        for row in rows:
            sample = self.run.people[row]
            for name, point in zip(sample.ids.tolist(), sample.positions[:, :2]):
                tails.setdefault(name, []).append(point)
        for tail in tails.values():
            _line(picture, self.view, np.array(tail), YELLOW)
            at = self.view.pixels(tail[-1])
            cv2.circle(picture, at, self.view.length(PERSON), ORANGE, -1, cv2.LINE_AA, SHIFT)
        tracks = self._newest("tracks", now)
        for point in tracks.positions if tracks is not None else ():
            at = self.view.pixels(point[:2])
            cv2.circle(picture, at, self.view.length(1.5 * PERSON), BLUE, 1, cv2.LINE_AA, SHIFT)

    def _paint_robot(self, picture: np.ndarray, now: int) -> None:
        row = int(np.searchsorted(self.run.truth.stamps_ns, now, side="right")) - 1
        pose = self.run.truth.poses[max(row, 0)]
        heading = np.array([np.cos(yaw_of(pose)), np.sin(yaw_of(pose))])
        at = self.view.pixels(pose[:2, 3])
        cv2.circle(picture, at, self.view.length(ROBOT), INK, -1, cv2.LINE_AA, SHIFT)
        tip = self.view.pixels(pose[:2, 3] + ROBOT * heading)
        cv2.line(picture, at, tip, WHITE, 2, cv2.LINE_AA, SHIFT)
        for contact in self.run.collisions:
            if 0 <= now - contact.stamp_ns <= TAIL_NS:
                at = self.view.pixels(contact.place)
                cv2.circle(picture, at, self.view.length(2 * ROBOT), ORANGE, 3, cv2.LINE_AA, SHIFT)

    def _paint_header(self, picture: np.ndarray, now: int) -> None:
        stamps, nearest = self._nearest
        away = np.interp(now, stamps, nearest) if len(stamps) else np.nan
        estimate = self.run.estimate
        row = int(np.searchsorted(estimate.stamps_ns, now, side="right")) - 1
        status = estimate.statuses[row] if 0 <= row < len(estimate.statuses) else ""
        start = self.run.truth.stamps_ns[0]
        words = [
            f"{self.run.scenario}, seed {self.run.seed}",
            f"{(now - start) * 1e-9:5.1f} s",
            f"{_speed(self.run, now):.2f} m/s",
            f"nearest person {away:.1f} m" if np.isfinite(away) else "nobody near",
            f"odometry {status}" if status else "",
            f"{SPEED:g}x",
        ]
        _write(picture, "   ".join(word for word in words if word), (10, 23), INK)


def _pictures(run: StackRun, step_s: float) -> Iterator[np.ndarray]:
    painter = _Painter(run)
    first, last = run.truth.stamps_ns[[0, -1]]
    for now in range(int(first), int(last) + 1, round(step_s * 1e9)):
        yield painter.paint(now)


def _speed(run: StackRun, now: int) -> float:
    before, after = points_at(run.truth, np.array([now - 250_000_000, now + 250_000_000]))
    return float(2.0 * np.hypot(*(after - before)))


def _corners(grid: GridSample) -> np.ndarray:
    """Return the corners (4, 2) of a map in its frame."""
    x, y = np.array(grid.cells.shape[::-1]) * grid.resolution
    c, s = np.cos(grid.origin[2]), np.sin(grid.origin[2])
    turn = np.array([[c, -s], [s, c]])
    return np.array([[0, 0], [x, 0], [0, y], [x, y]]) @ turn.T + grid.origin[:2]


def _ground(grid: GridSample, view: View) -> np.ndarray:
    """Return the empty building (H, W, 3)."""
    shades = np.full((*grid.cells.shape, 3), PALE, np.uint8)
    shades[(grid.cells >= 0) & (grid.cells <= FREE)] = WHITE
    shades[grid.cells >= OCCUPIED] = GREY
    corners = view.pixels(_corners(grid)[:3]).astype(np.float32) / (1 << SHIFT)
    height, width = grid.cells.shape
    own = np.array([[0, 0], [width, 0], [0, height]], np.float32) - 0.5
    turn = cv2.getAffineTransform(own, corners)
    picture = cv2.warpAffine(shades, turn, view.size, flags=cv2.INTER_NEAREST, borderValue=PALE)
    picture[:HEADER] = WHITE
    return picture


def _line(
    picture: np.ndarray, view: View, points: np.ndarray, colour: tuple, thickness: int = 1
) -> None:
    cv2.polylines(picture, [view.pixels(points)], False, colour, thickness, cv2.LINE_AA, SHIFT)


def _write(picture: np.ndarray, text: str, at: tuple[int, int], colour: tuple) -> None:
    font = cv2.FONT_HERSHEY_SIMPLEX
    cv2.putText(picture, text, tuple(map(int, at)), font, 0.48, colour, 1, cv2.LINE_AA)
