"""What goes wrong with the simulated sensors, by a schedule in YAML.

A schedule is a list of faults::

    - {stream: clouds, kind: off, from: 10.0, to: 14.0}
    - {stream: imu, kind: noise, from: 20.0, to: 25.0, amount: 1.0}
    - {stream: vio, kind: killed, from: 30.0}

``killed`` names a node, and only a graph of processes can do it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from equi_nodes.errors import EquiError
from equi_nodes.samples import CloudSample, Frame, ImuSample, WheelSample

Sample = ImuSample | WheelSample | Frame | CloudSample
STREAMS = ("imu", "wheels", "frames", "clouds")
KINDS = {  # what the amount is, and the usual one
    "off": ("nothing", 0.0),
    "stuck": ("nothing", 0.0),
    "delayed": ("seconds", 0.3),
    "noise": ("standard deviation: rad/s and m/s^2, m/s, grey levels, or metres", 0.5),
    "jump": ("seconds that the stamps are off", 1.0),
    "killed": ("nothing", 0.0),
}
KEYS = {"stream", "kind", "from", "to", "amount"}


@dataclass(frozen=True)
class Fault:
    """One fault.

    Attributes:
        stream: one of ``STREAMS``, or a node that is killed.
        kind: one of ``KINDS``.
        begin_s, end_s: seconds after the start of the simulation; without end it stays.
        amount: see ``KINDS``.
    """

    stream: str
    kind: str
    begin_s: float
    end_s: float = np.inf
    amount: float = 0.0

    def covers(self, seconds: float) -> bool:
        """Return whether the fault is there at a time."""
        return self.begin_s <= seconds < self.end_s


def read_faults(path: Path) -> tuple[Fault, ...]:
    """Return the faults of a schedule.

    Raises:
        EquiError: the file cannot be read or says what is no fault.
    """
    try:
        items = yaml.safe_load(path.read_text())
    except (OSError, yaml.YAMLError) as error:
        raise EquiError(f"The faults of {path} cannot be read: {error}.") from error
    if not isinstance(items, list) or not all(isinstance(item, dict) for item in items):
        raise EquiError(f"{path} is no list of faults; give lines such as those of config/faults.")
    return tuple(_fault(item, path) for item in items)


class FaultInjector:
    """Spoils the readings of a simulation step by step.

    The simulation calls it with each ``Readings``; those that it returns are what the robot has.
    """

    def __init__(self, faults: Sequence[Fault], start_ns: int, seed: int = 0) -> None:
        """Begin without a past.

        Args:
            faults: the schedule; what is killed is not among it.
            start_ns: the time that the schedule counts from.
            seed: of the noise.
        """
        if killed := [fault.stream for fault in faults if fault.kind == "killed"]:
            raise EquiError(f"Only processes can be killed: run {killed[0]} in equi demo --faults.")
        self._faults, self._start_ns = tuple(faults), start_ns
        self._rng = np.random.default_rng(seed)
        self._last: dict[Fault, Sample] = {}
        self._held: dict[Fault, list[Sample]] = {fault: [] for fault in self._faults}

    def __call__(self, readings: Any) -> Any:
        """Return the readings of a step as the faults let them through; a dataclass as it came."""
        for fault in self._faults:
            samples = getattr(readings, fault.stream)
            readings = replace(readings, **{fault.stream: tuple(self._through(fault, samples))})
        return readings

    def _through(self, fault: Fault, samples: Sequence[Sample]) -> Iterator[Sample]:
        for sample in samples:
            seconds = (sample.stamp_ns - self._start_ns) * 1e-9
            yield from self._due(fault, sample.stamp_ns, fault.covers(seconds))
            if not fault.covers(seconds):
                self._last[fault] = sample
                yield sample
            elif fault.kind == "delayed":
                self._held[fault].append(sample)
            elif fault.kind != "off":
                yield CHANGES[fault.kind](sample, self._last.get(fault, sample), fault, self._rng)

    def _due(self, fault: Fault, now: int, is_there: bool) -> Iterator[Sample]:
        """Yield what was held long enough; all of it once the fault is over."""
        held, least = self._held[fault], round(fault.amount * 1e9) if is_there else 0
        while held and now - held[0].stamp_ns >= least:
            yield held.pop(0)


def _stuck(sample: Sample, last: Sample, fault: Fault, rng: np.random.Generator) -> Sample:
    return replace(last, stamp_ns=sample.stamp_ns)


def _jumped(sample: Sample, last: Sample, fault: Fault, rng: np.random.Generator) -> Sample:
    return replace(sample, stamp_ns=sample.stamp_ns + round(fault.amount * 1e9))


def _noisy(sample: Sample, last: Sample, fault: Fault, rng: np.random.Generator) -> Sample:
    def spoiled(values: np.ndarray) -> np.ndarray:
        noise = fault.amount * rng.standard_normal(np.shape(values))
        if np.issubdtype(values.dtype, np.integer):
            return np.clip(values + noise, 0, 255).astype(values.dtype)
        return (values + noise).astype(values.dtype)

    if isinstance(sample, ImuSample):
        return replace(sample, gyro=spoiled(sample.gyro), accel=spoiled(sample.accel))
    if isinstance(sample, WheelSample):
        return replace(sample, speed=sample.speed + fault.amount * float(rng.standard_normal()))
    if isinstance(sample, Frame):
        right = None if sample.right is None else spoiled(sample.right)
        return replace(sample, left=spoiled(sample.left), right=right)
    return replace(sample, points=spoiled(sample.points))


Change = Callable[[Sample, Sample, Fault, np.random.Generator], Sample]
CHANGES: dict[str, Change] = {"stuck": _stuck, "jump": _jumped, "noise": _noisy}


def _fault(item: Mapping[str, Any], path: Path) -> Fault:
    """Return one entry of a schedule as a fault."""
    stream, kind = item.get("stream"), item.get("kind")
    kind = "off" if kind is False else kind  # which is how YAML reads a bare off
    if unknown := set(item) - KEYS:
        raise EquiError(f"{path}: a fault has no '{min(unknown)}'; it has {', '.join(KEYS)}.")
    if kind not in KINDS:
        raise EquiError(f"{path}: there is no fault '{kind}'; choose of {', '.join(KINDS)}.")
    if kind != "killed" and stream not in STREAMS:
        raise EquiError(f"{path}: there is no stream '{stream}'; choose of {', '.join(STREAMS)}.")
    try:
        begin, end = float(item["from"]), float(item.get("to", np.inf))
        amount = float(item.get("amount", KINDS[kind][1]))
    except (KeyError, TypeError, ValueError) as error:
        raise EquiError(f"{path}: 'from', 'to' and 'amount' are seconds and numbers.") from error
    if not 0 <= begin < end:
        raise EquiError(f"{path}: a fault from {begin:g} s to {end:g} s is none; begin before it.")
    return Fault(str(stream), kind, begin, end, amount)
