"""What the wheels tell the state: how fast the base moves ahead, and that it moves no other way.

Their speed is wrong by a factor that lasts, as tyres wear and floors differ; it is estimated along.
What else is wrong with them, slip above all, lasts for a while too: so noise is a density, large
enough that many samples a second tell little more than one.
"""

from __future__ import annotations

from collections import deque
from dataclasses import replace

import numpy as np

from equi_nodes.config.vio import WheelConfig
from equi_nodes.geometry.rotations import hat
from equi_nodes.samples import WheelSample
from equi_nodes.vio.state import GYRO_BIAS, VELOCITY, WHEEL_SCALE, State
from equi_nodes.vio.update import correct, passes

MOST_WAITING = 2000  # samples between two frames
LATE = 0.02  # s before the state's time, at which a sample still holds for it
PERIODS = (0.005, 0.2)  # s that one sample may stand for
SILENCE = 0.25  # s without a sample, after which the wheels say nothing of now


class Wheels:
    """The wheels of one robot.

    Args:
        T_b_base: see ``Rig``; None takes the body for the base.
        config: the user's settings.

    Attributes:
        agreed, refused: how many samples of the newest frame the state could agree with or not.
        late: samples that came after the state had passed their time.
        turn: the newest sample that came says that the robot moves.
    """

    def __init__(self, T_b_base: np.ndarray | None, config: WheelConfig):
        self._T_b_base = np.eye(4) if T_b_base is None else T_b_base
        self._config = config
        self.late = 0
        self.clear()

    def clear(self) -> None:
        """Forget all samples."""
        self.agreed = self.refused = 0
        self.turn = False
        self._waiting: deque[WheelSample] = deque(maxlen=MOST_WAITING)
        self._newest_ns: int | None = None
        self._still_ns: int | None = None  # since when the wheels stand

    @property
    def figures(self) -> dict[str, float]:
        """Return the counts, for diagnostics."""
        counts = {"agreed": self.agreed, "refused": self.refused, "late": self.late}
        return {f"wheels_{name}": count for name, count in counts.items()}

    @property
    def are_heard(self) -> bool:
        """Return whether any sample came."""
        return bool(self._waiting) or self._newest_ns is not None

    def add(self, sample: WheelSample) -> None:
        """Take one sample, in order of time."""
        self.turn = not self._is_still(sample)
        felt_ns = sample.stamp_ns - round(self._config.delay * 1e9)
        self._waiting.append(replace(sample, stamp_ns=felt_ns))

    def due(self, from_ns: int, end_ns: int) -> list[WheelSample]:
        """Return the samples of a frame, which begins: from the state's time to another."""
        self.agreed = self.refused = 0
        samples = []
        while self._waiting and self._waiting[0].stamp_ns <= end_ns:
            sample = self._waiting.popleft()
            if sample.stamp_ns < from_ns - LATE * 1e9:
                self.late += self._newest_ns is not None
            else:
                samples.append(sample)
        return samples

    def update(self, state: State, sample: WheelSample, rate: np.ndarray, additive: bool) -> None:
        """Correct a state by a sample of its time, unless the two contradict each other.

        Args:
            state: is changed.
            sample: of the wheels.
            rate: (3,) of the body, rad/s, bias taken out.
            additive: see ``correct``.
        """
        period = self._period(sample)
        if state.wheel_scale is None:
            _join(state, self._config.prior_scale)
        state.covariance[WHEEL_SCALE, WHEEL_SCALE] += self._config.scale_walk**2 * period
        H, residuals = linearise_wheels(state, sample, rate, self._T_b_base)
        variance = self._densities(sample) ** 2 / period
        used = slice(0, 4 if self._config.yaw_noise else 3)
        H, residuals, variance = H[used], residuals[used], variance[used]
        columns = slice(0, state.own)
        if passes(state, H, columns, residuals, variance):
            correct(state, H, columns, residuals, variance, additive)
            self.agreed += 1
        else:
            self.refused += 1
        self._remember(sample)

    def stand(self, time_ns: int, seconds: float) -> bool | None:
        """Return whether the wheels have stood for so long; None if they say nothing of now."""
        if self._newest_ns is None or time_ns - self._newest_ns > SILENCE * 1e9:
            return None
        return self._still_ns is not None and time_ns - self._still_ns >= seconds * 1e9

    def _remember(self, sample: WheelSample) -> None:
        if not self._is_still(sample):
            self._still_ns = None
        elif self._still_ns is None:
            self._still_ns = sample.stamp_ns
        self._newest_ns = sample.stamp_ns

    def _is_still(self, sample: WheelSample) -> bool:
        config = self._config
        return abs(sample.speed) <= config.still_speed and abs(sample.yaw_rate) <= config.still_turn

    def _period(self, sample: WheelSample) -> float:
        """Return the seconds since the sample before."""
        if self._newest_ns is None:
            return PERIODS[1]
        return float(np.clip((sample.stamp_ns - self._newest_ns) * 1e-9, *PERIODS))

    def _densities(self, sample: WheelSample) -> np.ndarray:
        """Return the noise (4,) of the rows of ``linearise_wheels``, per sqrt(Hz)."""
        config = self._config
        speed = np.hypot(config.speed_noise, config.speed_share * sample.speed)
        yaw = np.hypot(config.yaw_noise, config.yaw_share * sample.yaw_rate)
        return np.array([speed, config.slide_noise, config.bounce_noise, yaw])


def linearise_wheels(
    state: State, sample: WheelSample, rate: np.ndarray, T_b_base: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return what a sample says of a state: derivative (4, own) and measured less predicted (4,).

    The rows are the base's velocity along its x, y and z, m/s, and its yaw rate, rad/s. A rotation
    error does not show in them: it carries the velocity along.

    Args:
        state: with a wheel scale.
        sample: of the wheels, at the state's time.
        rate: (3,) of the body, rad/s, bias taken out.
        T_b_base: see ``Rig``.
    """
    to_base, lever = T_b_base[:3, :3].T, T_b_base[:3, 3]
    moving = to_base @ (state.rotation.T @ state.velocity + np.cross(rate, lever))
    told = np.array([state.wheel_scale * sample.speed, 0.0, 0.0])
    H = np.zeros((4, state.own))
    H[:3, VELOCITY] = to_base @ state.rotation.T
    H[:3, GYRO_BIAS] = to_base @ hat(lever)
    H[0, WHEEL_SCALE] = -sample.speed
    H[3, GYRO_BIAS] = -to_base[2]
    return H, np.append(told - moving, sample.yaw_rate - to_base[2] @ rate)


def _join(state: State, spread: float) -> None:
    """Give a state the scale of the wheels, of which nothing but its spread is known."""
    n = len(state.covariance)
    wide = np.zeros((n + 1, n + 1))
    kept = np.delete(np.arange(n + 1), WHEEL_SCALE)
    wide[np.ix_(kept, kept)] = state.covariance
    wide[WHEEL_SCALE, WHEEL_SCALE] = spread**2
    state.covariance, state.wheel_scale = wide, 1.0
