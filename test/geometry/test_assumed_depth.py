from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis.extra.numpy import arrays
from strategies import numbers, poses

from anyview_ros.errors import InvalidInputError
from anyview_ros.geometry import PinholeCamera, look_at
from anyview_ros.geometry.assumed_depth import constant_depth, plane_depth

CAMERA = PinholeCamera(30.0, 40.0, 9.0, 8.0, 20, 15)


@given(pose=poses(), point=arrays(np.float64, 3, elements=numbers(-5, 5)))
def test_points_of_a_plane_lie_on_it(pose: np.ndarray, point: np.ndarray) -> None:
    normal = np.array([0.3, -0.4, 2.0])
    depth = plane_depth(CAMERA, pose, point, normal)
    rows, columns = np.nonzero((depth > 0) & (depth < 1e3))
    points = CAMERA.unproject(np.stack([columns, rows], axis=-1), depth[rows, columns])
    world = points @ pose[:3, :3].T + pose[:3, 3]
    scale = 1 + np.linalg.norm(world - point, axis=-1)
    assert np.all(np.abs((world - point) @ normal) <= 1e-4 * scale)


def test_both_signs_of_the_normal_mean_one_plane() -> None:
    pose = look_at((1, 0, 1), (0, 0, 0))
    up, down = (plane_depth(CAMERA, pose, (0, 0, 0), (0, 0, sign)) for sign in (2.0, -2.0))
    np.testing.assert_array_equal(up, down)
    assert (up > 0).all()


def test_rays_above_the_horizon_meet_nothing() -> None:
    depth = plane_depth(CAMERA, look_at((0, 0, 1), (1, 0, 1)), (0, 0, 0), (0, 0, 1))
    assert (depth[:9] == 0).all()
    assert (depth[9:] > 0).all()
    assert depth[14, 9] == pytest.approx(40 / 6)


@pytest.mark.parametrize("depth_m", [0.0, -1.0, float("nan"), float("inf")])
def test_a_constant_depth_is_positive(depth_m: float) -> None:
    with pytest.raises(InvalidInputError, match="depth_m is"):
        constant_depth(CAMERA, depth_m)
    assert (constant_depth(CAMERA, 1.5) == 1.5).all()


def test_a_plane_needs_a_direction() -> None:
    with pytest.raises(InvalidInputError, match="normal is"):
        plane_depth(CAMERA, np.eye(4), (0, 0, 1), (0, 0, 0))
    with pytest.raises(InvalidInputError, match="point must be three"):
        plane_depth(CAMERA, np.eye(4), (0, 0), (0, 0, 1))


@pytest.mark.parametrize("name", ["point", "normal"])
def test_one_value_that_is_not_finite_spoils_a_plane(name: str) -> None:
    plane = {"point": (0.0, 0.0, 1.0), "normal": (0.0, 0.0, 1.0)} | {name: (0.0, np.nan, 1.0)}
    with pytest.raises(InvalidInputError, match=f"{name} must be three finite numbers"):
        plane_depth(CAMERA, np.eye(4), **plane)
