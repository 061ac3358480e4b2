"""Small worlds whose geometry is known by heart."""

from __future__ import annotations

import numpy as np

from equi_nodes.samples import GridSample
from equi_nodes.sim.scenario import FRAME, START_NS, Scenario, Sensors

RESOLUTION = 0.05  # m
TURN = 0.3  # rad, of the room in the world
BLIND = Sensors(picture=(0, 0), rings=2, columns=20)


def room_scenario(width=8.0, depth=6.0, turn=TURN, **extras):
    """A room whose middle is the world's origin, walls of 0.3 m around, the robot inside."""
    inside = np.zeros((round(depth / RESOLUTION), round(width / RESOLUTION)), np.int8)
    cells = np.pad(inside, 6, constant_values=100)
    half = np.array([width / 2 + 0.3, depth / 2 + 0.3])
    cos, sin = np.cos(turn), np.sin(turn)
    corner = np.array([[cos, -sin], [sin, cos]]) @ -half
    floor = GridSample(START_NS, FRAME, RESOLUTION, np.r_[corner, turn], cells)
    return Scenario(**{"name": "room", "seed": 1, "floor": floor, "sensors": BLIND, **extras})
