"""Promises of what a supervisor heard: ages reach from a message to the answer that it led to."""

from __future__ import annotations

import numpy as np

from equi_nodes.ros.heard import Heard

MS = 1_000_000


def test_an_answer_counts_for_the_newest_message_that_it_can_answer():
    heard = Heard(
        arrivals={
            "points": [(100, 0), (200, 10 * MS), (300, 20 * MS)],
            "tracks": [(150, 30 * MS), (301, 35 * MS), (302, 99 * MS)],
        }
    )
    np.testing.assert_allclose(heard.answered("points", "tracks"), [0.030, 0.015])
    assert not len(heard.answered("points", "nothing"))
    assert not len(heard.answered("nothing", "tracks"))


def test_the_age_of_a_plan_is_that_of_the_sweep_in_its_map():
    heard = Heard(
        arrivals={
            "points": [(100, 0), (200, 10 * MS), (300, 20 * MS)],
            "map": [(100, 15 * MS), (200, 25 * MS)],
            "plan": [(200, 5 * MS), (210, 20 * MS), (320, 60 * MS)],
        }
    )
    np.testing.assert_allclose(heard.cloud_to_plan(), [0.020, 0.050])


def test_nothing_heard_is_nothing_measured():
    assert all(not len(span) for span in Heard().spans().values())
