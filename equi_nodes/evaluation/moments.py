"""Choosing the moments of a recording that are worth looking at."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from equi_nodes.evaluation.matching import Matched

WALKING = 0.6  # m/s, at least, of somebody who walks
STANDING = 0.15  # m/s, at most, of somebody who stands
NEARBY = 3.0  # m, within which others make a crowd
CROSSING_ANGLE = np.radians(50.0)  # at least, between the headings of two who cross
CROSSING_GAP = 0.7  # m, the most telling distance of two who cross


@dataclass(frozen=True)
class Moment:
    """One agent at one instant.

    Attributes:
        title: what is to be seen.
        note: one sentence with its figures.
        row: of the matched predictions.
    """

    title: str
    note: str
    row: int


def choose(matched: Matched) -> list[Moment]:
    """Return up to six moments of different agents; a kind that does not occur is left out."""
    moments: list[Moment] = []
    for title, rank, describe in KINDS:
        interest = np.where(np.isin(matched.ids, matched.ids[[m.row for m in moments]]), np.nan,
                            rank(matched))  # fmt: skip
        if np.isfinite(interest).any():
            row = int(np.nanargmax(interest))
            moments.append(Moment(title, describe(matched, row), row))
    return moments


def top_error(matched: Matched) -> np.ndarray:
    """Return (N,) the mean distance of the most probable path to the truth, metres."""
    return np.linalg.norm(matched.paths[:, 0] - matched.truth, axis=-1).mean(axis=-1)


def _turn(matched: Matched) -> np.ndarray:
    walks = _is_walking(matched) & (_speed(matched.truth[:, -3:], matched) > WALKING)
    return np.where(walks, np.abs(_turned(matched)), np.nan)


def _crossing(matched: Matched) -> np.ndarray:
    """Rank by how near to the most telling distance somebody passes another walker."""
    return -np.abs(_passing_gap(matched) - CROSSING_GAP)


def _passing_gap(matched: Matched) -> np.ndarray:
    """Return (N,) how close the nearest comes who crosses one's way, metres; NaN: nobody does."""
    closest = np.full(len(matched), np.nan)
    heading = matched.past[:, -1] - matched.past[:, -2]
    walking = _is_walking(matched) & (_speed(matched.truth, matched) > WALKING)
    for rows in _by_instant(matched):
        gap = np.linalg.norm(matched.truth[rows][:, None] - matched.truth[rows], axis=-1).min(-1)
        apart = np.linalg.norm(matched.past[rows, -1][:, None] - matched.past[rows, -1], axis=-1)
        angle = np.abs(_angle(heading[rows][:, None], heading[rows][None]))
        both = walking[rows] & walking[rows][:, None]
        crosses = (angle > CROSSING_ANGLE) & (apart > NEARBY) & both
        closest[rows] = np.where(crosses, gap, np.inf).min(axis=-1)
    return np.where(np.isfinite(closest), closest, np.nan)


def _crowd(matched: Matched) -> np.ndarray:
    return np.where(_is_walking(matched), _neighbours(matched), np.nan)


def _standing(matched: Matched) -> np.ndarray:
    whole = np.concatenate([matched.past, matched.truth], axis=1)
    extent = np.linalg.norm(np.ptp(whole, axis=1), axis=-1)
    return np.where(extent < STANDING * whole.shape[1] * matched.time_step, -extent, np.nan)


def _typical(matched: Matched) -> np.ndarray:
    error = top_error(matched)
    walks = _is_walking(matched)
    if not walks.any():
        return np.full(len(matched), np.nan)
    return np.where(walks, -np.abs(error - np.median(error[walks])), np.nan)


def _miss(matched: Matched) -> np.ndarray:
    ends = matched.paths[:, :, -1] - matched.truth[:, None, -1]
    is_seen_long = np.isfinite(matched.past).all(axis=(1, 2))
    return np.where(is_seen_long, np.linalg.norm(ends, axis=-1).min(axis=1), np.nan)


def _describe_turn(matched: Matched, row: int) -> str:
    return f"turns by {np.degrees(abs(_turned(matched)[row])):.0f}°"


def _describe_crossing(matched: Matched, row: int) -> str:
    return f"another walker passes at {_passing_gap(matched)[row]:.1f} m"


def _describe_crowd(matched: Matched, row: int) -> str:
    return f"{_neighbours(matched)[row]:.0f} others within {NEARBY:.0f} m"


def _describe_standing(matched: Matched, row: int) -> str:
    seconds = (matched.past.shape[1] + matched.truth.shape[1]) * matched.time_step
    return f"moves {-_standing(matched)[row]:.2f} m in {seconds:.0f} s"


def _describe_typical(matched: Matched, row: int) -> str:
    return f"most probable path is off by {top_error(matched)[row]:.2f} m, the median"


def _describe_miss(matched: Matched, row: int) -> str:
    return f"the nearest of all end points is off by {_miss(matched)[row]:.1f} m"


Rank = Callable[[Matched], np.ndarray]
Describe = Callable[[Matched, int], str]
KINDS: tuple[tuple[str, Rank, Describe], ...] = (
    ("Crossing", _crossing, _describe_crossing),
    ("Turn", _turn, _describe_turn),
    ("Standing", _standing, _describe_standing),
    ("Crowd", _crowd, _describe_crowd),
    ("Typical", _typical, _describe_typical),
    ("Largest miss", _miss, _describe_miss),
)


def _by_instant(matched: Matched) -> list[np.ndarray]:
    """Return the rows of each instant; rows of one instant are neighbours in the arrays."""
    return np.split(np.arange(len(matched)), np.flatnonzero(np.diff(matched.instant)) + 1)


def _neighbours(matched: Matched) -> np.ndarray:
    """Return (N,) how many others are near at the present."""
    count = np.zeros(len(matched))
    for rows in _by_instant(matched):
        here = matched.past[rows, -1]
        count[rows] = (np.linalg.norm(here[:, None] - here, axis=-1) < NEARBY).sum(1) - 1
    return count


def _is_walking(matched: Matched) -> np.ndarray:
    """Return (N,) bool: seen over the whole past, and on the way at its end."""
    return _speed(matched.past[:, -3:], matched) > WALKING


def _speed(path: np.ndarray, matched: Matched) -> np.ndarray:
    """Return (N,) the mean speed over a path (N, T, 2), m/s; NaN where it is not known."""
    ends = np.linalg.norm(path[:, -1] - path[:, 0], axis=-1)
    return ends / ((path.shape[1] - 1) * matched.time_step)


def _turned(matched: Matched) -> np.ndarray:
    """Return (N,) the angle from the heading now to that at the end of the horizon, radians."""
    now = matched.past[:, -1] - matched.past[:, -3]
    return _angle(now, matched.truth[:, -1] - matched.truth[:, -3])


def _angle(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    cross = a[..., 0] * b[..., 1] - a[..., 1] * b[..., 0]
    return np.arctan2(cross, np.sum(a * b, axis=-1))
