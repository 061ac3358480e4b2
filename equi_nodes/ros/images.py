"""Image messages to grey pictures and what they say of the camera; any message class will do."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np

from equi_nodes.errors import EquiError
from equi_nodes.geometry.camera import Camera
from equi_nodes.ros.convert import Make, header

# Encoding: bytes a pixel, and how OpenCV makes it grey (None: it is already).
ENCODINGS: dict[str, tuple[int, int | None]] = {
    "mono8": (1, None), "8UC1": (1, None), "mono16": (2, None), "16UC1": (2, None),
    "rgb8": (3, cv2.COLOR_RGB2GRAY), "bgr8": (3, cv2.COLOR_BGR2GRAY),
    "rgba8": (4, cv2.COLOR_RGBA2GRAY), "bgra8": (4, cv2.COLOR_BGRA2GRAY),
    "bayer_rggb8": (1, cv2.COLOR_BayerBG2GRAY), "bayer_bggr8": (1, cv2.COLOR_BayerRG2GRAY),
    "bayer_gbrg8": (1, cv2.COLOR_BayerGR2GRAY), "bayer_grbg8": (1, cv2.COLOR_BayerGB2GRAY),
}  # fmt: skip
INFO_TYPE = "sensor_msgs/msg/CameraInfo"
# What messages call the distortion of each ``geometry.camera`` model.
DISTORTIONS = {"radtan": "plumb_bob", "kannala_brandt": "equidistant", "pinhole": "plumb_bob"}
MOST_PIXELS = 50_000_000  # a header that claims more is not believed


def image_problem(msg: Any) -> str:
    """Return why a ``sensor_msgs/Image`` cannot be used, as far as its head tells."""
    if msg.encoding not in ENCODINGS:
        return f"encoding '{msg.encoding}' is not one of {', '.join(ENCODINGS)}"
    depth = ENCODINGS[msg.encoding][0]
    if not 0 < msg.width * msg.height <= MOST_PIXELS or msg.step < msg.width * depth:
        return f"{msg.width} x {msg.height} pixels with {msg.step} bytes a row make no image"
    if len(msg.data) < msg.step * msg.height:
        return f"{len(msg.data)} bytes are less than {msg.height} rows of {msg.step}"
    return ""


def compressed_problem(msg: Any) -> str:
    """Return why a ``sensor_msgs/CompressedImage`` cannot be used, as far as its head tells."""
    return "" if len(msg.data) > 0 else "the compressed image is empty"


def size_problem(width: int, height: int, expected_width: int, expected_height: int) -> str:
    """Return why an image of one size does not suit a calibration, empty if it does."""
    if (width, height) == (expected_width, expected_height):
        return ""
    expected = f"{expected_width} x {expected_height}"
    return f"image is {width} x {height}, the calibration is for {expected}"


def grey(msg: Any, bits: int = 16) -> np.ndarray:
    """Return the (H, W) uint8 picture of an ``Image`` or a ``CompressedImage``.

    A picture of ``mono8`` is a view of the message's bytes.

    Args:
        msg: the message, let pass by ``image_problem``.
        bits: significant bits of 16-bit pixels; the highest eight of them are kept.

    Raises:
        EquiError: compressed data cannot be read.
    """
    if not hasattr(msg, "encoding"):
        return _decompressed(msg)
    depth, code = ENCODINGS[msg.encoding]
    rows = np.frombuffer(msg.data, np.uint8)[: msg.step * msg.height].reshape(msg.height, msg.step)
    pixels = rows[:, : msg.width * depth]
    if msg.encoding in ("mono16", "16UC1"):
        order = ">u2" if msg.is_bigendian else "<u2"
        wide = np.ascontiguousarray(pixels).view(order)
        return np.minimum(wide >> max(0, bits - 8), 255).astype(np.uint8)
    if code is None:
        return pixels
    pixels = pixels.reshape(msg.height, msg.width, depth) if depth > 1 else pixels
    return cv2.cvtColor(np.ascontiguousarray(pixels), code)


def camera_info(camera: Camera, stamp: int, frame: str, make: Make) -> Any:
    """Build the ``sensor_msgs/CameraInfo`` of a camera."""
    fx, fy, cx, cy = camera.intrinsics
    k = np.array([fx, 0.0, cx, 0.0, fy, cy, 0.0, 0.0, 1.0])
    p = np.insert(k.reshape(3, 3), 3, 0.0, axis=1).ravel()
    d = np.array(camera.distortion or (0.0,) * 5)
    region = make(
        "sensor_msgs/msg/RegionOfInterest",
        x_offset=0, y_offset=0, height=0, width=0, do_rectify=False,
    )  # fmt: skip
    return make(
        INFO_TYPE,
        header=header(stamp, frame, make),
        height=camera.height,
        width=camera.width,
        distortion_model=DISTORTIONS[camera.model],
        d=np.append(d, 0.0) if camera.model == "radtan" and len(d) == 4 else d,
        k=k,
        r=np.eye(3).ravel(),
        p=p,
        binning_x=0,
        binning_y=0,
        roi=region,
    )


def _decompressed(msg: Any) -> np.ndarray:
    picture = cv2.imdecode(np.frombuffer(msg.data, np.uint8), cv2.IMREAD_GRAYSCALE)
    if picture is None:
        raise EquiError(f"The compressed image ('{msg.format}', {len(msg.data)} bytes) is damaged.")
    return picture
