"""Square pictures around the optical axis, cut from any camera's picture and back, so that camera matrices stay true.

The network knows one field of view for source and target. Each target is drawn in a square that covers it; the source
is brought into a square of the same field of view: cut where it reaches further, grey where it reaches less far.
"""

from __future__ import annotations

import math
from typing import TypeVar

import cv2
import numpy as np
from numpy.typing import NDArray

from anyview_ros.geometry import PinholeCamera

Number = TypeVar("Number", np.uint8, np.float32)

GREY = 128
"""What stands where the source saw nothing."""

_WIDEST = math.tan(math.radians(160) / 2)
_WIDER_THAN_TARGET = 2.0


def square_camera(fov_rad: float, side: int) -> PinholeCamera:
    """A camera of square pictures that looks through the middle of its picture."""
    return PinholeCamera.from_fov(side, side, horizontal_fov_deg=math.degrees(fov_rad))


def reaches(camera: PinholeCamera) -> tuple[float, float]:
    """Tangents of half the field of view of the largest square inside a picture and of the smallest around it.

    Both are around the optical axis. The first is not positive where the axis meets no pixel.
    """
    sides = (
        (camera.cx + 0.5) / camera.fx,
        (camera.width - 0.5 - camera.cx) / camera.fx,
        (camera.cy + 0.5) / camera.fy,
        (camera.height - 0.5 - camera.cy) / camera.fy,
    )
    return min(sides), max(sides)


def common_fov_rad(source: PinholeCamera, target: PinholeCamera) -> float:
    """The field of view in which a target is drawn, radians.

    It covers the target's picture, and the source's inner square as far as that is no more than twice as wide: what a
    wide source sees at its rim may be what the target shows, but pixels spent on it are lost to the target.
    """
    needed = reaches(target)[1]
    half = max(needed, min(reaches(source)[0], _WIDER_THAN_TARGET * needed))
    return 2 * math.atan(min(half, _WIDEST))


def resampled(
    image: NDArray[Number],
    camera: PinholeCamera,
    onto: PinholeCamera,
    *,
    fill: float | tuple[float, ...] = GREY,
) -> NDArray[Number]:
    """The picture (H, W, C) of one camera as another one sees it from the same place, looking the same way.

    Pixels are averaged where the other camera's are larger, and interpolated where they are smaller.

    Args:
        image: (H, W, C), uint8 or float32.
        camera: its intrinsics.
        onto: those of the other.
        fill: value, or C values, where the first camera sees nothing.

    Returns:
        (h, w, C), of the same type.
    """
    width = max(min(round(camera.width * onto.fx / camera.fx), camera.width), 1)
    height = max(min(round(camera.height * onto.fy / camera.fy), camera.height), 1)
    if (width, height) != camera.size:
        image = np.asarray(cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA), image.dtype)
        camera = camera.resized(width, height)
    scale_x, scale_y = camera.fx / onto.fx, camera.fy / onto.fy
    there_to_here = np.array(
        [[scale_x, 0.0, camera.cx - scale_x * onto.cx], [0.0, scale_y, camera.cy - scale_y * onto.cy]]
    )
    seen = cv2.warpAffine(
        image,
        there_to_here,
        onto.size,
        flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
        borderMode=cv2.BORDER_REPLICATE,
    )
    columns = scale_x * np.arange(onto.width) + there_to_here[0, 2]
    rows = scale_y * np.arange(onto.height) + there_to_here[1, 2]
    seen[(rows < -0.5) | (rows > camera.height - 0.5)] = fill
    seen[:, (columns < -0.5) | (columns > camera.width - 0.5)] = fill
    return np.asarray(seen, image.dtype)
