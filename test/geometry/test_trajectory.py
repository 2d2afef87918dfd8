import math

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from strategies import numbers, poses

from anyview_ros.errors import InvalidClipError, InvalidInputError, InvalidPoseError
from anyview_ros.geometry import (
    CameraTrajectory,
    PinholeCamera,
    RigidTransform,
    arc,
    check_rigid,
    in_frame,
    invert_rigid,
    look_at,
    look_at_path,
    orbit,
    perturbed,
    relative,
    rotation_angle_deg,
    static,
)

CAMERA = PinholeCamera(500, 500, 319.5, 239.5, 640, 480)
POSE = look_at((2, 1, 1.5), (0, 0, 0.5))
VECTORS = arrays(np.float64, 3, elements=numbers(-10, 10))


def middle_pixel(pose, point):
    inverse = invert_rigid(pose)
    return CAMERA.project(np.asarray(point) @ inverse[:3, :3].T + inverse[:3, 3])


# CameraTrajectory


def test_trajectory_keeps_copies_and_counts_its_poses():
    given_poses = np.tile(POSE, (3, 1, 1))
    trajectory = CameraTrajectory(CAMERA, given_poses, np.array([5, 5, 6]))
    given_poses[:] = 0
    assert len(trajectory) == 3
    check_rigid(trajectory.camera_to_world)
    assert trajectory.stamps_ns.tolist() == [5, 5, 6]
    assert CameraTrajectory(CAMERA, POSE[None]).stamps_ns is None


@pytest.mark.parametrize(
    ("camera_to_world", "stamps", "error", "message"),
    [
        (POSE, None, InvalidPoseError, r"got \(4, 4\); use static"),
        (np.zeros((0, 4, 4)), None, InvalidPoseError, "N >= 1"),
        (np.zeros((2, 4, 4)), None, InvalidPoseError, r"camera_to_world\[0\]"),
        (np.stack([POSE] * 2), np.array([2, 1]), InvalidClipError, "must not decrease"),
        (np.stack([POSE] * 2), np.array([1]), InvalidClipError, r"int64 \(2,\)"),
    ],
)
def test_unfit_trajectories_are_refused(camera_to_world, stamps, error, message):
    with pytest.raises(error, match=message):
        CameraTrajectory(CAMERA, camera_to_world, stamps)


# look_at


@given(VECTORS, VECTORS, VECTORS)
def test_look_at_puts_the_target_ahead_and_up_upwards(eye, target, up):
    sight = target - eye
    assume(np.linalg.norm(np.cross(sight, up)) > 1e-3 * max(np.linalg.norm(sight) * np.linalg.norm(up), 1e-3))
    pose = look_at(eye, target, up)
    check_rigid(pose)
    in_camera = (target - eye) @ pose[:3, :3]
    np.testing.assert_allclose(in_camera, [0, 0, np.linalg.norm(sight)], atol=1e-9)
    right, down, _ = up @ pose[:3, :3]
    assert right == pytest.approx(0, abs=1e-9)
    assert down < 0
    np.testing.assert_array_equal(pose[:3, 3], eye)


def test_look_at_along_x_has_the_optical_axes_of_rep_103():
    pose = look_at((1, 2, 3), (5, 2, 3))
    np.testing.assert_allclose(pose[:3, :3], np.array([[0, -1, 0], [0, 0, -1], [1, 0, 0]]).T, atol=1e-15)


def test_look_at_is_batched():
    eyes = np.array([[[1.0, 0, 0]], [[0.0, 1, 0]]])
    batch = look_at(eyes, (0, 0, 0))
    assert batch.shape == (2, 1, 4, 4)
    np.testing.assert_allclose(batch[1, 0], look_at((0, 1, 0), (0, 0, 0)), atol=1e-15)


@pytest.mark.parametrize(
    ("eye", "target", "up", "message"),
    [
        ((1, 2, 3), (1, 2, 3), (0, 0, 1), r"target - eye is \[0\.0, 0\.0, 0\.0\]"),
        ((0, 0, 2), (0, 0, 0), (0, 0, 1), r"runs along up = \[0\.0, 0\.0, 1\.0\]; give another up"),
        ((0, 0, 2), (0, 0, 0), (0, 0, -5), "runs along up"),
        ((0, 0, 2), (1, 0, 0), (0, 0, 0), "up is"),
        ((0, 0, math.nan), (1, 0, 0), (0, 0, 1), "target - eye is"),
        ((0, 0), (1, 0), (0, 1), r"must be \(\.\.\., 3\)"),
    ],
)
def test_degenerate_sights_are_named(eye, target, up, message):
    with pytest.raises(InvalidPoseError, match=message):
        look_at(eye, target, up)


# paths


def test_static_stays():
    trajectory = static(CAMERA, POSE, 3, stamps_ns=np.array([1, 2, 3]))
    assert trajectory.camera_to_world.shape == (3, 4, 4)
    assert (trajectory.camera_to_world == check_rigid(POSE)).all()
    assert trajectory.stamps_ns.tolist() == [1, 2, 3]


@given(VECTORS, poses(), numbers(-360, 360), st.integers(2, 9))
def test_orbit_carries_the_start_about_the_centre(center, start, degrees, count):
    path = orbit(CAMERA, center, start, degrees, count).camera_to_world
    np.testing.assert_allclose(path[0], start, atol=1e-9)
    inverses = invert_rigid(path)
    seen = inverses[:, :3, :3] @ center + inverses[:, :3, 3]
    np.testing.assert_allclose(seen, np.tile(seen[0], (count, 1)), atol=1e-9)
    np.testing.assert_allclose(path[:, 2, 3], start[2, 3], atol=1e-9)
    step = abs(degrees) / (count - 1)
    expected = min(step % 360, 360 - step % 360)
    np.testing.assert_allclose(rotation_angle_deg(relative(path[:-1], path[1:])), expected, atol=1e-6)


def test_orbit_is_right_handed_about_its_axis():
    path = orbit(CAMERA, (0, 0, 0), look_at((1, 0, 0), (0, 0, 0)), 90, 2).camera_to_world
    np.testing.assert_allclose(path[1], look_at((0, 1, 0), (0, 0, 0)), atol=1e-12)
    path = orbit(CAMERA, (0, 0, 0), look_at((0, 1, 0), (0, 0, 0)), 90, 2, axis=(2, 0, 0)).camera_to_world
    np.testing.assert_allclose(path[1, :3, 3], [0, 0, 1], atol=1e-12)


def test_a_whole_orbit_comes_back():
    path = orbit(CAMERA, (1, 2, 3), POSE, 360, 5).camera_to_world
    np.testing.assert_allclose(path[-1], path[0], atol=1e-12)
    np.testing.assert_allclose(orbit(CAMERA, (1, 2, 3), POSE, 40, 1).camera_to_world[0], POSE, atol=1e-12)


def test_arc_lies_on_the_sphere_and_looks_at_its_centre():
    center, azimuths = np.array([0.3, -0.2, 0.5]), np.linspace(-45, 45, 7)
    path = arc(CAMERA, center, 1.5, azimuths, 30).camera_to_world
    offset = path[:, :3, 3] - center
    np.testing.assert_allclose(np.linalg.norm(offset, axis=1), 1.5)
    np.testing.assert_allclose(np.degrees(np.arctan2(offset[:, 1], offset[:, 0])), azimuths, atol=1e-9)
    np.testing.assert_allclose(offset[:, 2], 1.5 * math.sin(math.radians(30)))
    for pose in path:
        pixel, depth = middle_pixel(pose, center)
        np.testing.assert_allclose(pixel, [319.5, 239.5], atol=1e-9)
        assert depth == pytest.approx(1.5)


def test_arc_varies_radius_and_elevation_too():
    path = arc(CAMERA, (0, 0, 0), [1, 2], 0, [0, 60]).camera_to_world
    np.testing.assert_allclose(path[:, :3, 3], [[1, 0, 0], [1, 0, math.sqrt(3)]], atol=1e-12)
    assert len(arc(CAMERA, (0, 0, 0), 1, 10, 20)) == 1
    with pytest.raises(InvalidPoseError, match="give another up"):
        arc(CAMERA, (0, 0, 0), 1, 0, 90)


def test_look_at_path_follows_its_target():
    eyes, targets = np.array([[1.0, 0, 0], [0, 1, 0]]), np.array([[0.0, 0, 0], [0, 3, 0]])
    trajectory = look_at_path(CAMERA, eyes, targets, stamps_ns=np.array([7, 7]))
    np.testing.assert_allclose(trajectory.camera_to_world[:, :3, 2], [[-1, 0, 0], [0, 1, 0]], atol=1e-15)
    assert trajectory.stamps_ns.tolist() == [7, 7]


@given(poses(), poses(), poses())
def test_camera_in_a_frame_moves_with_it(first, second, mount):
    trajectory = in_frame(CAMERA, np.stack([first, second]), mount)
    np.testing.assert_allclose(trajectory.camera_to_world[0], first @ mount, atol=1e-11)
    np.testing.assert_allclose(trajectory.camera_to_world[1], second @ mount, atol=1e-11)


@pytest.mark.parametrize(
    ("attempt", "error", "message"),
    [
        (lambda: static(CAMERA, POSE, 0), InvalidInputError, "count is 0"),
        (lambda: static(CAMERA, np.stack([POSE] * 2), 2), InvalidPoseError, r"pose must be \(4, 4\)"),
        (lambda: orbit(CAMERA, (0, 0, 0), POSE, 90, 0), InvalidInputError, "count is 0"),
        (lambda: orbit(CAMERA, (0, 0, 0), POSE, 90, 3, axis=(0, 0, 0)), InvalidPoseError, "axis is"),
        (lambda: orbit(CAMERA, (0, math.nan, 0), POSE, 90, 3), InvalidPoseError, "center must be"),
        (lambda: arc(CAMERA, (0, 0, 0), 0, 0, 0), InvalidPoseError, "target - eye is"),
        (lambda: in_frame(CAMERA, POSE, POSE), InvalidPoseError, r"got \(4, 4\)"),
    ],
)
def test_unfit_paths_are_refused(attempt, error, message):
    with pytest.raises(error, match=message):
        attempt()


# perturbed


@given(poses(), st.integers(0, 2**32))
def test_perturbation_does_not_depend_on_the_world(world, seed):
    path = orbit(CAMERA, (0, 0, 0), POSE, 60, 3)
    moved = CameraTrajectory(CAMERA, world @ path.camera_to_world)
    here = perturbed(path, 0.1, 0.05, seed, per_pose=True).camera_to_world
    there = perturbed(moved, 0.1, 0.05, seed, per_pose=True).camera_to_world
    np.testing.assert_allclose(there, world @ here, atol=1e-9)


def test_one_draw_moves_the_trajectory_as_a_whole():
    path = orbit(
        CAMERA,
        (0, 0, 0),
        POSE,
        60,
        4,
    )
    path = CameraTrajectory(CAMERA, path.camera_to_world, np.arange(4))
    out = perturbed(path, 0.1, 0.05, 3)
    change = relative(path.camera_to_world, out.camera_to_world)
    np.testing.assert_allclose(change, np.tile(change[0], (4, 1, 1)), atol=1e-12)
    assert rotation_angle_deg(change[0]) > 0.01
    assert out.stamps_ns.tolist() == [0, 1, 2, 3]
    each = perturbed(path, 0.1, 0.05, 3, per_pose=True)
    assert np.ptp(relative(path.camera_to_world, each.camera_to_world), axis=0)[:3, 3].min() > 1e-3


def test_same_seed_same_draw_and_no_sigma_no_change():
    path = static(CAMERA, POSE, 2)
    first, again = (perturbed(path, 0.1, 0.05, 9).camera_to_world for _ in range(2))
    np.testing.assert_array_equal(first, again)
    assert not np.allclose(first, perturbed(path, 0.1, 0.05, 10).camera_to_world)
    np.testing.assert_allclose(perturbed(path, 0, 0, 9).camera_to_world, path.camera_to_world, atol=1e-15)


def test_draws_have_the_spread_asked_for():
    """5000 draws: the standard error of a sigma is 1 %, of a mean direction 0.8 %."""
    change = perturbed(static(CAMERA, np.eye(4), 5000), 0.075, 0.03, 0, per_pose=True).camera_to_world
    np.testing.assert_allclose(change[:, :3, 3].std(axis=0), 0.03, rtol=0.05)
    angles = np.radians(rotation_angle_deg(change))
    assert np.sqrt(np.mean(angles**2)) == pytest.approx(0.075, rel=0.05)
    axes = np.array([RigidTransform(pose).quaternion[:3] for pose in change])
    axes /= np.linalg.norm(axes, axis=1, keepdims=True)
    np.testing.assert_allclose(axes.T @ axes / len(axes), np.eye(3) / 3, atol=0.03)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((-0.1, 0.0, 0), "rotation_sigma_rad is -0.1"),
        ((0.1, math.nan, 0), "position_sigma_m is nan"),
        ((0.1, math.inf, 0), "position_sigma_m is inf"),
        ((0.1, 0.1, -1), "seed is -1"),
    ],
)
def test_unfit_spreads_are_refused(arguments, message):
    with pytest.raises(InvalidInputError, match=message):
        perturbed(static(CAMERA, POSE, 1), *arguments)
