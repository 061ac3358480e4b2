"""What happened in one run of the closed loop, kept in one file without pickle.

All places are in ``odom``, which is where the robot's base was at the start: truth too.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np

from equi_nodes.errors import EquiError
from equi_nodes.evaluation.matching import with_modes
from equi_nodes.samples import GridSample, PlanCode, PlanSample, PredictionSample, TrackSample

TRACK_ARRAYS = ("ids", "positions", "velocities", "covariances")
PREDICTION_ARRAYS = ("ids", "positions", "observed_steps", "paths", "probabilities", "covariances")


@dataclass(frozen=True, eq=False)
class Trajectory:
    """Where the base was.

    Attributes:
        stamps_ns: (N,) int64.
        poses: (N, 4, 4) of ``base_link`` in ``odom``.
        statuses: (N,) words of ``samples.Status``; empty for the truth.
    """

    stamps_ns: np.ndarray
    poses: np.ndarray
    statuses: np.ndarray = field(default_factory=lambda: np.zeros(0, "U12"))

    @property
    def points(self) -> np.ndarray:
        """Return (N, 2) metres."""
        return self.poses[:, :2, 3]

    @property
    def length(self) -> float:
        """Return metres along the points."""
        return float(np.hypot(*np.diff(self.points, axis=0).T).sum())


@dataclass(frozen=True)
class Goal:
    """A place that the robot was sent to.

    Attributes:
        place: x, y in metres and yaw in rad.
        sent_ns: when it was told, None: never.
        reached_ns: when it truly was there, None: never.
        shortest_m: length of the best path on the true map from where it was told; None: unknown.
    """

    place: tuple[float, float, float]
    sent_ns: int | None = None
    reached_ns: int | None = None
    shortest_m: float | None = None


@dataclass(frozen=True)
class Contact:
    """The robot touched something.

    Attributes:
        stamp_ns: of the first touch.
        other: what it touched, such as ``wall`` or ``person 3``.
        is_robot_at_fault: it drove there; False: a person walked into it.
        place: x, y in metres of the robot.
    """

    stamp_ns: int
    other: str
    is_robot_at_fault: bool
    place: tuple[float, float]


@dataclass(frozen=True)
class Remark:
    """What a node said for a while.

    Attributes:
        node: who.
        words: one sentence, as it was first said.
        begin_ns, end_ns: when it was first said, and last, whatever its numbers.
    """

    node: str
    words: str
    begin_ns: int
    end_ns: int

    @property
    def gist(self) -> str:
        """Return the words without their numbers."""
        return gist(self.words)


@dataclass(frozen=True, eq=False)
class StackRun:
    """One run of the closed loop.

    Attributes:
        scenario, seed: of the world.
        truth, estimate: the robot's way, and what the odometry said of it.
        people: truly, at least twice a second.
        tracks: of people, as tracked.
        predictions: twice a second.
        plans: as they came, without their graphs.
        true_map: the building.
        map: the last one that the robot had, None: it had none.
        goals: in the order in which they were sent.
        collisions: first touches.
        latencies: seconds of each step, (S,) by name of the node; other spans of time may be
            there by a name with a space, such as ``cloud to plan``.
        resources: by node, numbers by name: ``cpu`` (share of a core), ``rss_mb``, ``rate_hz``,
            ``dropped``; whatever is known.
        notes: what else a reader must know, in sentences.
        remarks: what the nodes said, by time.
    """

    scenario: str
    seed: int
    truth: Trajectory
    estimate: Trajectory
    people: tuple[TrackSample, ...]
    tracks: tuple[TrackSample, ...]
    predictions: tuple[PredictionSample, ...]
    plans: tuple[PlanSample, ...]
    true_map: GridSample
    map: GridSample | None
    goals: tuple[Goal, ...]
    collisions: tuple[Contact, ...] = ()
    latencies: dict[str, np.ndarray] = field(default_factory=dict)
    resources: dict[str, dict[str, float]] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    remarks: tuple[Remark, ...] = ()

    @property
    def seconds(self) -> float:
        """Return the simulated time from the first to the last true pose."""
        stamps = self.truth.stamps_ns
        return float(stamps[-1] - stamps[0]) * 1e-9 if len(stamps) else 0.0

    @property
    def hash(self) -> str:
        """Return the SHA-256 of both ways of the robot and of all collisions."""
        digest = hashlib.sha256()
        for way in (self.truth, self.estimate):
            digest.update(way.stamps_ns.tobytes() + way.poses.tobytes())
        digest.update(repr(self.collisions).encode())
        return digest.hexdigest()

    def save(self, path: Path) -> None:
        """Write everything to one ``.npz`` file; the interactions of predictions are left out."""
        facts = {
            "scenario": self.scenario,
            "seed": self.seed,
            "goals": [asdict(goal) for goal in self.goals],
            "collisions": [asdict(contact) for contact in self.collisions],
            "resources": self.resources,
            "notes": list(self.notes),
            "remarks": [asdict(remark) for remark in self.remarks],
            "plans": [_words(plan) for plan in self.plans],
            "latencies": list(self.latencies),
        }
        arrays = {"facts": np.frombuffer(json.dumps(facts).encode(), np.uint8)}
        arrays |= _packed("people", self.people, TRACK_ARRAYS)
        arrays |= _packed("tracks", self.tracks, TRACK_ARRAYS)
        arrays |= _packed("predictions", _alike(self.predictions), PREDICTION_ARRAYS)
        for name in ("truth", "estimate", "true_map", "map"):
            arrays |= _fields(name, getattr(self, name))
        for number, plan in enumerate(self.plans):
            arrays[f"plans/{number}"] = plan.poses
        for number, seconds in enumerate(self.latencies.values()):
            arrays[f"latencies/{number}"] = np.asarray(seconds, np.float64)
        np.savez_compressed(path, **arrays)

    @classmethod
    def load(cls, path: Path) -> StackRun:
        """Return a run that was saved.

        Raises:
            EquiError: the file is none of these.
        """
        try:
            with np.load(path, allow_pickle=False) as file:
                return cls._of(dict(file))
        except (OSError, ValueError, KeyError, BadZipFile) as error:
            raise EquiError(
                f"{path} holds no run of the closed loop ({error}); give a run.npz."
            ) from error

    @classmethod
    def _of(cls, arrays: dict[str, np.ndarray]) -> StackRun:
        facts = json.loads(arrays["facts"].tobytes())
        map_stamp = arrays.get("map/stamp_ns")
        return cls(
            facts["scenario"],
            facts["seed"],
            Trajectory(**_taken("truth", arrays)),
            Trajectory(**_taken("estimate", arrays)),
            tuple(TrackSample(*s) for s in _unpacked("people", arrays, TRACK_ARRAYS)),
            tuple(TrackSample(*s) for s in _unpacked("tracks", arrays, TRACK_ARRAYS)),
            tuple(_prediction(*s) for s in _unpacked("predictions", arrays, PREDICTION_ARRAYS)),
            tuple(_plan(w, arrays[f"plans/{n}"]) for n, w in enumerate(facts["plans"])),
            _grid("true_map", arrays),
            None if map_stamp is None else _grid("map", arrays),
            tuple(Goal(**{**g, "place": tuple(g["place"])}) for g in facts["goals"]),
            tuple(Contact(**{**c, "place": tuple(c["place"])}) for c in facts["collisions"]),
            {name: arrays[f"latencies/{n}"] for n, name in enumerate(facts["latencies"])},
            facts["resources"],
            tuple(facts["notes"]),
            tuple(Remark(**remark) for remark in facts["remarks"]),
        )


def gist(words: str) -> str:
    """Return a sentence without its numbers."""
    return re.sub(r"\d+(\.\d+)?", "#", words)


Sample = TrackSample | PredictionSample


def _packed(name: str, samples: Sequence[Sample], columns: Sequence[str]) -> dict[str, np.ndarray]:
    """Return the arrays of all samples one after another, and how long each is."""
    if not samples:
        return {}
    steps = [getattr(sample, "time_step_ns", 0) for sample in samples]
    arrays = {
        "stamps_ns": np.array([sample.stamp_ns for sample in samples], np.int64),
        "steps_ns": np.array(steps, np.int64),
        "frame_id": np.array(samples[0].frame_id),
        "counts": np.array([len(sample.ids) for sample in samples], np.int64),
    }
    arrays |= {key: np.concatenate([getattr(s, key) for s in samples]) for key in columns}
    return {f"{name}/{key}": array for key, array in arrays.items()}


def _unpacked(name: str, arrays: dict[str, np.ndarray], columns: Sequence[str]) -> list[tuple]:
    """Return what ``_packed`` was given: stamp, frame, arrays, and the time step if it has one."""
    if f"{name}/counts" not in arrays:
        return []
    part = _taken(name, arrays)
    cuts = np.cumsum(part["counts"])[:-1]
    rows = zip(*(np.split(part[key], cuts) for key in columns))
    heads = zip(part["stamps_ns"].tolist(), part["steps_ns"].tolist(), rows)
    frame = str(part["frame_id"])
    return [(s, frame, *row, *((step,) if step else ())) for s, step, row in heads]


def _alike(predictions: Sequence[PredictionSample]) -> list[PredictionSample]:
    """Return those with somebody in them, all with the same number of modes."""
    peopled = [p for p in predictions if len(p.ids)]
    modes = max((p.paths.shape[1] for p in peopled), default=0)
    return [with_modes(p, modes) for p in peopled]


def _prediction(stamp_ns: int, frame: str, *rest: Any) -> PredictionSample:
    ids, positions, steps, paths, probabilities, covariances, time_step = rest
    acting = np.zeros((len(ids), len(ids)))
    return PredictionSample(
        stamp_ns, frame, time_step, ids, positions, steps, paths, probabilities, covariances, acting
    )


def _words(plan: PlanSample) -> dict[str, Any]:
    names = ("stamp_ns", "frame_id", "reason", "length", "cost", "planner", "known_share")
    return {name: getattr(plan, name) for name in names} | {"code": int(plan.code)}


def _plan(words: dict[str, Any], poses: np.ndarray) -> PlanSample:
    return PlanSample(**{**words, "code": PlanCode(words["code"])}, poses=poses)


def _fields(name: str, record: Any) -> dict[str, np.ndarray]:
    """Return a record's fields as arrays; none of no record."""
    if record is None:
        return {}
    return {f"{name}/{f.name}": np.asarray(getattr(record, f.name)) for f in fields(record)}


def _taken(name: str, arrays: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    start = f"{name}/"
    return {key[len(start) :]: array for key, array in arrays.items() if key.startswith(start)}


def _grid(name: str, arrays: dict[str, np.ndarray]) -> GridSample:
    part = _taken(name, arrays)
    return GridSample(
        int(part["stamp_ns"]),
        str(part["frame_id"]),
        float(part["resolution"]),
        part["origin"],
        part["cells"],
    )
