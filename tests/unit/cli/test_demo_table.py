"""Promise of the demo's display: it can be shown at any time, also before anybody spoke."""

from __future__ import annotations

from rich.console import Console

from equi_nodes.cli.demo_table import live_view, progress_line

NAN = float("nan")
ROW = {"state": "", "level": 0, "message": "", "rate_hz": 0.0, "p50": NAN, "p99": NAN,
       "cpu": NAN, "rss_mb": NAN}  # fmt: skip
RECORD = {"state": "driving", "seconds": 12.3, "time_limit": 133, "real_time_factor": 0.97,
          "goal": 2, "goals": [{}, {}, {}], "collisions": [], "nearest_person_m": None}  # fmt: skip


def shown(record: dict, rows: dict) -> str:
    console = Console(width=160, record=True)
    with console.capture() as captured:
        console.print(live_view(record, rows))
    return captured.get()


def test_before_anybody_spoke_there_are_dashes():
    text = shown({}, {"vio": ROW})
    assert "starting the nodes" in text
    assert text.splitlines()[-1].split() == ["vio", "starting", "0.0", "-", "-", "-", "-"]


def test_figures_and_complaints_are_shown():
    row = ROW | {"state": "active", "level": 1, "message": "no images", "p50": 12.34, "cpu": 0.256}
    text = shown(RECORD, {"vio": row})
    assert "no images" in text and "12.3" in text and "0.26" in text
    assert "12.3 of 133 s simulated at 0.97x, goal 2 of 3" in text


def test_the_nearest_person_is_told_if_there_is_one():
    assert progress_line(RECORD).endswith("nearest person -")
    assert progress_line(RECORD | {"nearest_person_m": 0.5}).endswith("nearest person 0.50 m")


def test_how_fast_time_goes_is_told_once_it_does():
    assert "simulated at -, goal" in progress_line(RECORD | {"real_time_factor": None})
