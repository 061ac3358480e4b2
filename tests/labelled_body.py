"""Points of a body at rest, and which part each is of."""

from __future__ import annotations

import numpy as np
import torch

from equi_nodes.body.model import load_body
from equi_nodes.body.surface import part_labels, sample_surface


def labelled_body(count: int) -> tuple[np.ndarray, np.ndarray]:
    """Return points (count, 3) of the skin, and their parts (count,)."""
    body = load_body()
    samples = sample_surface(body.template[None], body.faces, count, torch.Generator())
    parts = part_labels(body.faces, body.vertex_part, samples.faces, samples.weights)
    return samples.points[0].numpy(), parts[0].numpy()
