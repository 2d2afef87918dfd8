import math

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from strategies import numbers, poses, quaternions

from anyview_ros.errors import InvalidClipError, InvalidInputError, InvalidPoseError
from anyview_ros.geometry import (
    BODY_FROM_OPTICAL,
    RigidTransform,
    check_rigid,
    interpolate_poses,
    invert_rigid,
    matrix_from_quaternion,
    opencv_to_opengl,
    opengl_to_opencv,
    quaternion_from_matrix,
    relative,
    rotation_angle_deg,
)


def turned(axis, degrees, translation=(0.0, 0.0, 0.0)):
    """A pose made by OpenCV, so that ours are checked against another's."""
    pose = np.eye(4)
    pose[:3, :3] = cv2.Rodrigues(np.radians(degrees) * np.asarray(axis, np.float64))[0]
    pose[:3, 3] = translation
    return pose


# check_rigid


@given(poses())
def test_good_poses_come_back_bit_for_bit_and_copied(pose):
    good = check_rigid(pose)
    checked = check_rigid(good)
    np.testing.assert_array_equal(checked, good)
    checked[0, 3] += 1
    assert checked[0, 3] != good[0, 3]


@given(poses(), st.sampled_from([np.float32, "4 digits"]))
def test_rounding_is_repaired(pose, kind):
    rounded = np.round(pose, 4) if kind == "4 digits" else pose.astype(kind)
    repaired = check_rigid(rounded)
    rotation = repaired[:3, :3]
    np.testing.assert_allclose(rotation.T @ rotation, np.eye(3), atol=1e-12)
    np.testing.assert_allclose(repaired[:3, :3], pose[:3, :3], atol=2e-4)
    np.testing.assert_array_equal(repaired[:3, 3], rounded[:3, 3])


def broken(place, value):
    batch = np.tile(np.eye(4), (3, 1, 1))
    batch[(1, *place)] = value
    return batch


@pytest.mark.parametrize(
    ("matrix", "message"),
    [
        (broken((0, 3), np.nan), r"wrist\[1\] has values that are not finite"),
        (broken((2, 2), np.inf), r"wrist\[1\] has values that are not finite"),
        (broken((3, 0), 0.5), r"wrist\[1\] has a last row .*transpose"),
        (broken((0, 0), 1.01), r"wrist\[1\] has a rotation that scales or shears"),
        (broken((0, 1), 0.01), r"wrist\[1\] has a rotation that scales or shears"),
        (broken((0, 0), -1.0), r"wrist\[1\] is a reflection"),
        (broken((slice(None), slice(None)), 0.0), r"wrist\[1\] has a last row"),
        (np.zeros((4, 4)), "wrist has a last row"),
        (np.eye(4)[:3], r"wrist must be \(..., 4, 4\), got \(3, 4\); append the row"),
        (np.zeros(4), r"got \(4,\)"),
        ([[1, 2], [3]], "wrist is no array of numbers"),
        (None, r"wrist"),
        ("pose", "wrist is no array of numbers"),
    ],
)
def test_what_is_not_rigid_is_named(matrix, message):
    with pytest.raises(InvalidPoseError, match=message):
        check_rigid(matrix, name="wrist")


def test_message_holds_the_value():
    with pytest.raises(InvalidPoseError, match=r"\[1\.25, 0\.0, 0\.0, 0\.0\]"):
        check_rigid(broken((0, 0), 1.25))


def test_no_poses_are_no_error():
    assert check_rigid(np.zeros((0, 4, 4))).shape == (0, 4, 4)


# quaternions


@given(quaternions())
def test_quaternion_round_trip(xyzw):
    back = quaternion_from_matrix(matrix_from_quaternion(xyzw))
    assert back[3] >= 0
    np.testing.assert_allclose(back * np.sign(np.dot(back, xyzw)), xyzw, atol=1e-12)


@given(quaternions())
def test_quaternion_matrix_is_opencvs(xyzw):
    half = math.atan2(np.linalg.norm(xyzw[:3]), xyzw[3])
    axis = xyzw[:3] / max(np.linalg.norm(xyzw[:3]), 1e-300)
    np.testing.assert_allclose(matrix_from_quaternion(xyzw), cv2.Rodrigues(2 * half * axis)[0], atol=1e-9)


def test_quaternions_are_batched():
    rotations = np.stack([turned(axis, 120)[:3, :3] for axis in np.eye(3)]).reshape(3, 1, 3, 3)
    q = quaternion_from_matrix(rotations)
    np.testing.assert_allclose(q[:, 0], np.hstack([np.eye(3) * math.sin(math.pi / 3), np.full((3, 1), 0.5)]))
    np.testing.assert_allclose(matrix_from_quaternion(q), rotations, atol=1e-15)


@pytest.mark.parametrize("xyzw", [(0, 0, 0, 0), (0, 0, 0, 1.1), (0, 0, 0, math.nan), (math.inf, 0, 0, 1)])
def test_quaternions_of_another_length_are_refused(xyzw):
    with pytest.raises(InvalidPoseError, match="give a finite unit quaternion"):
        RigidTransform.from_quaternion(xyzw)


def test_rounded_quaternion_is_normalised():
    pose = RigidTransform.from_quaternion([0, 0, 0.707, 0.707]).matrix
    np.testing.assert_allclose(pose, turned((0, 0, 1), 90), atol=1e-12)


def test_quaternion_shape_is_checked():
    with pytest.raises(InvalidPoseError, match=r"\(3,\)"):
        matrix_from_quaternion([0, 0, 1])


# transforms


@given(poses())
def test_inverse_undoes(pose):
    np.testing.assert_allclose(invert_rigid(pose) @ pose, np.eye(4), atol=1e-12)
    np.testing.assert_allclose(invert_rigid(pose), np.linalg.inv(pose), atol=1e-10)


@given(poses(), poses(), poses())
def test_relative_does_not_depend_on_the_world(a, b, world):
    np.testing.assert_allclose(relative(world @ a, world @ b), relative(a, b), atol=1e-11)
    np.testing.assert_allclose(a @ relative(a, b), b, atol=1e-11)


@given(quaternions(), numbers(0, 180))
def test_rotation_angle(xyzw, degrees):
    around = matrix_from_quaternion(xyzw)
    turn = around @ turned((0, 1, 0), degrees)[:3, :3] @ around.T
    assert rotation_angle_deg(turn) == pytest.approx(degrees, abs=1e-6)
    assert rotation_angle_deg(np.stack([np.eye(4)] * 2)).tolist() == [0, 0]


@given(poses(), poses())
def test_transform_composes_and_applies_like_its_matrix(first, second):
    a, b = RigidTransform(first), RigidTransform(second)
    points = np.arange(12.0).reshape(2, 2, 3)
    np.testing.assert_allclose((a @ b).apply(points), a.apply(b.apply(points)), atol=1e-11)
    np.testing.assert_allclose((a @ a.inverse()).matrix, np.eye(4), atol=1e-12)
    again = RigidTransform.from_quaternion(a.quaternion, a.translation)
    np.testing.assert_allclose(again.matrix, a.matrix, atol=1e-12)


def test_transform_cannot_be_written_to():
    with pytest.raises(ValueError, match="read-only"):
        RigidTransform.identity().matrix[0, 0] = 2


@pytest.mark.parametrize(
    "attempt",
    [
        lambda: RigidTransform(np.tile(np.eye(4), (2, 1, 1))),
        lambda: RigidTransform.from_rotation(np.eye(4)),
        lambda: RigidTransform.from_rotation(2 * np.eye(3)),
        lambda: RigidTransform.from_quaternion((0, 0, 0, 1), (0, 0)),
        lambda: RigidTransform.from_quaternion((0, 0, 0, 1), (0, 0, math.nan)),
    ],
)
def test_what_is_no_transform_is_refused(attempt):
    with pytest.raises(InvalidPoseError):
        attempt()


def test_points_of_another_length_are_refused():
    with pytest.raises(InvalidInputError, match=r"\(5, 2\)"):
        RigidTransform.identity().apply(np.zeros((5, 2)))


def test_a_transform_is_composed_with_transforms_only():
    with pytest.raises(TypeError):
        RigidTransform.identity() @ 3


# interpolation


@given(poses(), poses(), numbers(0, 1))
def test_interpolation_goes_straight_and_at_constant_speed(first, second, fraction):
    a, b = RigidTransform(first), RigidTransform(second)
    between = a.interpolate(b, fraction)
    whole = rotation_angle_deg(relative(first, second))
    assert rotation_angle_deg(relative(first, between.matrix)) == pytest.approx(fraction * whole, abs=1e-5)
    assert rotation_angle_deg(relative(between.matrix, second)) == pytest.approx(
        (1 - fraction) * whole, abs=1e-5
    )
    expected = (1 - fraction) * a.translation + fraction * b.translation
    np.testing.assert_allclose(between.translation, expected, atol=1e-12)


@given(poses(), poses())
def test_interpolation_meets_its_ends(first, second):
    a, b = RigidTransform(first), RigidTransform(second)
    np.testing.assert_allclose(a.interpolate(b, 0).matrix, first, atol=1e-12)
    np.testing.assert_allclose(a.interpolate(b, 1).matrix, second, atol=1e-12)


@given(poses(), poses(), poses(), numbers(0, 1))
def test_interpolation_does_not_depend_on_the_axes_of_the_world(first, second, world, fraction):
    if rotation_angle_deg(relative(first, second)) > 179.99:
        return  # either way round is the shortest
    here = RigidTransform(first).interpolate(RigidTransform(second), fraction)
    there = RigidTransform(world @ first).interpolate(RigidTransform(world @ second), fraction)
    np.testing.assert_allclose(there.matrix, world @ here.matrix, atol=1e-8)


@pytest.mark.parametrize("fraction", [-0.01, 1.01, math.nan])
def test_nothing_is_extrapolated_by_fraction(fraction):
    with pytest.raises(InvalidInputError, match="fraction"):
        RigidTransform.identity().interpolate(RigidTransform.identity(), fraction)


START_NS = 1_790_000_000_123_456_789  # a clock of today: float64 cannot tell its nanoseconds apart


def test_poses_between_stamps():
    known = np.stack([turned((0, 0, 1), angle, (angle, 0, 0)) for angle in (0, 90, 120)])
    stamps = START_NS + np.array([0, 10, 40])
    found = interpolate_poses(stamps, known, START_NS + np.array([[0, 1, 10], [25, 39, 40]]))
    angles = [0, 9, 90, 105, 119, 120]
    expected = np.stack([turned((0, 0, 1), angle, (angle, 0, 0)) for angle in angles]).reshape(2, 3, 4, 4)
    np.testing.assert_allclose(found, expected, atol=1e-12)


def test_a_single_pose_is_known_at_its_own_stamp():
    pose = turned((1, 0, 0), 30, (1, 2, 3))
    found = interpolate_poses(np.array([START_NS]), pose[None], START_NS)
    np.testing.assert_allclose(found, pose, atol=1e-12)
    with pytest.raises(InvalidPoseError, match="nothing is extrapolated"):
        interpolate_poses(np.array([START_NS]), pose[None], START_NS + 1)


@pytest.mark.parametrize("query", [START_NS - 1, START_NS + 11])
def test_nothing_is_extrapolated_in_time(query):
    with pytest.raises(InvalidPoseError, match=f"query_ns {query} lies outside"):
        interpolate_poses(START_NS + np.array([0, 10]), np.tile(np.eye(4), (2, 1, 1)), [START_NS, query])


def test_interpolation_refuses_what_does_not_fit():
    two = np.tile(np.eye(4), (2, 1, 1))
    with pytest.raises(InvalidClipError, match="must increase"):
        interpolate_poses(np.array([5, 5]), two, 5)
    with pytest.raises(InvalidInputError, match="integer nanoseconds, got float64"):
        interpolate_poses(np.array([5, 6]), two, 5.5)
    with pytest.raises(InvalidPoseError, match="M >= 1"):
        interpolate_poses(np.zeros(0, np.int64), np.zeros((0, 4, 4)), 5)


# conventions


@given(poses())
def test_opengl_cameras_look_the_same_way(pose):
    opengl = opencv_to_opengl(pose)
    np.testing.assert_array_equal(opengl[:3, 0], pose[:3, 0])
    np.testing.assert_array_equal(opengl[:3, 1], -pose[:3, 1])
    np.testing.assert_array_equal(opengl[:3, 2], -pose[:3, 2])
    np.testing.assert_array_equal(opengl[:3, 3], pose[:3, 3])
    np.testing.assert_array_equal(opengl_to_opencv(opengl), pose)


def test_optical_axes_in_the_body_are_those_of_rep_103():
    forward, left, up = np.eye(3)
    right_down_forward = BODY_FROM_OPTICAL[:3, :3] @ np.eye(3)
    np.testing.assert_array_equal(right_down_forward.T, [-left, -up, forward])
    np.testing.assert_allclose(
        quaternion_from_matrix(BODY_FROM_OPTICAL), [0.5, -0.5, 0.5, -0.5] * np.array(-1)
    )
    check_rigid(BODY_FROM_OPTICAL)
