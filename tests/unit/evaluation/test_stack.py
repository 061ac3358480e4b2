"""The closed loop in one process: the same every time, resumable, the same through Ray."""

from __future__ import annotations

import json

import numpy as np
import pytest

from equi_nodes.errors import EquiError
from equi_nodes.evaluation.stack_drive import run_scenario
from equi_nodes.evaluation.stack_run import StackRun
from equi_nodes.evaluation.stack_settings import StackSettings
from equi_nodes.evaluation.stack_study import Trial, make, study
from equi_nodes.evaluation.stack_verdict import judge
from equi_nodes.sim.faults import Fault

SHORT = {"true_parts": ("odometry",), "longest_s": 4.0}
LIDAR_OFF = (Fault("clouds", "off", 2.0, 3.5),)


@pytest.fixture(scope="module")
def blind():
    """Return the settings of a robot that knows where it is."""
    return StackSettings.of_graph(true_parts=("odometry",))


@pytest.fixture(scope="module")
def sound(blind):
    return run_scenario("crowd", 1, blind, longest_s=5.0)


def test_the_same_seed_gives_the_same_run(blind, sound):
    again = run_scenario("crowd", 1, blind, longest_s=5.0)
    np.testing.assert_array_equal(again.truth.poses, sound.truth.poses)
    np.testing.assert_array_equal(again.map.cells, sound.map.cells)
    assert again.hash == sound.hash
    assert sound.truth.length > 0.5 and len(sound.plans) > 3


def test_images_imu_and_wheels_make_the_same_way_twice():
    runs = [run_scenario("office", 0, longest_s=2.5) for _ in range(2)]
    assert runs[0].hash == runs[1].hash
    assert len(runs[0].estimate.stamps_ns) > 15 and "tracking" in runs[0].estimate.statuses


def test_a_silent_lidar_stops_the_robot_and_is_judged(blind, sound):
    faulty = run_scenario("crowd", 1, blind, LIDAR_OFF, longest_s=5.0)
    verdict = judge(faulty, sound, LIDAR_OFF)
    assert verdict.by == "path_follower" and "sweep" in verdict.said
    assert 0.3 < verdict.noticed_s < 0.8 and verdict.recovered_s < 0.3


def test_an_unknown_part_or_scenario_is_refused_in_a_sentence():
    with pytest.raises(EquiError, match="no truth of 'plan'"):
        StackSettings.of_graph(true_parts=("plan",))
    with pytest.raises(EquiError, match="no scenario"):
        run_scenario("moon", 0)


def test_what_was_made_is_kept_and_not_made_again(tmp_path):
    trial = Trial("office", 0, folder=tmp_path, **SHORT)
    figures = make(trial)
    trial.keep(figures)
    assert StackRun.load(tmp_path / f"{trial.name}.npz").hash == figures["hash"]
    changed = figures | {"hash": "from the file"}
    (tmp_path / f"{trial.name}.json").write_text(json.dumps(changed))
    assert [made["hash"] for _, made in study([trial])] == ["from the file"]
    (tmp_path / f"{trial.name}.json").write_text("{ cut off")
    assert trial.kept() is None


@pytest.mark.slow
def test_ray_gives_the_figures_of_the_plain_run():
    pytest.importorskip("ray")
    trials = [Trial("office", seed, **SHORT) for seed in (0, 1)]
    plain, spread = (dict(study(trials, 2, engine)) for engine in ("local", "ray"))
    for trial in trials:
        one, other = plain[trial], spread[trial]
        assert {k: v for k, v in one.items() if k != "nodes"} == {
            k: v for k, v in other.items() if k != "nodes"
        }


def test_without_ray_a_sentence_says_what_to_do(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "ray", None)
    with pytest.raises(EquiError, match="pip install ray"):
        next(iter(study([Trial("office", 0)], engine="ray")))
