import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from strategies import numbers

from anyview_ros.errors import InvalidCameraError, InvalidInputError, InvalidPoseError
from anyview_ros.geometry import DistortedCamera, PinholeCamera, pixel_grid

RAW = PinholeCamera(300.0, 310.0, 161.0, 117.0, 320, 240)
TURN = cv2.Rodrigues(np.array([0.03, -0.05, 0.02]))[0]
COEFFICIENTS = {
    "plumb_bob": [-0.28, 0.09, 0.001, -0.002, 0.01],
    "rational_polynomial": [0.4, 0.05, 0.001, -0.002, 0.01, 0.6, 0.1, 0.005],
    "equidistant": [0.02, -0.01, 0.004, -0.001],
}
MODELS = pytest.mark.parametrize("model", COEFFICIENTS)


def lens(model, **changes):
    return DistortedCamera(RAW, model, COEFFICIENTS[model], **changes)


def pixels():
    return arrays(np.float64, (6, 2), elements=numbers(0, 1)).map(lambda p: p * (319, 239))


@MODELS
@given(points=pixels())
def test_undistorting_undoes_distorting(model, points):
    camera = lens(model, rotation=TURN, rectified=RAW.resized(300, 200))
    np.testing.assert_allclose(camera.distort_points(camera.undistort_points(points)), points, atol=1e-6)


@MODELS
@given(points=pixels())
def test_distortion_is_opencvs_projection(model, points):
    rays = RAW.unproject(points, 2.0)
    project = cv2.fisheye.projectPoints if model == "equidistant" else cv2.projectPoints
    expected, _ = project(
        rays.reshape(-1, 1, 3), np.zeros(3), np.zeros(3), RAW.matrix, np.array(COEFFICIENTS[model])
    )
    np.testing.assert_allclose(lens(model).distort_points(points), expected.reshape(-1, 2), atol=1e-9)


@MODELS
def test_image_and_points_are_rectified_alike(model):
    """A raw image whose values are its own coordinates shows where each rectified pixel was taken from."""
    camera = lens(model, rotation=TURN, rectified=PinholeCamera(250, 250, 150, 120, 310, 230))
    raw = pixel_grid(RAW).astype(np.float32)
    rectified = camera.rectify(raw)
    came_from = camera.distort_points(pixel_grid(camera.rectified))
    inside = np.all((came_from > 1) & (came_from < (318, 238)), axis=-1)
    assert inside.mean() > 0.7
    assert rectified.shape == (230, 310, 2)
    np.testing.assert_allclose(rectified[inside], came_from[inside], atol=0.05)
    outside = np.any((came_from < -1) | (came_from > (320, 240)), axis=-1)
    assert not rectified[outside].any()


@MODELS
def test_nearest_invents_no_depth(model):
    raw = np.where(np.arange(320) < 160, 1.0, 5.0).astype(np.float32) * np.ones((240, 1), np.float32)
    assert set(np.unique(lens(model).rectify(raw, nearest=True))) <= {0.0, 1.0, 5.0}
    assert len(np.unique(lens(model).rectify(raw))) > 3


def test_rectified_axes_are_turned_by_the_rotation():
    camera = DistortedCamera(RAW, "plumb_bob", np.zeros(5), rotation=TURN)
    point = np.array([0.3, -0.2, 2.0])
    in_rectified, _ = camera.rectified.project(TURN @ point)
    np.testing.assert_allclose(camera.undistort_points(RAW.project(point)[0]), in_rectified, atol=1e-9)


def test_maps_are_computed_once(monkeypatch):
    calls = []
    original = cv2.initUndistortRectifyMap
    monkeypatch.setattr(cv2, "initUndistortRectifyMap", lambda *a: calls.append(a) or original(*a))
    camera = lens("plumb_bob")
    for _ in range(3):
        camera.rectify(np.zeros((240, 320, 3), np.uint8))
    assert len(calls) == 1


@pytest.mark.parametrize("coefficients", [[], np.zeros(5)])
def test_camera_without_distortion_returns_the_image_itself(coefficients):
    camera = DistortedCamera(RAW, "plumb_bob", coefficients)
    image = np.zeros((240, 320, 3), np.uint8)
    assert camera.is_pinhole
    assert camera.rectify(image) is image
    np.testing.assert_allclose(camera.undistort_points([[7, 9.5]]), [[7, 9.5]], atol=1e-9)


@pytest.mark.parametrize(
    "camera",
    [
        lens("plumb_bob"),
        DistortedCamera(RAW, "equidistant", np.zeros(4)),
        DistortedCamera(RAW, "plumb_bob", [], rotation=TURN),
        DistortedCamera(RAW, "plumb_bob", [], rectified=RAW.padded(left=1)),
    ],
)
def test_camera_that_changes_anything_is_no_pinhole(camera):
    assert not camera.is_pinhole


@MODELS
@given(st.sampled_from(["resized", "cropped", "binned"]), pixels())
def test_changed_image_has_the_same_lens(model, change, points):
    arguments, scale, shift = {
        "resized": ((640, 120), (2, 0.5), (0, 0)),
        "cropped": ((20, 10, 200, 100), (1, 1), (20, 10)),
        "binned": ((2, 4), (0.5, 0.25), (0, 0)),
    }[change]

    def moved(p):
        return (p - shift + 0.5) * scale - 0.5

    camera = lens(model, rotation=TURN)
    changed = getattr(camera, change)(*arguments)
    expected = moved(camera.undistort_points(points))
    np.testing.assert_allclose(changed.undistort_points(moved(points)), expected, atol=1e-6)
    assert changed.rectified.size == changed.camera.size


def test_single_channel_keeps_its_axis():
    assert lens("plumb_bob").rectify(np.zeros((240, 320, 1), np.uint8)).shape == (240, 320, 1)


def test_fisheye_is_another_name():
    assert DistortedCamera(RAW, "fisheye", np.zeros(4)).model == "equidistant"


@pytest.mark.parametrize(
    ("model", "coefficients", "message"),
    [
        ("brown", [0.0] * 5, "model 'brown' is unknown; give one of plumb_bob"),
        ("", [], "model '' is unknown"),
        ("plumb_bob", [0.1] * 8, "'plumb_bob' takes 0 or 4 or 5 coefficients, got"),
        ("rational_polynomial", [0.1] * 5, "'rational_polynomial' takes 0 or 8 or 12 or 14"),
        ("equidistant", [], "'equidistant' takes 4 coefficients, got"),
        ("plumb_bob", [[0.1] * 5], "takes 0 or 4 or 5"),
        ("plumb_bob", [0.1, np.nan, 0, 0], "must be finite"),
    ],
)
def test_unfit_coefficients_are_named(model, coefficients, message):
    with pytest.raises(InvalidCameraError, match=message):
        DistortedCamera(RAW, model, coefficients)


@MODELS
def test_no_points_stay_none(model):
    for points in (np.zeros((0, 2)), np.zeros((3, 0, 2))):
        for taken in (lens(model).undistort_points(points), lens(model).distort_points(points)):
            assert taken.shape == points.shape
            assert taken is not points


def test_unfit_rotation_image_and_points_are_refused():
    with pytest.raises(InvalidPoseError, match="scales or shears"):
        lens("plumb_bob", rotation=np.zeros((3, 3)))
    with pytest.raises(InvalidCameraError, match=r"320x240 but the image is \(480, 640, 3\)"):
        lens("plumb_bob").rectify(np.zeros((480, 640, 3), np.uint8))
    with pytest.raises(InvalidInputError, match=r"\(3, 3\)"):
        lens("plumb_bob").distort_points(np.zeros((3, 3)))
