"""CameraInfo (REP 104) and cameras."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from sensor_msgs.msg import CameraInfo
from std_msgs.msg import Header

from anyview_ros.errors import InvalidCameraError
from anyview_ros.geometry import DistortedCamera, PinholeCamera

_PLUMB_BOB_COEFFICIENTS = 5
_BENT_WITHOUT_COEFFICIENTS = ("equidistant", "fisheye")


def camera_from_info(
    info: CameraInfo, *, rectified: bool, image_size: tuple[int, int] | None = None
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
    _check_calibrated(info)
    x, y, width, height = _region(info)
    binning = (max(info.binning_x, 1), max(info.binning_y, 1))
    size = (width // binning[0], height // binning[1])
    if image_size is not None and tuple(image_size) != size:
        raise InvalidCameraError(
            f"camera_info describes an image of {size[0]}x{size[1]} (calibrated {info.width}x{info.height}, "
            f"region {width}x{height} at {x},{y}, binning {binning[0]}x{binning[1]}) but the image is "
            f"{image_size[0]}x{image_size[1]}; publish the info of this image (image_proc resizes both)"
        )
    matrix = _projection(info) if rectified else _camera_matrix(info)
    full = PinholeCamera.from_matrix(matrix, info.width, info.height)
    pinhole = full.cropped(x, y, width, height)
    if binning != (1, 1):
        pinhole = pinhole.binned(*binning)
    if rectified or not (any(info.d) or info.distortion_model in _BENT_WITHOUT_COEFFICIENTS):
        return pinhole
    if not info.distortion_model:
        raise InvalidCameraError(
            f"camera_info has coefficients d = {list(info.d)} but no distortion_model; set plumb_bob, "
            "rational_polynomial or equidistant"
        )
    return DistortedCamera(pinhole, info.distortion_model, np.asarray(info.d, dtype=np.float64))


def info_from_camera(camera: PinholeCamera | DistortedCamera, header: Header) -> CameraInfo:
    """The info of a camera's picture, raw where it is distorted: no region of interest, no binning."""
    info = CameraInfo()
    info.header = header
    if isinstance(camera, DistortedCamera):
        raw, rectified, rotation = camera.camera, camera.rectified, np.asarray(camera.rotation)
        info.distortion_model = camera.model
        info.d = np.asarray(camera.coefficients).tolist()
    else:
        raw, rectified, rotation = camera, camera, np.eye(3)
        info.distortion_model = "plumb_bob"
        info.d = [0.0] * _PLUMB_BOB_COEFFICIENTS
    info.width, info.height = raw.width, raw.height
    info.k = raw.matrix.ravel()
    info.r = rotation.ravel()
    info.p = np.hstack([rectified.matrix, np.zeros((3, 1))]).ravel()
    return info


def _check_calibrated(info: CameraInfo) -> None:
    if not np.isfinite([*info.k, *info.p, *info.d]).all():
        raise InvalidCameraError("camera_info has values that are not finite; calibrate the camera anew")
    if info.k[0] == 0:
        raise InvalidCameraError(
            "camera_info is uncalibrated (K[0] is 0); calibrate the camera (ros2 run camera_calibration "
            "cameracalibrator) and give the driver the file"
        )
    if info.width == 0 or info.height == 0:
        raise InvalidCameraError(
            f"camera_info gives the size {info.width}x{info.height}; "
            "set width and height to those of the calibration"
        )


def _region(info: CameraInfo) -> tuple[int, int, int, int]:
    roi = info.roi
    if roi.width == 0 and roi.height == 0:
        return 0, 0, int(info.width), int(info.height)
    return int(roi.x_offset), int(roi.y_offset), int(roi.width), int(roi.height)


def _camera_matrix(info: CameraInfo) -> NDArray[np.float64]:
    return np.asarray(info.k, dtype=np.float64).reshape(3, 3)


def _projection(info: CameraInfo) -> NDArray[np.float64]:
    projection = np.asarray(info.p, dtype=np.float64).reshape(3, 4)[:, :3]
    if projection[0, 0] != 0:
        return projection
    if not any(info.d):
        return _camera_matrix(info)
    raise InvalidCameraError(
        "camera_info has no projection P (P[0] is 0), so the rectified image has no intrinsics; "
        "calibrate with P, or subscribe to the raw image and set rectified to false"
    )
