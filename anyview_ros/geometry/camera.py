"""The pinhole camera: intrinsics, what resizing and cropping do to them, and projection."""

from __future__ import annotations

import math
import operator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from anyview_ros.errors import InvalidCameraError, InvalidInputError


@dataclass(frozen=True)
class PinholeCamera:
    """Intrinsics of a camera without distortion, in pixels.

    Pixel centres lie at integers: the top left pixel covers [-0.5, 0.5) in u and v. Camera axes are OpenCV's
    (x right, y down, z forward).

    Attributes:
        fx, fy: focal lengths.
        cx, cy: principal point.
        width, height: size of the image.

    Raises:
        InvalidCameraError: a value that is not finite, a focal length that is not positive, an empty image.
    """

    fx: float
    fy: float
    cx: float
    cy: float
    width: int
    height: int

    def __post_init__(self) -> None:
        for name in ("fx", "fy", "cx", "cy"):
            object.__setattr__(self, name, _finite(name, getattr(self, name)))
        for name in ("fx", "fy"):
            if getattr(self, name) <= 0:
                raise InvalidCameraError(
                    f"{name} is {getattr(self, name)} but a focal length is positive; "
                    "calibrate the camera (drivers of uncalibrated cameras send zeros)"
                )
        for name in ("width", "height"):
            object.__setattr__(self, name, _size(name, getattr(self, name)))

    @classmethod
    def from_matrix(cls, matrix: ArrayLike, width: int, height: int) -> PinholeCamera:
        """Make a camera from its matrix K.

        Args:
            matrix: (3, 3) [[fx, 0, cx], [0, fy, cy], [0, 0, 1]].
            width, height: size of the image in pixels.

        Raises:
            InvalidCameraError: another shape, skew, or another last row.
        """
        K = np.asarray(matrix, dtype=np.float64)
        if K.shape != (3, 3):
            raise InvalidCameraError(
                f"matrix must be (3, 3), got {K.shape}; of a projection P give P[:3, :3]"
            )
        if np.any(K[[0, 1, 2, 2], [1, 0, 0, 1]] != 0) or K[2, 2] != 1:
            raise InvalidCameraError(
                f"matrix must be [[fx, 0, cx], [0, fy, cy], [0, 0, 1]] without skew, got {K.tolist()}"
            )
        return cls(K[0, 0], K[1, 1], K[0, 2], K[1, 2], width, height)

    @classmethod
    def from_fov(
        cls,
        width: int,
        height: int,
        *,
        horizontal_fov_deg: float | None = None,
        vertical_fov_deg: float | None = None,
    ) -> PinholeCamera:
        """Make a camera that looks through the middle of its image.

        Args:
            width, height: size of the image in pixels.
            horizontal_fov_deg, vertical_fov_deg: angle between the image's outer edges, between 0 and 180;
                one of them for square pixels, or both.

        Raises:
            InvalidCameraError: no angle, or one out of range.
        """
        width, height = _size("width", width), _size("height", height)
        focals = [
            _focal(name, angle, size)
            for name, angle, size in (
                ("horizontal_fov_deg", horizontal_fov_deg, width),
                ("vertical_fov_deg", vertical_fov_deg, height),
            )
            if angle is not None
        ]
        if not focals:
            raise InvalidCameraError("no field of view; give horizontal_fov_deg, vertical_fov_deg or both")
        return cls(focals[0], focals[-1], (width - 1) / 2, (height - 1) / 2, width, height)

    @property
    def matrix(self) -> NDArray[np.float64]:
        """The camera matrix K, (3, 3)."""
        return np.array([[self.fx, 0.0, self.cx], [0.0, self.fy, self.cy], [0.0, 0.0, 1.0]])

    @property
    def size(self) -> tuple[int, int]:
        """(width, height) in pixels."""
        return self.width, self.height

    @property
    def horizontal_fov_deg(self) -> float:
        """Angle between the left and right edges of the image, degrees."""
        return _angle_deg(self.fx, self.cx, self.width)

    @property
    def vertical_fov_deg(self) -> float:
        """Angle between the upper and lower edges of the image, degrees."""
        return _angle_deg(self.fy, self.cy, self.height)

    @property
    def rectified(self) -> PinholeCamera:
        """This camera: its images are rectified as they are. See DistortedCamera, which stands where it may too."""
        return self

    @property
    def is_pinhole(self) -> bool:
        """True: nothing needs to be done to rectify images."""
        return True

    def rectify(self, image: NDArray[Any], *, nearest: bool = False) -> NDArray[Any]:
        """The image itself; see DistortedCamera."""
        return image

    def resized(self, width: int, height: int) -> PinholeCamera:
        """The camera of this image stretched to (width, height).

        Edges stay edges: c' = (c + 0.5) s - 0.5, as in ``cv2.resize``.
        """
        width, height = _size("width", width), _size("height", height)
        return self._scaled(width / self.width, height / self.height, width, height)

    def cropped(self, x: int, y: int, width: int, height: int) -> PinholeCamera:
        """The camera of the region of interest whose top left pixel is (x, y).

        Raises:
            InvalidCameraError: the region is empty or leaves the image.
        """
        x, y = _whole("x", x), _whole("y", y)
        width, height = _size("width", width), _size("height", height)
        if x < 0 or y < 0 or x + width > self.width or y + height > self.height:
            raise InvalidCameraError(
                f"region x={x} y={y} {width}x{height} leaves the image of {self.width}x{self.height}; "
                "give the region in pixels of this camera's image"
            )
        return PinholeCamera(self.fx, self.fy, self.cx - x, self.cy - y, width, height)

    def padded(self, left: int = 0, top: int = 0, right: int = 0, bottom: int = 0) -> PinholeCamera:
        """The camera of this image with pixels added around it.

        Raises:
            InvalidCameraError: a negative number of pixels.
        """
        pads = {"left": left, "top": top, "right": right, "bottom": bottom}
        for name, value in pads.items():
            if _whole(name, value) < 0:
                raise InvalidCameraError(f"{name} is {value}; give 0 or more, or use cropped() to cut")
        return PinholeCamera(
            self.fx,
            self.fy,
            self.cx + left,
            self.cy + top,
            self.width + left + right,
            self.height + top + bottom,
        )

    def binned(self, x: int, y: int) -> PinholeCamera:
        """The camera whose pixels are x by y of this one's; pixels left over at the right and below are lost.

        A binning of 0 means 1, as in ``sensor_msgs/CameraInfo``.
        """
        x, y = _binning("x", x), _binning("y", y)
        return self._scaled(1 / x, 1 / y, self.width // x, self.height // y)

    def _scaled(self, sx: float, sy: float, width: int, height: int) -> PinholeCamera:
        return PinholeCamera(
            self.fx * sx,
            self.fy * sy,
            (self.cx + 0.5) * sx - 0.5,
            (self.cy + 0.5) * sy - 0.5,
            width,
            height,
        )

    def project(self, points: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Project points into the image.

        Args:
            points: (..., 3) in camera axes.

        Returns:
            pixels (..., 2) and depth (...,) along the optical axis, in the points' unit. Pixels of points
            that lie behind (depth <= 0) are nan; those outside the image are returned as they fall.
        """
        xyz = _vectors("points", points, 3)
        depth = xyz[..., 2]
        inverse = np.divide(1.0, depth, out=np.full(depth.shape, np.nan), where=depth > 0)
        pixels = xyz[..., :2] * inverse[..., None] * (self.fx, self.fy) + (self.cx, self.cy)
        return pixels, depth.copy()

    def unproject(self, pixels: ArrayLike, depth: ArrayLike) -> NDArray[np.float64]:
        """Lift pixels to points.

        Args:
            pixels: (..., 2).
            depth: (...,) along the optical axis; broadcast against the pixels.

        Returns:
            points (..., 3) in camera axes, in the depth's unit.
        """
        uv = _vectors("pixels", pixels, 2)
        z = np.asarray(depth, dtype=np.float64)
        xy = (uv - (self.cx, self.cy)) / (self.fx, self.fy) * z[..., None]
        return np.concatenate([xy, np.broadcast_to(z, xy.shape[:-1])[..., None]], axis=-1)

    def contains(self, pixels: ArrayLike) -> NDArray[np.bool_]:
        """Tell which pixels (..., 2) lie on the image, edges at -0.5 and size - 0.5; nan does not."""
        uv = _vectors("pixels", pixels, 2)
        inside: NDArray[np.bool_] = np.all(
            (uv >= -0.5) & (uv < (self.width - 0.5, self.height - 0.5)), axis=-1
        )
        return inside


def _finite(name: str, value: Any) -> float:
    try:
        number = float(value)
    except (TypeError, ValueError) as err:
        raise InvalidCameraError(f"{name} is {value!r}; give a number of pixels") from err
    if not math.isfinite(number):
        raise InvalidCameraError(f"{name} is {number}; give a finite number of pixels")
    return number


def _whole(name: str, value: Any) -> int:
    try:
        return operator.index(value)
    except TypeError as err:
        raise InvalidCameraError(f"{name} is {value!r}; give a whole number of pixels") from err


def _size(name: str, value: Any) -> int:
    number = _whole(name, value)
    if number < 1:
        raise InvalidCameraError(f"{name} is {number}; an image has at least one pixel")
    return number


def _binning(name: str, value: Any) -> int:
    number = _whole(name, value)
    if number < 0:
        raise InvalidCameraError(f"binning {name} is {number}; give 1 or more, or 0 for none")
    return max(number, 1)


def _focal(name: str, angle_deg: float, size: int) -> float:
    if not 0 < angle_deg < 180:
        raise InvalidCameraError(f"{name} is {angle_deg}; give degrees between 0 and 180")
    return size / 2 / math.tan(math.radians(angle_deg) / 2)


def _angle_deg(focal: float, centre: float, size: int) -> float:
    return math.degrees(math.atan((centre + 0.5) / focal) + math.atan((size - 0.5 - centre) / focal))


def _vectors(name: str, values: ArrayLike, length: int) -> NDArray[np.float64]:
    array = np.asarray(values, dtype=np.float64)
    if array.ndim == 0 or array.shape[-1] != length:
        raise InvalidInputError(f"{name} must be (..., {length}), got {array.shape}")
    return array
