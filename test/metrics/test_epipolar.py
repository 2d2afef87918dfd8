from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from anyview_ros.errors import InvalidInputError
from anyview_ros.geometry import PinholeCamera, look_at
from anyview_ros.metrics import TwoViewGeometry, symmetric_epipolar_distances_px

CAMERA_A = PinholeCamera(300.0, 310.0, 160.0, 118.0, 320, 240)
CAMERA_B = PinholeCamera(250.0, 240.0, 140.0, 125.0, 280, 260)


def seen(camera: PinholeCamera, pose: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Project world points by the textbook, without the package."""
    in_camera = (points - pose[:3, 3]) @ pose[:3, :3]
    x, y, z = in_camera.T
    return np.column_stack([camera.fx * x / z + camera.cx, camera.fy * y / z + camera.cy])


@given(seed=st.integers(0, 2**32 - 1))
@settings(max_examples=30)
def test_points_of_one_world_are_at_no_distance(seed: int) -> None:
    rng = np.random.default_rng(seed)
    points = rng.uniform(-0.5, 0.5, (20, 3))
    a = look_at(np.add((3, 0, 0), rng.uniform(-1, 1, 3)), rng.uniform(-0.2, 0.2, 3))
    b = look_at(np.add((2, 2, 1), rng.uniform(-1, 1, 3)), rng.uniform(-0.2, 0.2, 3))
    geometry = TwoViewGeometry.between(CAMERA_A, a, CAMERA_B, b)
    distances = geometry.distances_px(seen(CAMERA_A, a, points), seen(CAMERA_B, b, points))
    assert distances.max() < 1e-6


def test_a_rectified_pair_measures_rows() -> None:
    """Cameras side by side: epipolar lines are rows, and both distances are the difference of rows."""
    moved = np.eye(4)
    moved[0, 3] = 0.1
    geometry = TwoViewGeometry.between(CAMERA_A, np.eye(4), CAMERA_A, moved)
    distances = geometry.distances_px([[10, 20], [200, 100]], [[5, 23], [120, 100]])
    np.testing.assert_allclose(distances, [3, 0], atol=1e-9)


def test_different_focal_lengths_measure_different_rows_by_hand() -> None:
    """Twice the focal length in b: 4 rows off in b are 2 rows in a; their mean is 3."""
    double = PinholeCamera(600.0, 620.0, 160.0, 118.0, 320, 240)
    moved = np.eye(4)
    moved[0, 3] = 0.1
    geometry = TwoViewGeometry.between(CAMERA_A, np.eye(4), double, moved)
    distances = geometry.distances_px([[170, 128]], [[100, 138 + 4]])
    np.testing.assert_allclose(distances, [3.0], atol=1e-9)
    halved = geometry.distances_px([[170, 128]], [[100, 138 + 4]], scales=(1.0, 0.5))
    np.testing.assert_allclose(halved, [2.0], atol=1e-9)


def test_by_hand_from_a_fundamental_matrix() -> None:
    """F = [[0,0,0],[0,0,-1],[0,1,0]], x_a = (2, 3): line in b is (0, -1, 3), so y = 3; b lies on y = 7."""
    F = [[0, 0, 0], [0, 0, -1], [0, 1, 0]]
    np.testing.assert_allclose(symmetric_epipolar_distances_px([[2, 3]], [[9, 7]], F), [4.0])
    # Lines of unequal steepness: x_b^T F x_a = 5; line in b (3, 4, ·) of length 5, in a (0, 1, ·) of length 1.
    F = np.array([[0, 0, 3], [0, 0, 4], [0, 1, 1]], float)
    a, b = [[0, 0]], [[0, 1]]
    assert symmetric_epipolar_distances_px(a, b, F)[0] == pytest.approx((5 / 5 + 5 / 1) / 2)


def test_swapping_the_pictures_changes_nothing() -> None:
    rng = np.random.default_rng(3)
    a, b = look_at((2, 0, 0), (0, 0, 0)), look_at((1.5, 1, 0.5), (0, 0.1, 0))
    points_a, points_b = rng.uniform(0, 200, (2, 15, 2))
    there = TwoViewGeometry.between(CAMERA_A, a, CAMERA_B, b).distances_px(points_a, points_b)
    back = TwoViewGeometry.between(CAMERA_B, b, CAMERA_A, a).distances_px(points_b, points_a)
    np.testing.assert_allclose(there, back, rtol=1e-9)
    assert there.max() > 10


def test_a_camera_that_only_turns_is_judged_by_where_points_go() -> None:
    pose, turned = look_at((2, 0, 0), (0, 0, 0)), look_at((2, 0, 0), (0, 0.3, 0.1))
    points = np.random.default_rng(1).uniform(-0.3, 0.3, (10, 3))
    geometry = TwoViewGeometry.between(CAMERA_A, pose, CAMERA_A, turned)
    assert geometry.fundamental is None
    points_a, points_b = seen(CAMERA_A, pose, points), seen(CAMERA_A, turned, points)
    assert geometry.distances_px(points_a, points_b).max() < 1e-6
    there = geometry.distances_px(points_a, points_b + np.array([4, 0]), scales=(0, 1))
    np.testing.assert_allclose(there, 4 / 2, atol=1e-6)
    back = geometry.distances_px(points_a + np.array([4, 0]), points_b, scales=(1, 0))
    np.testing.assert_allclose(back, 4 / 2, atol=1e-6)
    still = TwoViewGeometry.between(CAMERA_A, pose, CAMERA_A, pose)
    np.testing.assert_allclose(still.distances_px([[5, 5]], [[8, 9]]), [5.0])


def test_a_point_in_the_epipole_is_at_no_distance() -> None:
    ahead = np.eye(4)
    ahead[2, 3] = 0.5
    geometry = TwoViewGeometry.between(CAMERA_A, np.eye(4), CAMERA_A, ahead)
    distances = geometry.distances_px([[CAMERA_A.cx, CAMERA_A.cy]], [[CAMERA_A.cx, CAMERA_A.cy]])
    np.testing.assert_allclose(distances, [0.0], atol=1e-9)


def test_points_that_cannot_be_judged() -> None:
    with pytest.raises(InvalidInputError, match="come in pairs"):
        symmetric_epipolar_distances_px([[1, 2]], [[1, 2], [3, 4]], np.eye(3))
    with pytest.raises(InvalidInputError, match="nan"):
        symmetric_epipolar_distances_px([[1, np.nan]], [[1, 2]], np.eye(3))
    for F in (np.eye(4), np.diag([1.0, np.nan, 1.0])):
        with pytest.raises(InvalidInputError, match=r"finite numbers \(3, 3\)"):
            symmetric_epipolar_distances_px([[1, 2]], [[1, 2]], F)


def test_a_point_behind_the_turned_camera_is_infinitely_far_from_its_match() -> None:
    about = np.diag([-1.0, 1.0, -1.0, 1.0])
    geometry = TwoViewGeometry.between(CAMERA_A, np.eye(4), CAMERA_A, about)
    assert geometry.fundamental is None
    assert geometry.distances_px([[10, 20]], [[10, 20]]).tolist() == [np.inf]


@pytest.mark.parametrize(("baseline_m", "shared"), [(0.9e-4, True), (1.1e-4, False)])
def test_a_tenth_of_a_millimetre_parts_two_cameras(baseline_m: float, *, shared: bool) -> None:
    moved = np.eye(4)
    moved[1, 3] = baseline_m
    geometry = TwoViewGeometry.between(CAMERA_A, np.eye(4), CAMERA_B, moved)
    assert (geometry.fundamental is None) is shared
