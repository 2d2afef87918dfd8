"""The 19 numbers that tell the network from where it should look (ZeroNVS, arXiv 2310.17994, section 3.2).

    16  the matrix inv(source_to_world) target_to_world in OpenGL camera axes (x right, y up, z backward), row by row,
        its translation divided by a scale and squashed by 5 tanh(t / 10)
     3  f, sin f, cos f of the field of view f, radians

What the scale is divides the modes: see :data:`MODES`.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from anyview_ros.errors import InvalidInputError
from anyview_ros.geometry import check_rigid, invert_rigid, opencv_to_opengl

Array = NDArray[np.float64]

NUMBERS = 19
"""Length of the vector, in all modes."""

MODES = {
    "viewer": "6DoF+1, translation divided by the 20th percentile of the source's own depth",
    "aggregate": "6DoF+1, translation divided by one scale of the whole scene",
    "6dof1": "6DoF+1, translation in metres",
    "3dof": "Zero123's changes of elevation, azimuth and radius about the point looked at; no field of view",
}
"""Ways of telling the pose; "viewer" is the method's own, the others are its ablations."""

_REACH, _SQUASH = 5.0, 10.0


def check_mode(mode: str) -> None:
    """See that there is such a mode.

    Raises:
        InvalidInputError: there is not.
    """
    if mode not in MODES:
        raise InvalidInputError(f"mode is {mode!r}; choose one of {', '.join(MODES)}")


def pose_vector(
    source_to_world: ArrayLike,
    target_to_world: ArrayLike,
    fov_rad: ArrayLike,
    *,
    mode: str = "viewer",
    scale_m: ArrayLike = 1.0,
) -> Array:
    """Return the vectors of targets relative to sources, in one of the 6DoF+1 modes.

    Args:
        source_to_world: (..., 4, 4), poses of the source camera, metres, OpenCV axes.
        target_to_world: (..., 4, 4), poses of the target camera, in the same world.
        fov_rad: (...), angle between the edges of the square picture, the same for source and target.
        mode: "viewer", "aggregate" or "6dof1".
        scale_m: (...), what translations are divided by, metres; not used by "6dof1".

    Returns:
        float64 (..., 19).

    Raises:
        InvalidInputError: another mode, a scale that is not positive and finite, or a field of view out of range.
        InvalidPoseError: a pose that is not a finite rigid transform.
    """
    check_mode(mode)
    if mode == "3dof":
        raise InvalidInputError("mode '3dof' needs the point looked at; call object_vector() instead")
    scale = np.asarray(1.0 if mode == "6dof1" else scale_m, np.float64)
    _check_scale(scale)
    source = opencv_to_opengl(check_rigid(source_to_world, name="source_to_world"))
    target = opencv_to_opengl(check_rigid(target_to_world, name="target_to_world"))
    change = invert_rigid(source) @ target
    change[..., :3, 3] = squashed(change[..., :3, 3] / scale[..., None])
    fov = _checked_fov(fov_rad)
    lens = np.stack([fov, np.sin(fov), np.cos(fov)], -1)
    entries = change.reshape(*change.shape[:-2], 16)
    return np.concatenate([entries, np.broadcast_to(lens, (*entries.shape[:-1], 3))], -1)


def object_vector(
    source_to_world: ArrayLike, target_to_world: ArrayLike, centre: ArrayLike, up: ArrayLike
) -> Array:
    """Return the vectors of mode "3dof": Zero123's (arXiv 2303.11328), followed by zeros.

    Args:
        source_to_world, target_to_world: (..., 4, 4), metres, OpenCV axes.
        centre: (..., 3), the point looked at, world.
        up: (3,), world; of any length but zero.

    Returns:
        float64 (..., 19): change of elevation (radians), sine and cosine of the change of azimuth, change of radius
        (metres). Where the cameras look and which lens they have is not told.

    Raises:
        InvalidPoseError: a pose that is not a finite rigid transform.
    """
    elevation, azimuth, radius = _spherical(source_to_world, centre, up, "source_to_world")
    elevation_2, azimuth_2, radius_2 = _spherical(target_to_world, centre, up, "target_to_world")
    turn = azimuth_2 - azimuth
    told = np.stack([elevation_2 - elevation, np.sin(turn), np.cos(turn), radius_2 - radius], -1)
    return np.concatenate([told, np.zeros((*told.shape[:-1], NUMBERS - told.shape[-1]))], -1)


def squashed(translation: ArrayLike) -> Array:
    """5 tanh(t / 10), which keeps far cameras within reach; any shape."""
    return np.asarray(_REACH * np.tanh(np.asarray(translation, np.float64) / _SQUASH))


def _spherical(
    camera_to_world: ArrayLike, centre: ArrayLike, up: ArrayLike, name: str
) -> tuple[Array, Array, Array]:
    """Elevation and azimuth (radians) and radius of cameras about a point; the azimuth begins anywhere."""
    eyes = check_rigid(camera_to_world, name=name)[..., :3, 3]
    arm = eyes - np.asarray(centre, np.float64)
    upward = np.asarray(up, np.float64) / np.linalg.norm(up)
    first = np.cross(upward, np.eye(3)[np.argmin(np.abs(upward))])
    first = first / np.linalg.norm(first)
    second = np.cross(upward, first)
    radius = np.linalg.norm(arm, axis=-1)
    height = np.divide(arm @ upward, radius, out=np.zeros_like(radius), where=radius > 0)
    return (
        np.arcsin(np.clip(height, -1, 1)),
        np.arctan2(arm @ second, arm @ first),
        radius,
    )


def _check_scale(scale: Array) -> None:
    if not np.all((scale > 0) & np.isfinite(scale)):
        raise InvalidInputError(f"scale_m is {scale.tolist()}; give finite numbers of metres above 0")


def _checked_fov(fov_rad: ArrayLike) -> Array:
    fov = np.asarray(fov_rad, np.float64)
    if not np.all((fov > 0) & (fov < np.pi)):
        raise InvalidInputError(f"fov_rad is {fov.tolist()}; give radians between 0 and pi")
    return fov
