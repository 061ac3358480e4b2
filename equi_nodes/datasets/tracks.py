"""Tracks of agents on the ground plane: reading, resampling, cutting them into windows."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from scipy.interpolate import CubicSpline

from equi_nodes.errors import EquiError
from equi_nodes.samples import TrackSample

START_NS = 1_000_000_000  # a stamp of zero means "unset" in ROS, so recordings begin at one second


@dataclass(frozen=True)
class Recording:
    """Positions of agents at equal time steps, rows sorted by (step, id).

    Attributes:
        name: of the sequence.
        step_s: time between two steps, seconds.
        index: (R,) int64, the step of each row.
        ids: (R,) int64, the agent of each row.
        positions: (R, 2) float64, metres.
    """

    name: str
    step_s: float
    index: np.ndarray
    ids: np.ndarray
    positions: np.ndarray

    @property
    def frames(self) -> np.ndarray:
        """Return the steps at which anybody is seen, sorted."""
        return np.unique(self.index)

    def between(self, first: int, last: int) -> Recording:
        """Return the part whose steps lie in ``first..last``, both included."""
        return self._keep((self.index >= first) & (self.index <= last))

    def samples(self, frame_id: str = "map") -> Iterator[TrackSample]:
        """Yield one sample a step, in time order, the first at one second."""
        if not len(self.index):
            return
        steps, starts = np.unique(self.index, return_index=True)
        for step, rows in zip(steps, np.split(np.arange(len(self.index)), starts[1:])):
            stamp = START_NS + round((step - steps[0]) * self.step_s * 1e9)
            yield TrackSample.of_positions(stamp, frame_id, self.ids[rows], self.positions[rows])

    def resampled(self, step_s: float, phase: float = 0.0) -> Recording:
        """Return the same motion at another rate, by cubic splines over each unbroken track.

        Args:
            step_s: the new time step, seconds.
            phase: shift of the new instants as a share of the new step, in 0..1.
        """
        pieces = [_resample(self, rows, step_s, phase) for rows in _unbroken_tracks(self)]
        index, ids, positions = (np.concatenate(part) for part in zip(*pieces))
        return _sorted(Recording(self.name, step_s, index, ids, positions))

    def _keep(self, rows: np.ndarray) -> Recording:
        return replace(
            self, index=self.index[rows], ids=self.ids[rows], positions=self.positions[rows]
        )


@dataclass(frozen=True)
class Windows:
    """One window for every row of a recording: the agent's past up to it and its future after it.

    Attributes:
        scene: (N,) int64, windows of equal value are seen at the same instant.
        past: (N, T, 2) float64, metres, the last step is the present; zero where unseen.
        past_mask: (N, T) bool.
        future: (N, F, 2) float64, metres; zero where unseen.
        future_mask: (N, F) bool.
    """

    scene: np.ndarray
    past: np.ndarray
    past_mask: np.ndarray
    future: np.ndarray
    future_mask: np.ndarray

    @property
    def complete(self) -> np.ndarray:
        """Return (N,) bool: every step of past and future is known."""
        return self.past_mask.all(1) & self.future_mask.all(1)


def windows(recording: Recording, past: int, future: int) -> Windows:
    """Cut a window around every row, by step number, so that a gap in time stays a gap."""
    span = np.arange(-past + 1, future + 1)
    agents, agent = np.unique(recording.ids, return_inverse=True)
    first = recording.index.min()
    width = int(recording.index.max() - first) + past + future + 1  # keeps agents' keys apart
    keys = agent * width + (recording.index - first) + past
    order = np.argsort(keys)
    wanted = keys[:, None] + span  # (N, T + F)
    found = order[np.searchsorted(keys[order], wanted).clip(max=len(keys) - 1)]
    mask = keys[found] == wanted
    positions = np.where(mask[..., None], recording.positions[found], 0.0)
    return Windows(
        recording.index, positions[:, :past], mask[:, :past], positions[:, past:], mask[:, past:]
    )


def read_tracks(path: str | Path, step_s: float, frame_stride: int | None = None) -> Recording:
    """Read a text file of ``frame id x y`` rows, in metres, any white space between them.

    Args:
        path: the file; further columns are ignored.
        step_s: time of one step, seconds.
        frame_stride: frame numbers in one step; by default the smallest distance found.

    Raises:
        EquiError: the file is missing, empty, or holds something else.
    """
    rows = _read_rows(Path(path))
    frames = rows[:, 0].round().astype(np.int64)
    stride = frame_stride or int(np.diff(np.unique(frames)).min(initial=np.iinfo(np.int32).max))
    recording = Recording(
        Path(path).stem, step_s, frames // stride, rows[:, 1].astype(np.int64), rows[:, 2:4]
    )
    recording = _sorted(recording)
    _refuse_duplicates(recording, path)
    return recording


def _read_rows(path: Path) -> np.ndarray:
    try:
        lines = path.read_text().splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise EquiError(f"Cannot read tracks from {path}: {_reason(error)}.") from error
    rows = [_read_row(path, number, line) for number, line in enumerate(lines, 1) if line.strip()]
    if not rows:
        raise EquiError(f"{path} holds no rows; each should read `frame id x y`.")
    return np.array(rows)


def _read_row(path: Path, number: int, line: str) -> list[float]:
    try:
        values = [float(word) for word in line.replace(",", " ").split()[:4]]
    except ValueError:
        values = []
    if len(values) < 4 or not np.isfinite(values).all():
        raise EquiError(
            f"{path}, line {number}: expected four numbers `frame id x y`, found {line[:60]!r}."
        )
    return values


def _reason(error: Exception) -> str:
    return error.strerror if isinstance(error, OSError) and error.strerror else "not a text file"


def _refuse_duplicates(recording: Recording, path: str | Path) -> None:
    same = (np.diff(recording.index) == 0) & (np.diff(recording.ids) == 0)
    if same.any():
        row = int(np.argmax(same))
        raise EquiError(
            f"{path} gives id {recording.ids[row]} twice in one frame; keep one row of each."
        )


def _sorted(recording: Recording) -> Recording:
    return recording._keep(np.lexsort((recording.ids, recording.index)))


def _unbroken_tracks(recording: Recording) -> list[np.ndarray]:
    """Return the row numbers of each track, split where a step is missing."""
    order = np.lexsort((recording.index, recording.ids))
    breaks = (np.diff(recording.ids[order]) != 0) | (np.diff(recording.index[order]) != 1)
    return np.split(order, np.flatnonzero(breaks) + 1)


def _resample(
    recording: Recording, rows: np.ndarray, step_s: float, phase: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    times = recording.index[rows] * recording.step_s
    epsilon = 1e-9 * step_s  # instants that coincide up to rounding are the same instant
    first = int(np.ceil((times[0] - epsilon) / step_s - phase))
    last = int(np.floor((times[-1] + epsilon) / step_s - phase))
    index = np.arange(first, last + 1)
    wanted = (index + phase) * step_s
    if len(rows) == 1:
        positions = np.repeat(recording.positions[rows], len(index), 0)
    else:
        positions = CubicSpline(times, recording.positions[rows])(wanted).reshape(-1, 2)
    return index, np.full(len(index), recording.ids[rows[0]]), positions
