"""Poses, transforms and matrices."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

pytest.importorskip("geometry_msgs", reason="needs ROS messages: run through tools/with_ros")

from geometry_msgs.msg import Pose

from anyview_ros.errors import InvalidPoseError
from anyview_ros.nodes.conversions.poses import (
    matrix_to_pose,
    matrix_to_transform,
    pose_to_matrix,
    transform_to_matrix,
)

NUMBER = st.floats(-1000, 1000)


def make_pose(position: tuple[float, ...], quaternion: tuple[float, ...]) -> Pose:
    pose = Pose()
    pose.position.x, pose.position.y, pose.position.z = position
    pose.orientation.x, pose.orientation.y, pose.orientation.z, pose.orientation.w = quaternion
    return pose


@given(st.tuples(NUMBER, NUMBER, NUMBER), st.tuples(*[st.floats(-1, 1)] * 4))
def test_round_trip(position: tuple[float, ...], quaternion: tuple[float, ...]) -> None:
    norm = math.hypot(*quaternion)
    assume(norm > 0.1)
    matrix = pose_to_matrix(make_pose(position, tuple(value / norm for value in quaternion)))
    np.testing.assert_allclose(pose_to_matrix(matrix_to_pose(matrix)), matrix, atol=1e-9)
    np.testing.assert_allclose(transform_to_matrix(matrix_to_transform(matrix)), matrix, atol=1e-9)


def test_a_quarter_turn_about_z() -> None:
    half = math.sqrt(0.5)
    matrix = pose_to_matrix(make_pose((1.0, 2.0, 3.0), (0.0, 0.0, half, half)))
    np.testing.assert_allclose(matrix @ [1, 0, 0, 1], [1, 3, 3, 1], atol=1e-12)


@pytest.mark.parametrize("quaternion", [(0, 0, 0, 0), (0, 0, 0, 2), (1, 1, 1, 1)])
def test_quaternions_must_be_of_unit_length(quaternion: tuple[float, ...]) -> None:
    with pytest.raises(InvalidPoseError, match="orientation of targets"):
        pose_to_matrix(make_pose((0.0, 0.0, 0.0), tuple(map(float, quaternion))), name="targets[0]")


@pytest.mark.parametrize("index", range(7))
def test_every_value_must_be_finite(index: int) -> None:
    values = [0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0]
    values[index] = math.nan
    with pytest.raises(InvalidPoseError, match="finite"):
        pose_to_matrix(make_pose(tuple(values[:3]), tuple(values[3:])))


def test_only_rigid_matrices_are_poses() -> None:
    with pytest.raises(InvalidPoseError):
        matrix_to_pose(np.diag([2.0, 1.0, 1.0, 1.0]))
    with pytest.raises(InvalidPoseError, match="one pose at a time"):
        matrix_to_pose(np.tile(np.eye(4), (2, 1, 1)))
