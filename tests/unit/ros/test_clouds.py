"""Promises of the cloud reader: any layout gives the same points, every bad one a sentence."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from equi_nodes.errors import EquiError
from equi_nodes.ros.clouds import CODES, cloud_message, cloud_problem, cloud_sample, with_fields

SECOND = 1_000_000_000
STAMP = 1_700_000_000 * SECOND
POINTS = np.random.default_rng(0).normal(0, 5, (12, 3)).astype(np.float32)
TIMES = np.linspace(0.0, 0.1, 12)


class Make:
    """Builds stand-ins of messages."""

    def __call__(self, type_name, **fields):
        return SimpleNamespace(**fields)

    @staticmethod
    def array(code, numbers):
        return np.ascontiguousarray(numbers, code)


def message(columns, *, height=1, row_padding=0, order="<", step=None, stamp=STAMP):
    """Lay columns out as (name, kind, offset, values) say."""
    count = len(columns[0][3])
    step = step or max(offset + np.dtype(kind).itemsize for _, kind, offset, _ in columns)
    width = count // height
    data = np.zeros((height, width * step + row_padding), np.uint8)
    for _, kind, offset, values in columns:
        raw = np.ascontiguousarray(values, np.dtype(order + kind)).view(np.uint8)
        raw = raw.reshape(height, width, -1)
        for byte in range(raw.shape[-1]):
            data[:, offset + byte : width * step : step] = raw[..., byte]
    fields = [
        SimpleNamespace(name=name, offset=offset, datatype=CODES[kind], count=1)
        for name, kind, offset, _ in columns
    ]
    head = SimpleNamespace(
        stamp=SimpleNamespace(sec=stamp // SECOND, nanosec=stamp % SECOND), frame_id="lidar"
    )
    return SimpleNamespace(
        header=head, height=height, width=width, fields=fields, is_bigendian=order == ">",
        point_step=step, row_step=data.shape[1], data=data.ravel(), is_dense=False,
    )  # fmt: skip


def xyz(kind="f4", offsets=(0, 4, 8), points=POINTS):
    return [(axis, kind, at, points[:, i]) for i, (axis, at) in enumerate(zip("xyz", offsets))]


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("kind", ["f4", "f8"])
@pytest.mark.parametrize(("height", "row_padding"), [(1, 0), (3, 0), (3, 7)])
@pytest.mark.parametrize("offsets", [(0, 8, 16), (16, 0, 8), (3, 11, 19)])
def test_any_layout_gives_the_same_points(order, kind, height, row_padding, offsets):
    msg = message(xyz(kind, offsets), height=height, row_padding=row_padding, order=order, step=32)
    sample = cloud_sample(msg)
    assert np.array_equal(sample.points, POINTS)
    assert sample.points.dtype == np.float32
    assert (sample.stamp_ns, sample.frame_id) == (STAMP, "lidar")
    assert np.array_equal(sample.index, np.arange(12))
    assert sample.times is sample.intensity is None


@pytest.mark.parametrize("height", [1, 3])
def test_the_usual_layout_is_a_view(height):
    msg = message([*xyz(), ("intensity", "f4", 16, TIMES)], height=height)
    assert np.shares_memory(cloud_sample(msg).points, msg.data)


def test_points_that_are_none_are_left_out_and_the_index_says_which_stay():
    points = POINTS.copy()
    points[2, 1], points[5, 0], points[7] = np.nan, np.inf, 1e30
    sample = cloud_sample(message([*xyz(points=points), ("intensity", "u1", 12, np.arange(12))]))
    kept = [0, 1, 3, 4, 6, 8, 9, 10, 11]
    assert sample.index.tolist() == sample.intensity.tolist() == kept
    assert np.array_equal(sample.points, POINTS[kept])


def test_a_cloud_of_nan_is_empty():
    sample = cloud_sample(message([*xyz(points=POINTS * np.nan), ("t", "u4", 12, np.arange(12))]))
    assert sample.points.shape == (0, 3)
    assert sample.times.shape == sample.index.shape == (0,)


@pytest.mark.parametrize(
    ("name", "kind", "values"),
    [
        ("t", "u4", TIMES * 1e9),
        ("offset_time", "u4", TIMES * 1e9),
        ("time", "f4", TIMES),
        ("time", "f4", TIMES * 1e6),
        ("time", "f8", TIMES * 1e9),
        ("timestamp", "f8", TIMES + STAMP / SECOND),
        ("timestamp", "f8", TIMES * 1e9 + STAMP),
        ("time", "f4", TIMES - 0.1),
        ("time", "f4", np.full(12, 0.05)),
    ],
)
def test_times_are_read_in_every_usual_unit(name, kind, values):
    expected = {-0.1: TIMES - 0.1, 0.05: np.full(12, 0.05)}.get(float(values[0]), TIMES)
    sample = cloud_sample(message([*xyz(), (name, kind, 12, values)]))
    assert np.abs(sample.times - expected).max() < 1e-6


def test_times_of_another_clock_are_none_and_a_unit_can_be_told():
    far = message([*xyz(), ("time", "f8", 12, TIMES + 5e9)])
    assert cloud_sample(far).times is None
    told = message([*xyz(), ("t", "u4", 12, TIMES * 1e6)])
    assert np.abs(cloud_sample(told, "us").times - TIMES).max() < 1e-6


def test_times_that_are_no_numbers_count_as_zero():
    sample = cloud_sample(message([*xyz(), ("time", "f4", 12, np.where(TIMES > 0.05, np.nan, 0))]))
    assert np.array_equal(sample.times, np.zeros(12))


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"width": 0}, "it has no points: 0 x 1"),
        ({"width": 4_000_000_000}, "more than the limit"),
        ({"width": 13}, "are less than the 156 announced"),
        ({"point_step": 0}, "field x ends at byte 4 of points of 0 bytes"),
        ({"point_step": 11}, "field z ends at byte 12"),
        ({"point_step": 1_000_000}, "are less than"),
        ({"height": 2, "width": 6, "row_step": 10}, "does not fit row_step 10"),
        ({"fields": []}, "it has no field x, y, z, only none"),
        ({"data": np.zeros(10, np.uint8)}, "10 bytes are less than"),
    ],
)
def test_a_bad_head_is_a_sentence(change, sentence):
    msg = message(xyz())
    for name, value in change.items():
        setattr(msg, name, value)
    assert sentence in cloud_problem(msg)
    with pytest.raises(EquiError, match="The cloud cannot be used"):
        cloud_sample(msg)


def test_a_missing_or_odd_field_is_named():
    assert cloud_problem(message(xyz()[:2])) == "it has no field z, only x, y"
    odd = [*xyz()[:2], ("z", "u4", 8, np.zeros(12))]
    assert cloud_problem(message(odd)) == "its field z is not float32 or float64"


def test_data_longer_than_announced_is_fine():
    msg = message(xyz())
    msg.data = np.concatenate([msg.data, np.zeros(99, np.uint8)])
    assert np.array_equal(cloud_sample(msg).points, POINTS)


@pytest.mark.parametrize("count", [0, 1, 12])
def test_what_is_written_is_read(count):
    labels = np.arange(12, dtype=np.uint16)[:count]
    written = cloud_message(
        STAMP, "lidar", POINTS[:count], Make(), label=labels, t=np.zeros(count, np.uint32)
    )
    assert [(f.name, f.offset, f.datatype) for f in written.fields] == [
        ("x", 0, 7), ("y", 4, 7), ("z", 8, 7), ("label", 12, 4), ("t", 14, 6),
    ]  # fmt: skip
    assert len(written.data) == written.row_step == 18 * count
    if count:
        assert np.array_equal(cloud_sample(written).points, POINTS[:count])


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize(("height", "row_padding"), [(1, 0), (3, 7)])
def test_fields_are_added_to_any_layout_and_replace_their_like(order, height, row_padding):
    columns = [*xyz(), ("label", "u1", 12, np.zeros(12)), ("instance", "u2", 13, np.arange(12))]
    msg = message(columns, height=height, row_padding=row_padding, order=order, step=15)
    labels = np.arange(12, dtype=np.uint16) + 500
    wider = with_fields(msg, Make(), label=labels, confidence=np.ones(12, np.float32))
    assert not cloud_problem(wider)
    assert (wider.height, wider.width) == (msg.height, msg.width)
    assert [f.name for f in wider.fields] == ["x", "y", "z", "instance", "label", "confidence"]
    sample = cloud_sample(wider)
    assert np.array_equal(sample.points, POINTS)
    assert np.array_equal(sample.instance, np.arange(12))
    rows = np.asarray(wider.data).reshape(12, wider.point_step)
    assert np.array_equal(rows[:, 15:17].copy().view(f"{order}u2").ravel(), labels)


numbers = st.integers(0, 2**32 - 1) | st.integers(0, 40)


@given(
    st.lists(st.tuples(st.sampled_from("xyzt"), numbers, st.integers(0, 255), numbers), max_size=5),
    numbers, numbers, numbers, numbers, st.binary(max_size=400), st.booleans(),
)  # fmt: skip
def test_no_head_makes_the_check_or_the_reader_fail(fields, height, width, step, row, data, big):
    names = ("name", "offset", "datatype", "count")
    msg = message(xyz())
    msg.fields = [SimpleNamespace(**dict(zip(names, field))) for field in fields]
    msg.height, msg.width, msg.point_step, msg.row_step = height, width, step, row
    msg.data, msg.is_bigendian = data, big
    if not cloud_problem(msg):
        assert np.isfinite(cloud_sample(msg).points).all()
