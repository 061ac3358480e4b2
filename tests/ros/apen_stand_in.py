"""The node apen with a network that calls what is low floor and the rest thing, left and right.

What is tested with it is the node: how good a trained network is, the evaluation says.
"""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np

from equi_nodes.nodes.apen import ApenNode
from equi_nodes.ros.run import run

NAMES = ("floor", "thing")


class Halves:
    """Answers by the height and the side of each point, around the middle of the cloud."""

    name, dtype = "stand-in", np.float32
    architecture = SimpleNamespace(labels=len(NAMES), cells=8)

    def __call__(self, points, mask):
        is_low, is_left = points[..., 2] < 0.5, points[..., 1] > 0
        logits = np.stack([np.where(is_low, 4.0, 0.0), np.where(is_low, 0.0, 4.0)], -1)
        instance = np.where(is_low, 5, np.where(is_left, 2, 7))
        count = np.ones((1, 1), np.int64)
        return (
            logits.astype(np.float32), np.zeros((1, 1), np.float32), instance,
            np.full(mask.shape, 0.9, np.float32), np.full((1, 1), 0.1, np.float32), 3 * count,
        )  # fmt: skip


class StandInNode(ApenNode):
    """The node as it is, but for its network."""

    def load(self):
        """Build the pipeline around the stand-in."""
        from equi_nodes.pipelines.segment import Segmenter

        return self.named(Segmenter(Halves(), NAMES, self.config))


if __name__ == "__main__":
    run(lambda: StandInNode("apen"))
