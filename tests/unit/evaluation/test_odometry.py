"""Promises of the odometry's score: known errors give known figures; faults are judged rightly."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from equi_nodes.datasets.euroc import PoseTable
from equi_nodes.datasets.recording import (
    ImuReading,
    SensorRecording,
    Shot,
    in_order,
    with_one_camera,
)
from equi_nodes.evaluation.fault_verdict import false_alarms, judge
from equi_nodes.evaluation.faults import FAULTS
from equi_nodes.evaluation.odometry import OdometryRun, Step, measure, steps, write_tum
from equi_nodes.geometry.camera import Camera
from equi_nodes.geometry.rotations import exp_so3, rigid
from equi_nodes.samples import OdometrySample, Status

SECOND = 1_000_000_000
PERIOD = 50_000_000
CAMERA = Camera("pinhole", 8, 6, (5.0, 5.0, 4.0, 3.0), (), np.eye(4))
NOISE = {"gyro": 1e-4, "accel": 1e-3, "gyro_walk": 1e-5, "accel_walk": 1e-4}


def circle(count=200):
    """Poses on a circle of a metre, heading along it."""
    angles = np.linspace(0.0, 3.0, count)
    R = exp_so3(np.stack([0 * angles, 0 * angles, angles], 1))
    positions = np.stack([np.cos(angles), np.sin(angles), 0.1 * angles], 1)
    return PoseTable(PERIOD * np.arange(count), rigid(R, positions))


def run_of(truth, change=lambda index, T: T, status=lambda index: Status.TRACKING, sigma=0.05):
    zero, made = np.zeros(3), []
    for index, (stamp, T) in enumerate(zip(truth.stamps_ns.tolist(), truth.T_w_b)):
        state = status(index)
        sample = OdometrySample(
            stamp, state, "" if state is Status.TRACKING else "dark", change(index, T), zero,
            zero, zero, zero, sigma**2 * np.eye(15),
        )  # fmt: skip
        made.append(Step(stamp, sample, 0.01, {"filter": 0.01}, ()))
    return OdometryRun(tuple(made))


def test_another_world_makes_no_error():
    truth = circle()
    T_a_w = rigid(exp_so3(np.array([0.0, 0.0, 1.0])), np.array([5.0, -3.0, 2.0]))
    figures = measure(run_of(truth, lambda _, T: T_a_w @ T), truth)
    assert figures["ate_rmse_m"] < 1e-9
    assert figures["scale_error"] < 1e-9
    assert figures["nees"]["position"] < 1e-9
    assert (figures["frames"], figures["answered"], figures["first_answer_s"]) == (200, 200, 0.0)
    assert figures["frame_ms"]["p95"] == pytest.approx(10.0)


def test_a_wrong_scale_is_measured():
    truth = circle()

    def longer(_, T):
        return rigid(T[:3, :3], 1.1 * T[:3, 3])

    figures = measure(run_of(truth, longer), truth)
    assert figures["scale"] == pytest.approx(1 / 1.1)
    assert figures["scale_error"] == pytest.approx(1 - 1 / 1.1)
    assert figures["ate_rmse_m"] > 0.02


def test_honest_noise_has_a_nees_of_three():
    truth, rng = circle(2000), np.random.default_rng(0)

    def noisy(index, T):
        if index == 0:
            return T
        turned = exp_so3(rng.normal(0, 0.02, 3)) @ T[:3, :3]
        return rigid(turned, T[:3, 3] + rng.normal(0, 0.02, 3))

    nees = measure(run_of(truth, noisy, sigma=0.02), truth)["nees"]
    assert nees["position"] == pytest.approx(3.0, abs=0.2)
    assert nees["orientation"] == pytest.approx(3.0, abs=0.2)


def test_the_spread_of_the_truth_counts_unless_it_is_taken_for_exact():
    truth = replace(circle(2000), position_spread=0.01)

    def off(index, T):
        return T if index == 0 else rigid(T[:3, :3], T[:3, 3] + [0.0, 0.0, 0.01])

    nees = measure(run_of(truth, off, sigma=0.01), truth)["nees"]
    assert nees["position_exact"] == pytest.approx(1.0)
    assert nees["position"] == pytest.approx(1 / 3)  # of itself, of the truth and of its tie


def test_a_wrong_heading_of_the_truth_swings_its_positions():
    truth = replace(circle(2000), rotation_spread=0.02)
    turned = exp_so3(np.array([0.0, 0.0, 0.02]))
    swung = run_of(truth, lambda _, T: rigid(turned @ T[:3, :3], T[:3, 3]), sigma=0.001)
    nees = measure(swung, truth)["nees"]
    assert nees["position"] < 1.1  # one direction, off by one standard deviation
    assert nees["position_exact"] > 100.0


def test_equal_runs_have_equal_hashes():
    truth = circle()
    assert run_of(truth).hash == run_of(truth).hash
    assert run_of(truth).hash != run_of(truth, sigma=0.06).hash


def test_without_a_truth_only_the_run_is_told():
    assert "ate_rmse_m" not in measure(run_of(circle()), None)
    late = circle()
    assert "ate_rmse_m" not in measure(
        run_of(circle()), PoseTable(late.stamps_ns + 10**12, late.T_w_b)
    )


def test_the_trajectory_is_written_with_all_digits(tmp_path):
    path = tmp_path / "trajectory.tum"
    write_tum(path, run_of(circle(3)).samples)
    rows = [line.split() for line in path.read_text().splitlines()]
    assert [row[0] for row in rows] == ["0.000000000", "0.050000000", "0.100000000"]
    assert rows[0][1:] == [f"{value:.9f}" for value in (1, 0, 0, 0, 0, 0, 1)]


# Recordings and faults


def picture(value):
    return lambda: (np.full((6, 8), value, np.uint8), np.full((6, 8), value + 1, np.uint8))


@pytest.fixture
def recording():
    samples = [ImuReading(5_000_000 * i, np.zeros(3), np.ones(3)) for i in range(12 * 200 + 20)]
    shots = [Shot(PERIOD * i, picture(i % 200)) for i in range(12 * 20)]
    truth = PoseTable(PERIOD * np.arange(240), np.tile(np.eye(4), (240, 1, 1)))
    return SensorRecording("test", in_order(samples, shots), (CAMERA, CAMERA), NOISE, truth)


def shots_of(recording):
    return [event for event in recording.events if isinstance(event, Shot)]


def test_an_image_comes_after_the_samples_up_to_its_time(recording):
    newest = -1
    for event in recording.events:
        if isinstance(event, Shot):
            assert event.stamp_ns <= newest
        else:
            newest = event.stamp_ns
    assert len(shots_of(recording)) == 240


def test_one_camera_is_the_left_one(recording):
    mono = with_one_camera(recording)
    left, right = shots_of(mono)[3].read()
    assert (left[0, 0], right, len(mono.cameras)) == (3, None, 1)


def broken(recording, name):
    return FAULTS[name].change(recording, np.random.default_rng(0))


@pytest.mark.parametrize("name", FAULTS)
def test_every_fault_leaves_a_recording_and_no_trace_in_the_original(recording, name):
    before = recording.events
    faulty = broken(recording, name)
    assert recording.events is before
    assert len(shots_of(faulty)) > 100
    for shot in shots_of(faulty)[::40]:
        left, _ = shot.read()
        assert left.shape == (6, 8)
    assert faulty is not recording


def test_faults_do_what_their_names_say(recording):
    share = len(shots_of(broken(recording, "50 % of the frames dropped"))) / 240
    assert share == pytest.approx(0.5, abs=0.1)
    assert len(shots_of(broken(recording, "1 s without images"))) == 220
    gap = [e for e in broken(recording, "IMU gap of 1 s").events if isinstance(e, ImuReading)]
    assert max(np.diff([e.stamp_ns for e in gap])) == SECOND + 5_000_000
    black = shots_of(broken(recording, "black images"))
    assert [int(shot.read()[0].max()) for shot in black[98:102]] == [98, 99, 0, 0]
    frozen = shots_of(broken(recording, "frozen images"))
    assert [int(shot.read()[0][0, 0]) for shot in frozen[99:103]] == [99, 99, 99, 99]
    assert shots_of(broken(recording, "right camera lost and back"))[110].read()[1] is None
    left, right = shots_of(broken(recording, "left and right swapped"))[5].read()
    assert (left[0, 0], right[0, 0]) == (6, 5)
    late = broken(recording, "images 20 ms late")
    assert shots_of(late)[0].stamp_ns == late.truth.stamps_ns[0] == 20_000_000
    loop = [event.stamp_ns for event in broken(recording, "bag loop").events]
    assert sum(step < 0 for step in np.diff(loop)) == 1


class Standing:
    """An odometry that is always at the origin."""

    timings: dict = {}
    remarks = ()

    def __init__(self):
        self.samples = 0

    def add_imu(self, stamp_ns, gyro, accel):
        self.samples += 1

    def step(self, frame):
        return run_of(PoseTable(np.array([frame.stamp_ns]), np.eye(4)[None])).samples[0]


def test_events_are_fed_in_order(recording):
    odometry = Standing()
    run = OdometryRun(tuple(steps(odometry, recording.events)))
    assert odometry.samples == 12 * 200 + 20
    assert measure(run, recording.truth)["answered"] == 240


# Verdicts

DARK = range(100, 140)  # frames of the fault
SPAN = (5.0, 7.0)


def dark(index):
    return Status.DEGRADED if index in DARK else Status.TRACKING


def verdict(change=lambda index, T: T, status=dark, sound=lambda index: Status.TRACKING, span=SPAN):
    truth = circle(300)
    return judge(run_of(truth, change, status), span, truth, run_of(truth, status=sound))


def jumped(since):
    return lambda index, T: T if index < since else rigid(T[:3, :3], T[:3, 3] + [3.0, 0.0, 0.0])


def test_a_fault_that_is_named_and_survived_is_ok():
    outcome = verdict()
    assert (outcome.verdict, outcome.named_s, outcome.recovered_s) == ("ok", 0.0, 0.0)
    assert outcome.said == "dark"


def test_a_fault_that_does_nothing_is_harmless():
    outcome = verdict(status=lambda index: Status.TRACKING)
    assert (outcome.verdict, outcome.named_s, outcome.harm) == ("harmless", None, 0.0)


def test_an_error_outside_the_covariance_while_tracking_is_nonsense():
    outcome = verdict(jumped(110), status=lambda index: Status.TRACKING)
    assert outcome.verdict == "confident nonsense, late"
    assert outcome.confident == outcome.harm > 1.0
    assert verdict(jumped(110), span=(5.0, None)).verdict == "confident nonsense"


@pytest.mark.parametrize(("since", "expected"), [(105, "ok"), (130, "late")])
def test_harm_must_be_named_within_a_second(since, expected):
    def named(index):
        return Status.DEGRADED if index >= since else Status.TRACKING

    outcome = verdict(jumped(135), named, span=(5.0, None))
    assert outcome.verdict == expected
    assert outcome.confident < 1.0 < outcome.harm


def test_harm_before_the_fault_is_not_its_own():
    def starting(index):
        return Status.DEGRADED if index < 50 else Status.TRACKING

    def swaying(index, T):
        return T if index in (0, *range(50, 300)) else jumped(0)(index, T)

    assert verdict(swaying, starting).verdict == "harmless"


def test_what_a_start_or_the_sound_run_says_too_names_no_fault():
    def lifted(index, T):
        return rigid(T[:3, :3], T[:3, 3] + [0.0, 0.0, float(index in DARK)])

    starting = verdict(lifted, sound=lambda i: Status.DEGRADED if i < 9 else Status.TRACKING)
    assert (starting.verdict, starting.named_s) == ("late", None)
    same_time = verdict(sound=lambda i: Status.TRACKING if i < 50 else dark(i))
    assert (same_time.verdict, same_time.named_s) == ("harmless", None)
    earlier = verdict(sound=lambda i: Status.DEGRADED if i in range(20, 30) else Status.TRACKING)
    assert (earlier.verdict, earlier.named_s) == ("ok", 0.0)


def test_a_run_that_does_not_come_back_is_not_recovered():
    outcome = verdict(status=lambda i: Status.LOST if i > 100 else Status.TRACKING)
    assert (outcome.verdict, outcome.recovered_s) == ("not recovered", None)


def test_a_recording_that_loops_is_tied_anew():
    truth = circle(100)
    once = run_of(truth).steps
    again = run_of(truth, jumped(0)).steps
    outcome = judge(OdometryRun((*once, *again)), (5.0, None), truth, OdometryRun(once))
    assert outcome.worst_m < 1e-9


def test_false_alarms_count_from_the_first_tracking():
    truth = circle(100)

    def status(index):
        return Status.TRACKING if index >= 20 and index % 10 else Status.DEGRADED

    assert false_alarms(run_of(truth, status=status)) == pytest.approx(7 / 79)
    assert false_alarms(run_of(truth, status=lambda index: Status.LOST)) == 1.0
