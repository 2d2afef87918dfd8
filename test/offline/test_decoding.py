from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import cv2
import numpy as np
import pytest

from anyview_ros.errors import InvalidInputError
from anyview_ros.offline.decoding import decode_depth, decode_image, depth_in_metres

RGB = np.random.default_rng(0).integers(0, 256, (6, 8, 3), dtype=np.uint8)


def raw(pixels: np.ndarray[Any, Any], encoding: str, *, padding: int = 0, big: bool = False) -> Any:
    rows = np.ascontiguousarray(pixels).view(np.uint8).reshape(len(pixels), -1)
    rows = np.pad(rows, ((0, 0), (0, padding)))
    height, width = pixels.shape[:2]
    return SimpleNamespace(
        encoding=encoding,
        width=width,
        height=height,
        step=rows.shape[1],
        is_bigendian=int(big),
        data=rows.tobytes(),
    )


@pytest.mark.parametrize("padding", [0, 5])
@pytest.mark.parametrize(
    ("encoding", "pixels"),
    [
        ("rgb8", RGB),
        ("bgr8", RGB[..., ::-1]),
        ("rgba8", np.dstack([RGB, RGB[..., :1]])),
        ("bgra8", np.dstack([RGB[..., ::-1], RGB[..., :1]])),
    ],
)
def test_colours(encoding: str, pixels: np.ndarray[Any, Any], padding: int) -> None:
    np.testing.assert_array_equal(decode_image(raw(pixels, encoding, padding=padding)), RGB)


def test_grey() -> None:
    grey = np.repeat(RGB[..., :1], 3, axis=2)
    np.testing.assert_array_equal(decode_image(raw(RGB[..., 0], "mono8")), grey)
    wide = RGB[..., 0].astype(np.uint16) * 257
    np.testing.assert_array_equal(decode_image(raw(wide, "mono16")), grey)
    np.testing.assert_array_equal(decode_image(raw(wide.byteswap(), "mono16", big=True)), grey)


@pytest.mark.parametrize("encoding", ["bayer_rggb8", "bayer_bggr8", "bayer_grbg8", "bayer_gbrg8"])
def test_bayer_patterns(encoding: str) -> None:
    """A plain red picture: in the mosaic, only the red pixels are bright."""
    order = {"r": 255, "g": 0, "b": 0}
    tile = np.array([order[letter] for letter in encoding[6:10]], np.uint8).reshape(2, 2)
    decoded = decode_image(raw(np.tile(tile, (6, 6)), encoding))[3:-3, 3:-3]
    assert decoded[..., 0].min() > 200
    assert decoded[..., 1:].max() < 50


@pytest.mark.parametrize(("encoding", "luma"), [("yuv422", 1), ("uyvy", 1), ("yuv422_yuy2", 0), ("yuyv", 0)])
def test_packed_yuv(encoding: str, luma: int) -> None:
    pixels = np.full((4, 6, 2), 128, np.uint8)
    pixels[..., luma] = 235
    assert decode_image(raw(pixels, encoding)).min() > 250


def compressed(data: bytes, said: str) -> Any:
    return SimpleNamespace(format=said, data=np.frombuffer(data, np.uint8))


def test_compressed() -> None:
    png = cv2.imencode(".png", RGB[..., ::-1])[1].tobytes()
    np.testing.assert_array_equal(decode_image(compressed(png, "rgb8; png compressed bgr8")), RGB)
    jpeg = cv2.imencode(".jpg", np.full((64, 64, 3), 90, np.uint8))[1].tobytes()
    assert np.abs(decode_image(compressed(jpeg, "jpeg")).astype(int) - 90).max() <= 2
    for broken in (jpeg[: len(jpeg) // 2], b"", b"nothing of the kind"):
        with pytest.raises(InvalidInputError, match="cannot be decoded"):
            decode_image(compressed(broken, "jpeg"))


@pytest.mark.parametrize("change", [{"step": 7}, {"height": 9}, {"width": 0}, {"data": b""}])
def test_sizes_that_do_not_fit(change: dict[str, Any]) -> None:
    message = raw(RGB, "rgb8")
    message.__dict__.update(change)
    with pytest.raises(InvalidInputError, match="driver fills the message wrongly"):
        decode_image(message)


def test_encodings_that_are_no_picture() -> None:
    with pytest.raises(InvalidInputError, match="'32FC1', which is no colour picture"):
        decode_image(raw(np.zeros((4, 4), np.float32), "32FC1"))
    with pytest.raises(InvalidInputError, match="depth encoding is 'rgb8'"):
        decode_depth(raw(RGB, "rgb8"))


def test_depth() -> None:
    millimetres = np.arange(12, dtype=np.uint16).reshape(3, 4) * 500
    for message in (raw(millimetres, "16UC1", padding=2), raw(millimetres.byteswap(), "16UC1", big=True)):
        np.testing.assert_array_equal(decode_depth(message), millimetres)
    np.testing.assert_allclose(depth_in_metres(millimetres), millimetres / 1000, rtol=1e-6)
    metres = np.array([[1.5, np.nan, np.inf, -1.0]], np.float32)
    decoded = decode_depth(raw(metres, "32FC1"))
    np.testing.assert_array_equal(decoded, np.array([[1.5, 0, 0, 0]], np.float32))
    np.testing.assert_array_equal(depth_in_metres(decoded), decoded)


def test_compressed_depth() -> None:
    millimetres = np.arange(12, dtype=np.uint16).reshape(3, 4) * 500
    payload = bytes(12) + cv2.imencode(".png", millimetres)[1].tobytes()
    np.testing.assert_array_equal(
        decode_depth(compressed(payload, "16UC1; compressedDepth png")), millimetres
    )
    for data, said in ((payload[:20], "16UC1; compressedDepth png"), (payload, "32FC1; compressedDepth png")):
        with pytest.raises(InvalidInputError, match="compressed depth"):
            decode_depth(compressed(data, said))
