"""How a robot on two driven wheels moves: smooth enough that an IMU can feel all of it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from equi_nodes.geometry.rotations import rigid
from equi_nodes.samples import VelocityCommand

SPRING = 2 * np.pi * 5.0  # rad/s, at which the body sways on its wheels
DAMPING = 0.4  # of that sway
LEAN = 0.006  # rad per m/s^2 that the body leans against an acceleration
ROUGHNESS = 0.003  # rad at 1 m/s, sway from an uneven floor
BUMP = 0.05  # s, how long a bump lasts


@dataclass(frozen=True)
class DriveLimits:
    """What the motors can do.

    Attributes:
        speed, yaw_rate: fastest, m/s and rad/s.
        accel, yaw_accel: most, m/s^2 and rad/s^2.
        lag: s, in which a speed comes to a command, when it is near.
    """

    speed: float = 1.0
    yaw_rate: float = 1.5
    accel: float = 1.0
    yaw_accel: float = 3.0
    lag: float = 0.2


@dataclass(frozen=True)
class Motion:
    """A stretch of motion in steps of time; row k is the end of step k.

    Attributes:
        position, velocity, accel: (N, 2) of the base in the world; m, m/s, m/s^2.
        angles, rates, angular_accels: (N, 3) yaw, pitch and roll; rad, rad/s, rad/s^2.
        wheels: (N, 2) speed and yaw rate that the wheels roll with, m/s and rad/s.
    """

    position: np.ndarray
    velocity: np.ndarray
    accel: np.ndarray
    angles: np.ndarray
    rates: np.ndarray
    angular_accels: np.ndarray
    wheels: np.ndarray

    @property
    def T_w_b(self) -> np.ndarray:
        """Return the poses (N, 4, 4) of the base in the world."""
        return poses(self.position, self.angles)

    def body_rates(self) -> np.ndarray:
        """Return (N, 3) the angular velocity in the body, rad/s."""
        (_, p, r), (dy, dp, dr) = self.angles.T, self.rates.T
        sp, cp, sr, cr = np.sin(p), np.cos(p), np.sin(r), np.cos(r)
        return np.stack([dr - dy * sp, dp * cr + dy * sr * cp, dy * cr * cp - dp * sr], 1)

    def body_angular_accels(self) -> np.ndarray:
        """Return (N, 3) the derivative of the body's rates, rad/s^2."""
        (_, p, r), (dy, dp, dr) = self.angles.T, self.rates.T
        ddy, ddp, ddr = self.angular_accels.T
        sp, cp, sr, cr = np.sin(p), np.cos(p), np.sin(r), np.cos(r)
        return np.stack(
            [
                ddr - ddy * sp - dy * dp * cp,
                ddp * cr - dp * dr * sr + ddy * sr * cp + dy * (dr * cr * cp - dp * sr * sp),
                ddy * cr * cp - dy * (dr * sr * cp + dp * cr * sp) - ddp * sr - dp * dr * cr,
            ],
            1,
        )


def poses(position: np.ndarray, angles: np.ndarray) -> np.ndarray:
    """Return T (N, 4, 4) of positions (N, 2) on the ground and yaw, pitch and roll (N, 3)."""
    (cy, cp, cr), (sy, sp, sr) = np.cos(angles).T, np.sin(angles).T
    rows = [
        [cy * cp, cy * sp * sr - sy * cr, cy * sp * cr + sy * sr],
        [sy * cp, sy * sp * sr + cy * cr, sy * sp * cr - cy * sr],
        [-sp, cp * sr, cp * cr],
    ]
    R = np.stack([np.stack(row, -1) for row in rows], -2)
    return rigid(R, np.pad(position, ((0, 0), (0, 1))))


class Carry:
    """Somebody lifts the robot, moves it and puts it down, without a jerk at the ends."""

    def __init__(self, move: np.ndarray, seconds: float) -> None:
        """Plan a move (3,): metres in x and y of the world, and a turn in rad."""
        self._move, self._seconds, self._gone = np.asarray(move, float), seconds, 0.0

    @property
    def is_over(self) -> bool:
        """Return whether the robot stands on its wheels again."""
        return self._gone >= self._seconds

    def advance(self, time_step: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Go on; return the way since the last call, the speed and its change, (3,) each."""
        before, self._gone = self._gone, min(self._gone + time_step, self._seconds)
        u, v = before / self._seconds, self._gone / self._seconds
        way = (10 * v**3 - 15 * v**4 + 6 * v**5) - (10 * u**3 - 15 * u**4 + 6 * u**5)
        speed = (30 * v**2 - 60 * v**3 + 30 * v**4) / self._seconds
        change = (60 * v - 180 * v**2 + 120 * v**3) / self._seconds**2
        return self._move * way, self._move * speed, self._move * change


class Drive:
    """A body that follows commands with a lag, within limits, and sways a little.

    The motion is integrated from the wheels' speeds; nothing here slips, the wheels' reading does.
    """

    def __init__(self, limits: DriveLimits, start: np.ndarray, rng: np.random.Generator) -> None:
        """Stand at ``start`` (3,): x, y and yaw in the world."""
        self._limits, self._rng = limits, rng
        self._place = np.asarray(start, float).copy()
        self._speeds, self._accels = np.zeros(2), np.zeros(2)  # along and about
        self._sway, self._sway_rate, self._bumps = np.zeros(2), np.zeros(2), np.zeros(2)
        self._carry: Carry | None = None

    @property
    def place(self) -> np.ndarray:
        """Return x, y and yaw (3,) in the world, metres and rad."""
        return self._place.copy()

    @property
    def is_carried(self) -> bool:
        """Return whether the wheels are off the ground."""
        return self._carry is not None

    def carry(self, move: np.ndarray, seconds: float) -> None:
        """Have the robot moved (3,) by somebody: metres in the world and rad, within a time."""
        self._carry = Carry(move, seconds)

    def stop_at(self, position: np.ndarray) -> None:
        """Stand at a position (2,) at once, as something solid is in the way."""
        self._place[:2] = position
        self._speeds[0] = self._accels[0] = 0.0

    def advance(self, command: VelocityCommand, steps: int, time_step: float) -> Motion:
        """Move on by some steps of time in seconds."""
        rows = [self._step(command, time_step) for _ in range(steps)]
        return Motion(*(np.array(column) for column in zip(*rows)))

    def _step(self, command: VelocityCommand, dt: float) -> tuple[np.ndarray, ...]:
        before = self._speeds.copy()
        self._follow(command, dt)
        way, shift, push = np.zeros((3, 3))
        wheels = self._speeds
        if self._carry is not None:
            way, shift, push = self._carry.advance(dt)
            wheels = np.zeros(2)
            self._carry = None if self._carry.is_over else self._carry
        along, turn = 0.5 * (before + self._speeds) * dt
        middle = self._place[2] + 0.5 * (turn + way[2])
        self._place += way + (along * np.cos(middle), along * np.sin(middle), turn)
        ahead = np.array([np.cos(self._place[2]), np.sin(self._place[2])])
        left = np.array([-ahead[1], ahead[0]])
        yaw_rate = self._speeds[1] + shift[2]
        accel = self._accels[0] * ahead + self._speeds[0] * yaw_rate * left + push[:2]
        sway_accel = self._swayed(accel @ ahead, accel @ left, dt)
        return (
            self._place[:2].copy(),
            self._speeds[0] * ahead + shift[:2],
            accel,
            np.r_[self._place[2], self._sway],
            np.r_[yaw_rate, self._sway_rate],
            np.r_[self._accels[1] + push[2], sway_accel],
            wheels.copy(),
        )

    def _follow(self, command: VelocityCommand, dt: float) -> None:
        """Change speeds by accelerations that change smoothly themselves."""
        limits = self._limits
        fastest = np.array([limits.speed, limits.yaw_rate])
        wanted = np.clip([command.speed, command.yaw_rate], -fastest, fastest)
        if self._carry is not None:
            wanted = np.zeros(2)
        most = np.array([limits.accel, limits.yaw_accel])
        aimed = np.clip((wanted - self._speeds) / limits.lag, -most, most)
        before = self._accels
        self._accels = before + (aimed - before) * (dt / (0.25 * limits.lag))
        self._speeds = self._speeds + 0.5 * (before + self._accels) * dt

    def _swayed(self, ahead: float, left: float, dt: float) -> np.ndarray:
        """Let the body sway on its wheels, and return its acceleration (2,): pitch and roll."""
        kick = ROUGHNESS * abs(self._speeds[0]) * np.sqrt(2 * dt / BUMP)
        self._bumps = self._bumps * (1 - dt / BUMP) + kick * self._rng.standard_normal(2)
        aimed = self._bumps + LEAN * np.clip([-ahead, left], -3.0, 3.0)
        accel = SPRING**2 * (aimed - self._sway) - 2 * DAMPING * SPRING * self._sway_rate
        before = self._sway_rate
        self._sway_rate = before + accel * dt
        self._sway = self._sway + 0.5 * (before + self._sway_rate) * dt
        return accel
