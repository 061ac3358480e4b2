"""Left and right images and the IMU brought together by their stamps alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

MOST_WAITING = 4  # images of one camera; a longer queue would only make the answer older


@dataclass(frozen=True)
class Match:
    """What was taken at one time.

    Attributes:
        stamp_ns: of the left image.
        left: image of the left camera, in whatever form it was handed over.
        right: that of the right camera, None if none came.
    """

    stamp_ns: int
    left: Any
    right: Any = None


@dataclass
class _Waiting:
    stamp_ns: int
    image: Any
    since_ns: int  # newest stamp of all streams when it came


class FrameMatcher:
    """Releases each left image with its right one, once the IMU has reached its time.

    A right image is waited for as long as the streams take to advance by ``patience_ns``; the IMU,
    whose many small messages queue up behind the images on a busy machine, until several images
    wait. No clock is asked, so a recording gives the same frames every time.

    Attributes:
        alone: left images released without a right one although one was expected.
        unmatched: right images that no left one came for.
    """

    def __init__(self, *, is_stereo: bool, tolerance_ns: int, patience_ns: int) -> None:
        """Expect right images only if ``is_stereo``."""
        self.alone = self.unmatched = 0
        self._is_stereo = is_stereo
        self._tolerance_ns, self._patience_ns = tolerance_ns, patience_ns
        self.clear()

    def clear(self) -> None:
        """Forget all images and stamps."""
        self._left: list[_Waiting] = []
        self._right: list[_Waiting] = []
        self._imu_ns = self._newest_ns = 0

    def left(self, stamp_ns: int, image: Any) -> list[Match]:
        """Take a left image; return what is complete, oldest first."""
        self._add(self._left, stamp_ns, image)
        return self._release()

    def right(self, stamp_ns: int, image: Any) -> list[Match]:
        """Take a right image; return what is complete, oldest first."""
        self._add(self._right, stamp_ns, image)
        return self._release()

    def imu(self, stamp_ns: int) -> list[Match]:
        """Note how far the IMU is; return what is complete, oldest first."""
        self._imu_ns = max(self._imu_ns, stamp_ns)
        self._newest_ns = max(self._newest_ns, stamp_ns)
        return self._release() if self._left else []

    def _add(self, queue: list[_Waiting], stamp_ns: int, image: Any) -> None:
        self._newest_ns = max(self._newest_ns, stamp_ns)
        queue.append(_Waiting(stamp_ns, image, self._newest_ns))
        queue.sort(key=lambda item: item.stamp_ns)
        if queue is self._right and len(queue) > MOST_WAITING:
            queue.pop(0)
            self.unmatched += 1

    def _release(self) -> list[Match]:
        ready = []
        while self._left and (match := self._complete(self._left[0])):
            self._left.pop(0)
            ready.append(match)
        return ready

    def _complete(self, left: _Waiting) -> Match | None:
        """Return the frame of a left image, None while something of it may still come."""
        is_full = len(self._left) > MOST_WAITING
        if self._imu_ns < left.stamp_ns and not is_full:
            return None
        waited = is_full or self._newest_ns - left.since_ns > self._patience_ns
        right = self._partner(left.stamp_ns)
        passed = bool(self._right) and self._right[-1].stamp_ns > left.stamp_ns + self._tolerance_ns
        if self._is_stereo and right is None and not (waited or passed):
            return None
        self.alone += self._is_stereo and right is None
        return Match(left.stamp_ns, left.image, right)

    def _partner(self, stamp_ns: int) -> Any:
        """Return the right image of a time and drop those before it."""
        gone = [item for item in self._right if item.stamp_ns < stamp_ns - self._tolerance_ns]
        self.unmatched += len(gone)
        del self._right[: len(gone)]
        if self._right and self._right[0].stamp_ns <= stamp_ns + self._tolerance_ns:
            return self._right.pop(0).image
        return None
