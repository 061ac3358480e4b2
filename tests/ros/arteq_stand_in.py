"""The node arteq with a network that takes everybody for an upright body at rest, all in view.

What is tested with it is the node: how good a trained network is, the evaluation says.
"""

from __future__ import annotations

import numpy as np
from scipy.spatial import cKDTree

from equi_nodes.nodes.arteq import ArtEqNode
from equi_nodes.ros.run import run


class Standing:
    """Answers with the mean body at rest around the middle of the points."""

    name, dtype = "stand-in", np.float32

    def __init__(self, body):
        self.skin, self.part = body.template.numpy(), body.vertex_part.numpy()
        self.rest, self.pelvis = body.rest_to_tpose.numpy(), body.joint_template[0].numpy()

    def __call__(self, points, mask):
        people, count = mask.shape
        skin = self.skin - self.skin.mean(0)
        nearest = cKDTree(skin).query(points)[1]
        parts = np.zeros((people, count, 23), np.float32)
        np.put_along_axis(parts, self.part[nearest][..., None], 3.0, 2)
        turns = np.swapaxes(self.rest, -1, -2)
        pelvis = self.pelvis - self.skin.mean(0)
        return (
            parts, self.skin[nearest], np.full((people, count), 5.0, np.float32),
            np.stack([turns] * people), np.zeros((people, 10), np.float32),
            np.stack([pelvis] * people), np.full((people, 22, 2), -1.5, np.float32),
            np.ones((people, 22), np.float32),
        )  # fmt: skip


class StandInNode(ArtEqNode):
    """The node as it is, but for its network."""

    def load(self):
        """Build the pipeline around the stand-in."""
        from equi_nodes.body.model import load_body
        from equi_nodes.pipelines.fit_body import BodyFitter

        body = load_body()
        return BodyFitter(Standing(body), body, self.config)


if __name__ == "__main__":
    run(lambda: StandInNode("arteq"))
