"""Depth: units, unknown values, and the compressed transport."""

from __future__ import annotations

import struct
from types import SimpleNamespace
from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from plain_messages import compressed_message, image_message

from anyview_ros.errors import InvalidInputError
from anyview_ros.messages import (
    compressed_depth_to_metres,
    compressed_depth_values,
    depth_in_millimetres,
    depth_to_metres,
    depth_values,
)

SHAPE = st.tuples(st.integers(1, 8), st.integers(1, 8))


@given(arrays(np.uint16, SHAPE), st.integers(0, 3), st.booleans(), st.sampled_from(["16UC1", "mono16"]))
def test_millimetres_become_metres(
    depth: np.ndarray[Any, Any], padding: int, big_endian: bool, encoding: str
) -> None:
    message = image_message(depth, encoding, padding=padding, big_endian=big_endian)
    np.testing.assert_array_equal(depth_values(message), depth)
    metres = depth_to_metres(message)
    assert metres.dtype == np.float32
    np.testing.assert_allclose(metres, depth / 1000, rtol=1e-6)


@given(arrays(np.float32, SHAPE, elements=st.floats(width=32)))
def test_unknown_depth_is_zero_and_the_rest_survives(depth: np.ndarray[Any, Any]) -> None:
    metres = depth_to_metres(image_message(depth, "32FC1"))
    assert metres.dtype == np.float32
    known = np.isfinite(depth) & (depth > 0)
    np.testing.assert_array_equal(metres[known], depth[known])
    assert not metres[~known].any()


def test_other_encodings_are_refused() -> None:
    with pytest.raises(InvalidInputError, match="depth encoding is 'mono8'; publish 16UC1"):
        depth_to_metres(image_message(np.zeros((2, 2), np.uint8), "mono8"))


def compressed(encoding: str, raw: np.ndarray[Any, Any], a: float = 0.0, b: float = 0.0) -> SimpleNamespace:
    png = cv2.imencode(".png", raw)[1].tobytes()
    return compressed_message(f"{encoding}; compressedDepth png", struct.pack("<iff", 0, a, b) + png)


def test_compressed_millimetres() -> None:
    raw = np.arange(12, dtype=np.uint16).reshape(3, 4) * 500
    values = compressed_depth_values(compressed("16UC1", raw))
    assert values.dtype == np.uint16
    np.testing.assert_array_equal(values, raw)
    np.testing.assert_allclose(compressed_depth_to_metres(compressed("16UC1", raw)), raw / 1000)


def test_compressed_inverse_depth() -> None:
    a, b = 1000.0, -5.0
    metres = np.array([[0.5, 1.0], [4.0, 0.0]], np.float32)
    raw = np.where(metres > 0, a / np.maximum(metres, 1e-3) + b, 0).astype(np.uint16)
    np.testing.assert_allclose(compressed_depth_to_metres(compressed("32FC1", raw, a, b)), metres, rtol=0.01)


@pytest.mark.parametrize("cut", [0, 5, 12, 30])
def test_truncated_compressed_depth_is_an_error(cut: int) -> None:
    msg = compressed("16UC1", np.ones((8, 8), np.uint16))
    msg.data = msg.data[:cut]
    with pytest.raises(InvalidInputError, match="compressed depth"):
        compressed_depth_to_metres(msg)


@pytest.mark.parametrize("said", ["16UC1; compressedDepth rvl", "8UC1; compressedDepth png", "16UC1; png"])
def test_other_compressed_formats_are_refused(said: str) -> None:
    msg = compressed("16UC1", np.ones((8, 8), np.uint16))
    msg.format = said
    with pytest.raises(InvalidInputError, match=f"compressed depth format is '{said}'"):
        compressed_depth_to_metres(msg)


def test_a_picture_of_8_bits_is_no_depth() -> None:
    with pytest.raises(InvalidInputError, match="holds no PNG of 16 bit grey"):
        compressed_depth_to_metres(compressed("16UC1", np.ones((8, 8), np.uint8)))


def test_a_colour_picture_of_16_bits_is_no_depth() -> None:
    with pytest.raises(InvalidInputError, match="holds no PNG of 16 bit grey"):
        compressed_depth_values(compressed("16UC1", np.ones((8, 8, 3), np.uint16)))


@given(arrays(np.float32, SHAPE, elements=st.floats(0, 65.5, width=32)))
def test_metres_become_millimetres(depth: np.ndarray[Any, Any]) -> None:
    np.testing.assert_allclose(depth_in_millimetres(depth) / 1000, depth, atol=0.00051)


def test_what_millimetres_cannot_say_is_unknown() -> None:
    depth = np.array([[65.536, 100.0, np.inf, np.nan, -1.0, 65.535]], np.float32)
    assert depth_in_millimetres(depth).tolist() == [[0, 0, 0, 0, 0, 65535]]
