"""From images and IMU to a report by the command line: EuRoC folder, bag, and bad input."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from equi_nodes.cli.main import main
from equi_nodes.cli.odometry_recording import Choice, open_recording
from equi_nodes.datasets.bags import BagMessage, Make, write_bag
from equi_nodes.datasets.calibration import Calibration, read_calibration, write_kalibr
from equi_nodes.datasets.recording import ImuReading, Shot

FRAMES = 50  # of the recording


@pytest.fixture
def replay(replay_of):
    """Replays the odometry."""
    return replay_of("vio")


def test_three_replays_agree_to_the_last_bit(clip_bag, replay):
    runs = [replay(clip_bag, f"run{number}") for number in range(3)]
    assert [code for code, _, _ in runs] == [0, 0, 0]
    assert len({figures["hash"] for _, figures, _ in runs}) == 1
    _, figures, folder = runs[0]
    assert figures["frames"] == FRAMES
    assert figures["answered"] >= FRAMES - 5
    assert figures["ate_rmse_m"] < 0.03
    assert figures["resets"] == 0
    assert set(figures["frame_ms"]) >= {"p50", "p95", "max"}
    assert len((folder / "trajectory.tum").read_text().splitlines()) == figures["answered"]
    page = (folder / "report.html").read_text()
    assert page.count("<svg") == 6 and "ATE, RMSE" in page
    assert json.loads((folder / "metrics.json").read_text())["hash"] == figures["hash"]


def test_a_bag_holds_what_the_folder_holds(clip_bag, clip):
    from_bag, from_folder = open_recording(clip_bag), open_recording(clip)
    events = iter(from_folder.events)
    count = 0
    for event in from_bag.events:
        other = next(events)
        assert (type(event), event.stamp_ns) == (type(other), other.stamp_ns)
        if isinstance(event, ImuReading):
            assert (event.gyro == other.gyro).all() and (event.accel == other.accel).all()
        elif isinstance(event, Shot):
            count += 1
            for one, two in zip(event.read(), other.read()):
                assert (one == two).all()
    assert count == FRAMES
    for one, two in zip(from_bag.cameras, from_folder.cameras):
        assert one.intrinsics == two.intrinsics
        assert one.distortion[:4] == two.distortion
        assert abs(one.T_b_c - two.T_b_c).max() < 1e-9


def test_one_camera_is_enough_to_say_why_it_waits(clip_bag, replay):
    code, figures, _ = replay(clip_bag, "mono", "--mono")
    assert code == 0
    assert figures["frames"] == FRAMES
    assert figures["statuses"]["initialising"] > 0
    assert any(reason.startswith("collecting images") for reason in figures["reasons"])


def test_the_doctor_finds_nothing_wrong_in_a_good_bag(clip_bag, tmp_path):
    figures = tmp_path / "doctor.json"
    assert main(["doctor", "bag", str(clip_bag), "--seconds", "2", "--json", str(figures)]) == 0
    found = json.loads(figures.read_text())
    assert found["findings"] == {}
    assert found["figures"]["imu_hz"] == pytest.approx(200.0)
    assert abs(found["figures"]["time_offset_ms"]) < 5.0


def test_another_calibration_wins_over_that_of_a_folder(clip, tmp_path, complain):
    given = replace(read_calibration(clip).cameras[0], intrinsics=(400.0, 400.0, 370.0, 240.0))
    write_kalibr(tmp_path / "one.yaml", Calibration((given,), 0.01))
    found = open_recording(clip, Choice(is_mono=True, calibration=tmp_path / "one.yaml"))
    assert found.cameras[0].intrinsics == given.intrinsics
    assert found.time_offset == pytest.approx(0.01)
    common = ["--node", "vio", "--out", tmp_path / "out", "--calibration", tmp_path / "one.yaml"]
    assert "has one camera" in complain("replay", clip, *common)


def test_bad_input_is_answered_by_a_sentence(clip_bag, tmp_path, complain):
    common = ["--node", "vio", "--out", tmp_path / "out"]
    assert "There is no bag" in complain("replay", tmp_path / "none.mcap", *common)
    empty = tmp_path / "other.mcap"
    time = Make()("builtin_interfaces/msg/Time", sec=1, nanosec=0)
    head = Make()("std_msgs/msg/Header", stamp=time, frame_id="a")
    point = Make()("geometry_msgs/msg/Point", x=0.0, y=0.0, z=0.0)
    message = Make()("geometry_msgs/msg/PointStamped", header=head, point=point)
    write_bag(empty, [BagMessage("/point", 0, message)])
    said = complain("replay", empty, *common)
    assert "needs images and an Imu" in said and "/point" in said
    said = complain("replay", clip_bag, *common, "--set", "filter.trial=3")
    assert "There is no parameter filter.trial" in said
    said = complain("replay", clip_bag, *common, "--set", "trail=3")
    assert "not of the form part.parameter=value" in said
    said = complain("replay", clip_bag, *common, "--reverse")
    assert "need a EuRoC folder" in said
    assert "needs a FILE" in complain("doctor", "bag")
    assert "no EuRoC recording" in complain("bag", "make", "euroc", tmp_path, tmp_path / "x.mcap")
