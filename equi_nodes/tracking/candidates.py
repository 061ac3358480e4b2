"""Clusters as what may be persons: how large, how dense, where the middle of the body would be."""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np

BODY = 0.2  # m, radius of a person
SURFACE = 0.12  # m, from the mean of the points that are seen of a body to its middle
DEPTH_NOISE, SIDE_NOISE = 0.05, 0.04  # m, of that middle along the view and across it
NOISE_GROWTH = 0.003  # m more a metre away
HIDDEN_NOISE = 0.4  # share of what a narrow cluster lacks to a body's width, put on the side noise


@dataclass(frozen=True)
class Candidates:
    """Clusters of one sweep, seen from its sensor; a row each.

    Attributes:
        positions: (D, 2) metres, where the middle of the body would be.
        noise: (D, 2, 2) m^2, of that.
        distances: (D,) metres from the sensor.
        counts: (D,) points.
        widths, depths: (D,) metres across the view and along it.
        tops: (D,) metres above ground.
        thicknesses: (D,) spread of the points across their main direction, metres.
        sizes: (D, 3) metres along the axes of the frame.
        ages: (D,) seconds since its points were measured.
        standing: (D,) share of its points at places where something stands for long.
        tall: (D,) share of its points below what is taller than anybody.
    """

    positions: np.ndarray
    noise: np.ndarray
    distances: np.ndarray
    counts: np.ndarray
    widths: np.ndarray
    depths: np.ndarray
    tops: np.ndarray
    thicknesses: np.ndarray
    sizes: np.ndarray
    ages: np.ndarray
    standing: np.ndarray
    tall: np.ndarray

    def __len__(self) -> int:
        return len(self.positions)

    def take(self, rows: np.ndarray) -> Candidates:
        """Return some rows."""
        return Candidates(*(getattr(self, field.name)[rows] for field in fields(self)))


@dataclass(frozen=True)
class Points:
    """Points above the ground in the fixed frame, a row each.

    Attributes:
        places: (N, 3) metres.
        heights: (N,) metres above ground.
        ages: (N,) seconds before the end of the sweep.
        stands: (N,) bool, at places where something stands for long.
        is_tall: (N,) bool, below what is taller than anybody.
        sensor: (3,) where they were seen from.
    """

    places: np.ndarray
    heights: np.ndarray
    ages: np.ndarray
    stands: np.ndarray
    is_tall: np.ndarray
    sensor: np.ndarray

    def take(self, rows: np.ndarray) -> Points:
        """Return some rows."""
        arrays = (self.places, self.heights, self.ages, self.stands, self.is_tall)
        return Points(*(array[rows] for array in arrays), self.sensor)


def candidates(cloud: Points, labels: np.ndarray) -> Candidates:
    """Measure all clusters, whose numbers (N,) are 0 .. D - 1, each of which occurs."""
    points, heights, sensor = cloud.places, cloud.heights, cloud.sensor
    counts = np.bincount(labels)
    middles = np.column_stack([_mean(axis, labels, counts) for axis in points[:, :2].T])
    view = middles - sensor[:2]
    distances = np.linalg.norm(view, axis=1)
    view = view / np.maximum(distances, 1e-6)[:, None]
    across = np.column_stack([-view[:, 1], view[:, 0]])
    offsets = points[:, :2] - middles[labels]
    depths = _extent((offsets * view[labels]).sum(1), labels)
    widths = _extent((offsets * across[labels]).sum(1), labels)
    sizes = np.column_stack([_extent(axis, labels) for axis in points.T])
    return Candidates(
        positions=middles + SURFACE * view,
        noise=_noise(view, across, distances, widths),
        distances=distances,
        counts=counts,
        widths=widths,
        depths=depths,
        tops=_highest(heights, labels),
        thicknesses=_thickness(offsets, labels, counts),
        sizes=sizes,
        ages=_mean(cloud.ages, labels, counts),
        standing=_mean(cloud.stands, labels, counts),
        tall=_mean(cloud.is_tall, labels, counts),
    )


def _noise(
    view: np.ndarray, across: np.ndarray, distances: np.ndarray, widths: np.ndarray
) -> np.ndarray:
    """Return the covariances (D, 2, 2) of the middles; of a half hidden body the side is unsure."""
    depth = DEPTH_NOISE + NOISE_GROWTH * distances
    lacking = np.maximum(1.5 * BODY - widths, 0.0)
    side = SIDE_NOISE + NOISE_GROWTH * distances + HIDDEN_NOISE * lacking
    axes = np.stack([view, across], axis=-1)
    return axes * np.stack([depth, side], -1)[:, None, :] ** 2 @ axes.swapaxes(-1, -2)


def _thickness(offsets: np.ndarray, labels: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """Return the smaller standard deviation (D,) of the points seen from above, metres."""
    x, y = offsets.T
    xx, yy, xy = (_mean(part, labels, counts) for part in (x * x, y * y, x * y))
    smaller = (xx + yy) / 2 - np.hypot((xx - yy) / 2, xy)
    return np.sqrt(np.maximum(smaller, 0.0))


def _mean(values: np.ndarray, labels: np.ndarray, counts: np.ndarray) -> np.ndarray:
    return np.bincount(labels, weights=values) / counts


def _highest(values: np.ndarray, labels: np.ndarray) -> np.ndarray:
    highest = np.full(int(labels.max(initial=-1)) + 1, -np.inf)
    np.maximum.at(highest, labels, values)
    return highest


def _extent(values: np.ndarray, labels: np.ndarray) -> np.ndarray:
    return _highest(values, labels) + _highest(-values, labels)
