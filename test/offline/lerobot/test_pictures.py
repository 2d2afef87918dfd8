from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import pytest

from anyview_ros.errors import ReadError
from anyview_ros.offline.lerobot.pictures import embedded_depth, embedded_picture


def png(pixels: np.ndarray) -> dict[str, Any]:
    return {"bytes": cv2.imencode(".png", pixels)[1].tobytes(), "path": "0.png"}


def test_pictures_are_rgb_and_depth_is_as_stored() -> None:
    image = np.random.default_rng(0).integers(0, 256, (6, 8, 3), dtype=np.uint8)
    np.testing.assert_array_equal(embedded_picture(png(image[..., ::-1]), "e: top"), image)
    depth = np.arange(48, dtype=np.uint16).reshape(6, 8) * 1000
    np.testing.assert_array_equal(embedded_depth(png(depth), "e: depth"), depth)


@pytest.mark.parametrize("value", [None, {"bytes": None, "path": "0.png"}, "0.png"])
def test_rows_without_bytes_are_refused(value: Any) -> None:
    with pytest.raises(ReadError, match="e: top: a row holds no picture's bytes"):
        embedded_picture(value, "e: top")


def test_damaged_pictures_and_depth_in_colour_are_refused() -> None:
    with pytest.raises(ReadError, match="cannot be decoded"):
        embedded_picture({"bytes": b"no picture"}, "e: top")
    cut = cv2.imencode(".jpg", np.zeros((40, 50, 3), np.uint8))[1].tobytes()[:-20]
    with pytest.raises(ReadError, match="is cut off"):
        embedded_picture({"bytes": cut}, "e: top")
    with pytest.raises(ReadError, match="it must have one channel"):
        embedded_depth(png(np.zeros((6, 8, 3), np.uint8)), "e: depth")
