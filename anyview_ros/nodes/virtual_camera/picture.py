"""From a camera's messages to a rectified RGB frame of the method's size, its intrinsics and its depth."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sensor_msgs.msg import CameraInfo, CompressedImage, Image

from anyview_ros.errors import InvalidCameraError, InvalidInputError
from anyview_ros.geometry import DistortedCamera, PinholeCamera
from anyview_ros.nodes.conversions import camera_from_info, compressed_to_rgb, depth_to_metres, image_to_rgb
from anyview_ros.nodes.virtual_camera.fitting import Size, source_fit


@dataclass(frozen=True, eq=False)
class Picture:
    """A frame ready for the window.

    Attributes:
        frame: uint8 (H, W, 3), RGB, rectified.
        camera: its intrinsics.
        depth: float32 (H, W), metres, 0 where unknown; or None.
    """

    frame: NDArray[np.uint8]
    camera: PinholeCamera
    depth: NDArray[np.float32] | None


@dataclass(frozen=True, eq=False)
class _Lens:
    """How images of one calibration are rectified, cut and scaled."""

    raw: PinholeCamera | DistortedCamera
    region: PinholeCamera
    offset: tuple[int, int]
    final: PinholeCamera

    def apply(self, image: NDArray[Any], *, nearest: bool = False) -> NDArray[Any]:
        image = self.raw.rectify(image, nearest=nearest)
        left, top = self.offset
        image = image[top : top + self.region.height, left : left + self.region.width]
        return image if self.final.size == self.region.size else _resized(image, self.final.size, nearest)


class PictureMaker:
    """Makes pictures of one camera; rectification maps are computed once per calibration. For one thread.

    Args:
        rectify: whether images are raw (K and D hold) and distortion is taken out; else P holds as it is.
        max_size: longest side where the method takes any size, pixels.
    """

    def __init__(self, *, rectify: bool, max_size: int) -> None:
        self._rectify = rectify
        self._max_size = max_size
        self._key: tuple[Any, ...] = ()
        self._lens: _Lens | None = None

    def make(
        self,
        image: Image | CompressedImage,
        info: CameraInfo,
        depth: Image | None,
        sizes: Sequence[Size],
    ) -> Picture:
        """Convert one image.

        Args:
            image: raw or compressed.
            info: its calibration.
            depth: its aligned depth, or None.
            sizes: (width, height) at which the method works; empty if it takes any.

        Raises:
            InvalidCameraError: no calibration, or one that does not fit the image.
            InvalidInputError: an encoding that cannot be read, corrupt data, depth of another shape.
        """
        rgb = image_to_rgb(image) if isinstance(image, Image) else compressed_to_rgb(image)
        lens = self._lens_of(info, (rgb.shape[1], rgb.shape[0]), sizes)
        frame: NDArray[np.uint8] = np.ascontiguousarray(lens.apply(rgb))
        return Picture(frame, lens.final, None if depth is None else self._depth(depth, lens))

    def _depth(self, message: Image, lens: _Lens) -> NDArray[np.float32]:
        depth = depth_to_metres(message)
        size = (depth.shape[1], depth.shape[0])
        if size != lens.raw.size:
            depth = _scaled(depth, size, lens.raw.size)
        made: NDArray[np.float32] = np.ascontiguousarray(lens.apply(depth, nearest=True))
        if not made.any():
            raise InvalidInputError(
                "depth has no valid pixel (all are zero, negative or not finite); check the depth camera, or set "
                "use_depth to false"
            )
        return made

    def _lens_of(self, info: CameraInfo, size: Size, sizes: Sequence[Size]) -> _Lens:
        roi = info.roi
        key = (
            (info.width, info.height, info.distortion_model, tuple(info.d), tuple(info.k), tuple(info.p)),
            (info.binning_x, info.binning_y, roi.x_offset, roi.y_offset, roi.width, roi.height),
            (size, tuple(sizes)),
        )
        if self._lens is None or key != self._key:
            self._lens, self._key = None, ()
            self._lens = self._make_lens(info, size, sizes)
            self._key = key
        return self._lens

    def _make_lens(self, info: CameraInfo, size: Size, sizes: Sequence[Size]) -> _Lens:
        raw = camera_from_info(info, rectified=not self._rectify, image_size=size)
        pinhole = raw.rectified
        region, final = source_fit(pinhole, sizes, self._max_size)
        offset = (round(pinhole.cx - region.cx), round(pinhole.cy - region.cy))
        return _Lens(raw, region, offset, final)


def _resized(image: NDArray[Any], size: Size, nearest: bool) -> NDArray[Any]:
    """Stretch an image to ``size``; pixels are averaged where it shrinks, unless ``nearest``.

    Halving is what OpenCV averages fast: a third of the time of INTER_AREA at other ratios, or less.
    """
    import cv2

    if nearest:
        picked: NDArray[Any] = cv2.resize(image, size, interpolation=cv2.INTER_NEAREST_EXACT)
        return picked
    while image.shape[1] >= 2 * size[0] and image.shape[0] >= 2 * size[1]:
        halves = (image.shape[1] // 2, image.shape[0] // 2)
        image = cv2.resize(image, halves, interpolation=cv2.INTER_AREA)
    if image.shape[1::-1] != size:
        image = cv2.resize(image, size, interpolation=cv2.INTER_LINEAR)
    return image


def _scaled(depth: NDArray[np.float32], size: Size, wanted: Size) -> NDArray[np.float32]:
    import cv2

    if abs(size[0] * wanted[1] - size[1] * wanted[0]) > 0.02 * size[0] * wanted[1]:
        raise InvalidCameraError(
            f"depth is {size[0]}x{size[1]} but the image is {wanted[0]}x{wanted[1]}, another shape; "
            "publish depth aligned with the image (depth_image_proc register)"
        )
    scaled: NDArray[Any] = cv2.resize(depth, wanted, interpolation=cv2.INTER_NEAREST_EXACT)
    return scaled
