"""Promises of the image reader: every usual encoding becomes grey, every bad one a sentence."""

from __future__ import annotations

from types import SimpleNamespace

import cv2
import numpy as np
import pytest

from equi_nodes.errors import EquiError
from equi_nodes.ros.images import grey, image_problem, size_problem

GREY = np.arange(12, dtype=np.uint8).reshape(3, 4) * 20


def message(pixels, encoding, padding=0, big_endian=False):
    height, width = pixels.shape[:2]
    rows = np.ascontiguousarray(pixels).view(np.uint8).reshape(height, -1)
    rows = np.pad(rows, ((0, 0), (0, padding)))
    return SimpleNamespace(
        height=height, width=width, encoding=encoding, step=rows.shape[1],
        is_bigendian=int(big_endian), data=rows.ravel(),
    )  # fmt: skip


@pytest.mark.parametrize("padding", [0, 5])
def test_mono8_is_a_view(padding):
    msg = message(GREY, "mono8", padding)
    assert np.array_equal(grey(msg), GREY)
    assert np.shares_memory(grey(msg), msg.data)


@pytest.mark.parametrize("encoding", ["rgb8", "bgr8", "rgba8", "bgra8"])
def test_colours_become_the_usual_grey(encoding):
    weights = {"r": 0.299, "g": 0.587, "b": 0.114, "a": 0.0}
    pixels = np.random.default_rng(0).integers(0, 255, (3, 4, len(encoding) - 1), np.uint8)
    expected = sum(weights[name] * pixels[..., i] for i, name in enumerate(encoding[:-1]))
    assert np.abs(grey(message(pixels, encoding)) - expected).max() <= 1


@pytest.mark.parametrize("big_endian", [False, True])
@pytest.mark.parametrize("bits", [10, 12, 16])
def test_sixteen_bits_keep_the_highest_eight(bits, big_endian):
    wide = (GREY.astype(np.uint16) << (bits - 8)).astype(">u2" if big_endian else "<u2")
    assert np.array_equal(grey(message(wide, "mono16", 2, big_endian), bits), GREY)


def test_compressed_images_are_read_and_damaged_ones_named():
    smooth = cv2.resize(GREY, (64, 48))
    data = cv2.imencode(".png", smooth)[1].ravel()
    assert np.array_equal(grey(SimpleNamespace(format="png", data=data)), smooth)
    with pytest.raises(EquiError, match="damaged"):
        grey(SimpleNamespace(format="jpeg", data=data[:20]))


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"encoding": "yuv422"}, "encoding 'yuv422' is not one of"),
        ({"height": 4}, "bytes are less than 4 rows"),
        ({"step": 2}, "make no image"),
        ({"width": 0}, "make no image"),
        ({"width": 4_000_000_000, "height": 4}, "make no image"),
    ],
)
def test_a_bad_header_is_a_sentence(change, sentence):
    msg = message(GREY, "mono8")
    for name, value in change.items():
        setattr(msg, name, value)
    assert sentence in image_problem(msg)


def test_another_size_than_the_calibration_s_is_named():
    assert size_problem(4, 3, 4, 3) == ""
    assert size_problem(4, 3, 752, 480) == "image is 4 x 3, the calibration is for 752 x 480"
