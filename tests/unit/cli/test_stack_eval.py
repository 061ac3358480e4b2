"""`equi eval stack`: what is asked for is made, put together and shown; the rest is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from equi_nodes.cli import stack_eval
from equi_nodes.cli.main import main


def figures(trial, success):
    """Return figures such as a run gives."""
    return {
        "scenario": trial.scenario, "seed": trial.seed, "success": success,
        "goals": {"reached": 2 if success else 1, "count": 2}, "collisions": 0 if success else 1,
        "collisions_by_others": 0, "minutes": 1.5, "nearest_person_m": 0.4 + trial.seed,
        "path_ratio": 1.2, "odometry": {"ate_rmse_m": 0.05}, "tracking": {"mota": 0.8},
        "prediction": {}, "map": {"iou_free": 0.9},
        "nodes": {"vio": {"latency_ms": {"p50": 20.0 + trial.seed, "p99": 40.0}}},
        "causes": [] if success else ["drove into wall at 3.0 s"],
    }  # fmt: skip


@pytest.fixture
def made(monkeypatch):
    """Every run is made at once; those of seed 1 fail."""
    seen = []

    def study(trials, workers, engine):
        seen.extend((trial, workers, engine) for trial in trials)
        return ((trial, figures(trial, trial.seed != 1)) for trial in reversed(trials))

    monkeypatch.setattr(stack_eval, "study", study)
    return seen


def test_all_runs_are_made_and_put_together(made, tmp_path, capsys):
    path = tmp_path / "out.json"
    code = main(["eval", "stack", "--scenarios", "crowd", "dark", "--seeds", "2", "--engine",
                 "ray", "--truth", "odometry", "--json", str(path)])  # fmt: skip
    assert code == 0 and {(t.scenario, t.seed) for t, *_ in made} == {
        ("crowd", 0), ("crowd", 1), ("dark", 0), ("dark", 1)
    }  # fmt: skip
    assert made[0][1:] == (2, "ray") and made[0][0].true_parts == ("odometry",)
    found = __import__("json").loads(path.read_text())
    assert found["success_rate"] == 0.5 and not found["success"] and found["collisions"] == 2
    assert found["goals"] == {"reached": 6, "count": 8}
    assert found["scenarios"]["crowd"]["nearest_person_m"] == pytest.approx(0.4)
    assert found["nodes"]["vio"]["latency_ms"]["p50"] == pytest.approx(20.5)
    shown = capsys.readouterr().out
    assert "50%" in shown and "crowd 1: drove into wall at 3.0 s" in shown


def test_all_means_every_scenario(made):
    from equi_nodes.sim.scenario import SCENARIOS

    main(["eval", "stack", "--scenarios", "all", "--seeds", "1"])
    assert [trial.scenario for trial, *_ in made] == list(SCENARIOS)


@pytest.mark.parametrize(
    "options, said",
    [
        (["--scenarios", "moon"], "There is no scenario 'moon'"),
        (["--seeds", "0"], "whole numbers from 1 on"),
        (["--workers", "0"], "whole numbers from 1 on"),
        (["--faults", "none.yaml"], "There are no faults 'none'"),
    ],
)
def test_bad_input_gets_a_sentence(options, said, capsys):
    assert main(["eval", "stack", *options]) == 1
    assert said in capsys.readouterr().err


def test_the_shipped_schedules_are_found_by_name():
    from equi_nodes.cli.stack_faults import _schedules

    assert list(_schedules(["lidar_off"])) == ["lidar_off"]
    shipped = {path.stem for path in Path("config/faults").glob("*.yaml")}
    assert not shipped or set(_schedules([])) == shipped
