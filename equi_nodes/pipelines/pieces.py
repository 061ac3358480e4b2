"""Connected pieces of points of one label: two chairs are two, and hands are apart from arms."""

from __future__ import annotations

import numpy as np
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components
from scipy.spatial import cKDTree

SPACINGS = 3.0  # of the usual distance to the nearest point; what is closer hangs together


def connected_pieces(points: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Return the piece (N,) that each point belongs to, numbered from 0 on.

    Args:
        points: (N, 3) metres, at least two, about evenly spread.
        labels: (N,) of each.
    """
    tree = cKDTree(points)
    spacing = np.median(tree.query(points, 2)[0][:, 1])
    pairs = tree.query_pairs(SPACINGS * spacing, output_type="ndarray")
    pairs = pairs[labels[pairs[:, 0]] == labels[pairs[:, 1]]]
    graph = coo_matrix((np.ones(len(pairs), bool), pairs.T), (len(points), len(points)))
    return connected_components(graph, directed=False)[1]
