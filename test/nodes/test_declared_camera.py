from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from strategies import numbers, quaternions

from anyview_ros.errors import InvalidCameraError, InvalidInputError, InvalidPoseError
from anyview_ros.geometry import PinholeCamera, check_rigid
from anyview_ros.nodes.camera_parameters import CAMERA_PARAMETERS
from anyview_ros.nodes.declared_camera import VirtualCamera, check_intrinsics, make_virtual_camera

DOWN = (0.0, 0.0, -1.0)


def make(**changes: Any) -> VirtualCamera:
    values = {entry.name: entry.default for entry in CAMERA_PARAMETERS} | changes
    return make_virtual_camera("cam", values, fixed_frame="base")


@given(quaternions(), numbers(-5, 5))
def test_pose_is_position_and_orientation(quaternion: np.ndarray, x: float) -> None:
    camera = make(position=(x, 2.0, 3.0), orientation=tuple(quaternion))
    check_rigid(camera.camera_to_parent)
    np.testing.assert_allclose(camera.camera_to_parent[:3, 3], [x, 2, 3])
    again = make(orientation=tuple(-quaternion))  # the same rotation
    np.testing.assert_allclose(again.camera_to_parent[:3, :3], camera.camera_to_parent[:3, :3], atol=1e-9)


@given(numbers(-3, 3), numbers(-3, 3), numbers(-3, 3))
def test_look_at_puts_the_point_on_the_axis_and_up_above(x: float, y: float, z: float) -> None:
    if math.hypot(x, y, z) < 0.01:
        return
    camera = make(position=(1.0, 1.0, 1.0), look_at=(1 + x, 1 + y, 1 + z))
    inverse = np.linalg.inv(check_rigid(camera.camera_to_parent))
    seen = inverse @ [1 + x, 1 + y, 1 + z, 1]
    np.testing.assert_allclose(seen[:3], [0, 0, math.hypot(x, y, z)], atol=1e-6)
    if math.hypot(x, y) > 0.01:
        assert (inverse[:3, :3] @ [0, 0, 1])[
            1
        ] < 0  # the parent's z points up in the picture, where y is down


def test_looking_straight_down_the_top_is_towards_x() -> None:
    camera = make(position=(0.0, 0.0, 2.0), look_at=(0.0, 0.0, 0.0))
    np.testing.assert_allclose(camera.camera_to_parent[:3, 2], DOWN, atol=1e-12)
    np.testing.assert_allclose(camera.camera_to_parent[:3, 1], [-1, 0, 0], atol=1e-12)


def test_focal_length_wins_over_field_of_view() -> None:
    assert make(width=100, horizontal_fov_deg=90.0).camera.fx == pytest.approx(50)
    camera = make(width=100, height=80, fx=70.0, cx=40.0).camera
    assert (camera.fx, camera.fy, camera.cx, camera.cy) == (70, 70, 40, 39.5)


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"position": (math.nan, 0.0, 0.0)}, "cam.position is"),
        ({"position": (0.0, 1e6, 0.0)}, "none beyond 1000"),
        ({"orientation": (0.0, 0.0, 0.0, 0.0)}, "unit quaternion"),
        ({"orientation": (0.0, 0.0, 0.0, 2.0)}, "of length 2"),
        ({"look_at": (0.0, 0.0, 0.0)}, "where the camera itself is"),
        ({"look_at": (0.0, math.nan, 1.0)}, "cam.look_at is"),
    ],
)
def test_absurd_poses(changes: dict[str, Any], told: str) -> None:
    with pytest.raises(InvalidPoseError, match=told):
        make(**changes)


@pytest.mark.parametrize(
    ("camera", "told"),
    [
        (PinholeCamera(1e6, 1e6, 50, 50, 100, 100), "horizontal field of view of 0.00573"),
        (PinholeCamera(100, 1, 50, 50, 100, 100), "vertical field of view"),
        (PinholeCamera(100, 100, 50, 50, 5, 100), "cam.width is 5"),
        (PinholeCamera(100, 100, 50, 50, 100, 5000), "cam.height is 5000"),
        (PinholeCamera(1000, 1000, 50, 350, 100, 100), "principal point"),
    ],
)
def test_absurd_intrinsics(camera: PinholeCamera, told: str) -> None:
    with pytest.raises(InvalidCameraError, match=told):
        check_intrinsics("cam", camera)


def test_its_own_frame_is_no_parent() -> None:
    with pytest.raises(InvalidInputError, match="camera's own frame"):
        make(parent_frame="cam_optical_frame")
