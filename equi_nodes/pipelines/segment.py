"""From a cloud to its parts: what each point is, and which of them move as one."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from equi_nodes.config.apen import ApenConfig
from equi_nodes.errors import EquiError
from equi_nodes.pipelines.pieces import connected_pieces
from equi_nodes.pipelines.thinning import nearest_of, thin
from equi_nodes.runtime.apen import spread_first
from equi_nodes.runtime.network import Network, open_network
from equi_nodes.runtime.weights import shipped_weights
from equi_nodes.samples import NO_LABEL, CloudSample

REACH = 150.0  # m from the middle of half of the points; a cloud that is larger is not in metres
WARM_POINTS = 400  # of the made-up cloud that a network is warmed up with


@dataclass(frozen=True)
class Parts:
    """The parts of a cloud, the largest first; a part's row is its instance.

    Attributes:
        labels: (P,) uint16, what most of its points are.
        counts: (P,) int64 points.
        low, high: (P, 3) metres, corners of the box along the axes of the frame.
    """

    labels: np.ndarray
    counts: np.ndarray
    low: np.ndarray
    high: np.ndarray


@dataclass(frozen=True)
class Segmented:
    """What was found in a cloud; rows are those of its points.

    Attributes:
        stamp_ns, frame_id: of the cloud.
        cloud: as it came.
        labels, instances: (N,) uint16, ``NO_LABEL`` where a point has none.
        confidences: (N,) float32 0..1, of the label; zero where a point has none.
        parts: of the instances, which are connected pieces of one label.
        delta: how undecided the network's own last partition is, 0..1.
        is_fallback, rejected, notes: as every pipeline's result has them.
        figures: numbers for diagnostics.
    """

    stamp_ns: int
    frame_id: str
    cloud: CloudSample
    labels: np.ndarray
    instances: np.ndarray
    confidences: np.ndarray
    parts: Parts
    delta: float = 0.0
    is_fallback: bool = False
    rejected: dict[int, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    figures: dict[str, float] = field(default_factory=dict)


class Segmenter:
    """Finds the parts of clouds, each for itself.

    Args:
        network: maps points (1, M, 3) and mask (1, M) to the outputs of a deployed APEN.
        names: of the labels.
        config: the user's settings.
    """

    def __init__(
        self, network: Network, names: tuple[str, ...], config: ApenConfig = ApenConfig()
    ) -> None:
        self.network, self.names, self.config = network, names, config

    @classmethod
    def from_config(cls, config: ApenConfig) -> Segmenter:
        """Load the weights and the backend that the settings ask for.

        Raises:
            EquiError: one of them cannot be had.
        """
        network = open_network("apen", config.weights, config.backend, config.threads)
        weights = Path(config.weights) if config.weights else shipped_weights("apen")
        return cls(network, _names(weights, network.architecture.labels), config)

    @property
    def backend_name(self) -> str:
        """Return what runs the network: torch, onnx or tensorrt."""
        return self.network.name

    def warm_up(self) -> None:
        """Run on a made-up cloud, so that the first real one finds all ready."""
        points = np.random.default_rng(0).normal(0, 0.3, (WARM_POINTS, 3))
        self.step(CloudSample(1, "", points.astype(np.float32)))

    def reset(self) -> None:
        """Forget nothing: every cloud stands for itself."""

    def step(self, cloud: CloudSample) -> Segmented:
        """Return the parts of a cloud; one that cannot be used gets no label, and a note says why.

        Raises:
            EquiError: the network gave no finite answer.
        """
        if not len(cloud.points):
            return _nothing(cloud, "it has no points")
        middle = np.median(cloud.points, axis=0)
        points = cloud.points - middle.astype(np.float32)
        away = np.linalg.norm(points, axis=1)
        if (reach := float(np.median(away))) > REACH:
            return _nothing(cloud, f"half of it is {reach:.0f} m from its middle: not in metres?")
        near = np.flatnonzero(away <= self.config.radius)
        kept = near[thin(points[near], self.config.voxel, self.config.points)]
        if len(kept) < self.config.min_points:
            least = f"{self.config.min_points} are needed (min_points)"
            return _nothing(cloud, f"it has {len(kept)} points after thinning, {least}")
        return self._told(cloud, near, points, self._ask(points[kept]), points[kept])

    def _ask(self, points: np.ndarray) -> tuple[np.ndarray, np.ndarray, float]:
        """Return labels and confidences (M,) of points, and delta."""
        mask = np.ones((1, len(points)), bool)
        order = spread_first(self.network.architecture, points[None], mask)[0]
        cloud = points[order][None].astype(self.network.dtype)
        logits, _, _, _, delta, _ = self.network(cloud, mask)
        if not np.isfinite(logits).all():
            raise EquiError("The network gave no finite labels; take other weights or points.")
        likely = np.exp(logits[0] - logits[0].max(-1, keepdims=True))  # the likeliest has one
        back = np.argsort(order)
        return likely.argmax(-1)[back], 1 / likely.sum(-1)[back], float(delta[0, -1])

    def _told(
        self,
        cloud: CloudSample,
        near: np.ndarray,
        points: np.ndarray,
        answer: tuple[np.ndarray, np.ndarray, float],
        kept: np.ndarray,
    ) -> Segmented:
        """Return what was said of the kept points for all that are near."""
        labels, sure, delta = answer
        nearest = nearest_of(kept, points[near], self.config.threads)
        own = _by_size(connected_pieces(kept, labels)[nearest])
        columns = labels[nearest], own, sure[nearest]
        every = _columns(len(points), near, columns)
        parts = _parts(cloud.points[near], own, labels[nearest], len(self.names))
        figures = {
            "kept": len(kept), "beyond_radius": len(points) - len(near),
            "parts": len(parts.counts), "confidence": float(columns[2].mean()),
            "delta": delta,
        }  # fmt: skip
        return Segmented(
            cloud.stamp_ns, cloud.frame_id, cloud, *every, parts, delta, figures=figures
        )


def _names(weights: Path, count: int) -> tuple[str, ...]:
    """Return the names of the labels from the weights' card, numbers where it has none."""
    card = weights.with_suffix(".json")
    names = json.loads(card.read_text()).get("labels", ()) if card.is_file() else ()
    return tuple(names) if len(names) == count else tuple(map(str, range(count)))


def _nothing(cloud: CloudSample, why: str) -> Segmented:
    every = _columns(len(cloud.points), np.zeros(0, int), (0, 0, 0))
    none, corner = np.zeros(0, np.int64), np.zeros((0, 3))
    parts = Parts(none.astype(np.uint16), none, corner, corner)
    note = (f"the cloud gets no labels: {why}",)
    return Segmented(cloud.stamp_ns, cloud.frame_id, cloud, *every, parts, notes=note)


def _columns(count: int, rows: np.ndarray, values: tuple) -> tuple[np.ndarray, ...]:
    """Return labels, instances and confidences of all points, given those of some rows."""
    labels, instances = np.full(count, NO_LABEL, np.uint16), np.full(count, NO_LABEL, np.uint16)
    confidences = np.zeros(count, np.float32)
    for column, value in zip((labels, instances, confidences), values, strict=True):
        column[rows] = value
    return labels, instances, confidences


def _by_size(instances: np.ndarray) -> np.ndarray:
    """Return the instances numbered anew, that of most points first."""
    _, inverse, counts = np.unique(instances, return_inverse=True, return_counts=True)
    rank = np.empty(len(counts), np.int64)
    rank[np.argsort(-counts, kind="stable")] = np.arange(len(counts))
    return rank[inverse]


def _parts(points: np.ndarray, own: np.ndarray, labels: np.ndarray, names: int) -> Parts:
    counts = np.bincount(own)
    votes = np.bincount(own * names + labels, minlength=len(counts) * names)
    order = np.argsort(own, kind="stable")
    starts = np.concatenate([[0], np.cumsum(counts)[:-1]])
    return Parts(
        votes.reshape(-1, names).argmax(1).astype(np.uint16), counts,
        np.minimum.reduceat(points[order], starts), np.maximum.reduceat(points[order], starts),
    )  # fmt: skip
