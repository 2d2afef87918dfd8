from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("sensor_msgs", reason="pictures are made of ROS messages: run through tools/with_ros")

from sensor_msgs.msg import CameraInfo, Image
from std_msgs.msg import Header

from anyview_ros.errors import InvalidCameraError, InvalidInputError
from anyview_ros.geometry import PinholeCamera
from anyview_ros.nodes.conversions import (
    depth_to_image,
    info_from_camera,
    rgb_to_compressed,
    rgb_to_image,
)
from anyview_ros.nodes.virtual_camera.picture import PictureMaker

CAMERA = PinholeCamera.from_fov(160, 120, horizontal_fov_deg=60.0)
HEADER = Header(frame_id="camera")
INFO = info_from_camera(CAMERA, HEADER)


def ramp() -> np.ndarray:
    """A picture whose grey value is its column."""
    grey = np.arange(CAMERA.width, dtype=np.uint8)
    return np.ascontiguousarray(np.broadcast_to(grey[None, :, None], (CAMERA.height, CAMERA.width, 3)))


IMAGE = rgb_to_image(ramp(), HEADER)


def depth_image(depth: np.ndarray) -> Image:
    return depth_to_image(depth.astype(np.float32), HEADER)


def test_a_plain_image_is_handed_on_as_it_is() -> None:
    picture = PictureMaker(rectify=True, max_size=640).make(IMAGE, INFO, None, ())
    assert picture.camera == CAMERA
    np.testing.assert_array_equal(picture.frame, ramp())
    assert picture.depth is None


def test_compressed_images_do_as_well() -> None:
    message = rgb_to_compressed(ramp(), HEADER, 95)
    picture = PictureMaker(rectify=True, max_size=640).make(message, INFO, None, ())
    assert np.abs(picture.frame.astype(int) - ramp()).mean() < 2


def test_image_depth_and_intrinsics_are_cut_and_scaled_alike() -> None:
    depth = np.broadcast_to(1 + np.arange(160) / 100, (120, 160))
    picture = PictureMaker(rectify=True, max_size=640).make(IMAGE, INFO, depth_image(depth), ((40, 40),))
    assert picture.frame.shape == (40, 40, 3)
    assert picture.depth is not None
    assert picture.depth.shape == (40, 40)
    # What a pixel shows lies at one place of the old image, by either camera.
    for column in (0, 20, 39):
        ray = (column - picture.camera.cx) / picture.camera.fx
        old = ray * CAMERA.fx + CAMERA.cx
        assert picture.frame[20, column, 0] == pytest.approx(old, abs=1.5)
        assert picture.depth[20, column] == pytest.approx(1 + old / 100, abs=0.03)


def test_large_images_are_reduced_to_max_size() -> None:
    picture = PictureMaker(rectify=True, max_size=80).make(IMAGE, INFO, None, ())
    assert picture.frame.shape == (60, 80, 3)
    assert picture.camera == CAMERA.resized(80, 60)


@pytest.mark.parametrize("max_size", [80, 53, 40, 33, 20])
def test_reducing_averages_pixels_and_keeps_places(max_size: int) -> None:
    noise = np.random.default_rng(0).choice(np.array([0, 255], np.uint8), (CAMERA.height, CAMERA.width, 3))
    ratio = CAMERA.width / max_size
    maker = PictureMaker(rectify=True, max_size=max_size)
    averaged = maker.make(rgb_to_image(noise, HEADER), INFO, None, ())
    # Of n pixels that are averaged with like weights, the deviation falls to 1/sqrt(n); picked ones would keep theirs.
    assert averaged.frame.std() < 1.45 * noise.std() / ratio
    placed = maker.make(IMAGE, INFO, None, ())
    columns = np.arange(placed.frame.shape[1])
    old = (columns - placed.camera.cx) / placed.camera.fx * CAMERA.fx + CAMERA.cx
    np.testing.assert_allclose(placed.frame[5, 1:-1, 0], old[1:-1], atol=1.0)


@pytest.mark.parametrize("reduced", ["image and depth", "depth alone"])
def test_reduced_depth_lies_where_the_picture_does(reduced: str) -> None:
    columns = np.broadcast_to(1 + np.arange(3 * 160), (3 * 120, 3 * 160))  # the value tells the column
    large = info_from_camera(CAMERA.resized(480, 360), HEADER)
    image = rgb_to_image(np.zeros((360, 480, 3), np.uint8), HEADER) if reduced != "depth alone" else IMAGE
    info = large if reduced != "depth alone" else INFO
    picture = PictureMaker(rectify=True, max_size=160).make(image, info, depth_image(columns), ())
    assert picture.depth is not None
    np.testing.assert_array_equal(picture.depth[60], 2 + 3 * np.arange(160))  # the middle one of three


def distorted() -> CameraInfo:
    info = info_from_camera(CAMERA, HEADER)
    info.d = [-0.3, 0.1, 0.0, 0.0, 0.0]
    return info


def test_distortion_is_removed_unless_the_image_is_rectified_already() -> None:
    raw = PictureMaker(rectify=True, max_size=640).make(IMAGE, distorted(), None, ())
    assert np.abs(raw.frame.astype(int) - ramp()).max() > 3
    rectified = PictureMaker(rectify=False, max_size=640).make(IMAGE, distorted(), None, ())
    np.testing.assert_array_equal(rectified.frame, ramp())


def test_a_calibration_that_changes_is_followed() -> None:
    maker = PictureMaker(rectify=True, max_size=640)
    assert maker.make(IMAGE, INFO, None, ()).camera == CAMERA
    zoomed = info_from_camera(CAMERA, HEADER)
    zoomed.k[0] = zoomed.p[0] = 300.0
    assert maker.make(IMAGE, zoomed, None, ()).camera.fx == 300
    with pytest.raises(InvalidCameraError):
        maker.make(IMAGE, info_from_camera(CAMERA.resized(80, 60), HEADER), None, ())
    assert maker.make(IMAGE, INFO, None, ()).camera == CAMERA


def test_depth_of_half_the_size_is_scaled_and_of_another_shape_refused() -> None:
    maker = PictureMaker(rectify=True, max_size=640)
    picture = maker.make(IMAGE, INFO, depth_image(np.full((60, 80), 2.0)), ())
    assert picture.depth is not None
    np.testing.assert_array_equal(picture.depth, np.full((120, 160), 2, np.float32))
    with pytest.raises(InvalidCameraError, match="depth is 100x100 but the image is 160x120"):
        maker.make(IMAGE, INFO, depth_image(np.ones((100, 100))), ())


def test_depth_without_a_valid_pixel_is_refused() -> None:
    with pytest.raises(InvalidInputError, match="no valid pixel"):
        PictureMaker(rectify=True, max_size=640).make(
            IMAGE, INFO, depth_image(np.full((120, 160), np.nan)), ()
        )
