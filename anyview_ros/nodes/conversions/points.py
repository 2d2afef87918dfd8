"""Coloured points as messages."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from sensor_msgs.msg import PointCloud2, PointField
from std_msgs.msg import Header

from anyview_ros.errors import InvalidInputError

_LAYOUT = np.dtype([("x", "<f4"), ("y", "<f4"), ("z", "<f4"), ("rgb", "<u4")])


def points_to_cloud(points: NDArray[np.float32], colours: NDArray[np.uint8], header: Header) -> PointCloud2:
    """An unordered cloud with the fields x, y, z and rgb that RViz and PCL know.

    Args:
        points: (N, 3), metres, in the header's frame.
        colours: uint8 (N, 3), RGB.
        header: stamp and frame.

    Raises:
        InvalidInputError: arrays that do not fit each other.
    """
    places, shades = np.asarray(points), np.asarray(colours)
    if places.ndim != 2 or places.shape[1] != 3 or shades.shape != places.shape or shades.dtype != np.uint8:
        raise InvalidInputError(
            f"points must be (N, 3) and colours uint8 (N, 3), got {places.shape} and {shades.dtype} {shades.shape}"
        )
    packed = np.empty(len(places), _LAYOUT)
    packed["x"], packed["y"], packed["z"] = places.T
    red, green, blue = shades.T.astype(np.uint32)
    packed["rgb"] = red << 16 | green << 8 | blue
    fields = [
        PointField(name=name, offset=4 * index, datatype=PointField.FLOAT32, count=1)
        for index, name in enumerate(("x", "y", "z", "rgb"))
    ]
    return PointCloud2(
        header=header,
        height=1,
        width=len(packed),
        fields=fields,
        is_bigendian=False,
        point_step=_LAYOUT.itemsize,
        row_step=_LAYOUT.itemsize * len(packed),
        data=packed.tobytes(),
        is_dense=bool(np.isfinite(places).all()),
    )
