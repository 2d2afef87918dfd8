"""A declared virtual camera: where it sits, what it sees, how often."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from anyview_ros.errors import InvalidCameraError, InvalidInputError, InvalidPoseError
from anyview_ros.geometry import PinholeCamera, look_at, matrix_from_quaternion

Array = NDArray[np.float64]

MAX_DISTANCE_M = 1000.0
MIN_SIDE, MAX_SIDE = 16, 4096
MIN_FOV_DEG, MAX_FOV_DEG = 1.0, 170.0


@dataclass(frozen=True, eq=False)
class VirtualCamera:
    """A camera that does not exist.

    Attributes:
        name: as declared; the first part of its topics.
        parent_frame: TF frame that carries it.
        camera_to_parent: float64 (4, 4), metres; optical axes x right, y down, z forward.
        camera: intrinsics of the picture that is published.
        rate_hz: most views per second.
    """

    name: str
    parent_frame: str
    camera_to_parent: Array
    camera: PinholeCamera
    rate_hz: float

    @property
    def optical_frame(self) -> str:
        """The TF frame of its optical axes."""
        return f"{self.name}_optical_frame"

    def sees_as(self, other: VirtualCamera) -> bool:
        """Whether a view of ``other`` is one of this camera: same parent, pose and intrinsics."""
        return (
            self.parent_frame == other.parent_frame
            and self.camera == other.camera
            and np.array_equal(self.camera_to_parent, other.camera_to_parent)
        )


def make_virtual_camera(name: str, values: Mapping[str, Any], *, fixed_frame: str) -> VirtualCamera:
    """Make a virtual camera from the values of its parameters, named without ``<name>.``.

    Raises:
        InvalidInputError: a pose, a size, a field of view or a rate that no camera can have.
    """
    parent = str(values["parent_frame"]).lstrip("/") or fixed_frame
    if parent == f"{name}_optical_frame":
        raise InvalidInputError(
            f"{name}.parent_frame is the camera's own frame '{parent}'; name another TF frame"
        )
    position = np.asarray(values["position"], dtype=np.float64)
    target = np.asarray(values["look_at"], dtype=np.float64)
    check_position(f"{name}.position", position)
    if np.isnan(target).all():
        orientation = np.asarray(values["orientation"], dtype=np.float64)
        pose = pose_from_xyzw(f"{name}.orientation", position, orientation)
    else:
        check_position(f"{name}.look_at", target)
        pose = pose_towards(f"{name}.look_at", position, target)
    return VirtualCamera(name, parent, pose, _intrinsics(name, values), float(values["rate_hz"]))


def check_position(label: str, position: Array) -> None:
    """Refuse positions that are not finite or further away than any robot reaches.

    Raises:
        InvalidPoseError: such a position.
    """
    if not np.isfinite(position).all() or np.abs(position).max() > MAX_DISTANCE_M:
        raise InvalidPoseError(
            f"{label} is {position.tolist()}; give finite metres, none beyond {MAX_DISTANCE_M:g} either way"
        )


def pose_from_xyzw(label: str, position: Array, quaternion: Array) -> Array:
    """Pose (4, 4) of a position and a quaternion x, y, z, w whose length is within 1 % of one.

    Raises:
        InvalidPoseError: a quaternion that is not finite, zero, or of another length.
    """
    norm = float(np.linalg.norm(quaternion))
    if not math.isfinite(norm) or abs(norm - 1.0) > 0.01:
        raise InvalidPoseError(
            f"{label} is {quaternion.tolist()} of length {norm:.3g}; give a unit quaternion x, y, z, w"
        )
    pose = np.eye(4)
    pose[:3, :3] = matrix_from_quaternion(quaternion / norm)
    pose[:3, 3] = position
    return pose


def pose_towards(label: str, position: Array, target: Array) -> Array:
    """Pose (4, 4) of a camera at ``position`` that looks at ``target`` with the parent's z up.

    Looking straight up or down, the picture's top points along the parent's x (down) or against it (up).

    Raises:
        InvalidPoseError: the two points are closer than a millimetre.
    """
    line = target - position
    distance = float(np.linalg.norm(line))
    if distance < 1e-3:
        raise InvalidPoseError(
            f"{label} is {target.tolist()}, where the camera itself is; give a point further than 1 mm away"
        )
    vertical = float(np.hypot(line[0], line[1])) < 1e-5 * distance
    return look_at(position, target, (-np.sign(line[2]), 0.0, 0.0) if vertical else (0.0, 0.0, 1.0))


def _intrinsics(name: str, values: Mapping[str, Any]) -> PinholeCamera:
    width, height = int(values["width"]), int(values["height"])
    fx, fy, cx, cy = (float(values[key]) for key in ("fx", "fy", "cx", "cy"))
    camera = PinholeCamera.from_fov(width, height, horizontal_fov_deg=float(values["horizontal_fov_deg"]))
    camera = PinholeCamera(
        fx or camera.fx,
        fy or fx or camera.fy,
        camera.cx if math.isnan(cx) else cx,
        camera.cy if math.isnan(cy) else cy,
        width,
        height,
    )
    return check_intrinsics(name, camera)


def check_intrinsics(name: str, camera: PinholeCamera) -> PinholeCamera:
    """Return ``camera`` if a virtual camera can have it.

    Raises:
        InvalidCameraError: a size or a field of view out of bounds, or a principal point far outside the picture.
    """
    for side, size in (("width", camera.width), ("height", camera.height)):
        if not MIN_SIDE <= size <= MAX_SIDE:
            raise InvalidCameraError(f"{name}.{side} is {size}; give {MIN_SIDE} to {MAX_SIDE} pixels")
    for axis, fov, focal, centre, size in (
        ("horizontal", camera.horizontal_fov_deg, camera.fx, camera.cx, camera.width),
        ("vertical", camera.vertical_fov_deg, camera.fy, camera.cy, camera.height),
    ):
        if not MIN_FOV_DEG <= fov <= MAX_FOV_DEG:
            raise InvalidCameraError(
                f"{name} has a {axis} field of view of {fov:.3g} degrees (focal length {focal:.4g} px over {size} px); "
                f"give {MIN_FOV_DEG:g} to {MAX_FOV_DEG:g} degrees"
            )
        if not -size <= centre <= 2 * size:
            raise InvalidCameraError(
                f"{name} has its principal point at {centre:.4g} px of {size}; keep it within one picture of the middle"
            )
    return camera
