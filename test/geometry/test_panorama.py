from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from anyview_ros.errors import InvalidInputError
from anyview_ros.geometry import PinholeCamera, look_at, ray_directions
from anyview_ros.geometry.panorama import (
    panorama_directions,
    panorama_directions_at,
    panorama_from_perspective,
    panorama_pixels,
    perspective_from_panorama,
)
from anyview_ros.metrics import psnr_db

HEIGHT = 128
CAMERA = PinholeCamera.from_fov(120, 96, horizontal_fov_deg=80)


def smooth(directions: np.ndarray) -> np.ndarray:
    """A colour of every direction, in [0, 1], with no seam: it depends on x, y and z alone."""
    x, y, z = np.moveaxis(directions, -1, 0)
    return np.stack([0.5 + 0.4 * np.sin(5 * x), 0.5 + 0.4 * np.sin(4 * y + 2 * z), 0.5 + 0.4 * z], -1)


def turned(yaw_deg: float, pitch_deg: float) -> np.ndarray:
    """The rotation of a camera that looks up by the pitch and to the right by the yaw."""
    yaw, pitch = math.radians(yaw_deg), math.radians(pitch_deg)
    y = np.array([[math.cos(yaw), 0, math.sin(yaw)], [0, 1, 0], [-math.sin(yaw), 0, math.cos(yaw)]])
    x = np.array([[1, 0, 0], [0, math.cos(pitch), -math.sin(pitch)], [0, math.sin(pitch), math.cos(pitch)]])
    return y @ x


def levels(values: np.ndarray) -> np.ndarray:
    return np.rint(np.clip(values, 0, 1) * 255).astype(np.uint8)


def test_axes_are_those_of_a_camera_that_looks_at_the_middle() -> None:
    directions = panorama_directions(4)
    assert directions.shape == (4, 8, 3)
    np.testing.assert_allclose(np.linalg.norm(directions, axis=-1), 1)
    ahead = directions[1:3, 3:5].mean((0, 1))
    np.testing.assert_allclose(ahead / np.linalg.norm(ahead), (0, 0, 1), atol=1e-12)
    assert directions[0, 4, 1] < 0  # up is -y
    assert directions[2, 5, 0] > 0  # right of the middle is +x
    np.testing.assert_allclose(panorama_pixels([0, 0, 1], 4), (3.5, 1.5))
    np.testing.assert_allclose(panorama_pixels([1, 0, 0], 4), (5.5, 1.5))
    np.testing.assert_allclose(panorama_pixels([0, -1, 0], 4)[1], -0.5)
    np.testing.assert_allclose(panorama_pixels([0, 0, -1], 4)[0] % 8, 7.5)


@given(
    u=st.floats(-0.5, 15.49), v=st.floats(-0.45, 7.45), length=st.floats(1e-3, 1e3), turns=st.integers(-2, 2)
)
def test_a_pixels_direction_falls_back_on_the_pixel(u: float, v: float, length: float, turns: int) -> None:
    direction = panorama_directions_at((u + 16 * turns, v), 8) * length
    found = panorama_pixels(direction, 8)
    across = (found[0] - u + 8) % 16 - 8
    assert abs(across) < 1e-5
    assert abs(found[1] - v) < 1e-7
    assert -0.5 <= found[0] < 15.5


@given(xyz=st.tuples(*[st.floats(-1, 1)] * 3).filter(lambda v: np.linalg.norm(v) > 1e-3))
def test_a_directions_pixel_looks_where_the_direction_points(xyz: tuple[float, float, float]) -> None:
    back = panorama_directions_at(panorama_pixels(xyz, 32), 32)
    np.testing.assert_allclose(back, np.array(xyz) / np.linalg.norm(xyz), atol=1e-6)


@pytest.mark.parametrize("yaw", [0, 90, 180, 181, -77])
@pytest.mark.parametrize("pitch", [-30, 0, 30])
def test_a_view_of_a_panorama_shows_what_is_there(yaw: float, pitch: float) -> None:
    panorama = levels(smooth(panorama_directions(HEIGHT)))
    rotation = turned(yaw, pitch)
    truth = levels(smooth(ray_directions(CAMERA, unit=True) @ rotation.T))
    assert psnr_db(perspective_from_panorama(panorama, CAMERA, rotation), truth) > 45


@pytest.mark.parametrize("yaw", [0, 60, 180])
def test_there_and_back_is_above_35_db_at_middle_latitudes(yaw: float) -> None:
    panorama = levels(smooth(panorama_directions(HEIGHT)))
    rotation = turned(yaw, 0)
    view = perspective_from_panorama(panorama, CAMERA, rotation)
    again, mask = panorama_from_perspective(view, CAMERA, rotation, HEIGHT)
    assert 0.07 < mask.mean() < 0.09  # 80 by 67 degrees of 360 by 180
    assert psnr_db(again, panorama, mask) > 35
    latitude = np.abs(np.arange(HEIGHT) + 0.5 - HEIGHT / 2) / HEIGHT * 180
    between = mask & ((latitude > 15) & (latitude < 32))[:, None]
    assert between.sum() > 500
    assert psnr_db(again, panorama, between) > 35


def test_the_view_across_the_seam_is_continuous_to_one_grey_level() -> None:
    panorama = levels(smooth(panorama_directions(HEIGHT)))
    narrow = PinholeCamera.from_fov(400, 20, horizontal_fov_deg=20)  # ten pixels for one of the panorama
    behind = perspective_from_panorama(panorama, narrow, turned(180, 0)).astype(int)
    truth = levels(smooth(ray_directions(narrow, unit=True) @ turned(180, 0).T)).astype(int)
    assert np.abs(behind - truth).max() <= 1
    assert np.abs(np.diff(behind, axis=1)).max() <= 1


def test_a_view_goes_on_over_the_pole() -> None:
    ramp = panorama_directions(16)[..., 0].astype(np.float32)  # of x: nearly linear around the poles
    narrow = PinholeCamera.from_fov(31, 31, horizontal_fov_deg=20)
    for pitch in (90, -90):
        rotation = turned(0, pitch)
        view = perspective_from_panorama(ramp, narrow, rotation)
        truth = ray_directions(narrow, unit=True) @ rotation.T
        np.testing.assert_allclose(view, truth[..., 0], atol=0.012)


def test_turning_the_panorama_is_turning_the_camera() -> None:
    panorama = np.random.default_rng(0).random((16, 32)).astype(np.float32)
    there = perspective_from_panorama(np.roll(panorama, 8, axis=1), CAMERA, turned(90, 10))
    np.testing.assert_allclose(there, perspective_from_panorama(panorama, CAMERA, turned(0, 10)), atol=1e-5)


def test_what_is_finer_is_averaged_not_skipped() -> None:
    stripes = np.tile(np.array([0, 255], np.uint8), (512, 512))
    coarse = PinholeCamera.from_fov(16, 16, horizontal_fov_deg=90)
    view = perspective_from_panorama(stripes, coarse, np.eye(3))
    assert np.abs(view.astype(int) - 128).max() < 30
    fine = PinholeCamera.from_fov(640, 640, horizontal_fov_deg=90)
    again, mask = panorama_from_perspective(np.tile(stripes[:1, :640], (640, 1)), fine, np.eye(3), 16)
    assert np.abs(again[mask].astype(int) - 128).max() < 30


def test_nearest_keeps_labels() -> None:
    labels = np.random.default_rng(0).choice([0.0, 7.0], (16, 32)).astype(np.float32)
    view = perspective_from_panorama(labels, CAMERA, turned(170, 40), nearest=True)
    assert set(np.unique(view)) == {0.0, 7.0}
    again, mask = panorama_from_perspective(view, CAMERA, turned(170, 40), 16, nearest=True)
    assert (again[mask] == labels[mask]).mean() > 0.95


def test_nearest_keeps_labels_of_what_is_much_finer() -> None:
    labels = np.random.default_rng(0).choice([0.0, 7.0], (256, 512)).astype(np.float32)
    coarse = PinholeCamera.from_fov(20, 16, horizontal_fov_deg=80)
    view = perspective_from_panorama(labels, coarse, turned(170, 40), nearest=True)
    assert set(np.unique(view)) == {0.0, 7.0}
    fine = PinholeCamera.from_fov(512, 256, horizontal_fov_deg=80)
    again, mask = panorama_from_perspective(labels, fine, turned(170, 40), 16, nearest=True)
    assert set(np.unique(again[mask])) == {0.0, 7.0}


def test_nothing_is_extrapolated_at_the_border_of_an_image() -> None:
    image = np.random.default_rng(0).choice([0.0, 1.0], (96, 120)).astype(np.float32)
    panorama, mask = panorama_from_perspective(image, CAMERA, np.eye(3), HEIGHT)
    assert mask.any()
    assert panorama.min() >= 0
    assert panorama.max() <= 1


def test_bad_input_is_named() -> None:
    with pytest.raises(InvalidInputError, match="twice as wide as high"):
        perspective_from_panorama(np.zeros((16, 30, 3), np.uint8), CAMERA, np.eye(3))
    with pytest.raises(InvalidInputError, match="no rotation"):
        perspective_from_panorama(np.zeros((16, 32, 3), np.uint8), CAMERA, 2 * np.eye(3))
    with pytest.raises(InvalidInputError, match="no rotation"):
        perspective_from_panorama(np.zeros((16, 32, 3), np.uint8), CAMERA, np.full((3, 3), np.nan))
    with pytest.raises(InvalidInputError, match="resize image and camera"):
        panorama_from_perspective(np.zeros((9, 9, 3), np.uint8), CAMERA, np.eye(3), 16)
    with pytest.raises(InvalidInputError, match="length 0"):
        panorama_pixels((0.0, 0.0, 0.0), 16)
    with pytest.raises(InvalidInputError, match="at least one row"):
        panorama_directions(0)


def test_a_camera_made_by_look_at_sees_the_point_in_its_middle() -> None:
    pose = look_at((0, 0, 0), (-1.0, 0.2, -3.0), (0, -1, 0))
    spot = np.zeros((HEIGHT, 2 * HEIGHT), np.float32)
    u, v = np.rint(panorama_pixels((-1.0, 0.2, -3.0), HEIGHT)).astype(int)
    spot[v, u] = 1
    view = perspective_from_panorama(spot, CAMERA, pose[:3, :3])
    row, column = np.unravel_index(int(view.argmax()), view.shape)
    assert abs(row - CAMERA.cy) < 2
    assert abs(column - CAMERA.cx) < 2
