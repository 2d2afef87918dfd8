from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from anyview_ros.errors import InvalidInputError
from anyview_ros.geometry import PinholeCamera
from anyview_ros.scenes import sample_view
from anyview_ros.scenes.tabletops import Tabletop, TabletopFactory, film_tabletop
from anyview_ros.scenes.tabletops.assets import Assets

CAMERA = PinholeCamera.from_fov(48, 48, horizontal_fov_deg=60)
NOW = np.zeros(1)


@pytest.fixture(scope="module")
def tabletop(assets: Assets, opengl: None) -> Tabletop:
    return TabletopFactory(held_out=False, assets=assets).room(1)


@pytest.fixture(scope="module")
def pose(tabletop: Tabletop) -> np.ndarray:
    return sample_view(tabletop.shell(), np.random.default_rng(1), [0.0], distance_m=(1.0, 1.5))[None]


def test_another_principal_point_shifts_the_picture(tabletop: Tabletop, pose: np.ndarray) -> None:
    centred = film_tabletop(tabletop, CAMERA, pose, NOW, supersampling=1)
    moved = film_tabletop(
        tabletop, replace(CAMERA, cx=CAMERA.cx + 8, cy=CAMERA.cy - 5), pose, NOW, supersampling=1
    )
    for before, after, apart in zip(centred, moved, (16, 1e-4), strict=True):  # fine texture shimmers
        same = np.isclose(before[0, 5:, :-8], after[0, :-5, 8:], rtol=1e-3, atol=apart)
        assert same.mean() > 0.97


def test_focal_lengths_may_differ(tabletop: Tabletop, pose: np.ndarray) -> None:
    tall = PinholeCamera(CAMERA.fx, 2 * CAMERA.fy, CAMERA.cx, 2 * CAMERA.cy + 0.5, 48, 96)
    _, plain = film_tabletop(tabletop, CAMERA, pose, NOW)
    _, stretched = film_tabletop(tabletop, tall, pose, NOW)
    between = (stretched[0, ::2] + stretched[0, 1::2]) / 2
    assert np.isclose(plain[0], between, rtol=0.01).mean() > 0.9


def test_more_samples_average_colours_and_leave_depth(tabletop: Tabletop, pose: np.ndarray) -> None:
    _, depth = film_tabletop(tabletop, CAMERA, pose, NOW, supersampling=1)
    smooth, same_depth = film_tabletop(tabletop, CAMERA, pose, NOW, supersampling=3)
    assert np.isclose(depth, same_depth, rtol=1e-4).mean() > 0.99
    fine, _ = film_tabletop(tabletop, CAMERA.resized(144, 144), pose, NOW, supersampling=1)
    blocks = fine[0].astype(float).reshape(48, 3, 48, 3, 3).mean((1, 3))
    assert np.abs(blocks - smooth[0]).max() <= 0.5
    with pytest.raises(InvalidInputError, match="supersampling is 2; give an odd number"):
        film_tabletop(tabletop, CAMERA, pose, NOW, supersampling=2)


def test_marks_of_grippers_are_not_seen(tabletop: Tabletop, pose: np.ndarray) -> None:
    seen = film_tabletop(tabletop, CAMERA, pose, NOW)[0]
    model = tabletop.model
    marks = np.array(model.site_rgba)
    try:
        model.site_rgba[:] = (1, 0, 0, 1)
        np.testing.assert_array_equal(seen, film_tabletop(tabletop, CAMERA, pose, NOW)[0])
    finally:
        model.site_rgba[:] = marks


def test_a_picture_does_not_depend_on_larger_ones_before(tabletop: Tabletop, pose: np.ndarray) -> None:
    before = film_tabletop(tabletop, CAMERA, pose, NOW)
    film_tabletop(tabletop, CAMERA.resized(300, 800), pose, NOW, supersampling=1)
    for one, two in zip(before, film_tabletop(tabletop, CAMERA, pose, NOW), strict=True):
        np.testing.assert_array_equal(one, two)
