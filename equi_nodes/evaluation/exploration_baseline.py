"""What the planner is compared with in unseen buildings: optimistic re-planning as it is usual.

A* on the cells of the grid, unknown space being free, anew each time and without a past; no
straight pieces across cells, which the product's own planner has without its network too.
"""

from __future__ import annotations

import numpy as np

from equi_nodes.evaluation.exploration import CONFIG, INFLATION
from equi_nodes.planning import grid
from equi_nodes.planning.search import a_star
from equi_nodes.planning.world import lay_out
from equi_nodes.samples import PlanCode, PlanRequest, PlanSample


class GridReplanner:
    """Plans from cell to cell."""

    def reset(self) -> None:
        """Do nothing: there is no past to forget."""

    def step(self, request: PlanRequest) -> PlanSample:
        """Return the cheapest path over the middles of cells, or why there is none."""
        cells, frame = request.grid.cells, request.grid.frame_id
        states = grid.states(cells, CONFIG.free_threshold, CONFIG.occupied_threshold)
        world = lay_out(request, states, INFLATION)
        path, _ = a_star(world.costs, world.start, world.goal)
        if not len(path):
            return PlanSample(0, frame, PlanCode.NO_VALID_PATH, "no path leads to the goal")
        points = world.layout.in_map(path + 0.5)
        length = np.hypot(*np.diff(points, axis=0).T).sum()
        poses = np.column_stack([points, np.zeros(len(points))])
        return PlanSample(0, frame, PlanCode.NONE, poses=poses, length=length, planner="grid")
