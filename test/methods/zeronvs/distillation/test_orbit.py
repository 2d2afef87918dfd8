"""Cameras around the point looked at, and which anchor is nearest."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from strategies import numbers

from anyview_ros.errors import InvalidRequestError
from anyview_ros.geometry import look_at, rotation_angle_deg
from anyview_ros.methods.zeronvs.distillation.orbit import Orbit, nearest_by_rotation

INPUT = look_at((3.0, 1.0, 1.5), (1.0, 1.0, 0.5))
ORBIT = Orbit.of(INPUT, float(np.linalg.norm([2.0, 0.0, 1.0])))


def azimuth_of(pose: np.ndarray) -> float:
    x, y, _ = pose[:3, 3] - ORBIT.centre
    return float(np.degrees(np.arctan2(y, x)))


def test_the_centre_lies_on_the_optical_axis() -> None:
    np.testing.assert_allclose(ORBIT.centre, (1.0, 1.0, 0.5), atol=1e-12)
    assert ORBIT.elevation_deg == pytest.approx(np.degrees(np.arctan2(1, 2)))


@pytest.mark.parametrize("count", [1, 2, 3, 5])
def test_anchors_stand_where_the_paper_puts_them(count: int) -> None:
    poses = ORBIT.anchors(count)
    assert poses.shape == (count, 4, 4)
    for index, pose in enumerate(poses):
        turned = (azimuth_of(pose) - azimuth_of(INPUT)) % 360
        assert turned == pytest.approx(360 * (index + 1) / (count + 1))
        assert pose[2, 3] == pytest.approx(1.5)  # as high, as far away, and looking at the same point
        assert np.linalg.norm(pose[:3, 3] - ORBIT.centre) == pytest.approx(ORBIT.look_at_m)
        np.testing.assert_allclose(pose[:3, 3] + ORBIT.look_at_m * pose[:3, 2], ORBIT.centre, atol=1e-9)


def test_no_anchor_is_no_pose() -> None:
    assert ORBIT.anchors(0).shape == (0, 4, 4)


def test_the_input_camera_is_on_its_own_orbit() -> None:
    np.testing.assert_allclose(ORBIT.pose(0.0, ORBIT.elevation_deg, ORBIT.look_at_m), INPUT, atol=1e-9)


@given(numbers(-180, 180), numbers(-80, 80), numbers(0.1, 9))
def test_a_camera_of_the_orbit_looks_at_the_centre_from_where_it_was_asked(
    azimuth: float, elevation: float, distance: float
) -> None:
    pose = ORBIT.pose(azimuth, elevation, distance)
    arm = pose[:3, 3] - ORBIT.centre
    assert np.linalg.norm(arm) == pytest.approx(distance)
    assert arm[2] == pytest.approx(distance * np.sin(np.radians(elevation)), abs=1e-9)
    np.testing.assert_allclose(arm, -distance * pose[:3, 2], atol=1e-9)
    turned = (azimuth_of(pose) - azimuth_of(INPUT) - azimuth + 180) % 360 - 180
    assert turned == pytest.approx(0, abs=1e-6)


def test_a_camera_straight_above_has_an_orbit_too() -> None:
    above = look_at((0.0, 0.0, 2.0), (0.0, 0.0, 0.0), up=(1.0, 0.0, 0.0))
    orbit = Orbit.of(above, 2.0)
    assert orbit.elevation_deg == pytest.approx(90)
    pose = orbit.pose(0.0, 30.0, 2.0)
    assert pose[0, 3] < -1  # below the picture's lower edge, where the input camera's down points
    assert len(orbit.anchors(3)) == 3


def test_the_nearest_anchor_is_so_by_rotation_and_not_by_distance() -> None:
    near_but_turned = INPUT.copy()
    near_but_turned[:3, :3] = look_at((0, 0, 0), (0.0, 1.0, 0.0))[:3, :3]
    far_but_aligned = INPUT.copy()
    far_but_aligned[:3, 3] += (50.0, -20.0, 5.0)
    assert nearest_by_rotation(np.stack([near_but_turned, far_but_aligned]), INPUT) == 1
    assert nearest_by_rotation(np.stack([far_but_aligned, near_but_turned]), INPUT) == 0


@given(st.integers(1, 6), numbers(-180, 180), numbers(-60, 60))
def test_the_nearest_of_the_anchors_and_the_input_is_turned_least(
    count: int, azimuth: float, elevation: float
) -> None:
    poses = np.concatenate([INPUT[None], ORBIT.anchors(count)])
    pose = ORBIT.pose(azimuth, elevation, 1.0)
    turns = [rotation_angle_deg(one[:3, :3].T @ pose[:3, :3]) for one in poses]
    assert turns[nearest_by_rotation(poses, pose)] == pytest.approx(min(turns), abs=1e-6)


def test_of_two_as_near_the_input_is_taken() -> None:
    assert nearest_by_rotation(np.stack([INPUT, INPUT]), INPUT) == 0


@pytest.mark.parametrize(
    ("distance", "up", "told"),
    [(0.0, (0, 0, 1), "look_at_m is 0.0"), (np.nan, (0, 0, 1), "look_at_m"), (1.0, (0, 0, 0), "up is")],
)
def test_an_orbit_that_cannot_be_is_refused(distance: float, up: tuple, told: str) -> None:
    with pytest.raises(InvalidRequestError, match=told):
        Orbit.of(INPUT, distance, up)
