"""How far the filter can be trusted, with the reason in words."""

from __future__ import annotations

from collections import deque
from typing import NamedTuple

import numpy as np
from scipy.stats import chi2

from equi_nodes.config.vio import FilterConfig
from equi_nodes.samples import Status

WINDOW = 1.0  # s over which frames are judged together
FEWEST_SHARE = 0.3  # accepted of attempted tracks, below it they contradict the motion
FEWEST_ATTEMPTS = 5  # a frame with fewer says nothing about the filter
SETTLING = 1.5  # s after the start in which biases and tilt are still being found
LARGEST_OFFSET = 0.01  # s between cameras and IMU that is nothing to speak of
OFFSET_SPREADS = 3.0  # of the prior, beyond which the offset is none that was allowed for
FEWEST_REFUSED, REFUSED_SHARE = 4, 0.25  # of the wheels' samples, that show slip or a lift
MOVED_AFTER = 0.5  # s for which images and wheels must contradict the filter together
FALSE_ALARM = 1e-6  # chance that good tracks of one window are called worse than they say


class Evidence(NamedTuple):
    """What one frame showed.

    Attributes:
        time: of the frame, seconds.
        tracks: features seen.
        attempted, accepted: tracks taken for the update, and those that agreed.
        nis: mean over the accepted, 1 is expected.
        freedom: numbers that the accepted tracks told, as far as they are independent.
        stands: the body stands.
        disputes: the body stands by images and IMU, but not by the filter.
        imu_gap: longest time without IMU since the frame before, seconds.
        image_gap: time since the frame before, seconds.
        velocity_spread: standard deviation in the body's axes, m/s; a heading that is not known
            does not count.
        time_offset: found between cameras and IMU, seconds.
        wheels_agreed, wheels_refused: samples of the wheels that told the motion that the filter
            has, and those that contradict it.
    """

    time: float
    tracks: int
    attempted: int
    accepted: int
    nis: float
    freedom: float
    stands: bool
    disputes: bool
    imu_gap: float
    image_gap: float
    velocity_spread: float
    time_offset: float
    wheels_agreed: int = 0
    wheels_refused: int = 0


class Health:
    """Turns evidence into a status.

    Attributes:
        has_converged: the velocity has been known since the start.
        disagreed_for: seconds for which all tracks have contradicted the filter, and no wheels
            have confirmed it.
    """

    def __init__(self, config: FilterConfig):
        self._config = config
        self.restart()

    def restart(self) -> None:
        """Begin with a filter that knows little."""
        self._recent: deque[Evidence] = deque()
        self._started: float | None = None
        self._agreed_at: float | None = None
        self._disagreed_at: float | None = None
        self._wheels_at = -np.inf
        self.has_converged = False
        self.disagreed_for = 0.0

    @property
    def is_moved(self) -> bool:
        """Return whether images and wheels both contradict the filter: somebody moved the robot."""
        return self.disagreed_for >= MOVED_AFTER and self._are_wheels_off()

    def judge(self, evidence: Evidence) -> tuple[Status, str]:
        """Return the status after one more frame, and why it is not better."""
        self._remember(evidence)
        blind = evidence.time - self._agreed_at
        if min(blind, evidence.time - self._wheels_at) > self._config.lost_after:
            return Status.LOST, f"{self._blind_reason(evidence)} for {blind:.1f} s"
        if not self.has_converged:
            self.has_converged = evidence.velocity_spread < self._config.converged_velocity
            if not self.has_converged:
                return Status.DEGRADED, "velocity not known yet: " + self._young(evidence)
        reason = self._doubt(evidence, blind)
        return (Status.DEGRADED, reason) if reason else (Status.TRACKING, "")

    def _remember(self, evidence: Evidence) -> None:
        if self._started is None:
            self._started = evidence.time
        if evidence.wheels_agreed:
            self._wheels_at = evidence.time
        self._recent.append(evidence)
        while self._recent[0].time < evidence.time - WINDOW:
            self._recent.popleft()
        agrees = evidence.accepted > 0 or (evidence.stands and not evidence.disputes)
        if agrees or self._agreed_at is None:
            self._agreed_at = evidence.time
        contradicts = not evidence.stands and evidence.attempted >= FEWEST_ATTEMPTS
        contradicts = contradicts and evidence.accepted < 0.1 * evidence.attempted
        contradicts = contradicts or evidence.disputes or _is_alone(evidence)
        if agrees and not contradicts:
            self._disagreed_at = None
        elif contradicts and self._disagreed_at is None:
            self._disagreed_at = evidence.time
        started = self._disagreed_at
        is_held = started is None or evidence.wheels_agreed > 0
        self.disagreed_for = 0.0 if is_held else evidence.time - started

    def _doubt(self, evidence: Evidence, blind: float) -> str:
        """Return why the filter, which has converged, is not to be fully trusted."""
        if evidence.imu_gap > 0:
            return f"no IMU for {evidence.imu_gap:.2f} s"
        if evidence.image_gap > self._config.degraded_after:
            return f"no image for {evidence.image_gap:.1f} s"
        if evidence.disputes:
            return "images and IMU stand still, the estimate moves"
        if self._disagreed_at is not None:
            return "tracks contradict the motion"
        if blind > self._config.degraded_after:
            rest = ", wheels and IMU alone" if evidence.wheels_agreed else ""
            return f"{self._blind_reason(evidence)} for {blind:.1f} s{rest}"
        if self._are_wheels_off():
            return "the wheels contradict the motion: they slip, or somebody lifted the robot"
        moving = [] if evidence.stands else [e for e in self._recent if not e.stands]
        attempted = sum(e.attempted for e in moving)
        accepted = sum(e.accepted for e in moving)
        if attempted >= FEWEST_ATTEMPTS and accepted < FEWEST_SHARE * attempted:
            return f"only {accepted} of {attempted} tracks agree with the motion"
        freedom = sum(e.freedom for e in moving)
        if freedom and sum(e.nis * e.freedom for e in moving) > chi2.isf(FALSE_ALARM, freedom):
            return "tracks are worse than their covariance says"
        if evidence.velocity_spread > self._config.converged_velocity:
            return f"velocity uncertain by {evidence.velocity_spread:.2f} m/s"
        late = abs(evidence.time_offset)
        if late > max(LARGEST_OFFSET, OFFSET_SPREADS * self._config.prior_time_offset):
            return f"cameras and IMU are {1e3 * late:.0f} ms apart; correct the time offset"
        if evidence.time - self._started < SETTLING:
            return "just started"
        return ""

    def _are_wheels_off(self) -> bool:
        """Return whether more samples of the wheels were refused lately than chance explains."""
        refused = sum(e.wheels_refused for e in self._recent)
        heard = refused + sum(e.wheels_agreed for e in self._recent)
        return refused >= FEWEST_REFUSED and refused > REFUSED_SHARE * heard

    def _young(self, evidence: Evidence) -> str:
        return self._blind_reason(evidence) if not evidence.accepted else "first updates"

    def _blind_reason(self, evidence: Evidence) -> str:
        if not evidence.tracks:
            return "no features"
        if not evidence.attempted:
            return "not enough motion, or tracks too short,"
        return "no track agrees with the motion"


def _is_alone(evidence: Evidence) -> bool:
    """Return whether there are features and wheels, but none of them says what the filter does."""
    is_refused = evidence.wheels_refused > 0 and not evidence.wheels_agreed
    return is_refused and not evidence.accepted and evidence.tracks >= FEWEST_ATTEMPTS
