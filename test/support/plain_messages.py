"""Messages of sensor_msgs from no library: plain objects with their fields, written byte by byte."""

from __future__ import annotations

from array import array
from types import SimpleNamespace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from anyview_ros.geometry import PinholeCamera


def image_message(
    pixels: NDArray[Any], encoding: str, *, padding: int = 0, big_endian: bool = False
) -> SimpleNamespace:
    """An Image of (H, W) or (H, W, C), its rows padded with junk."""
    wire = pixels.astype(pixels.dtype.newbyteorder(">" if big_endian else "<"))
    rows = [row.tobytes() + b"\xab" * padding for row in wire]
    return SimpleNamespace(
        height=pixels.shape[0],
        width=pixels.shape[1],
        encoding=encoding,
        is_bigendian=int(big_endian),
        step=len(rows[0]),
        data=array("B", b"".join(rows)),
    )


def compressed_message(said: str, data: bytes) -> SimpleNamespace:
    """A CompressedImage."""
    return SimpleNamespace(format=said, data=np.frombuffer(data, np.uint8))


def info_message(camera: PinholeCamera, **changes: Any) -> SimpleNamespace:
    """A CameraInfo without distortion, region and binning; with some fields changed."""
    fields: dict[str, Any] = {
        "header": SimpleNamespace(frame_id="camera"),
        "height": camera.height,
        "width": camera.width,
        "distortion_model": "plumb_bob",
        "d": [0.0] * 5,
        "k": camera.matrix.ravel(),
        "r": np.eye(3).ravel(),
        "p": np.hstack([camera.matrix, np.zeros((3, 1))]).ravel(),
        "binning_x": 0,
        "binning_y": 0,
        "roi": region(0, 0, 0, 0),
    }
    return SimpleNamespace(**(fields | changes))


def region(x: int, y: int, width: int, height: int) -> SimpleNamespace:
    """A RegionOfInterest."""
    return SimpleNamespace(x_offset=x, y_offset=y, width=width, height=height, do_rectify=False)
