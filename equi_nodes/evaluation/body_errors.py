"""How far the bodies that are accepted in a recording are from the true ones."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from equi_nodes.evaluation.fitting import CM, inside_share
from equi_nodes.geometry.rotations import log_so3
from equi_nodes.samples import BodySample

# A true body: joints (22, 3) in metres and global part rotations (22, 3, 3).
TrueBody = tuple[np.ndarray, np.ndarray]


@dataclass
class BodyErrors:
    """Errors of accepted bodies, a number each.

    Attributes:
        people: true bodies of all clouds that were compared.
        stamps: nanoseconds, of the cloud.
        mpjpe: cm, mean distance of the joints.
        turn: degrees, error of the pelvis' rotation.
        inside: share of the joints inside their 90 % ellipsoid.
    """

    people: int = 0
    stamps: list[int] = field(default_factory=list)
    mpjpe: list[float] = field(default_factory=list)
    turn: list[float] = field(default_factory=list)
    inside: list[float] = field(default_factory=list)

    def add(self, found: BodySample, true: Mapping[int, TrueBody]) -> None:
        """Compare the accepted bodies of a cloud with the true ones of the same number.

        Args:
            found: the bodies; number 0, of a cloud that does not tell people apart, is the only
                true one's.
            true: by the instance of the points, in the same frame.
        """
        self.people += len(true)
        alone = {0: next(iter(true.values()))} if len(true) == 1 else {}
        known = alone | dict(true)
        for row in np.flatnonzero(found.accepted):
            if (number := int(found.ids[row])) in known:
                self._compare(found, int(row), *known[number])

    def figures(self) -> dict[str, Any]:
        """Return the spread of the errors, and their means by second since the first body."""
        if not self.stamps:
            return {"people": self.people, "scored": 0}
        return {
            "people": self.people,
            "scored": len(self.stamps),
            "mpjpe_cm": _spread(self.mpjpe),
            "pelvis_turn_deg": _spread(self.turn),
            "calibration_90": float(np.mean(self.inside)),
            "by_second": self._by_second(),
        }

    def _compare(
        self, found: BodySample, row: int, joints: np.ndarray, rotations: np.ndarray
    ) -> None:
        off = found.joints[row] - joints
        turn = log_so3(found.rotations[row, 0] @ rotations[0].T)
        self.stamps.append(found.stamp_ns)
        self.mpjpe.append(CM * float(np.linalg.norm(off, axis=1).mean()))
        self.turn.append(float(np.degrees(np.linalg.norm(turn))))
        self.inside.append(inside_share(off, found.joint_covariances[row]))

    def _by_second(self) -> list[dict[str, float]]:
        seconds = (np.array(self.stamps) - min(self.stamps)) // 1_000_000_000
        errors = np.array(self.mpjpe)
        return [
            {"second": int(one), "scored": int(here.sum()), "mpjpe_cm": float(errors[here].mean())}
            for one in np.unique(seconds)
            for here in [seconds == one]
        ]


def _spread(values: list[float]) -> dict[str, float]:
    median, p90 = np.percentile(values, [50, 90])
    return {"mean": float(np.mean(values)), "median": float(median), "p90": float(p90)}
