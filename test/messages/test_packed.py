"""Mosaics and packed YUV by OpenCV."""

from __future__ import annotations

import numpy as np
import pytest
from plain_messages import image_message

from anyview_ros.errors import InvalidInputError
from anyview_ros.messages import packed_to_rgb


@pytest.mark.parametrize("bits", [8, 16])
@pytest.mark.parametrize("pattern", ["rggb", "bggr", "gbrg", "grbg"])
def test_bayer_patterns(pattern: str, bits: int) -> None:
    level = {"r": 200, "g": 100, "b": 50}
    tile = np.array([level[letter] for letter in pattern]).reshape(2, 2)
    mosaic = (
        np.tile(tile, (8, 8)).astype(np.uint8) if bits == 8 else np.tile(tile * 257, (8, 8)).astype(np.uint16)
    )
    for big_endian in (False, True):
        rgb = packed_to_rgb(image_message(mosaic, f"bayer_{pattern}{bits}", padding=4, big_endian=big_endian))
        assert rgb.shape == (16, 16, 3)
        np.testing.assert_allclose(rgb[4:-4, 4:-4].reshape(-1, 3), [[200, 100, 50]] * 64, atol=1)


@pytest.mark.parametrize(("encoding", "luma"), [("yuv422", 1), ("uyvy", 1), ("yuv422_yuy2", 0), ("yuyv", 0)])
def test_packed_yuv(encoding: str, luma: int) -> None:
    pixels = np.full((4, 6, 2), 128, np.uint8)
    pixels[..., luma] = 180
    rgb = packed_to_rgb(image_message(pixels, encoding, padding=3))
    assert rgb.shape == (4, 6, 3)
    np.testing.assert_allclose(rgb.reshape(-1), (180 - 16) * 255 / 219, atol=1)


def test_chroma_is_read_in_order() -> None:
    """U and V of a saturated red, 8 bit: 90 and 240."""
    pixels = np.zeros((2, 4, 2), np.uint8)
    pixels[..., 1], pixels[:, ::2, 0], pixels[:, 1::2, 0] = 82, 90, 240
    red, green, blue = packed_to_rgb(image_message(pixels, "uyvy"))[0, 0]
    assert red > 240
    assert max(green, blue) < 15


@pytest.mark.parametrize("encoding", ["bayer_rgbg8", "yuv422_other", "rgb8"])
def test_other_encodings_are_named(encoding: str) -> None:
    with pytest.raises(
        InvalidInputError, match=f"'{encoding}', which cannot be unpacked; publish rgb8, or one of"
    ):
        packed_to_rgb(image_message(np.zeros((2, 2), np.uint8), encoding))


def test_half_a_pair_is_told() -> None:
    """Two pixels share their chroma, so that widths are even."""
    with pytest.raises(InvalidInputError, match="a 3x2 yuv422 image cannot be unpacked"):
        packed_to_rgb(image_message(np.zeros((2, 3, 2), np.uint8), "yuv422"))
