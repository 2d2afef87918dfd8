"""Poses and transforms as messages, and rigid matrices (4, 4)."""

from __future__ import annotations

import math

import numpy as np
from geometry_msgs.msg import Point, Pose, Quaternion, Transform, Vector3
from numpy.typing import NDArray

from anyview_ros.errors import InvalidPoseError
from anyview_ros.geometry import check_rigid, matrix_from_quaternion, quaternion_from_matrix


def pose_to_matrix(pose: Pose, *, name: str = "pose") -> NDArray[np.float64]:
    """The matrix (4, 4) that takes points in the pose's axes to its parent frame, metres.

    Args:
        pose: position and unit quaternion.
        name: what to call the pose in messages.

    Raises:
        InvalidPoseError: values that are not finite, or a quaternion that is zero or not of unit length.
    """
    return _matrix(pose.position, pose.orientation, name)


def transform_to_matrix(transform: Transform, *, name: str = "transform") -> NDArray[np.float64]:
    """The matrix (4, 4) that takes points in the child frame to the parent frame, metres.

    Raises:
        InvalidPoseError: as :func:`pose_to_matrix`.
    """
    return _matrix(transform.translation, transform.rotation, name)


def matrix_to_pose(matrix: NDArray[np.float64]) -> Pose:
    """The pose of a rigid matrix (4, 4).

    Raises:
        InvalidPoseError: no finite rigid transform.
    """
    x, y, z, quaternion = _parts(matrix)
    return Pose(position=Point(x=x, y=y, z=z), orientation=quaternion)


def matrix_to_transform(matrix: NDArray[np.float64]) -> Transform:
    """The transform of a rigid matrix (4, 4).

    Raises:
        InvalidPoseError: no finite rigid transform.
    """
    x, y, z, quaternion = _parts(matrix)
    return Transform(translation=Vector3(x=x, y=y, z=z), rotation=quaternion)


def _matrix(place: Point | Vector3, turn: Quaternion, name: str) -> NDArray[np.float64]:
    position = (place.x, place.y, place.z)
    quaternion = (turn.x, turn.y, turn.z, turn.w)
    if not all(map(math.isfinite, position + quaternion)):
        raise InvalidPoseError(
            f"{name} has position {position} and orientation {quaternion}; every value must be finite"
        )
    matrix = np.eye(4)
    try:
        matrix[:3, :3] = matrix_from_quaternion(quaternion)
    except InvalidPoseError as err:
        raise InvalidPoseError(f"orientation of {name}: {err}") from err
    matrix[:3, 3] = position
    return matrix


def _parts(matrix: NDArray[np.float64]) -> tuple[float, float, float, Quaternion]:
    checked = check_rigid(matrix)
    if checked.shape != (4, 4):
        raise InvalidPoseError(f"matrix must be (4, 4), got {checked.shape}; convert one pose at a time")
    x, y, z, w = map(float, quaternion_from_matrix(checked[:3, :3]))
    px, py, pz = map(float, checked[:3, 3])
    return px, py, pz, Quaternion(x=x, y=y, z=z, w=w)
