"""Cameras as CameraInfo (REP 104)."""

from __future__ import annotations

import numpy as np
from sensor_msgs.msg import CameraInfo
from std_msgs.msg import Header

from anyview_ros.geometry import DistortedCamera, PinholeCamera

_PLUMB_BOB_COEFFICIENTS = 5


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
