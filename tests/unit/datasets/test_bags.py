"""Bags are read back as they were written, and what is no bag gets one clear sentence."""

from __future__ import annotations

import numpy as np
import pytest
from rosbags.rosbag2 import StoragePlugin, Writer

from equi_nodes.datasets import bags
from equi_nodes.errors import EquiError
from equi_nodes.ros.convert import track_array, track_sample
from equi_nodes.samples import TrackSample

TYPE = "equi_msgs/msg/TrackArray"


def samples(count=6):
    """Tracks of growing length, one of them with velocity and covariance, the first of nobody."""
    rng = np.random.default_rng(0)
    made = []
    for i in range(count):
        unknown = np.full((i, 3), np.nan)
        ids, positions = np.arange(i, dtype=np.int64), rng.normal(size=(i, 3))
        stamp = (i + 1) * 100_000_000
        made.append(TrackSample(stamp, "map", ids, positions, unknown, np.zeros((i, 3, 3))))
    made[-1].velocities[0] = [1.0, -2.0, 0.5]
    made[-1].covariances[0] = np.diag([0.1, 0.2, 0.3])
    return made


def messages(topic="/tracks", count=6):
    make = bags.Make()
    return [bags.BagMessage(topic, s.stamp_ns, track_array(s, make)) for s in samples(count)]


@pytest.fixture
def bag(tmp_path):
    path = tmp_path / "people.mcap"
    bags.write_bag(path, messages())
    return path


def assert_same(read, expected):
    for a, b in zip(read, expected, strict=True):
        assert (a.stamp_ns, a.frame_id) == (b.stamp_ns, b.frame_id)
        for name in ("ids", "positions", "velocities", "covariances"):
            np.testing.assert_array_equal(getattr(a, name), getattr(b, name))


@pytest.mark.parametrize("name", ["one.mcap", "folder", "new/below.mcap"])
def test_what_was_written_is_read(tmp_path, name):
    path = tmp_path / name
    bags.write_bag(path, messages())
    assert path.is_file() == name.endswith(".mcap")
    read = list(bags.read_messages(path, "/tracks", TYPE))
    assert [item.stamp_ns for item in read] == [s.stamp_ns for s in samples()]
    assert_same([track_sample(item.message) for item in read], samples())


def test_sqlite3_is_read(tmp_path):
    path, store = tmp_path / "old", bags.typestore()
    with Writer(path, version=8, storage_plugin=StoragePlugin.SQLITE3) as writer:
        connection = writer.add_connection("/tracks", TYPE, typestore=store)
        for item in messages():
            writer.write(connection, item.stamp_ns, store.serialize_cdr(item.message, TYPE))
    read = [track_sample(item.message) for item in bags.read_messages(path)]
    assert_same(read, samples())


def test_topics_of_a_bag_come_in_time_order(tmp_path):
    path = tmp_path / "two.mcap"
    both = sorted(messages("/a") + messages("/b", 3), key=lambda item: item.stamp_ns)
    bags.write_bag(path, both)
    stamps = [item.stamp_ns for item in bags.read_messages(path)]
    assert stamps == sorted(stamps) and len(stamps) == 9
    assert {item.topic for item in bags.read_messages(path, "/b")} == {"/b"}
    assert [(t.name, t.type, t.count) for t in bags.summarize(path).topics] == [
        ("/a", TYPE, 6),
        ("/b", TYPE, 3),
    ]
    assert bags.summarize(path).seconds == pytest.approx(0.5)


def test_an_existing_bag_is_kept_unless_told_otherwise(bag):
    before = bag.read_bytes()
    with pytest.raises(EquiError, match="exists already.*--force"):
        bags.write_bag(bag, messages(count=2))
    assert bag.read_bytes() == before
    bags.write_bag(bag, messages(count=2), overwrite=True)
    assert len(list(bags.read_messages(bag))) == 2


def test_nothing_is_left_when_writing_fails(tmp_path):
    def broken():
        yield from messages(count=3)
        raise RuntimeError("the source failed")

    with pytest.raises(RuntimeError):
        bags.write_bag(tmp_path / "half.mcap", broken())
    assert not list(tmp_path.iterdir())


def test_a_place_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(EquiError, match="Cannot write the bag"):
        bags.write_bag(tmp_path / "file" / "x.mcap", messages())


def test_a_missing_bag_is_named(tmp_path):
    with pytest.raises(EquiError, match=r"There is no bag .*none\.mcap"):
        list(bags.read_messages(tmp_path / "none.mcap"))


@pytest.mark.parametrize("name", ["notes.mcap", "notes.db3", "notes.bag", "notes.txt"])
@pytest.mark.parametrize("content", [b"", b"not a bag at all, only some words" * 20])
def test_a_file_that_is_no_bag_is_called_so(tmp_path, name, content):
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(EquiError, match="is not a bag"):
        list(bags.read_messages(path))


def test_a_folder_that_is_no_bag_is_called_so(tmp_path):
    with pytest.raises(EquiError, match=r"not a bag: the folder has no metadata\.yaml"):
        list(bags.read_messages(tmp_path))


@pytest.mark.parametrize("share", [0.01, 0.3, 0.6, 0.9, 0.999])
def test_a_bag_that_was_cut_off_is_called_damaged(bag, share):
    data = bag.read_bytes()
    bag.write_bytes(data[: int(share * len(data))])
    with pytest.raises(EquiError, match=r"is damaged or cut off \(.*\): copy or record it again"):
        list(bags.read_messages(bag))


@pytest.mark.parametrize("seed", range(20))
def test_flipped_bytes_never_crash_the_reader(bag, seed):
    data, rng = bytearray(bag.read_bytes()), np.random.default_rng(seed)
    for place in rng.integers(0, len(data), 30):
        data[place] ^= int(rng.integers(1, 256))
    bag.write_bytes(data)
    try:
        list(bags.read_messages(bag))
    except EquiError as error:
        assert "\n" not in str(error)


def test_a_topic_that_is_not_there_is_answered_by_those_that_are(bag):
    with pytest.raises(EquiError, match=r"no topic /people; its topics are: /tracks \(equi_msgs"):
        list(bags.read_messages(bag, "/people"))
    with pytest.raises(EquiError, match="no topic of type sensor_msgs/msg/Imu; its topics are"):
        list(bags.read_messages(bag, type_name="sensor_msgs/msg/Imu"))


@pytest.mark.parametrize(
    ("name", "topic", "count"),
    [
        ("nav2_turtlebot.mcap", "/odom", 2639),
        ("euroc_mh01_6s_ros2", "/imu0", 1260),
        ("tilt_laser.bag", "/imu_data", 356),
    ],
)
def test_real_recordings_are_read(recordings, name, topic, count):
    path = recordings("ros_bags") / name
    read = list(bags.read_messages(path, topic))
    assert len(read) == count
    assert {item.topic for item in read} == {topic}
    assert read[0].message.header.frame_id
