from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from strategies import numbers, poses

from anyview_ros.errors import InvalidInputError, InvalidPoseError
from anyview_ros.geometry import look_at, relative, rotation_angle_deg
from anyview_ros.geometry.view_changes import (
    ArcChanges,
    ViewChanges,
    arc_changes,
    arc_eyes,
    box_changes,
    changed,
    eased,
    normal_changes,
    rotation_vectors,
)

SEEDS = st.integers(0, 2**32)


def euler_zyx(rotation: np.ndarray) -> np.ndarray:
    """Angles about x, y and z of Rz Ry Rx, each below a right angle."""
    return np.array(
        [
            np.arctan2(rotation[2, 1], rotation[2, 2]),
            -np.arcsin(rotation[2, 0]),
            np.arctan2(rotation[1, 0], rotation[0, 0]),
        ]
    )


def test_normal_changes_have_the_spread_that_is_asked_for() -> None:
    changes = normal_changes(np.random.default_rng(0), 20_000, 0.075, 0.03)
    angles = np.linalg.norm(changes.rotations_rad, axis=1)
    assert np.sqrt(np.mean(angles**2)) == pytest.approx(0.075, rel=0.03)
    np.testing.assert_allclose(changes.shifts_m.std(axis=0), 0.03, rtol=0.03)
    np.testing.assert_allclose(changes.shifts_m.mean(axis=0), 0, atol=1e-3)
    directions = changes.rotations_rad / angles[:, None]
    np.testing.assert_allclose(directions.mean(axis=0), 0, atol=0.03)  # no direction is preferred
    np.testing.assert_allclose((directions**2).mean(axis=0), 1 / 3, atol=0.02)


def test_boxes_are_filled_evenly_to_their_bounds() -> None:
    box = np.array([0.25, 0.10, 0.25])
    changes = box_changes(np.random.default_rng(0), 5_000, 0.1, tuple(box))
    angles = np.array([euler_zyx(matrix[:3, :3]) for matrix in changes.matrices])
    for values, bound in ((changes.shifts_m, box), (angles, np.full(3, 0.1))):
        assert np.all(np.abs(values) <= bound + 1e-12)
        assert np.all(np.abs(values).max(axis=0) > 0.99 * bound)
        np.testing.assert_allclose(values.std(axis=0), bound / np.sqrt(3), rtol=0.05)  # uniform


@given(seed=SEEDS, angle=numbers(0, 0.5), side=numbers(0, 1))
def test_nothing_leaves_its_box(seed: int, angle: float, side: float) -> None:
    changes = box_changes(np.random.default_rng(seed), 8, angle, (side, 0.0, 2 * side))
    assert np.all(np.abs(changes.shifts_m) <= [side, 0, 2 * side])
    for matrix in changes.matrices:
        assert np.all(np.abs(euler_zyx(matrix[:3, :3])) <= angle + 1e-9)


def test_arcs_spread_as_asked_for() -> None:
    changes = arc_changes(np.random.default_rng(0), 20_000, np.pi / 4, 0.05)
    assert np.all(np.abs(changes.azimuths_rad) <= np.pi / 4)
    assert changes.azimuths_rad.std() == pytest.approx(np.pi / 4 / np.sqrt(3), rel=0.02)
    assert changes.radii_m.std() == pytest.approx(0.05, rel=0.03)


@given(
    seed=SEEDS,
    center=st.tuples(numbers(-1, 1), numbers(-1, 1), numbers(-1, 1)),
    eye=st.tuples(numbers(-3, 3), numbers(-3, 3), numbers(-3, 3)),
    sigma=numbers(0, 0.02),
)
def test_arcs_keep_height_and_distance(
    seed: int, center: tuple[float, ...], eye: tuple[float, ...], sigma: float
) -> None:
    middle, start = np.array(center), np.array(eye)
    assume(np.linalg.norm((start - middle)[:2]) > 0.8)
    changes = arc_changes(np.random.default_rng(seed), 6, np.pi / 4, sigma)
    radius = float(np.linalg.norm(start - middle))
    eyes = arc_eyes(start, middle, changes, (0, 0, 2), radius)
    np.testing.assert_allclose(eyes[:, 2], start[2], atol=1e-9)
    np.testing.assert_allclose(np.linalg.norm(eyes - middle, axis=1), radius + changes.radii_m, atol=1e-9)
    flat, flat_start = (eyes - middle)[:, :2], (start - middle)[:2]
    turned = np.arctan2(
        flat_start[0] * flat[:, 1] - flat_start[1] * flat[:, 0], flat @ flat_start
    )  # counterclockwise seen from above
    np.testing.assert_allclose(turned, changes.azimuths_rad, atol=1e-9)


def test_no_swing_is_where_the_camera_stands() -> None:
    none = ArcChanges(np.zeros(1), np.zeros(1))
    eyes = arc_eyes((1, 2, 3), (0, 0, 1), none, (0, 0, 1), 3.0)
    np.testing.assert_allclose(eyes, [[1, 2, 3]], atol=1e-12)


def test_a_distance_that_a_swing_makes_negative_is_refused() -> None:
    swings = ArcChanges(np.zeros(2), np.array([0.0, -3.0]))
    with pytest.raises(InvalidPoseError, match=r"cannot be -2 m from it; .*a smaller radius sigma"):
        arc_eyes((1, 0, 0.2), (0, 0, 0), swings, (0, 0, 1), 1.0)


@pytest.mark.parametrize(
    ("eye", "radius", "message"),
    [((0, 0, 2), 2.0, "right above or below the point"), ((0.1, 0, 2), 1.5, "cannot be 1.5 m from it")],
)
def test_arcs_that_cannot_be_are_refused(eye: tuple[float, ...], radius: float, message: str) -> None:
    with pytest.raises(InvalidPoseError, match=message):
        arc_eyes(eye, (0, 0, 0), ArcChanges(np.zeros(1), np.zeros(1)), (0, 0, 1), radius)


@given(world=poses(), camera=poses(), seed=SEEDS)
def test_changes_are_the_same_in_every_world(world: np.ndarray, camera: np.ndarray, seed: int) -> None:
    changes = normal_changes(np.random.default_rng(seed), 1, 0.375, 0.15)
    here = relative(camera, changed(camera[None], changes)[0])
    there = relative(world @ camera, changed((world @ camera)[None], changes)[0])
    np.testing.assert_allclose(here, there, atol=1e-9)
    np.testing.assert_allclose(here[:3, 3], changes.shifts_m[0], atol=1e-9)


@given(pose=poses())
def test_rotation_vectors_say_axis_and_angle(pose: np.ndarray) -> None:
    vector = rotation_vectors(pose[:3, :3])
    angle = float(rotation_angle_deg(pose))
    assert np.degrees(np.linalg.norm(vector)) == pytest.approx(angle, abs=1e-5)
    assume(angle < 179.9)  # half a turn has two axes
    again = ViewChanges(vector[None], np.zeros((1, 3))).matrices[0, :3, :3]
    np.testing.assert_allclose(again, pose[:3, :3], atol=1e-9)


@given(knots=st.lists(numbers(-5, 5), min_size=1, max_size=6), part=numbers(0, 1))
def test_eased_values_pass_through_their_knots_and_stay_between_them(knots: list[float], part: float) -> None:
    places = np.arange(len(knots), dtype=float)
    np.testing.assert_array_equal(eased(knots, places), knots)
    place = part * (len(knots) - 1)
    value = float(eased(knots, [place])[0])
    near = knots[int(np.floor(place)) : int(np.ceil(place)) + 1]
    assert min(near) - 1e-12 <= value <= max(near) + 1e-12


def test_eased_values_have_no_kink() -> None:
    fine = np.linspace(0, 3, 3001)
    values = eased([[0.0, 1.0], [1.0, -1.0], [0.5, 3.0], [0.0, 0.0]], fine)
    slopes = np.diff(values, axis=0) / np.diff(fine)[:, None]
    assert np.abs(np.diff(slopes, axis=0)).max() < 0.03
    assert np.abs(slopes[[0, 1000, 2000, -1]]).max() < 0.03  # it rests at the knots
    for places in ([1.5], [-0.1], [0.5, 1.5]):
        with pytest.raises(InvalidInputError, match="0 to 1"):
            eased([0.0, 1.0], places)
    with pytest.raises(InvalidInputError, match="nothing is extrapolated"):
        eased([], [])


@pytest.mark.parametrize(
    ("draw", "message"),
    [
        (lambda g: normal_changes(g, 1, -0.1, 0.1), "rotation_sigma_rad is -0.1"),
        (lambda g: normal_changes(g, 1, 0.1, np.nan), "position_sigma_m is nan"),
        (lambda g: box_changes(g, 1, 0.1, (0.1, -0.2, 0.1)), r"box_m\[1\] is -0.2"),
        (lambda g: box_changes(g, 1, 0.1, (0.1, 0.2)), "three lengths"),
        (lambda g: box_changes(g, 1, -0.1, (0.1, 0.2, 0.1)), "angle_rad is -0.1"),
        (lambda g: arc_changes(g, 1, 0.1, -0.1), "radius_sigma_m is -0.1"),
        (lambda g: arc_changes(g, 1, np.inf, 0.1), "azimuth_rad is inf"),
    ],
)
def test_sizes_that_are_none_are_refused(draw, message: str) -> None:
    with pytest.raises(InvalidInputError, match=message):
        draw(np.random.default_rng(0))


def test_changed_cameras_still_look_where_their_change_says() -> None:
    pose = look_at((1, 0, 1), (0, 0, 0))
    turned = changed(pose[None], ViewChanges(np.array([[0, 0.3, 0]]), np.array([[0, 0, 0.5]])))[0]
    np.testing.assert_allclose(turned[:3, 3], pose[:3, 3] + 0.5 * pose[:3, 2])  # forward
    assert float(rotation_angle_deg(relative(pose, turned))) == pytest.approx(np.degrees(0.3))
    assert turned[:3, 2] @ pose[:3, 0] > 0  # about y, which is down: to the right
