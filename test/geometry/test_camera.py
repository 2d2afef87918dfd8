import math

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from strategies import cameras, numbers, points_in_front

from anyview_ros.errors import InvalidCameraError, InvalidInputError
from anyview_ros.geometry import DistortedCamera, PinholeCamera

VGA = PinholeCamera(600.0, 610.0, 320.0, 240.0, 640, 480)


@given(cameras(), points_in_front())
def test_projection_is_opencvs(camera, points):
    pixels, depth = camera.project(points)
    expected, _ = cv2.projectPoints(points, np.zeros(3), np.zeros(3), camera.matrix, None)
    np.testing.assert_allclose(pixels, expected[:, 0], rtol=1e-9, atol=1e-9 * camera.fx)
    np.testing.assert_array_equal(depth, points[:, 2])


@given(cameras(), points_in_front())
def test_unprojecting_undoes_projecting(camera, points):
    pixels, depth = camera.project(points)
    np.testing.assert_allclose(camera.unproject(pixels, depth), points, rtol=1e-9, atol=1e-9)


def test_points_behind_or_in_the_camera_have_no_pixel():
    pixels, depth = VGA.project([[0, 0, 1], [0, 0, -1], [0.1, 0, 0]])
    assert np.isnan(pixels).all(axis=1).tolist() == [False, True, True]
    assert depth.tolist() == [1, -1, 0]
    assert VGA.contains(pixels).tolist() == [True, False, False]


def test_image_ends_half_a_pixel_beyond_the_outer_centres():
    edge = [[-0.5, -0.5], [-0.51, 0], [639.49, 479.49], [639.5, 0], [0, 479.5]]
    assert VGA.contains(edge).tolist() == [True, False, True, False, False]


def test_shapes_of_batches_are_kept():
    pixels, depth = VGA.project(np.ones((2, 3, 3)))
    assert (pixels.shape, depth.shape) == ((2, 3, 2), (2, 3))
    assert VGA.unproject(pixels, depth).shape == (2, 3, 3)
    assert VGA.unproject(pixels[0, 0], [1.0, 2.0]).shape == (2, 3)


@given(cameras())
def test_matrix_round_trip(camera):
    assert PinholeCamera.from_matrix(camera.matrix, *camera.size) == camera


@given(st.integers(1, 4000), st.integers(1, 4000), numbers(1, 179), numbers(1, 179))
def test_field_of_view_round_trip(width, height, horizontal, vertical):
    camera = PinholeCamera.from_fov(width, height, horizontal_fov_deg=horizontal, vertical_fov_deg=vertical)
    assert camera.horizontal_fov_deg == pytest.approx(horizontal)
    assert camera.vertical_fov_deg == pytest.approx(vertical)


@pytest.mark.parametrize("axis", ["horizontal_fov_deg", "vertical_fov_deg"])
def test_one_field_of_view_gives_square_pixels(axis):
    camera = PinholeCamera.from_fov(640, 480, **{axis: 70})
    assert camera.fx == camera.fy
    assert getattr(camera, axis) == pytest.approx(70)


def test_field_of_view_counts_both_sides_of_an_off_centre_camera():
    camera = PinholeCamera(100, 100, -0.5, 49.5, 100, 100)
    assert camera.horizontal_fov_deg == pytest.approx(45)


def scaled(pixels, size, new_size):
    return (np.asarray(pixels) + 0.5) * np.divide(new_size, size) - 0.5


@given(cameras(), st.integers(1, 3000), st.integers(1, 3000), points_in_front())
def test_resizing_moves_projections_with_the_image(camera, width, height, points):
    expected = scaled(camera.project(points)[0], camera.size, (width, height))
    np.testing.assert_allclose(
        camera.resized(width, height).project(points)[0], expected, rtol=1e-9, atol=1e-6
    )


def test_resizing_agrees_with_opencvs_pixels():
    """A ramp image holds its own coordinates: OpenCV's resize must put them where the camera says."""
    small = np.tile(np.arange(40, dtype=np.float32), (30, 1))
    camera = PinholeCamera(50, 50, 17, 14, 40, 30)
    large = cv2.resize(small, (120, 90), interpolation=cv2.INTER_LINEAR)
    target = camera.resized(120, 90)
    ray = (large[45, 60] - camera.cx) / camera.fx
    assert ray == pytest.approx((60 - target.cx) / target.fx, abs=1e-6)


@given(cameras(), st.integers(1, 3000), st.integers(1, 3000))
def test_resizing_back_gives_the_camera_back(camera, width, height):
    back = camera.resized(width, height).resized(*camera.size)
    np.testing.assert_allclose(back.matrix, camera.matrix, rtol=1e-9, atol=1e-6)
    assert back.size == camera.size
    assert camera.resized(width, height).horizontal_fov_deg == pytest.approx(camera.horizontal_fov_deg)


@given(cameras(), st.data())
def test_cropping_and_padding_are_inverse_and_shift_projections(camera, data):
    x, y = data.draw(st.integers(0, camera.width - 1)), data.draw(st.integers(0, camera.height - 1))
    width = data.draw(st.integers(1, camera.width - x))
    height = data.draw(st.integers(1, camera.height - y))
    region = camera.cropped(x, y, width, height)
    points = data.draw(points_in_front())
    expected = camera.project(points)[0] - (x, y)
    np.testing.assert_allclose(region.project(points)[0], expected, rtol=1e-9, atol=1e-6)
    back = region.padded(x, y, camera.width - x - width, camera.height - y - height)
    np.testing.assert_allclose(back.matrix, camera.matrix, rtol=1e-9, atol=1e-9)
    assert back.size == camera.size


def test_binned_pixel_is_centred_on_the_pixels_it_holds():
    binned = VGA.binned(2, 4)
    point = VGA.unproject([0.5, 1.5], 1.0)
    np.testing.assert_allclose(binned.project(point)[0], [0, 0], atol=1e-9)
    assert binned.size == (320, 120)
    assert VGA.binned(0, 0) == VGA


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"fx": 0.0}, "fx is 0.0"),
        ({"fy": -1}, "fy is -1"),
        ({"cx": math.nan}, "cx is nan"),
        ({"cy": math.inf}, "cy is inf"),
        ({"fx": "wide"}, "fx is 'wide'"),
        ({"width": 0}, "width is 0"),
        ({"height": -3}, "height is -3"),
        ({"width": 640.5}, "width is 640.5"),
    ],
)
def test_impossible_intrinsics_are_named(change, message):
    given = {"fx": 600, "fy": 600, "cx": 320, "cy": 240, "width": 640, "height": 480} | change
    with pytest.raises(InvalidCameraError, match=message):
        PinholeCamera(**given)


@pytest.mark.parametrize(
    ("attempt", "message"),
    [
        (lambda: PinholeCamera.from_matrix(np.eye(4), 4, 4), r"\(4, 4\)"),
        (lambda: PinholeCamera.from_matrix([[1, 0.1, 0], [0, 1, 0], [0, 0, 1]], 4, 4), "without skew"),
        (lambda: PinholeCamera.from_matrix([[1, 0, 0], [0, 1, 0], [0, 0, 2]], 4, 4), "without skew"),
        (lambda: PinholeCamera.from_fov(640, 480), "no field of view"),
        (lambda: PinholeCamera.from_fov(640, 480, horizontal_fov_deg=180), "horizontal_fov_deg is 180"),
        (lambda: PinholeCamera.from_fov(640, 480, vertical_fov_deg=0), "vertical_fov_deg is 0"),
        (lambda: PinholeCamera.from_fov(640, 480, vertical_fov_deg=math.nan), "vertical_fov_deg is nan"),
        (lambda: VGA.cropped(600, 0, 41, 10), "x=600 y=0 41x10"),
        (lambda: VGA.cropped(0, -1, 10, 10), "y=-1"),
        (lambda: VGA.padded(left=-1), "left is -1"),
        (lambda: VGA.binned(-1, 1), "binning x is -1"),
        (lambda: VGA.binned(641, 1), "width is 0"),
        (lambda: VGA.resized(0, 1), "width is 0"),
    ],
)
def test_impossible_changes_are_named(attempt, message):
    with pytest.raises(InvalidCameraError, match=message):
        attempt()


@pytest.mark.parametrize("method", ["project", "contains"])
def test_vectors_of_another_length_are_refused(method):
    with pytest.raises(InvalidInputError, match=r"\(7, 4\)"):
        getattr(VGA, method)(np.zeros((7, 4)))


def test_numpy_values_become_plain_ones():
    camera = PinholeCamera(np.float32(600), 600, 320, 240, np.int64(640), np.uint16(480))
    assert type(camera.fx) is float
    assert type(camera.width) is int


def test_a_pinhole_camera_stands_where_a_distorted_one_may() -> None:
    camera = PinholeCamera(10.0, 10.0, 3.5, 1.5, 8, 4)
    image = np.arange(32, dtype=np.uint8).reshape(4, 8)
    lens = DistortedCamera(camera, "plumb_bob", ())
    for one in (camera, lens):
        assert one.size == (8, 4)
        assert one.is_pinhole
        assert one.rectified is camera
        assert one.rectify(image) is image
