"""Fitting an image into another size without distorting it, so that the camera matrix remains true."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from anyview_ros.errors import InvalidInputError
from anyview_ros.geometry.camera import PinholeCamera


@dataclass(frozen=True)
class Letterbox:
    """An image scaled to fit into a size, with borders that fill up the rest.

    Attributes:
        source: camera of the image before.
        camera: camera of the letterboxed image; its matrix is exact, rounding to whole pixels included.
        pad: (left, top, right, bottom), pixels of border.
    """

    source: PinholeCamera
    camera: PinholeCamera
    pad: tuple[int, int, int, int]

    @property
    def scale(self) -> tuple[float, float]:
        """(x, y), new pixels per old one; they differ only by rounding to whole pixels."""
        width, height = self._inner
        return width / self.source.width, height / self.source.height

    @property
    def _inner(self) -> tuple[int, int]:
        left, top, right, bottom = self.pad
        return self.camera.width - left - right, self.camera.height - top - bottom

    def apply(self, image: NDArray[Any], *, nearest: bool = False) -> NDArray[Any]:
        """Letterbox an image.

        Args:
            image: (H, W) or (H, W, C) of the source camera's size.
            nearest: take the nearest pixel, for depth and labels; otherwise average or interpolate.

        Returns:
            the image in the letterboxed camera's size, of the same dtype; 0 at the border.
        """
        left, top, right, bottom = self.pad
        inner = _resize(_checked(image, self.source), self._inner, nearest=nearest)
        borders = ((top, bottom), (left, right), (0, 0))[: image.ndim]
        return np.pad(inner, borders)

    def undo(self, image: NDArray[Any], *, nearest: bool = False) -> NDArray[Any]:
        """Cut the border off a letterboxed image and bring it back to the source camera's size."""
        left, top, _, _ = self.pad
        width, height = self._inner
        inner = _checked(image, self.camera)[top : top + height, left : left + width]
        return _resize(inner, self.source.size, nearest=nearest)


def letterbox(camera: PinholeCamera, width: int, height: int) -> Letterbox:
    """Fit ``camera``'s image into (width, height), centred, borders on two sides at most.

    Raises:
        InvalidCameraError: an empty size.
    """
    target = camera.resized(width, height)
    scale = min(target.width / camera.width, target.height / camera.height)
    inner = camera.resized(
        min(max(round(camera.width * scale), 1), target.width),
        min(max(round(camera.height * scale), 1), target.height),
    )
    across, down = target.width - inner.width, target.height - inner.height
    pad = (across // 2, down // 2, across - across // 2, down - down // 2)
    return Letterbox(camera, inner.padded(*pad), pad)


def _checked(image: NDArray[Any], camera: PinholeCamera) -> NDArray[Any]:
    if image.ndim not in {2, 3} or image.shape[:2] != (camera.height, camera.width):
        raise InvalidInputError(
            f"image must be ({camera.height}, {camera.width}) or ({camera.height}, {camera.width}, C), "
            f"got {image.shape}"
        )
    return image


def _resize(image: NDArray[Any], size: tuple[int, int], *, nearest: bool) -> NDArray[Any]:
    import cv2

    if size == image.shape[1::-1]:
        return image.copy()
    shrinks = size[0] * size[1] < image.shape[0] * image.shape[1]
    smooth = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
    resized = cv2.resize(image, size, interpolation=cv2.INTER_NEAREST_EXACT if nearest else smooth)
    return resized.reshape(*size[::-1], *image.shape[2:])  # OpenCV drops a single channel
