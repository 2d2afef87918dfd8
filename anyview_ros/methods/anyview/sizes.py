"""The sizes at which the network works, and the pictures and cameras that go with them."""

from __future__ import annotations

from anyview_ros.clips.resizing import resize_frames
from anyview_ros.errors import InvalidInputError, InvalidRequestError
from anyview_ros.geometry import PinholeCamera
from anyview_ros.geometry.snapped_sizes import RELEASE_LONG_SIDES, Size, snapped_size

__all__ = ["MULTIPLE", "Size", "resize_frames", "stretched", "working_size"]

MULTIPLE = 16  # pixels per token and side: 8 of the video autoencoder times 2 of the patches


def working_size(native: Size) -> Size:
    """The size for pictures of size ``native``: long side 384, snapped to multiples of 16, then 576, snapped again.

    Exactly half-way between two multiples, the smaller is taken. 16:9 becomes 576x304, 4:3 576x432, 3:2 576x384.

    Raises:
        InvalidRequestError: a picture so narrow that nothing is left of its short side.
    """
    try:
        return snapped_size(native, RELEASE_LONG_SIDES, MULTIPLE)
    except InvalidInputError as error:
        raise InvalidRequestError(
            f"a picture of {native[0]}x{native[1]} is too narrow for method 'anyview'; crop it, or give "
            "options source_size and target_size"
        ) from error


def stretched(camera: PinholeCamera, size: Size) -> PinholeCamera:
    """The camera whose rays the network is given: fx and cx times W'/W, fy and cy times H'/H, as it was trained.

    Pictures are resized edges on edges, as :meth:`PinholeCamera.resized` has it; this keeps pixel (0, 0) in place. The
    two differ by less than half a pixel of the coarser picture.
    """
    sx, sy = size[0] / camera.width, size[1] / camera.height
    return PinholeCamera(camera.fx * sx, camera.fy * sy, camera.cx * sx, camera.cy * sy, *size)
