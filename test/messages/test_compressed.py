"""JPEG and PNG images as arrays, whole and broken."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from plain_messages import compressed_message

from anyview_ros.errors import InvalidInputError
from anyview_ros.messages import compressed_to_rgb

PICTURE = np.zeros((24, 32, 3), np.uint8)
PICTURE[:, :16] = (250, 20, 30)
PICTURE[:, 16:] = (10, 40, 240)
PNG = cv2.imencode(".png", PICTURE[..., ::-1])[1].tobytes()
JPEG = cv2.imencode(".jpg", PICTURE[..., ::-1])[1].tobytes()


def test_png_is_exact() -> None:
    np.testing.assert_array_equal(
        compressed_to_rgb(compressed_message("rgb8; png compressed bgr8", PNG)), PICTURE
    )


def test_jpeg_keeps_colours_in_order() -> None:
    read = compressed_to_rgb(compressed_message("jpeg", JPEG))
    np.testing.assert_allclose(read[:, (4, 28)], PICTURE[:, (4, 28)], atol=8)


def test_grey_is_repeated() -> None:
    grey = cv2.imencode(".png", PICTURE[..., 0])[1].tobytes()
    expected = PICTURE[..., :1].repeat(3, axis=2)
    np.testing.assert_array_equal(compressed_to_rgb(compressed_message("png", grey)), expected)


@given(st.integers(0, 100), st.sampled_from([PNG, JPEG]))
def test_truncated_files_are_errors(percent: int, data: bytes) -> None:
    with pytest.raises(InvalidInputError, match="compressed image of"):
        compressed_to_rgb(compressed_message("jpeg", data[: len(data) * percent // 101]))


@given(st.sampled_from([b"", b"\xff\xd8"]), st.binary(max_size=200))
def test_noise_is_an_error(start: bytes, data: bytes) -> None:
    with pytest.raises(InvalidInputError, match="compressed image of"):
        compressed_to_rgb(compressed_message("jpeg", start + data))


def test_padding_behind_a_jpeg_is_fine() -> None:
    assert compressed_to_rgb(compressed_message("jpeg", JPEG + bytes(512))).shape == PICTURE.shape


def test_a_mosaic_is_refused() -> None:
    with pytest.raises(
        InvalidInputError, match="'bayer_rggb8; png compressed'; publish it debayered, or raw"
    ):
        compressed_to_rgb(compressed_message("bayer_rggb8; png compressed", PNG))


@pytest.mark.parametrize("suffix", [".bmp", ".tiff", ".webp"])
def test_other_files_are_refused_though_opencv_could_read_them(suffix: str) -> None:
    other = cv2.imencode(suffix, PICTURE)[1].tobytes()
    with pytest.raises(InvalidInputError, match="format 'jpeg', is neither JPEG nor PNG"):
        compressed_to_rgb(compressed_message("jpeg", other))


def test_files_that_are_cut_are_refused_whatever_opencv_makes_of_them(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Some versions fill what is missing with grey."""
    monkeypatch.setattr(cv2, "imdecode", lambda data, flags: PICTURE.copy())
    for data in (PNG, JPEG):
        assert compressed_to_rgb(compressed_message("jpeg", data)).shape == PICTURE.shape
        with pytest.raises(InvalidInputError, match="is truncated or corrupt"):
            compressed_to_rgb(compressed_message("jpeg", data[:-3]))
