"""Images as messages and as arrays: encodings, padding, byte order and faults."""

from __future__ import annotations

import sys
from array import array
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

pytest.importorskip("sensor_msgs", reason="needs ROS messages: run through tools/with_ros")

from sensor_msgs.msg import Image
from std_msgs.msg import Header

from anyview_ros.errors import AnyViewError, InvalidInputError
from anyview_ros.nodes.conversions.images import image_to_array, image_to_rgb, mono_to_image, rgb_to_image

SIDE = st.integers(1, 9)
ENCODINGS = {
    "rgb8": ("u1", 3),
    "bgr8": ("u1", 3),
    "rgba8": ("u1", 4),
    "bgra8": ("u1", 4),
    "mono8": ("u1", 1),
    "mono16": ("u2", 1),
    "16UC1": ("u2", 1),
    "32FC1": ("f4", 1),
}


def make_image(
    pixels: np.ndarray[Any, Any], encoding: str, *, padding: int = 0, big_endian: bool = False
) -> Image:
    """An image message written byte by byte, independently of the code under test."""
    height, width = pixels.shape[:2]
    wire = pixels.astype(pixels.dtype.newbyteorder(">" if big_endian else "<"))
    rows = [row.tobytes() + b"\xab" * padding for row in wire]
    return Image(
        header=Header(frame_id="camera"),
        height=height,
        width=width,
        encoding=encoding,
        is_bigendian=int(big_endian),
        step=len(rows[0]),
        data=array("B", b"".join(rows)),
    )


@st.composite
def encoded(draw: st.DrawFn) -> tuple[str, np.ndarray[Any, Any]]:
    encoding = draw(st.sampled_from(sorted(ENCODINGS)))
    kind, channels = ENCODINGS[encoding]
    shape = (draw(SIDE), draw(SIDE)) + ((channels,) if channels > 1 else ())
    elements = {"allow_nan": False} if kind == "f4" else {}
    return encoding, draw(arrays(np.dtype(kind), shape, elements=elements))


@given(encoded(), st.integers(0, 5), st.booleans())
def test_pixels_survive_padding_and_byte_order(
    picture: tuple[str, np.ndarray[Any, Any]], padding: int, big_endian: bool
) -> None:
    encoding, pixels = picture
    read = image_to_array(make_image(pixels, encoding, padding=padding, big_endian=big_endian))
    assert read.dtype.isnative
    np.testing.assert_array_equal(read, pixels)


@given(arrays(np.uint8, st.tuples(SIDE, SIDE, st.just(3))))
def test_rgb_round_trip(pixels: np.ndarray[Any, Any]) -> None:
    msg = rgb_to_image(pixels, Header(frame_id="camera"))
    assert (msg.encoding, msg.header.frame_id) == ("rgb8", "camera")
    assert msg.is_bigendian == (sys.byteorder == "big")
    np.testing.assert_array_equal(image_to_rgb(msg), pixels)


@given(arrays(np.uint8, st.tuples(SIDE, SIDE)))
def test_mono_round_trip(pixels: np.ndarray[Any, Any]) -> None:
    np.testing.assert_array_equal(image_to_array(mono_to_image(pixels, Header())), pixels)


def test_views_that_are_not_contiguous_are_written_right() -> None:
    pixels = np.arange(4 * 6 * 3, dtype=np.uint8).reshape(4, 6, 3)[::-1, ::2]
    np.testing.assert_array_equal(image_to_rgb(rgb_to_image(pixels, Header())), pixels)


@pytest.mark.parametrize(
    ("encoding", "pixel"),
    [("rgb8", (1, 2, 3)), ("bgr8", (3, 2, 1)), ("rgba8", (1, 2, 3, 9)), ("bgra8", (3, 2, 1, 9))],
)
def test_colours_are_put_in_order(encoding: str, pixel: tuple[int, ...]) -> None:
    pixels = np.tile(np.array(pixel, np.uint8), (2, 3, 1))
    rgb = image_to_rgb(make_image(pixels, encoding, padding=2))
    assert rgb.shape == (2, 3, 3)
    assert rgb.flags.c_contiguous
    assert rgb[1, 2].tolist() == [1, 2, 3]


def test_grey_becomes_colour() -> None:
    grey = np.array([[0, 128, 65535]], np.uint16)
    assert image_to_rgb(make_image(grey.astype(np.uint8), "mono8"))[0, 1].tolist() == [128] * 3
    assert image_to_rgb(make_image(grey, "mono16"))[0, :, 0].tolist() == [0, 0, 255]
    assert image_to_rgb(make_image(np.array([[257 * 77]], np.uint16), "mono16")).ravel().tolist() == [77] * 3


def test_rgb8_is_read_without_a_copy() -> None:
    msg = make_image(np.zeros((2, 2, 3), np.uint8), "rgb8")
    image_to_rgb(msg)[0, 0, 0] = 200
    assert msg.data[0] == 200


@pytest.mark.parametrize("encoding", ["", "jpeg", "64FC1", "8UC3", "32FC3"])
def test_unknown_encodings_are_named(encoding: str) -> None:
    msg = make_image(np.zeros((2, 2, 3), np.uint8), encoding)
    with pytest.raises(InvalidInputError, match=rf"'{encoding}'.*publish one of"):
        image_to_rgb(msg)


def test_depth_is_no_colour_image() -> None:
    with pytest.raises(InvalidInputError, match="'16UC1', which is no colour image"):
        image_to_rgb(make_image(np.zeros((2, 2), np.uint16), "16UC1"))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"width": 0}, "is empty"),
        ({"height": 0}, "is empty"),
        ({"step": 5}, "step of 2x2 rgb8 image is 5 but one row takes 6"),
        ({"height": 3}, "has 12 bytes of data but height x step is 3 x 6 = 18"),
        ({"data": array("B", bytes(11))}, "has 11 bytes of data"),
        ({"data": array("B", bytes(13))}, "has 13 bytes of data"),
    ],
)
def test_sizes_that_do_not_fit_are_told(change: dict[str, Any], message: str) -> None:
    msg = make_image(np.zeros((2, 2, 3), np.uint8), "rgb8")
    for name, value in change.items():
        setattr(msg, name, value)
    with pytest.raises(InvalidInputError, match=message):
        image_to_rgb(msg)


@given(
    st.sampled_from([*ENCODINGS, "bayer_rggb8", "yuv422", "nonsense"]),
    st.integers(0, 6),
    st.integers(0, 6),
    st.integers(0, 30),
    st.binary(max_size=80),
)
def test_whatever_comes_is_an_image_or_a_clear_error(
    encoding: str, width: int, height: int, step: int, data: bytes
) -> None:
    msg = Image(width=width, height=height, step=step, encoding=encoding, data=array("B", data))
    try:
        shape = image_to_rgb(msg).shape
    except AnyViewError:
        return
    assert shape == (height, width, 3)


@pytest.mark.parametrize("pattern", ["rggb", "bggr", "gbrg", "grbg"])
def test_bayer_goes_through_cv_bridge(pattern: str) -> None:
    pytest.importorskip("cv_bridge")
    level = {"r": 200, "g": 100, "b": 50}
    tile = np.array(
        [[level[pattern[0]], level[pattern[1]]], [level[pattern[2]], level[pattern[3]]]], np.uint8
    )
    rgb = image_to_rgb(make_image(np.tile(tile, (8, 8)), f"bayer_{pattern}8"))
    assert rgb.shape == (16, 16, 3)
    np.testing.assert_allclose(rgb[4:-4, 4:-4].reshape(-1, 3), [[200, 100, 50]] * 64, atol=2)


@pytest.mark.parametrize(("encoding", "luma"), [("yuv422", 1), ("yuv422_yuy2", 0)])
def test_packed_yuv_goes_through_cv_bridge(encoding: str, luma: int) -> None:
    pytest.importorskip("cv_bridge")
    packed = np.full((4, 6, 2), 128, np.uint8)
    packed[..., luma] = 180
    rgb = image_to_rgb(make_image(packed, encoding))
    assert rgb.shape == (4, 6, 3)
    np.testing.assert_allclose(rgb.reshape(-1, 3), 180 if rgb.max() < 185 else (180 - 16) * 255 / 219, atol=3)
