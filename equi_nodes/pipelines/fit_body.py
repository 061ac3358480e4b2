"""From the points of people to their bodies."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from equi_nodes.body.model import Body, load_body
from equi_nodes.config.arteq import ArtEqConfig
from equi_nodes.errors import EquiError
from equi_nodes.fitting.evidence import Evidence, residual
from equi_nodes.fitting.levers import Pose
from equi_nodes.fitting.refine import Crop, Settings, refine
from equi_nodes.fitting.temporal import People
from equi_nodes.fitting.turned_around import chosen, other_side, second_look
from equi_nodes.models.arteq import Estimate
from equi_nodes.pipelines.body_results import Bodies, no_bodies, told
from equi_nodes.pipelines.person_crops import people_of
from equi_nodes.runtime.network import Network, open_network
from equi_nodes.runtime.weights import shipped_weights
from equi_nodes.samples import BodySample, CloudSample

LEAST_SIGMA, MOST_SIGMA = 0.1, 1.0  # rad, of the network's turns, whatever it says
MOST_OFF = 1.0  # m, of its joints, the same
FEWEST = 96  # points that the network is given, some of them missing
DOUBTFUL = 0.92  # certainty below which front may be back; about one person in ten
LEAST_CERTAINTY = 0.75  # people have over 0.9, pillars, walls and boxes less than 0.6
OFF_SHAPE = 2.5  # standard deviations a coefficient; nobody is built so


class BodyFitter:
    """Fits a body to each person in a cloud, and follows them by the instance of their points.

    Args:
        network: maps points (B, N, 3) and mask (B, N) to an ``Estimate``.
        body: whose surface is brought to the points.
        config: the user's settings.
    """

    def __init__(self, network: Network, body: Body, config: ArtEqConfig = ArtEqConfig()):
        self.network, self.config = network, config
        self.body = body.to(torch.float64 if network.dtype is np.float64 else torch.float32)
        self._people = People(config.max_gap)
        self._settings = Settings(iterations=config.iterations)
        self._seconds: float | None = None

    @classmethod
    def from_config(cls, config: ArtEqConfig, model: str = "arteq") -> BodyFitter:
        """Load weights, backend and body that the settings ask for, of one of two networks.

        Raises:
            EquiError: one of them cannot be had.
        """
        if not config.weights and not shipped_weights(model).exists():
            raise EquiError(
                f"No weights of {model} are shipped yet: train them with `equi train {model}` and"
                " give their path as the parameter weights."
            )
        network = open_network(model, config.weights, config.backend, config.threads)
        torch.set_num_threads(1)  # of the refinement: its steps are small, more wait for each other
        return cls(network, load_body(config.body), config)

    @property
    def backend_name(self) -> str:
        """Return what runs the network: torch, onnx or tensorrt."""
        return self.network.name

    def warm_up(self) -> None:
        """Run on one body at rest and on two, so that the first people find all ready."""
        skin = self.body.template.numpy()
        for people in (1, 2):
            points = np.concatenate([skin + 3.0 * person for person in range(people)])
            numbers = np.repeat(np.arange(people), len(skin))
            self.step(CloudSample(1, "", points, instance=numbers))
        self.reset()

    def reset(self) -> None:
        """Forget everybody."""
        self._people.clear()
        self._seconds = None

    def step(self, cloud: CloudSample) -> BodySample:
        """Return the bodies of a cloud; who cannot be fitted is in ``rejected`` with the reason."""
        config, notes = self.config, self._restart_if_time_went_back(cloud.stamp_ns * 1e-9)
        people, rejected = people_of(cloud, config.points, config.min_points, config.max_people)
        nobody = no_bodies(cloud, self.body, rejected, notes)
        if not people:
            return nobody
        bodies = self.fit([cloud.points[one.rows[one.chosen]] for one in people])
        reasons, looks = self.reasons(bodies), bodies.looks
        if config.is_smoothed:
            looks = [
                look if reason else self._people.update(one.number, look, self._seconds)
                for one, look, reason in zip(people, looks, reasons, strict=True)
            ]
            self._people.forget(self._seconds)
        return replace(nobody, **told(cloud, people, bodies, looks, reasons, self.body))

    def fit(self, crops: list[np.ndarray]) -> Bodies:
        """Return a body on the points (N, 3), metres, of each person.

        Raises:
            EquiError: the network gave no finite bodies.
        """
        middles = np.array([points.mean(0, dtype=np.float64) for points in crops])
        points, mask = self._batch(crops, middles)
        with torch.inference_mode():
            estimate = Estimate(*map(torch.from_numpy, self.network(points, mask)))
            labels, is_point = estimate.parts.softmax(-1), torch.from_numpy(mask)
            crop = _crop(torch.from_numpy(points), is_point, labels, estimate)
            start = Pose(estimate.rotations, estimate.betas, estimate.translation)
            sigmas = estimate.log_sigma[..., 0].exp().clamp(LEAST_SIGMA, MOST_SIGMA)
            certainty = estimate.certainty.mean(1)
            doubtful = certainty < DOUBTFUL
            fit = refine(self.body, crop, start, sigmas, self._settings)
            crop, start, is_turned = second_look(
                self.body, crop, start, sigmas, doubtful, residual(fit, is_point), self._settings
            )
            if is_turned.any():
                labels = chosen(is_turned, other_side(labels), labels)
                fit = refine(self.body, crop, start, sigmas, self._settings)
            if not all(part.isfinite().all() for part in fit.pose):
                raise EquiError("The network gave no finite bodies; take other weights or points.")
            joint_sigmas = estimate.log_sigma[..., 1].exp().clamp(max=MOST_OFF)
            return Bodies(middles, labels, crop, is_point, fit, joint_sigmas, certainty)

    def reasons(self, bodies: Bodies) -> tuple[str, ...]:
        """Return why each body is not accepted, empty where it is."""
        rows = zip(*(part.tolist() for part in (bodies.certainty, *bodies.evidence)), strict=True)
        return tuple(_reason(row[0], Evidence(*row[1:]), self.config) for row in rows)

    def _batch(self, crops: list[np.ndarray], middles: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return points around the middles (B, N, 3), padded, and which are none (B, N)."""
        most = max(FEWEST, *map(len, crops))
        points = np.zeros((len(crops), most, 3), self.network.dtype)
        mask = np.zeros((len(crops), most), bool)
        for row, (own, middle) in enumerate(zip(crops, middles, strict=True)):
            points[row, : len(own)], mask[row, : len(own)] = own - middle, True
        return points, mask

    def _restart_if_time_went_back(self, seconds: float) -> tuple[str, ...]:
        before, self._seconds = self._seconds, seconds
        if before is None or seconds >= before:
            return ()
        self._people.clear()
        return (f"stamps went back by {before - seconds:.3f} s; everybody is new",)


def _crop(points: Tensor, is_point: Tensor, labels: Tensor, estimate: Estimate) -> Crop:
    """Return what the network says of single points as the refinement wants it."""
    of_person = 1 - labels[..., -1]
    parts = labels[..., :-1] / of_person.clamp(min=1e-3)[..., None]
    sigma = torch.exp(-0.5 * estimate.confidence)
    return Crop(points, of_person * is_point, parts, estimate.rest, sigma)


def _reason(certainty: float, found: Evidence, config: ArtEqConfig) -> str:
    """Return why a body is not accepted."""
    if found.residual > config.max_residual:
        return f"the points are {100 * found.residual:.1f} cm off the body"
    if found.explained < config.min_explained:
        return f"only {found.explained:.0%} of the points are on the body"
    if found.coverage < config.min_coverage:
        return f"only {found.coverage:.0%} of the body's seen side has points"
    if certainty < LEAST_CERTAINTY:
        return (
            f"the limbs cannot be told apart ({certainty:.0%} sure, {LEAST_CERTAINTY:.0%} needed)"
        )
    if found.off_shape > OFF_SHAPE:
        return "nobody is built like the body that fits best"
    return ""
