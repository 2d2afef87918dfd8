"""CameraInfo (REP 104): what it says, wrong or not, and the camera that it describes."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from anyview_ros.errors import InvalidCameraError
from anyview_ros.geometry import DistortedCamera, PinholeCamera
from anyview_ros.geometry.distortion import bends_lines
from anyview_ros.messages.fields import CameraInfoFields

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Calibration:
    """A camera's calibration as its CameraInfo (REP 104) or its episode gives it.

    Attributes:
        frame: optical frame.
        width, height: size of the full, unbinned image.
        model: of distortion; "" if none is named.
        d, k, r, p: coefficients, K (9), R (9) and P (12), row by row.
        binning: (x, y); 0 means 1.
        region: x, y, width and height of the region of interest; zeros for the full image.
    """

    frame: str
    width: int
    height: int
    model: str
    d: tuple[float, ...]
    k: tuple[float, ...]
    r: tuple[float, ...]
    p: tuple[float, ...]
    binning: tuple[int, int] = (0, 0)
    region: tuple[int, int, int, int] = (0, 0, 0, 0)

    @classmethod
    def of_matrix(cls, K: Array, width: int, height: int, frame: str = "") -> Calibration:
        """The calibration of intrinsics (3, 3) without distortion, right or wrong."""
        p = np.hstack([K, np.zeros((3, 1))])
        return cls(
            frame,
            width,
            height,
            "plumb_bob",
            (0.0,) * 5,
            _floats(K.ravel()),
            _floats(np.eye(3).ravel()),
            _floats(p.ravel()),
        )

    @classmethod
    def of_pinhole(cls, camera: PinholeCamera, frame: str = "") -> Calibration:
        """The calibration of a camera without distortion."""
        return cls.of_matrix(camera.matrix, camera.width, camera.height, frame)

    @property
    def K(self) -> Array:
        """(3, 3)."""
        return np.array(self.k).reshape(3, 3)

    @property
    def P(self) -> Array:
        """The left of P, (3, 3)."""
        return np.array(self.p).reshape(3, 4)[:, :3]

    @property
    def is_calibrated(self) -> bool:
        """Whether K is set."""
        return self.k[0] != 0

    @property
    def is_finite(self) -> bool:
        """Whether no value is nan or infinite."""
        return bool(np.isfinite([*self.d, *self.k, *self.r, *self.p]).all())

    @property
    def is_distorted(self) -> bool:
        """Whether the raw image has distortion."""
        return bends_lines(self.model, self.d)

    @property
    def image_region(self) -> tuple[int, int, int, int]:
        """The region of interest as x, y, width and height, before binning; of the full image if none is set."""
        _, _, width, height = self.region
        return self.region if width or height else (0, 0, self.width, self.height)

    @property
    def image_binning(self) -> tuple[int, int]:
        """How many sensor pixels make one of the image, (x, y)."""
        return max(self.binning[0], 1), max(self.binning[1], 1)

    @property
    def image_size(self) -> tuple[int, int]:
        """Size (width, height) of the image that this belongs to, region and binning considered."""
        (_, _, width, height), (across, down) = self.image_region, self.image_binning
        return width // across, height // down

    def pinhole(self, *, rectified: bool) -> PinholeCamera:
        """The intrinsics of the image: P of a rectified one (K where P is not set), else K.

        Raises:
            InvalidCameraError: a calibration that no camera can have.
        """
        matrix = self.P if rectified and self.p[0] != 0 else self.K
        cropped = PinholeCamera.from_matrix(matrix, self.width, self.height).cropped(*self.image_region)
        return cropped.binned(*self.image_binning) if self.image_binning != (1, 1) else cropped

    def lens(self, *, rectified: bool) -> DistortedCamera:
        """What rectifies the image; nothing is done to an image that is rectified or has no distortion.

        Raises:
            InvalidCameraError: as :meth:`pinhole`, or an unknown model or number of coefficients.
        """
        pinhole = self.pinhole(rectified=rectified)
        if rectified or not self.is_distorted:
            return DistortedCamera(pinhole, "plumb_bob", ())
        if not self.model:
            raise InvalidCameraError(
                f"camera_info has coefficients d = {list(self.d)} but no distortion_model; set plumb_bob, "
                "rational_polynomial or equidistant"
            )
        return DistortedCamera(pinhole, self.model, np.asarray(self.d))


def calibration_of(info: CameraInfoFields) -> Calibration:
    """What a CameraInfo says."""
    roi = info.roi
    return Calibration(
        frame=str(info.header.frame_id),
        width=int(info.width),
        height=int(info.height),
        model=str(info.distortion_model),
        d=_floats(info.d),
        k=_floats(info.k),
        r=_floats(info.r),
        p=_floats(info.p),
        binning=(int(info.binning_x), int(info.binning_y)),
        region=(int(roi.x_offset), int(roi.y_offset), int(roi.width), int(roi.height)),
    )


def camera_from_info(
    info: CameraInfoFields, *, rectified: bool, image_size: tuple[int, int] | None = None
) -> PinholeCamera | DistortedCamera:
    """The camera that took the image that came with this info, region of interest and binning included.

    Args:
        info: calibration; its width and height are those of the full, unbinned image.
        rectified: whether the image is rectified (P describes it) or raw (K and D do).
        image_size: (width, height) of that image, to check that it fits; None to skip the check.

    Returns:
        A PinholeCamera if the image has no distortion, else a DistortedCamera that rectifies to K without
        turning, so that the pose stays that of the raw image's optical frame.

    Raises:
        InvalidCameraError: uncalibrated (K[0] is 0), a distortion model that is unknown or lacks
            coefficients, a region of interest that leaves the image, or a size that does not fit the image.
    """
    return camera_from_calibration(calibration_of(info), rectified=rectified, image_size=image_size)


def camera_from_calibration(
    calibration: Calibration, *, rectified: bool, image_size: tuple[int, int] | None = None
) -> PinholeCamera | DistortedCamera:
    """As :func:`camera_from_info`, of what a CameraInfo says."""
    _check_calibrated(calibration)
    if image_size is not None:
        _check_size(calibration, image_size)
    if rectified and any(calibration.d) and calibration.p[0] == 0:
        raise InvalidCameraError(
            "camera_info has no projection P (P[0] is 0), so the rectified image has no intrinsics; "
            "calibrate with P, or subscribe to the raw image and set rectified to false"
        )
    lens = calibration.lens(rectified=rectified)
    return lens.camera if lens.is_pinhole else lens


def _check_calibrated(calibration: Calibration) -> None:
    if not calibration.is_finite:
        raise InvalidCameraError("camera_info has values that are not finite; calibrate the camera anew")
    if not calibration.is_calibrated:
        raise InvalidCameraError(
            "camera_info is uncalibrated (K[0] is 0); calibrate the camera (ros2 run camera_calibration "
            "cameracalibrator) and give the driver the file"
        )
    if calibration.width == 0 or calibration.height == 0:
        raise InvalidCameraError(
            f"camera_info gives the size {calibration.width}x{calibration.height}; "
            "set width and height to those of the calibration"
        )


def _check_size(calibration: Calibration, image_size: tuple[int, int]) -> None:
    if tuple(image_size) == calibration.image_size:
        return
    size, binning = calibration.image_size, calibration.image_binning
    x, y, width, height = calibration.image_region
    raise InvalidCameraError(
        f"camera_info describes an image of {size[0]}x{size[1]} (calibrated {calibration.width}x"
        f"{calibration.height}, region {width}x{height} at {x},{y}, binning {binning[0]}x{binning[1]}) but the "
        f"image is {image_size[0]}x{image_size[1]}; publish the info of this image (image_proc resizes both)"
    )


def _floats(values: Iterable[float]) -> tuple[float, ...]:
    return tuple(float(value) for value in values)
