from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from strategies import numbers

from anyview_ros.geometry import PinholeCamera
from anyview_ros.methods.zeronvs.framing import GREY, common_fov_rad, reaches, resampled, square_camera

WIDE = PinholeCamera(60.0, 60.0, 63.5, 47.5, 128, 96)


def picture_of_directions(camera: PinholeCamera) -> np.ndarray:
    """A picture whose colour tells the direction of each pixel: a smooth pattern at infinity."""
    x = (np.arange(camera.width) - camera.cx) / camera.fx
    y = (np.arange(camera.height) - camera.cy) / camera.fy
    u, v = np.meshgrid(x, y)
    return np.stack(
        [128 + 90 * np.sin(2 * u), 128 + 90 * np.cos(3 * v), 128 + 60 * np.sin(u + v)], -1
    ).astype(np.float32)


@pytest.mark.parametrize(
    "onto",
    [
        square_camera(1.0, 64),
        square_camera(0.5, 32),
        PinholeCamera(40.0, 44.0, 30.0, 12.0, 50, 40),
        PinholeCamera(200.0, 200.0, 79.5, 59.5, 160, 120),
    ],
)
def test_another_camera_at_the_same_place_sees_the_same_directions(onto: PinholeCamera) -> None:
    seen = resampled(picture_of_directions(WIDE), WIDE, onto)
    truth = picture_of_directions(onto)
    assert seen.dtype == np.float32
    known = (seen != GREY).any(-1)
    assert known.mean() > 0.5
    assert np.abs(seen - truth)[known].max() < 4


def test_there_and_back_leaves_a_smooth_picture_as_it_is() -> None:
    picture = picture_of_directions(WIDE).astype(np.uint8)
    square = square_camera(common_fov_rad(WIDE, WIDE), 128)
    back = resampled(resampled(picture, WIDE, square), square, WIDE)
    assert np.abs(back.astype(int) - picture)[2:-2, 2:-2].max() <= 4


def test_what_the_source_does_not_see_is_grey() -> None:
    seen = resampled(np.zeros((96, 128, 3), np.uint8), WIDE, square_camera(2 * reaches_angle(WIDE), 64))
    assert (seen[0] == GREY).all()
    assert (seen[-1] == GREY).all()
    assert (seen[32] == 0).all()


def reaches_angle(camera: PinholeCamera) -> float:
    return math.atan(reaches(camera)[1])


@given(numbers(20, 130), numbers(20, 130), numbers(-10, 10))
def test_the_common_square_covers_the_target(source_deg: float, target_deg: float, off: float) -> None:
    source = PinholeCamera.from_fov(64, 48, horizontal_fov_deg=source_deg)
    target = PinholeCamera.from_fov(64, 48, horizontal_fov_deg=target_deg)
    target = PinholeCamera(target.fx, target.fy, target.cx + off, target.cy, 64, 48)
    half = math.tan(common_fov_rad(source, target) / 2)
    needed = reaches(target)[1]
    assert half >= min(needed, math.tan(math.radians(80))) * (1 - 1e-9)
    assert half <= 2 * needed * (1 + 1e-9)


def test_a_wide_source_widens_the_square_up_to_twice() -> None:
    narrow = PinholeCamera.from_fov(64, 64, horizontal_fov_deg=20)
    wide = PinholeCamera.from_fov(64, 64, horizontal_fov_deg=30)
    widest = PinholeCamera.from_fov(64, 64, horizontal_fov_deg=120)
    assert math.degrees(common_fov_rad(narrow, narrow)) == pytest.approx(20)
    assert math.degrees(common_fov_rad(wide, narrow)) == pytest.approx(30)
    twice = 2 * math.degrees(math.atan(2 * math.tan(math.radians(10))))
    assert math.degrees(common_fov_rad(widest, narrow)) == pytest.approx(twice)
    assert math.degrees(common_fov_rad(narrow, widest)) == pytest.approx(120)
