"""What was seen of a graph of nodes from outside while it ran; free of the client library."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

Arrivals = list[tuple[int, int]]  # stamp and when it came, both nanoseconds


@dataclass
class Heard:
    """What a supervisor heard.

    Attributes:
        end: why it ended: ``arrived``, ``out of time``, ``out of minutes`` or ``interrupted``.
        record: what the simulation said last of the run, as ``simulation.read_record`` gives it.
        resources: by node ``cpu`` (share of a core), ``rss_mb`` (most), ``rate_hz``, ``dropped``.
        losses: by node what it lost or rejected of its inputs, count by input and reason; also
            ``received`` of each.
        arrivals: by topic, of each message with a header.
        seconds: on the wall, from the start of the driving to its end.
        notes: in sentences.
    """

    end: str = "out of minutes"
    record: dict[str, Any] = field(default_factory=dict)
    resources: dict[str, dict[str, float]] = field(default_factory=dict)
    losses: dict[str, dict[str, int]] = field(default_factory=dict)
    arrivals: dict[str, Arrivals] = field(default_factory=dict)
    seconds: float = 0.0
    notes: list[str] = field(default_factory=list)

    def answered(self, asked: str, answer: str) -> np.ndarray:
        """Return the seconds (N,) from a message to the first answer with its stamp or a later one.

        An answer that comes for several messages counts for the newest of them.
        """
        sent, given = self.arrivals.get(asked, []), self.arrivals.get(answer, [])
        stamps = np.array([stamp for stamp, _ in sent], np.int64)
        came = np.array([at for _, at in sent], np.int64)
        ages, last = [], -1
        for stamp, at in given:
            row = int(np.searchsorted(stamps, stamp, side="right")) - 1
            if row > last:
                ages.append(at - came[row])
                last = row
        return np.maximum(np.array(ages, float), 0.0) / 1e9

    def cloud_to_plan(self) -> np.ndarray:
        """Return the seconds (N,) from a sweep to each plan on the map that it went into.

        The map of a plan is the newest that had come when the plan came.
        """
        maps, sweeps = self.arrivals.get("map", []), self.arrivals.get("points", [])
        if not maps or not sweeps:
            return np.zeros(0)
        map_came = np.array([at for _, at in maps], np.int64)
        stamps = np.array([stamp for stamp, _ in sweeps], np.int64)
        ages = []
        for _, at in self.arrivals.get("plan", []):
            newest = int(np.searchsorted(map_came, at)) - 1
            if newest >= 0:
                row = int(np.searchsorted(stamps, maps[newest][0], side="right")) - 1
                ages.append(at - sweeps[max(row, 0)][1])
        return np.array(ages, float) / 1e9

    def spans(self) -> dict[str, np.ndarray]:
        """Return the seconds from one topic to another by what they are called."""
        return {
            "frame to odometry": self.answered("left/image_raw", "odom"),
            "cloud to tracks": self.answered("points", "tracks"),
            "cloud to predictions": self.answered("points", "predictions"),
            "cloud to map": self.answered("points", "map"),
            "cloud to plan": self.cloud_to_plan(),
        }
