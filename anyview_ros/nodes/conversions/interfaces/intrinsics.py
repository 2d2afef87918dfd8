"""PinholeIntrinsics and pinhole cameras."""

from __future__ import annotations

from anyview_ros.errors import InvalidCameraError
from anyview_ros.geometry import PinholeCamera
from anyview_ros.msg import PinholeIntrinsics


def camera_from_intrinsics(msg: PinholeIntrinsics, *, name: str) -> PinholeCamera:
    """The camera of these intrinsics.

    Args:
        msg: focal lengths, principal point and size, pixels.
        name: what to call the camera in messages.

    Raises:
        InvalidCameraError: values that no camera has; the message names the camera.
    """
    try:
        return PinholeCamera(msg.fx, msg.fy, msg.cx, msg.cy, msg.width, msg.height)
    except InvalidCameraError as err:
        raise InvalidCameraError(f"intrinsics of {name}: {err}") from err


def intrinsics_from_camera(camera: PinholeCamera) -> PinholeIntrinsics:
    """The message of a camera."""
    return PinholeIntrinsics(
        fx=camera.fx, fy=camera.fy, cx=camera.cx, cy=camera.cy, width=camera.width, height=camera.height
    )
