"""Where a virtual camera goes: its poses and the instants they show; and ways to lay a path."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from anyview_ros.errors import InvalidInputError, InvalidPoseError
from anyview_ros.geometry.camera import PinholeCamera
from anyview_ros.geometry.rigid import check_rigid, matrix_from_quaternion
from anyview_ros.geometry.stamps import check_stamps
from anyview_ros.geometry.view_changes import changed, normal_changes

Array = NDArray[np.float64]

_PARALLEL = 1e-6  # sine of the smallest angle between the line of sight and "up"


@dataclass(frozen=True, eq=False)
class CameraTrajectory:
    """A virtual camera's poses and the instants they show.

    Attributes:
        camera: intrinsics, the same for all poses.
        camera_to_world: float64 (N, 4, 4), metres; OpenCV axes (x right, y down, z forward).
        stamps_ns: int64 (N,), not decreasing (equal stamps: time stands still while the camera moves); None
            means one pose per source frame.

    Raises:
        InvalidPoseError: poses that are not finite rigid transforms, or none.
        InvalidClipError: stamps that do not fit the poses, or that decrease.
    """

    camera: PinholeCamera
    camera_to_world: Array
    stamps_ns: NDArray[np.int64] | None = None

    def __post_init__(self) -> None:
        poses = check_rigid(self.camera_to_world, name="camera_to_world")
        if poses.ndim != 3 or len(poses) == 0:
            raise InvalidPoseError(
                f"camera_to_world must be (N, 4, 4) with N >= 1, got {poses.shape}; "
                "use static(camera, pose, count) for a camera that stands still"
            )
        object.__setattr__(self, "camera_to_world", poses)
        if self.stamps_ns is not None:
            object.__setattr__(self, "stamps_ns", check_stamps(self.stamps_ns, len(poses), strict=False))

    def __len__(self) -> int:
        return len(self.camera_to_world)


def static(
    camera: PinholeCamera, pose: ArrayLike, count: int, *, stamps_ns: NDArray[np.int64] | None = None
) -> CameraTrajectory:
    """A camera that stays at ``pose`` (4, 4) for ``count`` poses."""
    return CameraTrajectory(camera, np.broadcast_to(_pose(pose), (_count(count), 4, 4)), stamps_ns)


def orbit(
    camera: PinholeCamera,
    center: ArrayLike,
    start_pose: ArrayLike,
    degrees: float,
    count: int,
    *,
    axis: ArrayLike = (0.0, 0.0, 1.0),
    stamps_ns: NDArray[np.int64] | None = None,
) -> CameraTrajectory:
    """A camera swung as a whole about an axis, in even steps from ``start_pose``.

    Args:
        camera: intrinsics.
        center: (3,), a point of the axis, world.
        start_pose: camera_to_world (4, 4) of the first pose.
        degrees: angle of the last pose, right-handed about the axis; 360 comes back to the start.
        count: number of poses.
        axis: (3,), world; of any length but zero.
        stamps_ns: as in CameraTrajectory.
    """
    middle = _vector("center", center)
    direction = _unit("axis", _vector("axis", axis))
    rotation = _rotation_about(direction, np.radians(np.linspace(0.0, degrees, _count(count))))
    turn = np.broadcast_to(np.eye(4), (count, 4, 4)).copy()
    turn[:, :3, :3] = rotation
    turn[:, :3, 3] = middle - rotation @ middle
    return CameraTrajectory(camera, turn @ _pose(start_pose), stamps_ns)


def arc(
    camera: PinholeCamera,
    center: ArrayLike,
    radius: ArrayLike,
    azimuths_deg: ArrayLike,
    elevations_deg: ArrayLike,
    *,
    up: ArrayLike = (0.0, 0.0, 1.0),
    stamps_ns: NDArray[np.int64] | None = None,
) -> CameraTrajectory:
    """A camera on a sphere about ``center`` that looks at it.

    Args:
        camera: intrinsics.
        center: (3,), world.
        radius: metres; a number or (N,).
        azimuths_deg: from the world's x towards its y; a number or (N,).
        elevations_deg: above the world's xy plane; a number or (N,).
        up: as in :func:`look_at`.
        stamps_ns: as in CameraTrajectory.

    Raises:
        InvalidPoseError: a radius of zero, or a line of sight along ``up`` (elevation of 90 degrees).
    """
    distance, azimuth, elevation = np.broadcast_arrays(
        np.atleast_1d(np.asarray(radius, np.float64)), np.radians(azimuths_deg), np.radians(elevations_deg)
    )
    offset = np.stack(
        [np.cos(elevation) * np.cos(azimuth), np.cos(elevation) * np.sin(azimuth), np.sin(elevation)], axis=-1
    )
    middle = _vector("center", center)
    return look_at_path(camera, middle + distance[:, None] * offset, middle, up=up, stamps_ns=stamps_ns)


def look_at(eye: ArrayLike, target: ArrayLike, up: ArrayLike = (0.0, 0.0, 1.0)) -> Array:
    """The pose of a camera at ``eye`` that looks at ``target`` with ``up`` upwards in its image.

    Args:
        eye, target: (..., 3), world, metres.
        up: (..., 3), world; of any length but zero.

    Returns:
        camera_to_world (..., 4, 4), OpenCV axes.

    Raises:
        InvalidPoseError: eye and target coincide, or the line of sight runs along ``up``.
    """
    position, aim, upward = np.broadcast_arrays(
        *(np.asarray(value, dtype=np.float64) for value in (eye, target, up))
    )
    if position.shape[-1:] != (3,):
        raise InvalidPoseError(f"eye, target and up must be (..., 3), got {position.shape} together")
    forward = _unit("target - eye", aim - position)
    across = np.cross(forward, _unit("up", upward))
    sine = np.linalg.norm(across, axis=-1, keepdims=True)
    if np.any(sine < _PARALLEL):
        worst = tuple(np.argwhere(sine[..., 0] < _PARALLEL)[0])
        raise InvalidPoseError(
            f"the line of sight from {position[worst].tolist()} to {aim[worst].tolist()} runs along up = "
            f"{upward[worst].tolist()}; give another up, such as [1, 0, 0] for a camera looking straight down"
        )
    right = across / sine
    pose = np.zeros((*position.shape[:-1], 4, 4))
    pose[..., :3, :] = np.stack([right, np.cross(forward, right), forward, position], axis=-1)
    pose[..., 3, 3] = 1
    return pose


def look_at_path(
    camera: PinholeCamera,
    eyes: ArrayLike,
    target: ArrayLike,
    *,
    up: ArrayLike = (0.0, 0.0, 1.0),
    stamps_ns: NDArray[np.int64] | None = None,
) -> CameraTrajectory:
    """A camera passing through ``eyes`` (N, 3), looking at ``target``, (3,) or (N, 3): :func:`look_at`."""
    return CameraTrajectory(camera, look_at(eyes, target, up), stamps_ns)


def in_frame(
    camera: PinholeCamera,
    world_from_frame: ArrayLike,
    frame_from_camera: ArrayLike,
    *,
    stamps_ns: NDArray[np.int64] | None = None,
) -> CameraTrajectory:
    """A camera fixed to a frame that may move, such as a wrist.

    Args:
        camera: intrinsics.
        world_from_frame: (N, 4, 4), the frame's poses in the world.
        frame_from_camera: (4, 4) or (N, 4, 4), the camera's pose in that frame.
        stamps_ns: as in CameraTrajectory.
    """
    frames = check_rigid(world_from_frame, name="world_from_frame")
    return CameraTrajectory(
        camera, frames @ check_rigid(frame_from_camera, name="frame_from_camera"), stamps_ns
    )


def perturbed(
    trajectory: CameraTrajectory,
    rotation_sigma_rad: float,
    position_sigma_m: float,
    seed: int,
    *,
    per_pose: bool = False,
) -> CameraTrajectory:
    """The trajectory with its camera turned and shifted at random, in the camera's own axes.

    The angle is normal with ``rotation_sigma_rad`` about an axis uniform on the sphere, the shift normal with
    ``position_sigma_m`` along each axis: the viewpoint sampler of VISTA (arXiv 2409.03685), whose small
    changes have 0.075 rad and 0.03 m. The same seed gives the same change in every world frame.

    Args:
        trajectory: what to perturb.
        rotation_sigma_rad: radians, 0 or more.
        position_sigma_m: metres, 0 or more.
        seed: of the draw, 0 or more.
        per_pose: draw for each pose, where otherwise one draw moves the trajectory as a whole.

    Raises:
        InvalidInputError: a negative sigma, one that is not finite, or a negative seed.
    """
    if seed < 0:
        raise InvalidInputError(f"seed is {seed}; give 0 or more")
    count = len(trajectory) if per_pose else 1
    changes = normal_changes(np.random.default_rng(seed), count, rotation_sigma_rad, position_sigma_m)
    return CameraTrajectory(
        trajectory.camera, changed(trajectory.camera_to_world, changes), trajectory.stamps_ns
    )


def _rotation_about(axis: Array, angle_rad: Array) -> Array:
    """Rotations (N, 3, 3) about unit axes (3,) or (N, 3) by angles (N,)."""
    half = angle_rad[:, None] / 2
    return matrix_from_quaternion(np.concatenate([np.sin(half) * axis, np.cos(half)], axis=-1))


def _unit(name: str, vectors: Array) -> Array:
    length = np.linalg.norm(vectors, axis=-1, keepdims=True)
    wrong = ~((length > 1e-12) & np.isfinite(length))[..., 0]
    if np.any(wrong):
        value = vectors[tuple(np.argwhere(wrong)[0])].tolist()
        raise InvalidPoseError(
            f"{name} is {value}, which has no direction; give a finite vector other than zero"
        )
    return np.asarray(vectors / length)


def _vector(name: str, value: ArrayLike) -> Array:
    vector = np.asarray(value, dtype=np.float64)
    if vector.shape != (3,) or not np.isfinite(vector).all():
        raise InvalidPoseError(f"{name} must be three finite numbers, got {vector.tolist()}")
    return vector


def _pose(value: ArrayLike) -> Array:
    pose = check_rigid(value, name="pose")
    if pose.shape != (4, 4):
        raise InvalidPoseError(f"pose must be (4, 4), got {pose.shape}")
    return pose


def _count(count: int) -> int:
    if count < 1:
        raise InvalidInputError(f"count is {count}; a trajectory has at least one pose")
    return count
