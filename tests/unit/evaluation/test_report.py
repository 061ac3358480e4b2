"""The report stands alone, shows what there is, and needs nothing that is not there."""

from __future__ import annotations

import csv
import json
import re
from dataclasses import replace

import numpy as np
import pytest

from equi_nodes.errors import EquiError
from equi_nodes.evaluation.film import film
from equi_nodes.evaluation.matching import match
from equi_nodes.evaluation.moments import choose
from equi_nodes.evaluation.replay import ReplayResult, measure, replay
from equi_nodes.evaluation.report import Context, report_folder, write_report
from equi_nodes.samples import PredictionSample
from equi_nodes.sim.plaza import simulate

CONTEXT = Context("A <crowd>", "Twelve people.", "equi replay a&b.mcap", "one step")
FIGURES = {"moments", "horizon", "calibration", "latency", "map"}


class Fan:
    """Predicts three paths: straight on, and half as fast to either side."""

    def step(self, sample):
        agents, ahead = len(sample.ids), 0.4 * np.arange(1, 13)[:, None]
        velocity = sample.velocities[:, None, :2]
        side = velocity[..., ::-1] * [-0.5, 0.5]
        here = sample.positions[:, None, :2]
        paths = [here + ahead * v for v in (velocity, 0.5 * velocity + side, 0.5 * velocity - side)]
        covariances = (0.1 + 0.2 * ahead[..., None]) ** 2 * np.eye(2)
        return PredictionSample(
            sample.stamp_ns, sample.frame_id, 400_000_000, sample.ids, sample.positions,
            np.full(agents, 8), np.stack(paths, axis=1), np.tile([0.6, 0.25, 0.15], (agents, 1)),
            np.broadcast_to(covariances, (agents, 3, 12, 2, 2)), np.zeros((agents, agents)),
        )  # fmt: skip


@pytest.fixture(scope="module")
def tracks():
    rng = np.random.default_rng(5)
    return list(simulate(rng, agents=12, seconds=20.0, rate_hz=5.0))


@pytest.fixture(scope="module")
def result(tracks):
    return replay(Fan(), tracks)


@pytest.fixture(scope="module")
def matched(result, tracks):
    return match(result.predictions, tracks, tracks)


@pytest.fixture(scope="module")
def folder(tmp_path_factory, result, matched, tracks):
    folder = report_folder(tmp_path_factory.mktemp("report") / "new" / "out")
    write_report(folder, result, matched, measure(result, matched), tracks, CONTEXT)
    return folder


def test_the_page_needs_no_other_file_and_no_network(folder):
    page = (folder / "report.html").read_text()
    assert not re.findall(r'(?:src|href)="(?!#)', page)
    assert not re.findall(r"@import|url\((?!#)", page)
    assert page.count("<svg") == len(FIGURES)
    assert len(page) < 3_000_000


def test_the_page_shows_names_as_text_and_not_as_markup(folder):
    page = (folder / "report.html").read_text()
    assert "A &lt;crowd&gt;" in page and "a&amp;b.mcap" in page
    assert "A <crowd>" not in page


def test_the_page_says_how_it_was_made(folder, result):
    page = (folder / "report.html").read_text()
    assert result.hash in page
    assert "equi replay" in page and "numpy" in page


def test_figures_are_files_too(folder):
    pictures = {path.stem for path in (folder / "figures").glob("*.png")}
    assert pictures == FIGURES


def test_the_metrics_are_those_measured(folder, result, matched):
    read = json.loads((folder / "metrics.json").read_text())
    assert read == json.loads(json.dumps(measure(result, matched)))


def test_the_table_holds_the_most_probable_path_of_everybody(folder, result):
    with (folder / "predictions.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 12 * sum(len(p.ids) for p in result.predictions)
    point = result.predictions[0].paths[0, 0, 0]
    assert [float(rows[0]["x"]), float(rows[0]["y"])] == pytest.approx(point, abs=1e-3)
    assert float(rows[0]["seconds_ahead"]) == 0.4


def test_the_same_replay_gives_the_same_page(folder, tmp_path, result, matched, tracks):
    again = write_report(tmp_path, result, matched, measure(result, matched), tracks, CONTEXT)
    assert again.read_text() == (folder / "report.html").read_text()


def test_moments_are_of_different_agents_and_are_what_they_say(matched):
    moments = {moment.title: moment for moment in choose(matched)}
    assert {"Crossing", "Standing", "Typical", "Largest miss"} <= set(moments)
    assert len({matched.ids[m.row] for m in moments.values()}) == len(moments)
    standing = moments["Standing"].row
    assert np.ptp(matched.truth[standing], axis=0).max() < 0.6
    turn = moments["Turn"].row
    before = matched.past[turn, -1] - matched.past[turn, -3]
    after = matched.truth[turn, -1] - matched.truth[turn, -3]
    cosine = before @ after / np.linalg.norm(before) / np.linalg.norm(after)
    assert np.degrees(np.arccos(cosine)) > 30


def test_a_recording_without_a_past_has_only_the_moments_that_occur(matched):
    blind = replace(matched, past=np.where(np.arange(8)[:, None] < 7, np.nan, matched.past))
    titles = [moment.title for moment in choose(blind)]
    assert not set(titles) & {"Crossing", "Turn", "Largest miss"}


def test_the_film_shows_everybody_where_they_were(result):
    content = json.loads(film(result.predictions))
    assert content["step"] == 0.4 and content["horizon"] == pytest.approx(4.8)
    assert len(content["frames"]) == 50  # twenty seconds at five samples a second, every second one
    assert 0 <= content["opening"] < 50
    first, prediction = content["frames"][0], result.predictions[0]
    gap = np.array(first[1][1:3]) - first[0][1:3]
    expected = 100 * (prediction.positions[1] - prediction.positions[0])[:2]
    np.testing.assert_allclose(gap, expected, atol=1.01)
    strongest = first[0][3][0]
    assert strongest[0] == 60 and len(strongest) == 25


def test_a_replay_that_cannot_be_scored_is_reported_all_the_same(tmp_path, tracks):
    short = tracks[:5]
    result = replay(Fan(), short)
    page = write_report(tmp_path, result, None, measure(result, None), short, CONTEXT)
    assert "Latency p50" in page.read_text()


def test_a_replay_of_nobody_is_reported_all_the_same(tmp_path):
    nothing = ReplayResult((), np.zeros(0), 3)
    page = write_report(tmp_path, nothing, None, measure(nothing, None), [], CONTEXT)
    assert "3 dropped" in page.read_text()


def test_a_folder_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(EquiError, match="Cannot write to .*choose another --out"):
        report_folder(tmp_path / "file" / "report")
