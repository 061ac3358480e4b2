"""The samples of the IMU, in order of time, and what lies between two times."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

CAPACITY = 16384  # samples kept: 80 s at 200 Hz, 16 s at 1 kHz
RESTART = 1.0  # s backward, from which time itself went back and not a message
PERIODS = 64  # over which the usual period is measured
GAP_PERIODS = 4.0  # usual periods without a sample that make a gap ...
SHORTEST_GAP = 0.025  # s ... but never less
FEWEST_BENDS = 20  # second differences that show a noise


@dataclass(frozen=True)
class ImuSpan:
    """The IMU between two times, as intervals of constant rate and specific force.

    Attributes:
        durations: (K,) seconds.
        gyro: (K, 3) mean angular rate of each interval, rad/s.
        accel: (K, 3) mean specific force of each interval, m/s^2.
        gaps: (K,) seconds without a sample around each interval, 0 where there is no gap.
        last_gyro: (3,) rad/s at the end.
    """

    durations: np.ndarray
    gyro: np.ndarray
    accel: np.ndarray
    gaps: np.ndarray
    last_gyro: np.ndarray


class ImuBuffer:
    """Keeps the newest samples; refuses what is not newer or not finite, and counts it.

    Attributes:
        refused: samples that were not taken.
        restarts: how often time went back by more than a second, which empties the buffer.
    """

    def __init__(self) -> None:
        self.refused = self.restarts = 0
        self._stamps = np.zeros(2 * CAPACITY, np.int64)
        self._values = np.zeros((2 * CAPACITY, 6))
        self._start = self._stop = 0

    def __len__(self) -> int:
        return self._stop - self._start

    @property
    def stamps_ns(self) -> np.ndarray:
        """Return the (M,) times, nanoseconds by the IMU's clock."""
        return self._stamps[self._start : self._stop]

    @property
    def gyro(self) -> np.ndarray:
        """Return the (M, 3) angular rates, rad/s."""
        return self._values[self._start : self._stop, :3]

    @property
    def accel(self) -> np.ndarray:
        """Return the (M, 3) specific forces, m/s^2."""
        return self._values[self._start : self._stop, 3:]

    @property
    def period(self) -> float:
        """Return the usual time between two samples, seconds; 0 before there are two."""
        newest = self.stamps_ns[-PERIODS:]
        return float(np.median(np.diff(newest))) * 1e-9 if len(newest) > 1 else 0.0

    def add(self, stamp_ns: int, gyro: np.ndarray, accel: np.ndarray) -> bool:
        """Take one sample; tell whether it could be used."""
        values = np.concatenate([gyro, accel]).astype(np.float64)
        if not np.isfinite(values).all():
            self.refused += 1
            return False
        if len(self) and stamp_ns <= self.stamps_ns[-1]:
            if stamp_ns > self.stamps_ns[-1] - RESTART * 1e9:
                self.refused += 1
                return False
            self.restarts += 1
            self._start = self._stop = 0
        self._append(stamp_ns, values)
        return True

    def window(self, end_ns: int, duration: float) -> slice:
        """Return which samples lie in the seconds up to ``end_ns``."""
        times = np.array([end_ns - round(duration * 1e9), end_ns + 1])
        return slice(*np.searchsorted(self.stamps_ns, times).tolist())

    def between(self, start_ns: int, end_ns: int) -> ImuSpan:
        """Interpolate to both ends; beyond the first and the last sample, hold them."""
        stamps, values = self.stamps_ns, self._values[self._start : self._stop]
        first = int(np.searchsorted(stamps, start_ns, "right"))
        inner = slice(first, max(first, int(np.searchsorted(stamps, end_ns))))
        times = np.concatenate([[start_ns], stamps[inner], [end_ns]])
        seconds = (times - start_ns) * 1e-9
        since = (stamps - start_ns) * 1e-9
        near = slice(max(inner.start - 1, 0), inner.stop + 1)
        ends = [
            [np.interp(seconds[i], since[near], values[near, j]) for j in range(6)] for i in (0, -1)
        ]
        all_values = np.concatenate([ends[:1], values[inner], ends[1:]])
        means = 0.5 * (all_values[1:] + all_values[:-1])
        gyro, accel = np.ascontiguousarray(means[:, :3]), np.ascontiguousarray(means[:, 3:])
        gaps = self._gaps(times, inner)
        return ImuSpan(np.diff(seconds), gyro, accel, gaps, all_values[-1, :3])

    def _gaps(self, times: np.ndarray, inner: slice) -> np.ndarray:
        """Return the seconds between the samples around each interval, 0 where it is usual."""
        stamps = self.stamps_ns
        before = stamps[inner.start - 1] if inner.start else times[0]
        after = stamps[inner.stop] if inner.stop < len(stamps) else times[-1]
        around = np.diff(np.concatenate([[before], times[1:-1], [after]])) * 1e-9
        return np.where(around > max(GAP_PERIODS * self.period, SHORTEST_GAP), around, 0.0)

    def _append(self, stamp_ns: int, values: np.ndarray) -> None:
        if self._stop == len(self._stamps):
            kept = slice(self._stop - CAPACITY + 1, self._stop)
            self._stamps[: CAPACITY - 1] = self._stamps[kept].copy()
            self._values[: CAPACITY - 1] = self._values[kept].copy()
            self._start, self._stop = 0, CAPACITY - 1
        self._stamps[self._stop], self._values[self._stop] = stamp_ns, values
        self._stop += 1
        self._start = max(self._start, self._stop - CAPACITY)


def white_densities(buffer: ImuBuffer, end_ns: int, duration: float) -> tuple[float, float]:
    """Return the densities of gyro and accelerometer that the newest samples show."""
    inside = buffer.window(end_ns, duration)
    gyro, accel = (
        white_density(values[inside], buffer.period) for values in (buffer.gyro, buffer.accel)
    )
    return gyro, accel


def white_density(values: np.ndarray, period: float) -> float:
    """Return the density per sqrt(Hz) of the noise of samples (N, 3), 0 with too few.

    Second differences leave out the motion, which is smooth, and keep noise and vibration.
    """
    bends = np.diff(values, 2, axis=0)
    return float(np.sqrt(np.mean(bends**2) / 6 * period)) if len(bends) > FEWEST_BENDS else 0.0
