"""What a run of the closed loop holds comes back from its file, is scored and shown."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from equi_nodes.errors import EquiError
from equi_nodes.evaluation.stack_report import write_report
from equi_nodes.evaluation.stack_run import Contact, Goal, Remark, StackRun, Trajectory
from equi_nodes.evaluation.stack_scores import measure, shortest
from equi_nodes.samples import GridSample, PlanCode, PlanSample, PredictionSample, TrackSample
from equi_nodes.sim.crowd import BODY_RADIUS
from equi_nodes.sim.scenario import Robot

START = 1_000_000_000_000
STEPS = 101  # tenths of a second


@pytest.fixture
def run():
    """Ten seconds at 0.5 m/s along x; one person walks ahead, two metres to the left."""
    stamps = START + 100_000_000 * np.arange(STEPS)
    poses = np.tile(np.eye(4), (STEPS, 1, 1))
    poses[:, 0, 3] = 0.05 * np.arange(STEPS)
    seen = poses.copy()
    seen[:, 1, 3] = 0.03
    people = [
        TrackSample.of_positions(int(stamp), "odom", [7], [[0.1 * n, 2.0]])
        for n, stamp in enumerate(stamps)
    ]
    tracks = [replace(sample, ids=sample.ids + 90) for sample in people]
    return StackRun(
        "office", 3, Trajectory(stamps, poses),
        Trajectory(stamps, seen, np.full(STEPS, "tracking")),
        tuple(people), tuple(tracks), (prediction(START, 2), prediction(START + 500_000_000, 1)),
        (PlanSample(START, "odom", PlanCode.NONE, poses=np.array([[0, 0, 0], [5, 0, 0.0]])),
         PlanSample(START + 1, "odom", PlanCode.TIMEOUT, "no time")),
        building(), building(),
        (Goal((5.0, 0.0, 0.0), START, int(stamps[-1]), 4.0), Goal((6.0, 0.0, 0.0), START)),
        (Contact(START + 5, "person 7", False, (1.0, 0.0)),),
        {"vio": np.full(STEPS, 0.01)}, {"vio": {"rate_hz": 10.0}}, ("a note",),
        (Remark("vio", "no images", START, START + 7),),
    )  # fmt: skip


def prediction(stamp_ns, modes):
    """The person goes on as it does; the second mode stands."""
    here = np.array([[1e-9 * (stamp_ns - START), 2.0, 0.0]])
    ahead = here[0, :2] + np.array([0.4, 0.0]) * np.arange(1, 13)[:, None]
    paths = np.stack([ahead, np.tile(here[0, :2], (12, 1))])[None, :modes]
    return PredictionSample(
        stamp_ns, "odom", 400_000_000, np.array([97]), here, np.array([8]), paths,
        np.full((1, modes), 1.0 / modes), np.tile(0.01 * np.eye(2), (1, modes, 12, 1, 1)),
        np.zeros((1, 1)),
    )  # fmt: skip


def building():
    cells = np.zeros((60, 100), np.int8)
    cells[[0, -1]] = cells[:, [0, -1]] = 100
    return GridSample(START, "odom", 0.1, np.array([-1.0, -3.0, 0.0]), cells)


def test_a_saved_run_comes_back_as_it_was(run, tmp_path):
    run.save(tmp_path / "run.npz")
    loaded = StackRun.load(tmp_path / "run.npz")
    assert measure(loaded) == measure(run)
    assert (loaded.goals, loaded.collisions, loaded.notes) == (run.goals, run.collisions, run.notes)
    assert loaded.remarks == run.remarks
    assert [plan.code for plan in loaded.plans] == [PlanCode.NONE, PlanCode.TIMEOUT]
    np.testing.assert_array_equal(loaded.plans[0].poses, run.plans[0].poses)
    np.testing.assert_array_equal(loaded.true_map.cells, run.true_map.cells)
    assert [sample.stamp_ns for sample in loaded.tracks] == [s.stamp_ns for s in run.tracks]


def test_a_run_in_which_nothing_was_heard_comes_back_too(run, tmp_path):
    bare = replace(run, people=(), tracks=(), predictions=(), plans=(), map=None, latencies={})
    bare.save(tmp_path / "run.npz")
    loaded = StackRun.load(tmp_path / "run.npz")
    assert loaded.map is None and not loaded.people
    assert measure(loaded)["nearest_person_m"] is None


def test_another_file_is_refused_in_a_sentence(tmp_path):
    path = tmp_path / "run.npz"
    path.write_text("nothing")
    with pytest.raises(EquiError, match="give a run.npz"):
        StackRun.load(path)


def test_a_run_is_scored_against_the_truth(run):
    figures = measure(run)
    assert figures["goals"] == {"reached": 1, "count": 2} and not figures["success"]
    assert (figures["collisions"], figures["collisions_by_others"]) == (0, 1)
    assert figures["path_ratio"] == pytest.approx(5.0 / 4.0)
    assert figures["nearest_person_m"] == pytest.approx(2.0 - Robot().radius - BODY_RADIUS)
    assert figures["odometry"]["ate_rmse_m"] == pytest.approx(0.03)
    assert figures["prediction"]["ade"] == pytest.approx(0.03)  # which the odometry is off
    assert figures["tracking"]["mota"] == pytest.approx(1.0)
    assert figures["map"]["iou_free"] == pytest.approx(1.0)
    assert figures["nodes"]["vio"]["latency_ms"]["p50"] == pytest.approx(10.0)


def test_who_is_carried_has_not_driven(run):
    poses = run.truth.poses.copy()
    poses[50:, 1, 3] += 1.5
    moved = replace(run, truth=Trajectory(run.truth.stamps_ns, poses))
    assert measure(moved)["driven_m"] == pytest.approx(4.95)


def test_the_shortest_way_goes_around_walls():
    grid = building()
    grid.cells[:45, 50] = 100
    straight = shortest(building(), np.array([0.0, 0, 0]), np.array([8.0, 0, 0]))
    around = shortest(grid, np.array([0.0, 0, 0]), np.array([8.0, 0, 0]))
    assert straight == pytest.approx(8.0, abs=0.1) and around > 8.5


def test_the_report_shows_the_run(run, tmp_path):
    page = write_report(run, tmp_path, "equi eval stack").read_text()
    assert "1 / 2" in page and "equi eval stack" in page and "a note" in page
    films = [*tmp_path.glob("film.*")]
    assert len(films) == 1 and 1000 < films[0].stat().st_size < 5_000_000
    assert films[0].name in page
    assert {path.stem for path in (tmp_path / "figures").glob("*.png")} == {
        "top_view", "map", "distance", "odometry", "latency"
    }  # fmt: skip


def test_without_an_encoder_the_film_is_a_gif(run, tmp_path, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "imageio_ffmpeg", None)
    assert "film.gif" in write_report(run, tmp_path).read_text()
