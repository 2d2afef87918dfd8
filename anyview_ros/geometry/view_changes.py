"""Random changes of a camera's place, as robot learning draws them: normal, in a box, along an arc.

A draw gives plain numbers, (N, …) for N cameras; what they do to poses is told apart from it, so that they can be
recorded, repeated and eased from one to the next.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from anyview_ros.errors import InvalidInputError, InvalidPoseError
from anyview_ros.geometry.rigid import check_rigid, matrix_from_quaternion, quaternion_from_matrix

Array = NDArray[np.float64]

_UPRIGHT = 1e-6  # part of the radius that must lie across "up"


@dataclass(frozen=True, eq=False)
class ViewChanges:
    """Changes of cameras in their own axes (x right, y down, z forward).

    Attributes:
        rotations_rad: float64 (N, 3), rotation vectors: axis times angle.
        shifts_m: float64 (N, 3), metres.
    """

    rotations_rad: Array
    shifts_m: Array

    @property
    def matrices(self) -> Array:
        """The changes as transforms (N, 4, 4), from the changed camera's axes to the unchanged one's."""
        angles = np.linalg.norm(self.rotations_rad, axis=-1, keepdims=True)
        axes = np.divide(self.rotations_rad, angles, out=np.zeros_like(self.rotations_rad), where=angles > 0)
        half = angles / 2
        change = np.broadcast_to(np.eye(4), (len(angles), 4, 4)).copy()
        change[:, :3, :3] = matrix_from_quaternion(
            np.concatenate([np.sin(half) * axes, np.cos(half)], axis=-1)
        )
        change[:, :3, 3] = self.shifts_m
        return change


@dataclass(frozen=True, eq=False)
class ArcChanges:
    """Swings of cameras about a point.

    Attributes:
        azimuths_rad: float64 (N,), right-handed about "up".
        radii_m: float64 (N,), added to the distance from the point, metres.
    """

    azimuths_rad: Array
    radii_m: Array


def normal_changes(
    rng: np.random.Generator, count: int, rotation_sigma_rad: float, position_sigma_m: float
) -> ViewChanges:
    """Turned about an axis uniform on the sphere by a normal angle, shifted by normal lengths along each axis.

    The sampler of VISTA (arXiv 2409.03685): 0.075 rad and 0.03 m for small changes in simulation, five times as much
    on the real robot.

    Raises:
        InvalidInputError: a sigma that is negative or not finite.
    """
    _check_sizes(rotation_sigma_rad=rotation_sigma_rad, position_sigma_m=position_sigma_m)
    axes = rng.normal(size=(count, 3))
    axes /= np.linalg.norm(axes, axis=-1, keepdims=True)
    angles = rng.normal(scale=rotation_sigma_rad, size=(count, 1))
    return ViewChanges(axes * angles, rng.normal(scale=position_sigma_m, size=(count, 3)))


def box_changes(
    rng: np.random.Generator, count: int, angle_rad: float, box_m: Sequence[float]
) -> ViewChanges:
    """Turned by Euler angles (about z, then y, then x) and shifted, each uniform between minus and plus its bound.

    The sampler of RoVi-Aug (arXiv 2409.03403): 0.05 rad and (0.10, 0.10, 0.10) m as "lower", 0.1 rad and
    (0.25, 0.10, 0.25) m as "upper", 0.1 rad and (0.40, 0.10, 0.40) m as "ultra".

    Args:
        rng: of the draws.
        count: number of cameras.
        angle_rad: bound of each angle.
        box_m: bounds of the shift (right, down, forward), metres.

    Raises:
        InvalidInputError: bounds that are negative or not finite, or other than three of them.
    """
    bounds = np.asarray(box_m, np.float64)
    if bounds.shape != (3,):
        raise InvalidInputError(f"box_m is {list(box_m)}; give three lengths: right, down, forward")
    _check_sizes(
        angle_rad=angle_rad, **{f"box_m[{index}]": float(bound) for index, bound in enumerate(bounds)}
    )
    angles = rng.uniform(-angle_rad, angle_rad, size=(count, 3))
    shifts = rng.uniform(-1, 1, size=(count, 3)) * bounds
    return ViewChanges(rotation_vectors(_from_euler_zyx(angles)), shifts)


def arc_changes(
    rng: np.random.Generator, count: int, azimuth_rad: float, radius_sigma_m: float
) -> ArcChanges:
    """Swung uniformly between minus and plus an azimuth, at a distance that is off by a normal length.

    The arc of VISTA (arXiv 2409.03685): pi / 4 and 0.05 m.

    Raises:
        InvalidInputError: bounds that are negative or not finite.
    """
    _check_sizes(azimuth_rad=azimuth_rad, radius_sigma_m=radius_sigma_m)
    return ArcChanges(
        rng.uniform(-azimuth_rad, azimuth_rad, size=count),
        rng.normal(scale=radius_sigma_m, size=count),
    )


def arc_eyes(
    eye: ArrayLike, centers: ArrayLike, changes: ArcChanges, up: ArrayLike, radius_m: float
) -> Array:
    """Where cameras stand that are swung about a point, at the height of the unchanged one.

    Args:
        eye: (3,), where the unchanged camera stands, world.
        centers: (3,) or (N, 3), the points, world.
        changes: N swings.
        up: (3,), world; of any length but zero.
        radius_m: distance from the point, to which each swing adds.

    Returns:
        (N, 3), world.

    Raises:
        InvalidPoseError: the camera stands right above or below the point, or the distance is less than its height
            over the point, or not positive.
    """
    upward = np.asarray(up, np.float64)
    upward = upward / np.linalg.norm(upward)
    start = np.asarray(eye, np.float64)
    middles = np.broadcast_to(np.asarray(centers, np.float64), (len(changes.azimuths_rad), 3))
    offsets = start - middles
    heights = offsets @ upward
    outward = offsets - heights[:, None] * upward
    lengths = np.linalg.norm(outward, axis=-1)
    radii = radius_m + changes.radii_m
    squares = radii**2 - heights**2
    if np.any(lengths <= _UPRIGHT * np.linalg.norm(offsets, axis=-1)):
        raise InvalidPoseError(
            f"the camera at {start.tolist()} stands right above or below the point {middles[0].tolist()} that it "
            "should go about; give another point, or another up"
        )
    impossible = (radii <= 0) | (squares <= 0)
    if impossible.any():
        worst = int(np.argmax(impossible))
        raise InvalidPoseError(
            f"a camera {abs(float(heights[worst])):.3g} m above or below its point cannot be {radii[worst]:.3g} m from "
            "it; give a point farther from the camera, or a smaller radius sigma"
        )
    around = outward / lengths[:, None]
    sideways = np.cross(upward, around)
    sines, cosines = np.sin(changes.azimuths_rad)[:, None], np.cos(changes.azimuths_rad)[:, None]
    level = np.sqrt(squares)[:, None] * (cosines * around + sines * sideways)
    return np.asarray(middles + level + heights[:, None] * upward)


def rotation_vectors(rotations: ArrayLike) -> Array:
    """Axis times angle (..., 3), radians, of rotations (..., 3, 3); angles up to pi."""
    quaternions = quaternion_from_matrix(rotations)
    sines = np.linalg.norm(quaternions[..., :3], axis=-1, keepdims=True)
    angles = 2 * np.arctan2(sines, quaternions[..., 3:])
    scale = np.divide(angles, sines, out=np.full_like(sines, 2.0), where=sines > 1e-12)
    return np.asarray(quaternions[..., :3] * scale)


def eased(values: ArrayLike, places: ArrayLike) -> Array:
    """Values between knots, without a jump or a kink: smoothstep from each knot to the next.

    Nothing leaves the range of the knots on either side; between them, random values spread less than at them.

    Args:
        values: (K, ...), at knots 0, 1, … K - 1.
        places: (N,), in [0, K - 1].

    Returns:
        (N, ...).

    Raises:
        InvalidInputError: no knots, or places outside of them.
    """
    knots, where = np.asarray(values, np.float64), np.asarray(places, np.float64)
    if len(knots) == 0 or np.any(where < 0) or np.any(where > len(knots) - 1):
        raise InvalidInputError(
            f"places must lie in 0 to {len(knots) - 1}, the knots; nothing is extrapolated"
        )
    before = np.minimum(np.floor(where).astype(np.intp), max(len(knots) - 2, 0))
    after = np.minimum(before + 1, len(knots) - 1)
    part = where - before
    weight = (part * part * (3 - 2 * part)).reshape(-1, *[1] * (knots.ndim - 1))
    return np.asarray((1 - weight) * knots[before] + weight * knots[after])


def changed(camera_to_world: ArrayLike, changes: ViewChanges) -> Array:
    """Poses (N, 4, 4) with their cameras changed in their own axes; one change serves all poses."""
    poses = check_rigid(camera_to_world, name="camera_to_world")
    return np.asarray(poses @ changes.matrices)


def _from_euler_zyx(angles: Array) -> Array:
    """Rotations (N, 3, 3) Rz Ry Rx of angles (N, 3) about x, y and z."""
    rotations = np.broadcast_to(np.eye(3), (len(angles), 3, 3))
    for axis in (2, 1, 0):
        half = angles[:, axis] / 2
        quaternions = np.zeros((len(angles), 4))
        quaternions[:, axis], quaternions[:, 3] = np.sin(half), np.cos(half)
        rotations = rotations @ matrix_from_quaternion(quaternions)
    return np.asarray(rotations)


def _check_sizes(**sizes: float) -> None:
    for name, value in sizes.items():
        if not 0 <= value < np.inf:
            raise InvalidInputError(f"{name} is {value}; give 0 or more")
