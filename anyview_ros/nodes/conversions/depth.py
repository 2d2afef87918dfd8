"""Depth images as messages."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from sensor_msgs.msg import Image
from std_msgs.msg import Header

from anyview_ros.errors import InvalidInputError
from anyview_ros.nodes.conversions.images import fill_image


def depth_to_image(depth_m: NDArray[np.float32], header: Header) -> Image:
    """A 32FC1 image message of depth (H, W) in metres, 0 where unknown.

    Raises:
        InvalidInputError: no floating point, or another shape.
    """
    if depth_m.ndim != 2 or not np.issubdtype(depth_m.dtype, np.floating):
        raise InvalidInputError(f"depth_m must be float32 (H, W), got {depth_m.dtype} {depth_m.shape}")
    return fill_image(depth_m.astype(np.float32, copy=False), header, "32FC1")
