"""Cameras with lens distortion, and the rectification that makes pinhole cameras of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from anyview_ros.errors import InvalidCameraError, InvalidInputError
from anyview_ros.geometry.camera import PinholeCamera
from anyview_ros.geometry.rigid import RigidTransform

Array = NDArray[np.float64]

_COUNTS = {"plumb_bob": (0, 4, 5), "rational_polynomial": (0, 8, 12, 14), "equidistant": (4,)}
_ALIASES = {"fisheye": "equidistant"}
_CONVERGED = (3, 100, 1e-12)  # cv2.TERM_CRITERIA_COUNT | cv2.TERM_CRITERIA_EPS, iterations, epsilon


def bends_lines(model: str, coefficients: ArrayLike) -> bool:
    """Whether a lens bends straight lines; a fisheye does with coefficients of zero too."""
    return _ALIASES.get(model, model) == "equidistant" or bool(np.any(coefficients))


@dataclass(frozen=True, eq=False)
class DistortedCamera:
    """A camera whose lens bends straight lines, as ``sensor_msgs/CameraInfo`` tells of it.

    Attributes:
        camera: intrinsics K of the raw image.
        model: "plumb_bob" (k1 k2 p1 p2 [k3]), "rational_polynomial" (k1 k2 p1 p2 k3 k4 k5 k6, then OpenCV's
            thin prism and tilt) or "equidistant", also called "fisheye" (k1 k2 k3 k4, OpenCV's fisheye).
        coefficients: float64, as many as the model has; empty for no distortion.
        rotation: R (3, 3), takes the raw camera's axes to the rectified ones.
        rectified: the pinhole camera of rectified images, from P[:3, :3]; None for those of the raw image.
            Where R is not the identity, that camera's pose is ``raw_camera_to_world @ inverse(R)``.

    Raises:
        InvalidCameraError: an unknown model, a number of coefficients that it does not have, or coefficients
            that are not finite.
        InvalidPoseError: R is no rotation.
    """

    camera: PinholeCamera
    model: str
    coefficients: ArrayLike
    rotation: ArrayLike = ((1, 0, 0), (0, 1, 0), (0, 0, 1))
    rectified: PinholeCamera = None  # type: ignore[assignment]

    def __post_init__(self) -> None:
        model = _ALIASES.get(self.model, self.model)
        if model not in _COUNTS:
            known = ", ".join([*_COUNTS, *_ALIASES])
            raise InvalidCameraError(f"distortion model {self.model!r} is unknown; give one of {known}")
        object.__setattr__(self, "model", model)
        object.__setattr__(self, "coefficients", _check_coefficients(self.coefficients, model))
        object.__setattr__(self, "rotation", RigidTransform.from_rotation(self.rotation).rotation)
        if self.rectified is None:
            object.__setattr__(self, "rectified", self.camera)

    @property
    def size(self) -> tuple[int, int]:
        """(width, height) of raw images, pixels."""
        return self.camera.size

    def resized(self, width: int, height: int) -> DistortedCamera:
        """This camera with raw and rectified images stretched to (width, height)."""
        return self._both(lambda camera: camera.resized(width, height))

    def cropped(self, x: int, y: int, width: int, height: int) -> DistortedCamera:
        """This camera with raw and rectified images cut to a region; a sensor's region of interest."""
        return self._both(lambda camera: camera.cropped(x, y, width, height))

    def binned(self, x: int, y: int) -> DistortedCamera:
        """This camera with x by y pixels made one, in raw and rectified images."""
        return self._both(lambda camera: camera.binned(x, y))

    def _both(self, change: Callable[[PinholeCamera], PinholeCamera]) -> DistortedCamera:
        return DistortedCamera(
            change(self.camera), self.model, self.coefficients, self.rotation, change(self.rectified)
        )

    @cached_property
    def is_pinhole(self) -> bool:
        """Whether raw and rectified images are the same, so that nothing needs to be done."""
        return (
            not bends_lines(self.model, self.coefficients)
            and np.array_equal(self.rotation, np.eye(3))
            and self.rectified == self.camera
        )

    def rectify(self, image: NDArray[Any], *, nearest: bool = False) -> NDArray[Any]:
        """Take the distortion out of an image; pixels that the raw image does not show become 0.

        The maps are computed at the first call and kept, 8 bytes per pixel. An image that needs nothing done
        is returned itself.

        Args:
            image: (H, W) or (H, W, C) of the raw camera's size.
            nearest: take the nearest pixel (depth, labels), where otherwise neighbours are interpolated.

        Raises:
            InvalidCameraError: an image of another size.
        """
        import cv2

        if image.ndim not in {2, 3} or image.shape[:2] != (self.camera.height, self.camera.width):
            raise InvalidCameraError(
                f"camera is {self.camera.width}x{self.camera.height} but the image is {image.shape}; its "
                "calibration belongs to another resolution: use resized(), cropped() or binned() on it first"
            )
        if self.is_pinhole:
            return image
        u, v = self._maps
        rectified = cv2.remap(image, u, v, cv2.INTER_NEAREST if nearest else cv2.INTER_LINEAR)
        return rectified.reshape(*u.shape, *image.shape[2:])  # OpenCV drops a single channel

    @cached_property
    def _maps(self) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Where each rectified pixel is found in the raw image: u and v, float32 (H, W)."""
        import cv2

        make: Any = cv2.fisheye.initUndistortRectifyMap if self._fisheye else cv2.initUndistortRectifyMap
        target = self.rectified
        u, v = make(self.camera.matrix, self._D, self._R, target.matrix, target.size, cv2.CV_32FC1)
        return u, v

    def undistort_points(self, pixels: ArrayLike) -> Array:
        """Take raw pixels (..., 2) to rectified pixels (..., 2)."""
        import cv2

        uv = _pixels(pixels)
        if not uv.size:  # which OpenCV refuses
            return uv.copy()
        raw, K, P = uv.reshape(-1, 1, 2), self.camera.matrix, self.rectified.matrix
        if self._fisheye:
            out = cv2.fisheye.undistortPoints(raw, K, self._D, R=self._R, P=P, criteria=_CONVERGED)
        else:
            out = cv2.undistortPointsIter(raw, K, self._D, self._R, P, _CONVERGED)
        return np.asarray(out, np.float64).reshape(uv.shape)

    def distort_points(self, pixels: ArrayLike) -> Array:
        """Take rectified pixels (..., 2) to raw pixels (..., 2)."""
        import cv2

        uv = _pixels(pixels)
        if not uv.size:
            return uv.copy()
        rays = self.rectified.unproject(uv, 1.0) @ self._R  # of row vectors: turns them by the inverse of R
        project: Any = cv2.fisheye.projectPoints if self._fisheye else cv2.projectPoints
        still = np.zeros(3)
        out, _ = project(rays.reshape(-1, 1, 3), still, still, self.camera.matrix, self._D)
        return np.asarray(out, np.float64).reshape(uv.shape)

    @property
    def _fisheye(self) -> bool:
        return self.model == "equidistant"

    @property
    def _R(self) -> Array:
        return np.asarray(self.rotation)

    @property
    def _D(self) -> Array:
        coefficients = np.asarray(self.coefficients)
        return coefficients if coefficients.size else np.zeros(4)


def _check_coefficients(values: ArrayLike, model: str) -> Array:
    coefficients = np.array(values, dtype=np.float64)
    counts = _COUNTS[model]
    if coefficients.ndim != 1 or len(coefficients) not in counts:
        raise InvalidCameraError(
            f"distortion model {model!r} takes {' or '.join(map(str, counts))} coefficients, "
            f"got {coefficients.tolist()}; check D of the calibration"
        )
    if not np.isfinite(coefficients).all():
        raise InvalidCameraError(
            f"distortion coefficients must be finite, got {coefficients.tolist()}; calibrate the camera again"
        )
    coefficients.setflags(write=False)
    return coefficients


def _pixels(values: ArrayLike) -> Array:
    array = np.asarray(values, dtype=np.float64)
    if array.ndim == 0 or array.shape[-1] != 2:
        raise InvalidInputError(f"pixels must be (..., 2), got {array.shape}")
    return array
