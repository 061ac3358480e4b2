"""The judge of planning scenes finds each kind of wrong answer, and none in a sound planner's."""

from __future__ import annotations

import time
from dataclasses import replace

import numpy as np
import pytest

from equi_nodes.config.e2_planner import E2PlannerConfig
from equi_nodes.evaluation.planning_scenes import KINDS, Scene, draw_scene, figures, judge
from equi_nodes.pipelines.plan import Planner
from equi_nodes.samples import GridSample, PlanCode, PlanRequest, PlanSample

CONFIG = E2PlannerConfig()


def room(kind="free"):
    """Return a scene in an empty room with a wall across half of it."""
    cells = np.zeros((40, 40), np.int8)
    cells[[0, -1]] = cells[:, [0, -1]] = 100
    cells[20, :25] = 100
    sample = GridSample(1, "map", 0.1, np.zeros(3), cells)
    return Scene(kind, "plan", PlanRequest(sample, np.array([1.0, 1, 0]), np.array([1.0, 3, 0])))


class Answering:
    """A planner that gives one answer to everything."""

    config = CONFIG

    def __init__(self, plan=None, seconds=0.0):
        self.plan, self.seconds = plan, seconds

    def reset(self):
        """Forget nothing."""

    def step(self, request):
        """Answer, after a while, or raise."""
        time.sleep(self.seconds)
        if self.plan is None:
            raise ValueError("no answer")
        return self.plan


def path(*points):
    poses = np.array([(*point, 0.0) for point in points])
    return PlanSample(1, "map", PlanCode.NONE, poses=poses, planner="known_map")


def refused(code, reason="because"):
    return PlanSample(1, "map", code, reason)


AROUND = path((1, 1), (3.2, 1), (3.2, 3), (1, 3))


@pytest.mark.parametrize(
    ("planner", "problem"),
    [
        (Answering(), "raised ValueError"),
        (Answering(path((1, 1), (1, 3))), "collides"),
        (Answering(path((1, 1), (2.6, 2.0), (1, 3))), "collides"),
        (Answering(path((1.3, 1), (3.2, 1), (3.2, 3), (1, 3))), "starts elsewhere"),
        (Answering(path((1, 1), (3.2, 1))), "ends elsewhere"),
        (Answering(path((1, 1), (3.2, np.nan), (1, 3))), "no numbers"),
        (Answering(refused(PlanCode.NO_VALID_PATH)), "there is a way"),
        (Answering(refused(PlanCode.TIMEOUT, "")), "says no reason"),
        (Answering(replace(AROUND, code=PlanCode.UNKNOWN, reason="x")), "a reason against it"),
        (Answering(AROUND, seconds=CONFIG.time_limit + 0.01), "is late"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_wrong_answers_are_found(planner, problem):
    assert any(problem in said for said in judge(planner, room()).problems)


def test_sound_answer_has_no_problem():
    verdict = judge(Answering(AROUND), room())
    assert not verdict.problems
    assert verdict.gap == pytest.approx(3.9 - 3.2 - CONFIG.robot_radius, abs=1e-6)


def test_code_of_a_scene_that_is_wrong_by_itself_is_asked_for():
    outside = room("goal outside")
    assert judge(Answering(AROUND), outside).problems
    assert not judge(Answering(refused(PlanCode.GOAL_OUTSIDE_MAP)), outside).problems


def test_scene_of_a_seed_is_always_the_same():
    first, second = draw_scene([], CONFIG, 3), draw_scene([], CONFIG, 3)
    np.testing.assert_array_equal(first.request.grid.cells, second.request.grid.cells)
    np.testing.assert_array_equal(first.request.goal, second.request.goal)


def test_planner_gives_a_path_or_a_reason_in_every_kind_of_scene():
    planner = Planner(CONFIG)
    planner.warm_up()
    verdicts = [judge(planner, draw_scene([], CONFIG, seed)) for seed in range(60)]
    assert {verdict.scene.kind for verdict in verdicts} == set(KINDS)
    found = figures(verdicts)
    assert found["problems"] == {} and found["collisions"] == 0
