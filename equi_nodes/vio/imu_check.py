"""Samples of an IMU that cannot be true: its clock ran ahead, or it repeats itself."""

from __future__ import annotations

import numpy as np

LARGEST_AHEAD_S = 0.5  # that a sample may be newer than the images, after a gap as long
STUCK_S = 0.1  # of the same six numbers; noise changes them from sample to sample


class ImuCheck:
    """Judges the samples of one IMU in order, beside images and wheels."""

    def __init__(self) -> None:
        """Know no sample."""
        self._values = np.full(6, np.nan)
        self._newest_ns = self._changed_ns = 0
        self._is_stuck = False

    def problem(
        self, stamp_ns: int, values: np.ndarray, frame_ns: int, *, is_driven: bool
    ) -> str:  # fmt: skip
        """Return why a sample must not be used, empty if it may.

        A body at rest whose IMU has no noise, as in some simulators, shows the same numbers for
        long: only while wheels turn are they those of a stuck IMU, and from then on until they
        change.

        Args:
            stamp_ns: of the sample.
            values: (6,) rad/s and m/s^2.
            frame_ns: of the newest image, by the same clock.
            is_driven: the wheels turn.
        """
        if self._newest_ns and stamp_ns - max(self._newest_ns, frame_ns) > LARGEST_AHEAD_S * 1e9:
            return "the IMU's clock is ahead of the camera's: its samples are not used"
        self._newest_ns = stamp_ns
        if not np.array_equal(values, self._values):
            self._values, self._changed_ns, self._is_stuck = values, stamp_ns, False
        elif is_driven and stamp_ns - self._changed_ns >= STUCK_S * 1e9:
            self._is_stuck = True
        return "the IMU repeats one sample: it is not used" if self._is_stuck else ""
