"""Pictures of any size from methods that work at a few, with camera matrices that stay true."""

from __future__ import annotations

from collections.abc import Sequence

from anyview_ros.geometry import PinholeCamera
from anyview_ros.geometry.letterbox import Letterbox, letterbox

Size = tuple[int, int]


def target_fit(wanted: PinholeCamera, sizes: Sequence[Size]) -> Letterbox:
    """Choose the camera to ask a method for where ``wanted`` is published.

    Args:
        wanted: the camera whose picture is published.
        sizes: (width, height) at which the method works; empty if it takes any size.

    Returns:
        a letterbox whose ``camera`` is asked for: ``wanted`` scaled into the middle of the size that wastes the
        fewest pixels around it, which show what lies beyond its edges; ``undo`` cuts ``wanted``'s picture out.
    """
    width, height = wanted.size if not sizes else max(sizes, key=lambda size: _share(wanted.size, size))
    return letterbox(wanted, width, height)


def source_fit(
    camera: PinholeCamera, sizes: Sequence[Size], max_size: int
) -> tuple[PinholeCamera, PinholeCamera]:
    """Choose how a source image is cut and scaled for a method.

    Args:
        camera: the rectified source camera.
        sizes: (width, height) at which the method works; empty if it takes any size.
        max_size: longest side where it takes any size, pixels; images are never enlarged for it.

    Returns:
        the camera of the central region that is used, and that of the region scaled to the method's size.
    """
    if not sizes:
        scale = min(1.0, max_size / max(camera.size))
        return camera, camera.resized(*(max(1, round(side * scale)) for side in camera.size))
    width, height = max(sizes, key=lambda size: _share(size, camera.size))
    scale = min(camera.width / width, camera.height / height)
    cut = (min(camera.width, round(width * scale)), min(camera.height, round(height * scale)))
    left, top = (camera.width - cut[0]) // 2, (camera.height - cut[1]) // 2
    region = camera.cropped(left, top, *cut)
    return region, region.resized(width, height)


def _share(inner: Size, outer: Size) -> tuple[float, int]:
    """Share of ``outer`` that ``inner`` covers, scaled into it; then the number of pixels at stake."""
    scale = min(outer[0] / inner[0], outer[1] / inner[1])
    share = scale * scale * inner[0] * inner[1] / (outer[0] * outer[1])
    return round(share, 6), inner[0] * inner[1] * outer[0] * outer[1]
