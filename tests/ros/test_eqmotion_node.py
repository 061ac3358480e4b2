"""Promise of the prediction node: every bad input is named, none comes out, and it recovers.

The weights are untrained: what is tested is the node, not how well it predicts.
"""

from __future__ import annotations

import signal
import time

import numpy as np
import psutil
import pytest
from visualization_msgs.msg import Marker, MarkerArray

from equi_nodes.ros.convert import stamp_ns
from equi_nodes.samples import TrackSample

SECOND = 1_000_000_000


@pytest.fixture(scope="module")
def weights(tmp_path_factory) -> str:
    """Write weights of the right shape."""
    import torch

    from equi_nodes.models.eqmotion import EqMotion
    from equi_nodes.runtime.weights import save_model

    torch.manual_seed(0)
    path = tmp_path_factory.mktemp("weights") / "eqmotion.safetensors"
    save_model(path, "eqmotion", EqMotion(), {})
    return str(path)


@pytest.fixture(scope="module")
def peer(shared_start, shared_peer_of, eqmotion_command, weights):
    """Start one node for all faults: each has to leave it healthy for the next."""
    shared_start(eqmotion_command, weights=weights, backend="torch", log_period=0.0)
    peer = shared_peer_of("eqmotion")
    peer.until_state("active")
    return peer


@pytest.fixture(autouse=True)
def healthy_before_and_after(request):
    """See the shared node predict before and after each fault, and never a NaN."""
    if "peer" not in request.fixturenames:
        yield
        return
    peer = request.getfixturevalue("peer")
    peer.until_predicts()
    peer.predictions.clear()
    yield
    peer.until_predicts(limit_s=5.0)
    for message in peer.predictions:
        for agent in message.predictions:
            for mode in agent.trajectories:
                assert np.isfinite(mode.positions).all()
                assert np.isfinite(mode.covariances).all()


def send(peer, ids, positions, stamp=None, frame="map"):
    stamp = peer.now_ns() if stamp is None else stamp
    peer.send(TrackSample.of_positions(stamp, frame, ids, positions))
    peer.spin(0.1)


def walk(peer, count=10, ids=(1, 2), jump=0.0):
    """Send agents that walk at 1 m/s; with the last message the first of them jumps."""
    for number in range(count):
        positions = np.stack([np.full(len(ids), 0.1 * number), np.arange(len(ids)) * 2.0], -1)
        positions[0, 0] += jump * (number == count - 1)
        send(peer, ids, positions)


def test_predictions_are_complete(peer):
    walk(peer)
    message = peer.predictions[-1]
    assert message.header.frame_id == "map"
    assert message.time_step.nanosec == 400_000_000
    for agent in message.predictions:
        assert len(agent.trajectories) == 20
        chances = [mode.probability for mode in agent.trajectories]
        assert sum(chances) == pytest.approx(1.0, abs=1e-5)
        assert chances == sorted(chances, reverse=True)
        assert {len(mode.positions) for mode in agent.trajectories} == {24}
        assert {len(mode.covariances) for mode in agent.trajectories} == {36}


def test_no_tracks_give_an_empty_prediction(peer):
    send(peer, [], np.zeros((0, 2)))
    peer.until(lambda: any(not p.predictions for p in peer.predictions), "an empty prediction")


def test_one_track_is_predicted(peer):
    walk(peer, ids=(41,))
    peer.until(
        lambda: [a.id for a in peer.predictions[-1].predictions] == [41], "the one is predicted"
    )


def test_a_track_of_one_step_is_named(peer):
    seen = iter(range(51, 99))

    def appear() -> None:
        send(peer, [next(seen)], [[0.0, 0.0]])

    appear()
    peer.until_says("pipeline", ": observed for 1 of the 2 steps needed", again=appear)


def test_nan_is_named_and_the_others_are_predicted(peer):
    def break_one() -> None:
        walk(peer, ids=(1, 2))
        send(peer, [1, 2], [[np.nan, 0.0], [1.1, 2.0]])

    break_one()
    text = "track 1: its position is not a finite number"
    peer.until_says("pipeline", text, again=break_one)
    peer.until(lambda: [a.id for a in peer.predictions[-1].predictions] == [2], "only track 2")


def test_duplicate_ids_are_named(peer):
    def double_one() -> None:
        walk(peer, ids=(61, 62))
        send(peer, [61, 61, 62], [[1.1, 0.0], [1.2, 0.0], [1.1, 2.0]])

    double_one()
    peer.until_says("pipeline", "track 61: two tracks carry this id", again=double_one)
    peer.until(lambda: [a.id for a in peer.predictions[-1].predictions] == [62], "only track 62")


def test_ids_that_change_each_frame_are_named_and_not_remembered(peer):
    for number in range(20):
        send(peer, [1000 + number], [[0.1 * number, 0.0]])
    said = peer.until_says("pipeline", "observed for 1 of the 2 steps needed")
    assert "track 10" in said.message
    assert not peer.predictions[-1].predictions


def test_a_teleport_is_named(peer):
    def jump() -> None:
        walk(peer, ids=(71, 72), jump=10.0)

    jump()
    peer.until_says("pipeline", "track 71: jumped faster than max_speed", again=jump)
    peer.until(lambda: [a.id for a in peer.predictions[-1].predictions] == [72], "only track 72")


def test_five_hundred_agents_are_predicted(peer):
    assert peer.set_parameter("max_age", 10.0)[0]
    crowd = np.random.default_rng(0).uniform(-50, 50, (500, 2))
    for _ in range(12):
        send(peer, np.arange(500), crowd)
    peer.until(lambda: any(len(p.predictions) == 500 for p in peer.predictions), "all agents")


def test_a_zero_stamp_is_named(peer):
    def unstamped() -> None:
        send(peer, [1], [[0.0, 0.0]], stamp=0)

    unstamped()
    peer.until_says("input tracks", "stamp is zero", again=unstamped)


def test_a_wrong_frame_is_named(peer):
    def moving_frame() -> None:
        send(peer, [1], [[0.0, 0.0]], frame="base_link")

    moving_frame()
    text = "frame_id is 'base_link', expected 'map'"
    peer.until_says("input tracks", text, again=moving_frame)


def test_backward_and_looping_stamps_restart_it(peer):
    assert peer.set_parameter("max_age", 10.0)[0]
    restarts = int(peer.value("state", "restarts"))
    start = peer.now_ns() - 8 * SECOND
    for _ in range(2):
        for number in range(12):
            stamp = start + number * SECOND // 10
            send(peer, [81], [[0.1 * number, 0.0]], stamp=stamp)
    peer.until(lambda: int(peer.value("state", "restarts")) == restarts + 2, "two restarts")
    last = [p for p in peer.predictions if stamp_ns(p.header.stamp) >= start][-1]
    assert [agent.id for agent in last.predictions] == [81]


def test_markers_are_drawn_for_those_who_look(peer):
    drawn: list[MarkerArray] = []
    viewer = peer.create_subscription(MarkerArray, "/eqmotion/output/markers", drawn.append, 10)
    deadline = time.monotonic() + 10.0
    while not any(m.ns == "paths" and m.points for d in drawn for m in d.markers):
        assert time.monotonic() < deadline
        walk(peer, count=1)
    layers = {(m.ns, m.id) for m in drawn[-1].markers}
    assert layers == {("paths", n) for n in (1, 2, 3, 4)} | {("likely_ends", 0)}
    send(peer, [1], [[0.0, 0.0]], stamp=peer.now_ns() - 3 * SECOND)
    peer.until(
        lambda: any(m.action == Marker.DELETEALL for d in drawn for m in d.markers), "erased"
    )
    peer.destroy_subscription(viewer)


def damage(weights, path, kind):
    """Write weights that cannot be used; return what the node has to say of them."""
    import torch

    from equi_nodes.models.eqmotion import EqMotion
    from equi_nodes.runtime.weights import save_model

    if kind == "truncated":
        path.write_bytes(open(weights, "rb").read()[:1000])
        return "are damaged"
    if kind == "other shape":
        torch.manual_seed(0)
        save_model(path, "eqmotion", EqMotion(), {})
        replace_shape(path)
        return "do not fit this version of eqmotion"
    return "There are no weights at"


def replace_shape(path):
    """Give one tensor of a weights file another shape."""
    from safetensors import safe_open
    from safetensors.torch import save_file

    with safe_open(path, "pt") as file:
        tensors = {key: file.get_tensor(key) for key in file.keys()}
        metadata = file.metadata()
    key = next(iter(tensors))
    tensors[key] = tensors[key].repeat(2, *[1] * (tensors[key].dim() - 1))
    save_file(tensors, path, metadata)
    path.with_suffix(".json").unlink()


@pytest.mark.parametrize("kind", ["missing", "truncated", "other shape"])
def test_bad_weights_are_named_and_good_ones_are_found(
    start, peer_of, eqmotion_command, weights, tmp_path, kind
):
    path = tmp_path / "eqmotion.safetensors"
    sentence = damage(weights, path, kind)
    node = start(eqmotion_command, "-r", "__node:=other", weights=path, retry_period=0.5)
    other = peer_of("other")
    other.until_says("pipeline", sentence, level=2)
    assert sentence in node.text
    assert "Traceback" not in node.text
    path.write_bytes(open(weights, "rb").read())
    other.until_state("active")
    code, seconds = node.end(signal.SIGTERM)
    assert (code, seconds < 2.0) == (0, True)


def test_memory_stays_when_ids_never_repeat(peer):
    process = next(
        p
        for p in psutil.Process().children()
        if any("equi_nodes.nodes.eqmotion" in argument for argument in p.cmdline())
    )
    generator = np.random.default_rng(1)
    for _ in range(20):
        send(peer, generator.integers(10**6, 10**9, 50), generator.uniform(-5, 5, (50, 2)))
    before = process.memory_info().rss
    for _ in range(40):
        send(peer, generator.integers(10**6, 10**9, 50), generator.uniform(-5, 5, (50, 2)))
    assert process.memory_info().rss - before < 8 * 2**20


def test_the_probe_sees_a_loaded_node_from_outside(weights):
    from equi_nodes.ros.probe import measure_node

    settings = [f"eqmotion.weights={weights}", "eqmotion.backend=torch"]
    figures = measure_node(4, 10.0, 3.0, domain_id=101, settings=settings)
    assert figures["sent"] == 30
    assert figures["received"] + figures["dropped"] + figures["lost"] == 30
    assert figures["received"] > 0
    assert 0 < figures["age_ms_p50"] <= figures["age_ms_p99"]
    assert figures["memory_mb_after"] < figures["memory_mb_before"] + 20
    assert (figures["exit_code"], figures["exit_s"] < 2.0) == (0, True)
