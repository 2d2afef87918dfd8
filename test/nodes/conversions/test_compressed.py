"""JPEG and PNG images, whole and broken."""

from __future__ import annotations

from array import array

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

pytest.importorskip("sensor_msgs", reason="needs ROS messages: run through tools/with_ros")

from sensor_msgs.msg import CompressedImage
from std_msgs.msg import Header

from anyview_ros.errors import InvalidInputError
from anyview_ros.nodes.conversions.compressed import compressed_to_rgb, rgb_to_compressed

PICTURE = np.zeros((24, 32, 3), np.uint8)
PICTURE[:, :16] = (250, 20, 30)
PICTURE[:, 16:] = (10, 40, 240)


def png(picture: np.ndarray) -> CompressedImage:
    return CompressedImage(format="png", data=array("B", cv2.imencode(".png", picture)[1].tobytes()))


def test_jpeg_keeps_colours_in_order() -> None:
    msg = rgb_to_compressed(PICTURE, Header(frame_id="camera"), quality=95)
    assert msg.header.frame_id == "camera"
    assert "jpeg" in msg.format
    np.testing.assert_allclose(compressed_to_rgb(msg)[:, (4, 28)], PICTURE[:, (4, 28)], atol=8)


def test_quality_trades_size() -> None:
    noise = np.random.default_rng(0).integers(0, 255, (64, 64, 3), dtype=np.uint8)
    assert (
        len(rgb_to_compressed(noise, Header(), 20).data)
        < len(rgb_to_compressed(noise, Header(), 90).data) / 2
    )


def test_png_is_exact_and_grey_is_repeated() -> None:
    np.testing.assert_array_equal(compressed_to_rgb(png(PICTURE[..., ::-1])), PICTURE)
    np.testing.assert_array_equal(compressed_to_rgb(png(PICTURE[..., 0])), PICTURE[..., :1].repeat(3, axis=2))


@given(st.integers(0, 100), st.booleans())
def test_truncated_files_are_errors(percent: int, as_png: bool) -> None:
    msg = png(PICTURE) if as_png else rgb_to_compressed(PICTURE, Header())
    msg.data = msg.data[: len(msg.data) * percent // 101]
    with pytest.raises(InvalidInputError, match="compressed image of"):
        compressed_to_rgb(msg)


@given(st.binary(max_size=200))
def test_noise_is_an_error(data: bytes) -> None:
    with pytest.raises(InvalidInputError, match="compressed image of"):
        compressed_to_rgb(CompressedImage(format="jpeg", data=array("B", b"\xff\xd8" + data)))


def test_padding_behind_a_jpeg_is_fine() -> None:
    msg = rgb_to_compressed(PICTURE, Header())
    msg.data.frombytes(bytes(512))
    assert compressed_to_rgb(msg).shape == PICTURE.shape


@pytest.mark.parametrize("quality", [0, 101])
def test_quality_out_of_range(quality: int) -> None:
    with pytest.raises(InvalidInputError, match=f"JPEG quality is {quality}"):
        rgb_to_compressed(PICTURE, Header(), quality)
