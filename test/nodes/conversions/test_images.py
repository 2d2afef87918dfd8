"""Images as messages; bayer and packed YUV through cv_bridge."""

from __future__ import annotations

import sys
from array import array
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from plain_messages import image_message

pytest.importorskip("sensor_msgs", reason="needs ROS messages: run through tools/with_ros")

from sensor_msgs.msg import Image
from std_msgs.msg import Header

from anyview_ros.errors import InvalidInputError, MissingDependencyError
from anyview_ros.messages import packed_to_rgb
from anyview_ros.nodes.conversions import image_to_array, image_to_rgb, mono_to_image, rgb_to_image

SIDE = st.integers(1, 9)


def make_image(pixels: np.ndarray[Any, Any], encoding: str) -> Image:
    return Image(**vars(image_message(pixels, encoding)))


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


def test_rgb8_is_read_without_a_copy() -> None:
    msg = make_image(np.zeros((2, 2, 3), np.uint8), "rgb8")
    image_to_rgb(msg)[0, 0, 0] = 200
    assert msg.data[0] == 200


def test_sizes_that_do_not_fit_are_told() -> None:
    for encoding in ("rgb8", "bayer_rggb8"):
        msg = make_image(np.zeros((2, 2, 3), np.uint8), encoding)
        msg.data = array("B", bytes(11))
        with pytest.raises(InvalidInputError, match="has 11 bytes of data"):
            image_to_rgb(msg)


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


@pytest.mark.parametrize("encoding", ["bayer_rggb8", "bayer_grbg16", "yuv422", "yuv422_yuy2"])
def test_cv_bridge_and_opencv_alone_see_the_same(encoding: str) -> None:
    """Nodes take the one, what knows no ROS the other."""
    pytest.importorskip("cv_bridge")
    kind = np.uint16 if encoding.endswith("16") else np.uint8
    shape = (12, 16) if encoding.startswith("bayer") else (12, 16, 2)
    noise = np.random.default_rng(0).integers(0, np.iinfo(kind).max, shape, dtype=kind, endpoint=True)
    msg = make_image(noise, encoding)
    np.testing.assert_array_equal(image_to_rgb(msg), packed_to_rgb(msg))


def test_a_missing_cv_bridge_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "cv_bridge", None)
    with pytest.raises(MissingDependencyError, match=r"'yuv422', which takes cv_bridge .*apt install"):
        image_to_rgb(make_image(np.zeros((2, 2, 2), np.uint8), "yuv422"))
