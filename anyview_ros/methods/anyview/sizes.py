"""The sizes at which the network works, and the pictures and cameras that go with them."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from anyview_ros.errors import InvalidRequestError
from anyview_ros.geometry import PinholeCamera

Size = tuple[int, int]
"""Width and height in pixels."""

MULTIPLE = 16  # pixels per token and side: 8 of the video autoencoder times 2 of the patches
_STAGES = (384, 576)  # the release stored its data at the first long side and trained at the second


def working_size(native: Size) -> Size:
    """The size for pictures of size ``native``: long side 384, snapped to multiples of 16, then 576, snapped again.

    Exactly half-way between two multiples, the smaller is taken. 16:9 becomes 576x304, 4:3 576x432, 3:2 576x384.

    Raises:
        InvalidRequestError: a picture so narrow that nothing is left of its short side.
    """
    width, height = native
    for long_side in _STAGES:
        scale = Fraction(long_side, max(width, height))
        width, height = _snapped(width * scale), _snapped(height * scale)
        if min(width, height) == 0:
            raise InvalidRequestError(
                f"a picture of {native[0]}x{native[1]} is too narrow for method 'anyview'; crop it, or give "
                "options source_size and target_size"
            )
    return width, height


def _snapped(length: Fraction) -> int:
    below = int(length // MULTIPLE)
    return MULTIPLE * (below + (length - MULTIPLE * below > MULTIPLE // 2))


def stretched(camera: PinholeCamera, size: Size) -> PinholeCamera:
    """The camera at another size as the network was trained: fx and cx times W'/W, fy and cy times H'/H.

    Unlike :meth:`PinholeCamera.resized`, which keeps the picture's *edges* in place, this keeps pixel (0, 0) in
    place; the difference is at most half a pixel.
    """
    sx, sy = size[0] / camera.width, size[1] / camera.height
    return PinholeCamera(camera.fx * sx, camera.fy * sy, camera.cx * sx, camera.cy * sy, *size)


def resize_frames(frames: NDArray[np.uint8], size: Size) -> NDArray[np.uint8]:
    """Pictures (T, H, W, 3) at another size, by Lanczos interpolation that blurs no more than it must."""
    from PIL import Image

    if (frames.shape[2], frames.shape[1]) == size:
        return frames
    resized = [
        np.asarray(Image.fromarray(np.ascontiguousarray(frame)).resize(size, Image.Resampling.LANCZOS))
        for frame in frames
    ]
    return np.stack(resized)
