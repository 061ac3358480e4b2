"""Known maps: the planner is never longer than what is published, and the figures add up."""

from __future__ import annotations

import json

import numpy as np
import pytest

from equi_nodes.cli.main import main
from equi_nodes.config.e2_planner import E2PlannerConfig
from equi_nodes.evaluation.grid_benchmarks import (
    POINT_ROBOT,
    figures,
    known_map,
    movingai,
    path_cost,
)
from equi_nodes.pipelines.plan import Planner

ROWS = ["......", ".@@@@.", "......", "@@@@@.", "......"]


@pytest.fixture
def benchmark(tmp_path):
    """Write a little map with two scenarios, by hand: straight on, and around two walls."""
    head = f"type octile\nheight {len(ROWS)}\nwidth {len(ROWS[0])}\nmap\n"
    (tmp_path / "little.map").write_text(head + "\n".join(ROWS) + "\n")
    lines = ["0\tlittle.map\t6\t5\t0\t0\t5\t0\t5", "3\tlittle.map\t6\t5\t0\t2\t0\t4\t12"]
    (tmp_path / "little.map.scen").write_text("version 1\n" + "\n".join(lines) + "\n")
    return tmp_path


def test_answers_are_as_short_as_published(benchmark):
    answers = movingai(Planner(POINT_ROBOT), benchmark / "little.map", 20)
    assert [answer.a_star_ratio for answer in answers] == pytest.approx([1.0, 1.0])
    assert all(0.8 < answer.ratio <= 1.0 + 1e-9 for answer in answers)
    found = figures(answers)
    assert (found["queries"], found["failed"], found["planners"]) == (2, 0, {"known_map": 1.0})


def test_cost_of_a_path_weighs_each_cell_by_its_length_in_it():
    costs = np.ones((3, 4), np.float32)
    costs[:, 2:] = 3.0
    points = np.array([[0.5, 1.5], [3.5, 1.5]])
    assert path_cost(costs, points) == pytest.approx(1.5 + 3 * 1.5, abs=1e-6)
    assert path_cost(costs, points[[0, 0]]) == 0.0


def test_known_maps_cost_no_more_than_a_star(recordings):
    planner = Planner(E2PlannerConfig())
    rng = np.random.default_rng(0)
    for name in ("turtlebot3_world", "nav2_smoothers_world"):
        answers = known_map(planner, recordings("maps") / "ros" / f"{name}.yaml", 5, rng)
        assert figures(answers)["ratio"]["max"] <= 1.01


def test_published_scenarios_are_solved(recordings):
    planner = Planner(POINT_ROBOT)
    for name in ("dao_arena", "mapf_room-64-64-8"):
        found = figures(movingai(planner, recordings("maps") / "movingai" / f"{name}.map", 20))
        assert found["a_star_ratio"]["max"] == pytest.approx(1.0, abs=1e-4)
        assert found["failed"] == 0 and found["ratio"]["max"] <= 1.0 + 1e-4


def test_command_writes_its_figures(benchmark):
    file = benchmark / "figures.json"
    given = ["--movingai", str(benchmark), "--per-map", "2", "--json", str(file)]
    assert main(["eval", "e2_planner", *given]) == 0
    read = json.loads(file.read_text())["movingai"]
    assert read["all"]["queries"] == 2 and set(read["maps"]) == {"little"}


@pytest.mark.parametrize(
    "wrong", [["--scenes", "many"], ["--movingai", "nowhere"], ["--known", "--per-map", "0"]]
)
def test_bad_wishes_get_one_sentence(wrong, capsys):
    assert main(["eval", "e2_planner", *wrong]) == 1
    said = capsys.readouterr().err.strip()
    assert said and "\n" not in said
