"""Raw images as arrays: encodings, padding, byte order and faults."""

from __future__ import annotations

from array import array
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from plain_messages import image_message

from anyview_ros.errors import AnyViewError, InvalidInputError
from anyview_ros.messages import image_to_array, image_to_rgb

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
    read = image_to_array(image_message(pixels, encoding, padding=padding, big_endian=big_endian))
    assert read.dtype.isnative
    np.testing.assert_array_equal(read, pixels)


@pytest.mark.parametrize("kind", [bytes, bytearray, lambda data: np.frombuffer(data, np.uint8)])
@pytest.mark.parametrize("encoding", ["rgb8", "bgr8"])
def test_bytes_may_come_as_any_library_gives_them(kind: Any, encoding: str) -> None:
    """Bytes are read-only, and so are the arrays that readers of bags make of them."""
    pixels = np.random.default_rng(0).integers(0, 256, (4, 5, 3), dtype=np.uint8)
    message = image_message(pixels, encoding)
    message.data = kind(message.data.tobytes())
    np.testing.assert_array_equal(image_to_rgb(message), pixels if encoding == "rgb8" else pixels[..., ::-1])


@pytest.mark.parametrize(
    ("encoding", "pixel"),
    [("rgb8", (1, 2, 3)), ("bgr8", (3, 2, 1)), ("rgba8", (1, 2, 3, 9)), ("bgra8", (3, 2, 1, 9))],
)
def test_colours_are_put_in_order(encoding: str, pixel: tuple[int, ...]) -> None:
    pixels = np.tile(np.array(pixel, np.uint8), (2, 3, 1))
    rgb = image_to_rgb(image_message(pixels, encoding, padding=2))
    assert rgb.shape == (2, 3, 3)
    assert rgb.flags.c_contiguous
    assert rgb[1, 2].tolist() == [1, 2, 3]


@pytest.mark.parametrize("big_endian", [False, True])
def test_grey_becomes_colour(big_endian: bool) -> None:
    grey = np.array([[0, 128, 65535, 257 * 77]], np.uint16)
    assert image_to_rgb(image_message(grey.astype(np.uint8), "mono8"))[0, 1].tolist() == [128] * 3
    rgb = image_to_rgb(image_message(grey, "mono16", padding=2, big_endian=big_endian))
    assert rgb.tolist() == [[[level] * 3 for level in (0, 0, 255, 77)]]


def test_rgb8_is_read_without_a_copy() -> None:
    msg = image_message(np.zeros((2, 2, 3), np.uint8), "rgb8")
    image_to_rgb(msg)[0, 0, 0] = 200
    assert msg.data[0] == 200


@pytest.mark.parametrize("encoding", ["", "jpeg", "64FC1", "8UC3", "32FC3"])
def test_unknown_encodings_are_named(encoding: str) -> None:
    msg = image_message(np.zeros((2, 2, 3), np.uint8), encoding)
    with pytest.raises(
        InvalidInputError, match=rf"'{encoding}'.*publish one of rgb8, rgba8, bgr8, bgra8, mono8,"
    ):
        image_to_rgb(msg)
    with pytest.raises(
        InvalidInputError, match=rf"'{encoding}', which cannot be read as it is; publish one of"
    ):
        image_to_array(msg)


def test_depth_is_no_colour_image() -> None:
    with pytest.raises(InvalidInputError, match="'16UC1', which is no colour image"):
        image_to_rgb(image_message(np.zeros((2, 2), np.uint16), "16UC1"))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"width": 0}, "is empty"),
        ({"height": 0}, "is empty"),
        ({"step": 5}, "step of 2x2 rgb8 image is 5 but one row takes 6"),
        ({"height": 3}, "has 12 bytes of data but height x step is 3 x 6 = 18"),
        ({"data": b""}, "has 0 bytes of data"),
        ({"data": array("B", bytes(11))}, "has 11 bytes of data"),
        ({"data": array("B", bytes(13))}, "has 13 bytes of data"),
    ],
)
def test_sizes_that_do_not_fit_are_told(change: dict[str, Any], message: str) -> None:
    msg = image_message(np.zeros((2, 2, 3), np.uint8), "rgb8")
    msg.__dict__.update(change)
    with pytest.raises(InvalidInputError, match=message):
        image_to_rgb(msg)


@given(
    st.sampled_from([*ENCODINGS, "bayer_rggb8", "bayer_gbrg16", "bayer_", "yuv422", "nonsense"]),
    st.integers(0, 6),
    st.integers(0, 6),
    st.integers(0, 30),
    st.binary(max_size=80),
)
def test_whatever_comes_is_an_image_or_a_clear_error(
    encoding: str, width: int, height: int, step: int, data: bytes
) -> None:
    msg = SimpleNamespace(
        width=width, height=height, step=step, encoding=encoding, is_bigendian=0, data=array("B", data)
    )
    try:
        shape = image_to_rgb(msg).shape
    except AnyViewError:
        return
    assert shape == (height, width, 3)


def test_who_unpacks_mosaics_is_told_by_the_caller() -> None:
    """Sizes are checked first, whoever does it."""
    msg = image_message(np.zeros((2, 4), np.uint8), "bayer_rggb8")
    white = np.full((2, 4, 3), 255, np.uint8)
    assert image_to_rgb(msg, unpack=lambda image: white if image is msg else None) is white
    msg.step = 3
    with pytest.raises(InvalidInputError, match="step of 4x2 bayer_rggb8 image is 3 but one row takes 4"):
        image_to_rgb(msg, unpack=lambda image: white)


@pytest.mark.parametrize("encoding", ["yuv422", "yuyv", "bayer_rggb16"])
def test_rows_of_two_bytes_per_pixel_are_checked_whoever_unpacks_them(encoding: str) -> None:
    msg = image_message(np.zeros((2, 4), np.uint16), encoding)
    msg.step = 7
    with pytest.raises(InvalidInputError, match=f"step of 4x2 {encoding} image is 7 but one row takes 8"):
        image_to_rgb(msg, unpack=lambda image: np.zeros((2, 4, 3), np.uint8))
