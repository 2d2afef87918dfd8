"""Images to messages and back. Runs against the upstream cv_bridge as well."""

from __future__ import annotations

import array

import cv_bridge
import numpy as np
import pytest
from cv_bridge import CvBridge, CvBridgeError
from hypothesis import given
from hypothesis import strategies as st
from sensor_msgs.msg import CompressedImage, Image
from std_msgs.msg import Header

cv2 = pytest.importorskip("cv2")
bridge = CvBridge()
ours_only = pytest.mark.skipif(
    not hasattr(cv_bridge, "errors"), reason="the upstream package returns None or garbage"
)

PLAIN = ["8UC1", "8UC3", "8UC4", "8SC2", "16UC1", "16UC3", "16SC1", "32SC1", "32FC1", "32FC3", "64FC1"]
COLORED = {
    "mono8": "8UC1", "mono16": "16UC1", "rgb8": "8UC3", "bgr8": "8UC3", "rgba8": "8UC4", "bgra8": "8UC4",
    "rgb16": "16UC3", "bgra16": "16UC4", "bayer_rggb8": "8UC1", "bayer_gbrg16": "16UC1", "yuv422": "8UC2",
    "yuv422_yuy2": "8UC2",
}  # fmt: skip


def message_of(image: np.ndarray, encoding: str, padding: int = 0, big_endian: bool = False) -> Image:
    stored = image.astype(image.dtype.newbyteorder(">" if big_endian else "<"))
    rows = stored.reshape(image.shape[0], -1).view(np.uint8)
    rows = np.pad(rows, ((0, 0), (0, padding)), constant_values=170)
    message = Image(height=image.shape[0], width=image.shape[1], encoding=encoding)
    message.step, message.is_bigendian = rows.shape[1], big_endian
    message.data = array.array("B", rows.tobytes())
    return message


def random_image(encoding: str, height: int = 6, width: int = 8, seed: int = 0) -> np.ndarray:
    dtype, channels = bridge.encoding_to_dtype_with_channels(encoding)
    shape = (height, width) if channels == 1 else (height, width, channels)
    random = np.random.default_rng(seed)
    if np.dtype(dtype).kind == "f":
        return random.normal(size=shape).astype(dtype)
    limits = np.iinfo(dtype)
    return random.integers(limits.min, limits.max, shape, dtype, endpoint=True)


@pytest.mark.parametrize("encoding", [*PLAIN, *COLORED])
@given(st.integers(1, 5), st.integers(1, 7).map(lambda n: 2 * n), st.integers(0, 2**32 - 1))
def test_a_round_trip_keeps_every_pixel(encoding: str, height: int, width: int, seed: int) -> None:
    image = random_image(encoding, height, width, seed)
    message = bridge.cv2_to_imgmsg(image, encoding)
    assert (message.height, message.width, message.encoding) == (height, width, encoding)
    assert message.step == image.nbytes // height
    back = bridge.imgmsg_to_cv2(message)
    assert back.dtype == image.dtype
    np.testing.assert_array_equal(back, image)


@pytest.mark.parametrize("encoding", [*PLAIN, *COLORED])
def test_byte_order_is_respected(encoding: str) -> None:
    image = random_image(encoding)
    back = bridge.imgmsg_to_cv2(message_of(image, encoding, big_endian=True))
    assert back.dtype == image.dtype
    np.testing.assert_array_equal(back, image)


@pytest.mark.parametrize(("encoding", "padding"), [("mono8", 5), ("bgr8", 9), ("16UC1", 4), ("32FC1", 8)])
def test_padding_at_the_end_of_rows_is_dropped(encoding: str, padding: int) -> None:
    image = random_image(encoding)
    np.testing.assert_array_equal(bridge.imgmsg_to_cv2(message_of(image, encoding, padding)), image)


def test_passthrough_names_the_plain_type_and_the_header_is_kept() -> None:
    image = random_image("bgr8")
    message = bridge.cv2_to_imgmsg(image, header=Header(frame_id="camera"))
    assert message.encoding == "8UC3"
    assert message.header.frame_id == "camera"
    assert bridge.cv2_to_imgmsg(random_image("32FC1")).encoding == "32FC1"
    big = image[..., 0].astype(">u2")
    assert bridge.cv2_to_imgmsg(big).is_bigendian
    np.testing.assert_array_equal(bridge.imgmsg_to_cv2(bridge.cv2_to_imgmsg(big)), big)


def test_arrays_need_not_be_contiguous() -> None:
    image = random_image("bgr8")[:, ::-1, ::-1]
    np.testing.assert_array_equal(bridge.imgmsg_to_cv2(bridge.cv2_to_imgmsg(image, "rgb8")), image)


def converted(pixel, source: str, target: str) -> list:
    """Convert an image of 4x4 equal pixels and return its first one."""
    dtype, channels = bridge.encoding_to_dtype_with_channels(source)
    image = np.full((4, 4, channels), pixel, dtype)
    image = image[..., 0] if channels == 1 else image
    result = bridge.imgmsg_to_cv2(message_of(image, source), target)
    assert result.dtype == bridge.encoding_to_dtype_with_channels(target)[0]
    return np.atleast_1d(result[0, 0]).tolist()


@pytest.mark.parametrize(
    ("pixel", "source", "target", "expected"),
    [
        ([10, 20, 30], "rgb8", "bgr8", [30, 20, 10]),
        ([10, 20, 30], "rgb8", "bgra8", [30, 20, 10, 255]),
        ([10, 20, 30, 40], "bgra8", "rgb8", [30, 20, 10]),
        ([10, 20, 30, 40], "bgra8", "rgba8", [30, 20, 10, 40]),
        ([50], "mono8", "rgb8", [50, 50, 50]),
        ([255, 0, 0], "rgb8", "mono8", [76]),
        ([255, 0, 0], "bgr8", "mono8", [29]),
        ([65535], "mono16", "mono8", [255]),
        ([1000], "mono16", "mono8", [4]),
        ([255], "mono8", "mono16", [65535]),
        ([3], "mono8", "mono16", [771]),
        ([65535, 0, 0], "rgb16", "bgr8", [0, 0, 255]),
        ([1, 2, 3], "rgb8", "8UC3", [1, 2, 3]),
        ([1000], "mono16", "16UC1", [1000]),
        ([1000], "16UC1", "32FC1", [1000.0]),
        ([2.5], "32FC1", "16UC1", [2]),
        ([-7.0], "32FC1", "16UC1", [0]),
        ([1e9], "32FC1", "16SC1", [32767]),
        ([1000], "mono16", "32FC1", [1000.0]),
        ([128, 200], "yuv422", "mono8", [200]),
        ([200, 128], "yuv422_yuy2", "mono8", [200]),
    ],
)
def test_colours_and_depths_convert(pixel, source: str, target: str, expected: list) -> None:
    assert converted(pixel, source, target) == expected


@pytest.mark.parametrize("order", ["rggb", "bggr", "gbrg", "grbg"])
@pytest.mark.parametrize(("bits", "target"), [(8, "rgb8"), (16, "rgb16"), (16, "rgb8")])
def test_bayer_patterns_give_the_colour_that_was_filtered(order: str, bits: int, target: str) -> None:
    colour = {"r": 200, "g": 100, "b": 50}
    cell = np.array([colour[name] for name in order], np.uint16).reshape(2, 2) * (257 if bits == 16 else 1)
    mosaic = np.tile(cell, (8, 8)).astype(np.uint8 if bits == 8 else np.uint16)
    image = bridge.imgmsg_to_cv2(message_of(mosaic, f"bayer_{order}{bits}"), target)
    expected = np.array([200, 100, 50]) * (257 if target == "rgb16" else 1)
    np.testing.assert_array_equal(image[4:-4, 4:-4], np.broadcast_to(expected, image[4:-4, 4:-4].shape))


def test_yuv_carries_colour() -> None:
    yuyv = np.zeros((2, 4, 2), np.uint8)
    yuyv[..., 0] = 81
    yuyv[:, 0::2, 1], yuyv[:, 1::2, 1] = 90, 240  # pure red in BT.601
    red = bridge.imgmsg_to_cv2(message_of(yuyv, "yuv422_yuy2"), "rgb8")
    np.testing.assert_allclose(red, np.broadcast_to([255, 0, 0], red.shape), atol=3)
    np.testing.assert_array_equal(
        bridge.imgmsg_to_cv2(message_of(yuyv[..., ::-1].copy(), "yuv422"), "rgb8"), red
    )


@pytest.mark.parametrize(
    ("source", "target"),
    [("16UC1", "mono8"), ("8UC3", "bgr8"), ("rgb8", "8UC1"), ("32FC1", "32FC3"), ("rgb8", "bayer_rggb8")],
)
def test_conversions_that_make_no_sense_are_refused(source: str, target: str) -> None:
    with pytest.raises(CvBridgeError, match=source):
        bridge.imgmsg_to_cv2(message_of(random_image(source), source), target)


def test_bad_messages_and_arrays_are_refused() -> None:
    assert issubclass(CvBridgeError, TypeError)
    image = random_image("bgr8")
    with pytest.raises(CvBridgeError, match="jpeg9000"):
        bridge.imgmsg_to_cv2(message_of(image, "jpeg9000"))
    short = message_of(image, "bgr8")
    short.data = short.data[:-1]
    with pytest.raises(TypeError):
        bridge.imgmsg_to_cv2(short)
    with pytest.raises(CvBridgeError, match="8UC3"):
        bridge.cv2_to_imgmsg(image, "mono8")
    with pytest.raises(TypeError):
        bridge.cv2_to_imgmsg([[1, 2], [3, 4]])
    with pytest.raises((CvBridgeError, KeyError)):
        bridge.cv2_to_imgmsg(image.astype(np.float16))


def test_type_numbers_are_opencvs() -> None:
    assert bridge.encoding_to_cvtype2("bgr8") == cv2.CV_8UC3
    assert bridge.encoding_to_cvtype2("32FC1") == cv2.CV_32FC1
    assert bridge.encoding_to_cvtype2("16SC2") == cv2.CV_16SC2
    assert bridge.dtype_with_channels_to_cvtype2(np.dtype("uint16"), 3) == "16UC3"
    assert bridge.encoding_to_dtype_with_channels("rgba16") == ("uint16", 4)


def test_png_keeps_pixels_and_jpg_nearly() -> None:
    smooth = np.add.outer(np.arange(32), np.arange(48)).astype(np.uint8)[..., None] * np.array(
        [1, 2, 3], np.uint8
    )
    exact = bridge.cv2_to_compressed_imgmsg(smooth, "png")
    assert exact.format == "png"
    np.testing.assert_array_equal(bridge.compressed_imgmsg_to_cv2(exact), smooth)
    np.testing.assert_array_equal(bridge.compressed_imgmsg_to_cv2(exact, "rgb8"), smooth[..., ::-1])
    jpg = bridge.cv2_to_compressed_imgmsg(smooth)
    assert jpg.format == "jpg"
    decoded = bridge.compressed_imgmsg_to_cv2(jpg)
    assert np.abs(decoded.astype(int) - smooth).mean() < 5.0
    depth = random_image("mono16")
    np.testing.assert_array_equal(
        bridge.compressed_imgmsg_to_cv2(bridge.cv2_to_compressed_imgmsg(depth, "png")), depth
    )


@ours_only
def test_rows_that_are_too_short_are_refused() -> None:
    narrow = message_of(random_image("bgr8"), "bgr8")
    narrow.step -= 3
    with pytest.raises(CvBridgeError, match="step 21"):
        bridge.imgmsg_to_cv2(narrow)


@ours_only
def test_damaged_compressed_data_is_refused() -> None:
    for data in (b"", b"not a picture"):
        message = CompressedImage(format="jpeg", data=array.array("B", data))
        with pytest.raises(CvBridgeError, match="jpeg"):
            bridge.compressed_imgmsg_to_cv2(message)
    with pytest.raises((CvBridgeError, cv2.error)):
        bridge.cv2_to_compressed_imgmsg(random_image("bgr8"), "nosuchformat")
