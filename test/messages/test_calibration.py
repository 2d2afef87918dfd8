"""CameraInfo: calibration, binning, regions, distortion and faults."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from plain_messages import info_message, region

from anyview_ros.errors import InvalidCameraError
from anyview_ros.geometry import DistortedCamera, PinholeCamera
from anyview_ros.messages import Calibration, calibration_of, camera_from_info

CAMERA = PinholeCamera(500.0, 510.0, 319.0, 241.0, 640, 480)


def info() -> SimpleNamespace:
    return info_message(CAMERA)


@given(
    st.floats(1, 5000), st.floats(1, 5000), st.floats(-100, 3000), st.floats(-100, 3000), st.integers(1, 4000)
)
def test_intrinsics_are_kept_to_the_bit(fx: float, fy: float, cx: float, cy: float, width: int) -> None:
    camera = PinholeCamera(fx, fy, cx, cy, width, width // 2 + 1)
    for rectified in (False, True):
        assert camera_from_info(info_message(camera), rectified=rectified) == camera


def test_a_calibration_says_what_its_message_says() -> None:
    msg = info()
    assert calibration_of(msg) == Calibration.of_pinhole(CAMERA, "camera")
    msg.binning_x, msg.binning_y, msg.roi = 2, 1, region(8, 4, 200, 100)
    calibration = calibration_of(msg)
    assert (calibration.binning, calibration.region) == ((2, 1), (8, 4, 200, 100))
    assert calibration.image_size == (100, 100)
    assert hash(calibration) == hash(calibration_of(msg))


def test_uncalibrated_is_refused() -> None:
    msg = info()
    msg.k = np.zeros(9)
    with pytest.raises(InvalidCameraError, match=r"uncalibrated \(K\[0\] is 0\)"):
        camera_from_info(msg, rectified=False)


def test_raw_images_have_distortion_and_rectified_ones_have_p() -> None:
    msg = info()
    msg.d = [-0.2, 0.05, 0.0, 0.0, 0.0]
    msg.p[0] = 450.0
    raw = camera_from_info(msg, rectified=False)
    assert isinstance(raw, DistortedCamera)
    assert raw.camera == CAMERA
    rectified = camera_from_info(msg, rectified=True)
    assert isinstance(rectified, PinholeCamera)
    assert rectified.fx == 450.0


def test_an_equidistant_lens_bends_even_with_zero_coefficients() -> None:
    msg = info()
    msg.distortion_model, msg.d = "equidistant", [0.0] * 4
    assert isinstance(camera_from_info(msg, rectified=False), DistortedCamera)


@pytest.mark.parametrize(
    ("model", "d"), [("", [0.1, 0.0, 0.0, 0.0, 0.0]), ("mei", [0.1]), ("plumb_bob", [0.1, 0.2])]
)
def test_models_that_are_unknown_or_incomplete(model: str, d: list[float]) -> None:
    msg = info()
    msg.distortion_model, msg.d = model, d
    with pytest.raises(InvalidCameraError, match=r"distortion|coefficients"):
        camera_from_info(msg, rectified=False)


def test_an_empty_model_without_coefficients_is_a_pinhole() -> None:
    msg = info()
    msg.distortion_model, msg.d = "", []
    assert camera_from_info(msg, rectified=False) == CAMERA


def test_a_rectified_image_needs_p() -> None:
    msg = info()
    msg.d, msg.p = [0.1, 0.0, 0.0, 0.0, 0.0], np.zeros(12)
    with pytest.raises(InvalidCameraError, match="no projection P"):
        camera_from_info(msg, rectified=True)


def test_region_and_binning_move_the_camera() -> None:
    msg = info()
    msg.roi = region(100, 50, 400, 300)
    msg.binning_x, msg.binning_y = 2, 4
    camera = camera_from_info(msg, rectified=False, image_size=(200, 75))
    assert camera == CAMERA.cropped(100, 50, 400, 300).binned(2, 4)
    # a point seen at (u, v) of the full image lies, in the small one, where its pixel centre falls
    point = np.array([0.1, -0.05, 1.0])
    full, _ = CAMERA.project(point)
    small, _ = camera.project(point)
    np.testing.assert_allclose(small, ((full - (100, 50)) + 0.5) / (2, 4) - 0.5)


def test_binning_of_zero_means_one() -> None:
    msg = info()
    msg.binning_x = msg.binning_y = 0
    assert camera_from_info(msg, rectified=True) == CAMERA


def test_a_size_that_does_not_fit_names_both() -> None:
    with pytest.raises(InvalidCameraError, match=r"640x480.*image is 320x240"):
        camera_from_info(info(), rectified=True, image_size=(320, 240))


def test_a_region_outside_the_sensor() -> None:
    msg = info()
    msg.roi = region(500, 0, 200, 100)
    with pytest.raises(InvalidCameraError, match="leaves the image"):
        camera_from_info(msg, rectified=True)


@pytest.mark.parametrize("field", ["k", "p"])
def test_values_that_are_not_finite(field: str) -> None:
    msg = info()
    getattr(msg, field)[2] = float("nan")
    with pytest.raises(InvalidCameraError, match="not finite"):
        camera_from_info(msg, rectified=True)


def test_a_size_of_zero() -> None:
    msg = info()
    msg.width = 0
    with pytest.raises(InvalidCameraError, match="0x480"):
        camera_from_info(msg, rectified=True)


def test_p_is_needed_only_where_it_tells_more_than_k() -> None:
    msg = info()
    msg.p = np.zeros(12)
    assert camera_from_info(msg, rectified=True) == CAMERA
    msg.d = [0.1, 0.0, 0.0, 0.0, 0.0]
    raw = camera_from_info(msg, rectified=False)
    assert isinstance(raw, DistortedCamera)
    assert raw.camera == CAMERA
