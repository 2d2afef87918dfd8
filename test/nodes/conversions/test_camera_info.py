"""Cameras as CameraInfo."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

pytest.importorskip("sensor_msgs", reason="needs ROS messages: run through tools/with_ros")

from std_msgs.msg import Header

from anyview_ros.geometry import DistortedCamera, PinholeCamera
from anyview_ros.nodes.conversions import camera_from_info, info_from_camera

CAMERA = PinholeCamera(500.0, 510.0, 319.0, 241.0, 640, 480)


@given(
    st.floats(1, 5000), st.floats(1, 5000), st.floats(-100, 3000), st.floats(-100, 3000), st.integers(1, 4000)
)
def test_round_trip(fx: float, fy: float, cx: float, cy: float, width: int) -> None:
    camera = PinholeCamera(fx, fy, cx, cy, width, width // 2 + 1)
    for rectified in (False, True):
        assert camera_from_info(info_from_camera(camera, Header()), rectified=rectified) == camera


def test_a_lens_comes_back() -> None:
    lens = DistortedCamera(CAMERA, "plumb_bob", np.array([-0.2, 0.05, 0.0, 0.0, 0.0]))
    read = camera_from_info(info_from_camera(lens, Header()), rectified=False, image_size=CAMERA.size)
    assert isinstance(read, DistortedCamera)
    assert (read.camera, read.model) == (CAMERA, "plumb_bob")
    np.testing.assert_array_equal(read.coefficients, lens.coefficients)


def test_our_info_is_complete() -> None:
    msg = info_from_camera(CAMERA, Header(frame_id="camera"))
    assert msg.header.frame_id == "camera"
    assert (msg.distortion_model, list(msg.d)) == ("plumb_bob", [0.0] * 5)
    np.testing.assert_array_equal(np.reshape(msg.r, (3, 3)), np.eye(3))
    np.testing.assert_array_equal(np.reshape(msg.p, (3, 4))[:, 3], 0)
