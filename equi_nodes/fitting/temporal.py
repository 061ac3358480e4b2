"""Following a person's pose over time: turns and the pelvis with their speeds, one shape."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from equi_nodes.geometry.rotations import exp_so3, log_so3

JERK = 40.0  # rad/s^2/sqrt(Hz), how suddenly limbs change their speed
PUSH = 5.0  # m/s^2/sqrt(Hz), the same of the pelvis
FASTEST = (10.0, 3.0)  # rad/s and m/s, speeds of somebody who is new
SURPRISE = 9.0  # mean squared surprise, in standard deviations, at which following begins anew
REMEMBERED = 50.0  # looks that a shape is averaged over


@dataclass(frozen=True)
class Look:
    """What one cloud says of a person, or what is believed after it.

    Attributes:
        rotations: (22, 3, 3) global part rotations.
        rotation_sigmas: (22,) rad.
        place: (3,) metres, the pelvis.
        place_sigma: metres.
        shape: (10,) coefficients; shape_sigmas: (10,).
    """

    rotations: np.ndarray
    rotation_sigmas: np.ndarray
    place: np.ndarray
    place_sigma: float
    shape: np.ndarray
    shape_sigmas: np.ndarray


class PersonFilter:
    """One person's Kalman filter: constant speeds, each axis of a turn alike.

    Args:
        look: the first look.
        seconds: its time.
    """

    def __init__(self, look: Look, seconds: float):
        self._begin(look, seconds)

    def update(self, look: Look, seconds: float) -> Look:
        """Return the belief after a further look."""
        self._elapse(seconds - self.seconds)
        self.seconds = seconds
        noise = np.append(look.rotation_sigmas, look.place_sigma) ** 2
        off = np.vstack([log_so3(look.rotations @ _t(self.rotations)), look.place - self.place])
        expected = self.spread[:, 0, 0] + noise
        if np.mean(off**2 / expected[:, None]) > SURPRISE:
            self._begin(look, seconds)
            return look
        gain = self.spread[:, :, 0] / expected[:, None]
        self.rotations = exp_so3(gain[:-1, :1] * off[:-1]) @ self.rotations
        self.place = self.place + gain[-1, 0] * off[-1]
        self.speeds = self.speeds + gain[:, 1:] * off
        self.spread = self.spread - gain[:, :, None] * self.spread[:, :1, :]
        self._add_shape(look)
        return self._belief()

    def _begin(self, look: Look, seconds: float) -> None:
        self.seconds, self.rotations, self.place = seconds, look.rotations, look.place
        self.speeds = np.zeros((len(look.rotations) + 1, 3))
        sigmas = np.append(look.rotation_sigmas, look.place_sigma)
        fastest = np.append(np.full(len(look.rotations), FASTEST[0]), FASTEST[1])
        self.spread = np.zeros((len(sigmas), 2, 2))
        self.spread[:, 0, 0], self.spread[:, 1, 1] = sigmas**2, fastest**2
        self.precision = look.shape_sigmas**-2.0
        self.shape, self.looks = look.shape, 1.0

    def _elapse(self, seconds: float) -> None:
        """Carry the belief on: whoever turns or walks goes on doing so."""
        step = exp_so3(seconds * self.speeds[:-1])
        self.rotations, self.place = step @ self.rotations, self.place + seconds * self.speeds[-1]
        ahead = np.array([[1.0, seconds], [0.0, 1.0]])
        push = np.array([[seconds**3 / 3, seconds**2 / 2], [seconds**2 / 2, seconds]])
        sudden = np.append(np.full(len(self.rotations), JERK), PUSH) ** 2
        self.spread = ahead @ self.spread @ ahead.T + sudden[:, None, None] * push

    def _add_shape(self, look: Look) -> None:
        """Average shapes by their precision; what is older than REMEMBERED looks fades."""
        fade = min(1.0, (REMEMBERED - 1) / self.looks)
        before, new = fade * self.precision, look.shape_sigmas**-2.0
        self.shape = (before * self.shape + new * look.shape) / (before + new)
        self.precision, self.looks = before + new, min(self.looks + 1, REMEMBERED)

    def _belief(self) -> Look:
        sigmas = np.sqrt(self.spread[:, 0, 0])
        spread = self.precision**-0.5 * np.sqrt(self.looks)  # looks at a person err together
        return Look(self.rotations, sigmas[:-1], self.place, float(sigmas[-1]), self.shape, spread)


class People:
    """The filters of all people by their id.

    Args:
        max_gap: seconds without a look after which somebody is new.
    """

    def __init__(self, max_gap: float):
        self._max_gap, self._filters = max_gap, {}

    def update(self, number: int, look: Look, seconds: float) -> Look:
        """Return what is believed of a person after a look."""
        known = self._filters.get(number)
        if known is None or not 0 <= seconds - known.seconds <= self._max_gap:
            self._filters[number] = PersonFilter(look, seconds)
            return look
        return known.update(look, seconds)

    def forget(self, seconds: float) -> None:
        """Forget who was not seen for longer than the gap."""
        self._filters = {
            number: one for number, one in self._filters.items()
            if 0 <= seconds - one.seconds <= self._max_gap
        }  # fmt: skip

    def clear(self) -> None:
        """Forget everybody."""
        self._filters.clear()


def _t(rotations: np.ndarray) -> np.ndarray:
    return np.swapaxes(rotations, -1, -2)
