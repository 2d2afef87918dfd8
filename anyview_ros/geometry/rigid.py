"""Rigid transforms: checking, inverting, interpolating, and the axes conventions of other software.

A transform named ``a_to_b`` is a matrix (4, 4) taking points in a's axes to b's: ``camera_to_world`` is the
camera's pose. Quaternions are (x, y, z, w).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from anyview_ros.errors import InvalidInputError, InvalidPoseError
from anyview_ros.geometry.stamps import check_stamps

Array = NDArray[np.float64]

_ORTHONORMAL_TOLERANCE = 1e-3
_ORTHONORMAL_ENOUGH = 1e-12
_LAST_ROW_TOLERANCE = 1e-6
_QUATERNION_TOLERANCE = 1e-2  # of the squared norm


def _constant(rows: list[list[float]]) -> Array:
    matrix = np.array(rows, dtype=np.float64)
    matrix.setflags(write=False)
    return matrix


BODY_FROM_OPTICAL = _constant([[0, 0, 1, 0], [-1, 0, 0, 0], [0, -1, 0, 0], [0, 0, 0, 1]])
"""Takes optical axes (x right, y down, z forward) to REP-103 body axes (x forward, y left, z up); (4, 4)."""

_FLIP_YZ = _constant([[1, 0, 0, 0], [0, -1, 0, 0], [0, 0, -1, 0], [0, 0, 0, 1]])


def check_rigid(matrix: ArrayLike, *, name: str = "matrix") -> Array:
    """Return rigid transforms as float64, a copy whose rotations are orthonormal to 1e-12.

    Rounding is repaired: where R^T R differs from the identity by at most 1e-3 (float32, or text with four
    digits), the nearest rotation is taken; rotations exact to 1e-12 are returned bit for bit. Larger errors
    are refused.

    Args:
        matrix: (..., 4, 4).
        name: what to call the matrix in messages.

    Raises:
        InvalidPoseError: another shape, values that are not finite, another last row, a rotation that scales
            or shears, or a reflection. The message names the matrix and its index.
    """
    try:
        poses = np.array(matrix, dtype=np.float64)
    except (TypeError, ValueError) as err:
        raise InvalidPoseError(f"{name} is no array of numbers ({err}); give (..., 4, 4)") from err
    if poses.ndim < 2 or poses.shape[-2:] != (4, 4):
        raise InvalidPoseError(
            f"{name} must be (..., 4, 4), got {poses.shape}; append the row [0, 0, 0, 1] to (3, 4)"
        )
    _refuse(~np.isfinite(poses).all(axis=(-2, -1)), poses, name, "has values that are not finite")
    _refuse(
        (np.abs(poses[..., 3, :] - (0, 0, 0, 1)) > _LAST_ROW_TOLERANCE).any(axis=-1),
        poses,
        name,
        "has a last row other than [0, 0, 0, 1]; if the translation is there, transpose it",
    )
    rotation = poses[..., :3, :3]
    error = np.abs(np.swapaxes(rotation, -1, -2) @ rotation - np.eye(3)).max(axis=(-2, -1), initial=0.0)
    _refuse(
        error > _ORTHONORMAL_TOLERANCE,
        poses,
        name,
        "has a rotation that scales or shears; divide the scale out of its first three columns",
    )
    _refuse(
        np.linalg.det(rotation) < 0,
        poses,
        name,
        "is a reflection (determinant -1); flip one axis of its rotation",
    )
    if np.any(error > _ORTHONORMAL_ENOUGH):
        u, _, vt = np.linalg.svd(rotation)
        poses[..., :3, :3] = np.where((error > _ORTHONORMAL_ENOUGH)[..., None, None], u @ vt, rotation)
    poses[..., 3, :] = (0, 0, 0, 1)
    return poses


def check_pose(matrix: ArrayLike, *, name: str = "matrix") -> Array:
    """Return one rigid transform (4, 4), checked and repaired by :func:`check_rigid`.

    Raises:
        InvalidPoseError: as there, or several.
    """
    pose = check_rigid(matrix, name=name)
    if pose.shape != (4, 4):
        raise InvalidPoseError(f"{name} must be (4, 4), one pose, got {pose.shape}")
    return pose


def _refuse(wrong: NDArray[np.bool_] | np.bool_, poses: Array, name: str, complaint: str) -> None:
    if np.any(wrong):
        index = tuple(int(i) for i in np.argwhere(wrong)[0])
        place = f"[{', '.join(map(str, index))}]" if index else ""
        raise InvalidPoseError(f"{name}{place} {complaint}; it is {poses[index].tolist()}")


@dataclass(frozen=True, eq=False)
class RigidTransform:
    """A rotation followed by a translation.

    Attributes:
        matrix: (4, 4), read-only.

    Raises:
        InvalidPoseError: no finite rigid transform; see :func:`check_rigid`.
    """

    matrix: Array

    def __post_init__(self) -> None:
        matrix = check_rigid(self.matrix, name="transform")
        if matrix.shape != (4, 4):
            raise InvalidPoseError(
                f"transform must be (4, 4), got {matrix.shape}; make one RigidTransform of each"
            )
        matrix.setflags(write=False)
        object.__setattr__(self, "matrix", matrix)

    @classmethod
    def identity(cls) -> RigidTransform:
        """The transform that changes nothing."""
        return cls(np.eye(4))

    @classmethod
    def from_rotation(cls, rotation: ArrayLike) -> RigidTransform:
        """Make a transform of a rotation (3, 3), without a translation."""
        return cls(_assemble(np.asarray(rotation, np.float64), np.zeros(3)))

    @classmethod
    def from_quaternion(cls, xyzw: ArrayLike, translation: ArrayLike = (0.0, 0.0, 0.0)) -> RigidTransform:
        """Make a transform of a unit quaternion (x, y, z, w) and a translation (3,).

        Raises:
            InvalidPoseError: a quaternion that is zero, not finite or not of unit length.
        """
        return cls(_assemble(matrix_from_quaternion(xyzw), _translation(translation)))

    @property
    def rotation(self) -> Array:
        """The rotation, (3, 3)."""
        return self.matrix[:3, :3]

    @property
    def translation(self) -> Array:
        """The translation, (3,)."""
        return self.matrix[:3, 3]

    @property
    def quaternion(self) -> Array:
        """The rotation as a quaternion (x, y, z, w), w >= 0."""
        return quaternion_from_matrix(self.rotation)

    def inverse(self) -> RigidTransform:
        """The transform back."""
        return RigidTransform(invert_rigid(self.matrix))

    def __matmul__(self, other: RigidTransform) -> RigidTransform:
        """``(a @ b).apply(p) == a.apply(b.apply(p))``."""
        if not isinstance(other, RigidTransform):
            return NotImplemented
        return RigidTransform(self.matrix @ other.matrix)

    def apply(self, points: ArrayLike) -> Array:
        """Transform points (..., 3).

        Raises:
            InvalidInputError: another shape.
        """
        xyz = np.asarray(points, dtype=np.float64)
        if xyz.ndim == 0 or xyz.shape[-1] != 3:
            raise InvalidInputError(f"points must be (..., 3), got {xyz.shape}")
        moved: Array = xyz @ self.rotation.T + self.translation
        return moved

    def interpolate(self, other: RigidTransform, fraction: float) -> RigidTransform:
        """The transform between this one (0) and another (1): shortest rotation, straight translation.

        Raises:
            InvalidInputError: a fraction outside [0, 1].
        """
        if not 0 <= fraction <= 1:
            raise InvalidInputError(f"fraction is {fraction}; give 0 to 1, nothing is extrapolated")
        return RigidTransform(_interpolate(self.matrix, other.matrix, np.asarray(fraction, np.float64)))


def invert_rigid(matrices: Array) -> Array:
    """Invert rigid transforms (..., 4, 4), which must be rigid: see :func:`check_rigid`."""
    transposed = np.swapaxes(matrices[..., :3, :3], -1, -2)
    return _assemble(transposed, -(transposed @ matrices[..., :3, 3, None])[..., 0])


def relative(a_to_world: Array, b_to_world: Array) -> Array:
    """The transform b_to_a (..., 4, 4) taking points in b's axes to a's; the same in every world frame."""
    b_to_a: Array = invert_rigid(a_to_world) @ b_to_world
    return b_to_a


def rotation_angle_deg(rotation: Array) -> Array:
    """The angle of rotations, degrees in [0, 180].

    Args:
        rotation: (..., 3, 3), or rigid transforms (..., 4, 4).

    Returns:
        (...,).
    """
    R = np.asarray(rotation, dtype=np.float64)
    skew = [R[..., 2, 1] - R[..., 1, 2], R[..., 0, 2] - R[..., 2, 0], R[..., 1, 0] - R[..., 0, 1]]
    sine = np.linalg.norm(np.stack(skew, axis=-1), axis=-1)
    cosine = R[..., 0, 0] + R[..., 1, 1] + R[..., 2, 2] - 1
    return np.asarray(np.degrees(np.arctan2(sine, cosine)))


def quaternion_from_matrix(rotation: ArrayLike) -> Array:
    """Quaternions (..., 4), x y z w with w >= 0, of rotations (..., 3, 3) or rigid transforms (..., 4, 4)."""
    R = np.asarray(rotation, dtype=np.float64)
    xx, yy, zz = R[..., 0, 0], R[..., 1, 1], R[..., 2, 2]
    xy, xz, yz = R[..., 1, 0] + R[..., 0, 1], R[..., 0, 2] + R[..., 2, 0], R[..., 2, 1] + R[..., 1, 2]
    xw, yw, zw = R[..., 2, 1] - R[..., 1, 2], R[..., 0, 2] - R[..., 2, 0], R[..., 1, 0] - R[..., 0, 1]
    # 4 q q^T: every row is q times one of its components; the row with the largest one is the most exact.
    rows = [
        [1 + xx - yy - zz, xy, xz, xw],
        [xy, 1 - xx + yy - zz, yz, yw],
        [xz, yz, 1 - xx - yy + zz, zw],
        [xw, yw, zw, 1 + xx + yy + zz],
    ]
    outer = np.stack([np.stack(row, axis=-1) for row in rows], axis=-2)
    best = np.argmax(np.diagonal(outer, axis1=-2, axis2=-1), axis=-1)
    q = np.take_along_axis(outer, best[..., None, None], axis=-2)[..., 0, :]
    q = q * np.where(q[..., 3:] < 0, -1.0, 1.0)
    return np.asarray(q / np.linalg.norm(q, axis=-1, keepdims=True))


def matrix_from_quaternion(xyzw: ArrayLike) -> Array:
    """Rotations (..., 3, 3) of unit quaternions (..., 4), x y z w.

    Lengths within half a percent of one are normalised.

    Raises:
        InvalidPoseError: a quaternion that is zero, not finite or not of unit length.
    """
    q = np.asarray(xyzw, dtype=np.float64)
    if q.ndim == 0 or q.shape[-1] != 4:
        raise InvalidPoseError(f"quaternion must be (..., 4), x y z w, got {q.shape}")
    squared = np.sum(q * q, axis=-1)
    wrong = ~(np.abs(squared - 1) <= _QUATERNION_TOLERANCE)
    if np.any(wrong):
        index = tuple(np.argwhere(wrong)[0])
        raise InvalidPoseError(
            f"quaternion (x, y, z, w) is {q[index].tolist()} of length {np.sqrt(squared[index])}; "
            "give a finite unit quaternion (no rotation is 0, 0, 0, 1)"
        )
    x, y, z, w = np.moveaxis(q / np.sqrt(squared)[..., None], -1, 0)
    rows = [
        [1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w)],
        [2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w)],
        [2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y)],
    ]
    return np.stack([np.stack(row, axis=-1) for row in rows], axis=-2)


def interpolate_poses(stamps_ns: NDArray[np.int64], poses: ArrayLike, query_ns: ArrayLike) -> Array:
    """Poses at instants between those known: shortest rotation at constant speed, straight translation.

    Args:
        stamps_ns: int64 (M,), strictly increasing nanoseconds.
        poses: (M, 4, 4).
        query_ns: integers (...,), nanoseconds, within the first and the last stamp.

    Returns:
        (..., 4, 4).

    Raises:
        InvalidClipError: stamps that do not increase or do not fit the poses.
        InvalidPoseError: poses that are not rigid, or a query before the first or after the last of them.
    """
    known = check_rigid(poses, name="poses")
    if known.ndim != 3 or len(known) == 0:
        raise InvalidPoseError(f"poses must be (M, 4, 4) with M >= 1, got {known.shape}")
    stamps = check_stamps(stamps_ns, len(known))
    query = np.asarray(query_ns)
    if not np.issubdtype(query.dtype, np.integer):
        raise InvalidInputError(f"query_ns must be integer nanoseconds, got {query.dtype}")
    outside = (query < stamps[0]) | (query > stamps[-1])
    if np.any(outside):
        raise InvalidPoseError(
            f"query_ns {query[outside].flat[0]} lies outside the known poses, {stamps[0]} to {stamps[-1]}; "
            "wait for later poses or ask for an earlier instant, nothing is extrapolated"
        )
    after = np.minimum(np.searchsorted(stamps, query, side="right"), len(stamps) - 1)
    before = np.maximum(after - 1, 0)
    span = np.maximum(stamps[after] - stamps[before], 1)
    return _interpolate(known[before], known[after], (query - stamps[before]) / span)


def opengl_to_opencv(camera_to_world: Array) -> Array:
    """Poses (..., 4, 4) of cameras with OpenGL axes (x right, y up, z back: Blender, NeRF) in OpenCV's."""
    return np.asarray(camera_to_world, np.float64) @ _FLIP_YZ


def opencv_to_opengl(camera_to_world: Array) -> Array:
    """Poses (..., 4, 4) of cameras with OpenCV axes (x right, y down, z forward) in OpenGL's."""
    return np.asarray(camera_to_world, np.float64) @ _FLIP_YZ


def _interpolate(a: Array, b: Array, fraction: Array) -> Array:
    """Between rigid transforms (..., 4, 4) by fractions (...,) in [0, 1]; Shoemake's slerp."""
    f = np.asarray(fraction, np.float64)[..., None]
    p, q = quaternion_from_matrix(a), quaternion_from_matrix(b)
    q = np.where(np.sum(p * q, axis=-1, keepdims=True) < 0, -q, q)
    angle = 2 * np.arctan2(np.linalg.norm(q - p, axis=-1), np.linalg.norm(q + p, axis=-1))[..., None]
    near = angle < 1e-8
    sine = np.where(near, 1.0, np.sin(angle))
    mixed = np.where(near, 1 - f, np.sin((1 - f) * angle) / sine) * p
    mixed = mixed + np.where(near, f, np.sin(f * angle) / sine) * q
    mixed = mixed / np.linalg.norm(mixed, axis=-1, keepdims=True)
    return _assemble(matrix_from_quaternion(mixed), (1 - f) * a[..., :3, 3] + f * b[..., :3, 3])


def _assemble(rotation: Array, translation: Array) -> Array:
    if rotation.shape[-2:] != (3, 3):
        raise InvalidPoseError(f"rotation must be (3, 3), got {rotation.shape}")
    matrix = np.zeros((*rotation.shape[:-2], 4, 4))
    matrix[..., :3, :3] = rotation
    matrix[..., :3, 3] = translation
    matrix[..., 3, 3] = 1
    return matrix


def _translation(values: ArrayLike) -> Array:
    translation = np.asarray(values, dtype=np.float64)
    if translation.shape != (3,):
        raise InvalidPoseError(f"translation must be (3,), got {translation.shape}")
    return translation
