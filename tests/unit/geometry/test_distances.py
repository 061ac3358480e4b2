"""Distances to the nearest empty cell: exact, and the same wherever the mask lies in memory."""

from __future__ import annotations

import numpy as np
from scipy.ndimage import distance_transform_edt

from equi_nodes.geometry.distances import distances


def test_they_are_the_exact_ones_to_the_last_bit_wherever_the_mask_lies():
    rng = np.random.default_rng(0)
    mask = rng.random((61, 60)) < 0.97
    squares = np.rint(distance_transform_edt(mask) ** 2).astype(np.float32)
    for offset in range(64):
        memory = np.empty(mask.size + 64, bool)[offset : offset + mask.size]
        moved = memory.reshape(mask.shape)
        moved[...] = mask
        np.testing.assert_array_equal(distances(moved), np.sqrt(squares))
