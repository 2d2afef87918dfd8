"""Random cameras around a point of a world, some near each other and some far apart, some of them moving."""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from anyview_ros.errors import InvalidInputError
from anyview_ros.geometry import PinholeCamera
from anyview_ros.scenes import World, clearance, sample_view

Array = NDArray[np.float64]

VIEW_CHANGES_DEG = ((2.0, 15.0), (15.0, 45.0), (45.0, 150.0))
"""Angles between the first camera and each other one that training rigs are drawn with."""
_DISTANCE_M = (0.35, 4.5)
_FOV_DEG = (20.0, 90.0)
_FRAMED_M = (0.4, 4.0)
_SAME_LENS_SHARE = 0.6
_ELSEWHERE_SHARE = 0.4
_MOVING_SHARE = 0.5
_SPEED_M_S, _TURN_DEG_S = 0.3, 15.0
_LONGEST_STEP_M = 0.08
_BASELINE_OF_DISTANCE = (0.02, 0.25)
_FORWARD_OF_BASELINE = 0.15
_TWIST_DEG = 1.0
_CLEARANCE_M = 0.12
_PLACES_TRIED = 40


@dataclass(frozen=True, eq=False)
class Rig:
    """C cameras that watch a world at T instants.

    Attributes:
        cameras: C intrinsics of one size.
        camera_to_world: float64 (C, T, 4, 4), metres, OpenCV axes.
        times_s: float64 (T,), seconds.
        aim: float64 (3,), the point that the view changes are measured at.
    """

    cameras: tuple[PinholeCamera, ...]
    camera_to_world: Array
    times_s: Array
    aim: Array


def sample_rig(
    world: World,
    rng: np.random.Generator,
    *,
    side: int,
    instants: int,
    view_changes_deg: tuple[tuple[float, float], ...] = VIEW_CHANGES_DEG,
    framed: bool = False,
) -> Rig:
    """Return a rig whose camera i + 1 differs from camera 0 by an angle of ``view_changes_deg[i]``.

    Fields of view are 20 to 90 degrees, some principal points off the centre; cameras look near the aim, not at it;
    each moves or stands still by chance. Distance and lens are drawn apart from each other; ``framed`` cameras have
    one lens, and stand where it frames 0.4 to 4 m of the world, as people choose a lens for what they look at: a
    picture through a narrow one then is of something far.

    Raises:
        InvalidInputError: the world has no free place for such cameras.
    """
    times_s: Array = rng.uniform(0, 10) + rng.uniform(0.05, 0.4) * np.arange(instants, dtype=np.float64)
    aim = _aim(world, rng)
    lens, distance_m = _framing(rng) if framed else (None, _DISTANCE_M)
    first = sample_view(world, rng, times_s, distance_m=distance_m, target=aim)
    distance = float(np.linalg.norm(first[:3, 3] - aim))
    poses = [first]
    for change in view_changes_deg:
        reach = (max(distance * 0.6, 0.3), distance * 1.6)
        poses.append(
            sample_view(world, rng, times_s, distance_m=reach, target=aim, near=first, angle_deg=change)
        )
    if lens is not None:
        fields = [lens] * len(poses)
    else:
        lens = rng.uniform(*_FOV_DEG)
        fields = [lens if rng.uniform() < _SAME_LENS_SHARE else rng.uniform(*_FOV_DEG) for _ in poses]
    return Rig(
        tuple(_camera(rng, side, fov) for fov in fields),
        np.stack([_path(rng, pose, times_s, fov) for pose, fov in zip(poses, fields, strict=True)]),
        times_s,
        aim,
    )


def sample_parallel_rig(
    world: World, rng: np.random.Generator, *, side: int, instants: int, count: int = 4, framed: bool = False
) -> Rig:
    """Return ``count`` cameras of one lens side by side, as in stereo heads: moved across, hardly turned.

    Baselines are 2 to 25 % of the first camera's distance to the aim; half of the cameras look exactly the same way,
    the others up to a degree or two apart. All of them move together or stand still. ``framed`` is as in
    :func:`sample_rig`.

    Raises:
        InvalidInputError: the world has no free place for such cameras.
    """
    times_s: Array = rng.uniform(0, 10) + rng.uniform(0.05, 0.4) * np.arange(instants, dtype=np.float64)
    scene = world.at(times_s)
    aim = _aim(world, rng)
    lens, distance_m = _framing(rng) if framed else (None, _DISTANCE_M)
    first = sample_view(world, rng, times_s, distance_m=distance_m, target=aim)
    distance = float(np.linalg.norm(first[:3, 3] - aim))
    fov = rng.uniform(*_FOV_DEG) if lens is None else lens
    path = _path(rng, first, times_s, fov)
    paths = [path]
    for _ in range(_PLACES_TRIED):
        if len(paths) == count:
            return Rig((_camera(rng, side, fov),) * count, np.stack(paths), times_s, aim)
        moved = path @ _moved_aside(rng, distance)
        if clearance(scene, moved[0, :3, 3]) >= _CLEARANCE_M:
            paths.append(moved)
    raise InvalidInputError(
        f"no free places for {count} cameras side by side were found in {_PLACES_TRIED} tries; give another world"
    )


def _framing(rng: np.random.Generator) -> tuple[float, tuple[float, float]]:
    """A field of view, degrees, and the distances at which it is as wide as something to be seen whole, metres."""
    fov = rng.uniform(*_FOV_DEG)
    low, high = _FRAMED_M
    wide = math.exp(rng.uniform(math.log(low), math.log(high)))
    distance = max(wide / 2 / math.tan(math.radians(fov) / 2), _DISTANCE_M[0])
    return fov, (distance, distance)


def _moved_aside(rng: np.random.Generator, distance_m: float) -> Array:
    low, high = _BASELINE_OF_DISTANCE
    baseline = distance_m * math.exp(rng.uniform(math.log(low), math.log(high)))
    around = rng.uniform(0, 2 * math.pi)
    turn = rng.normal(0, math.radians(_TWIST_DEG), 3) if rng.uniform() < 0.5 else np.zeros(3)
    moved = _turned(turn)
    moved[:3, 3] = baseline * np.array(
        (math.cos(around), math.sin(around), rng.normal(0, _FORWARD_OF_BASELINE))
    )
    return moved


def _aim(world: World, rng: np.random.Generator) -> Array:
    """The world's focus, or somewhere in its lower half."""
    if rng.uniform() > _ELSEWHERE_SHARE:
        return np.asarray(world.focus, np.float64)
    low, high = np.array(world.bounds[0]), np.array(world.bounds[1])
    share = rng.uniform((0.15, 0.15, 0.0), (0.85, 0.85, 0.5))
    return np.asarray(low + share * (high - low), np.float64)


def _camera(rng: np.random.Generator, side: int, fov_deg: float) -> PinholeCamera:
    focal = side / 2 / math.tan(math.radians(fov_deg) / 2)
    spread = 0.08 * side if rng.uniform() < 0.3 else 0.0
    cx, cy = (side - 1) / 2 + spread * rng.normal(size=2).clip(-2, 2)
    return PinholeCamera(focal, focal, float(cx), float(cy), side, side)


def _path(rng: np.random.Generator, pose: Array, times_s: Array, fov_deg: float) -> Array:
    """Poses (T, 4, 4): a little off the aim, and drifting if the camera moves."""
    askew = math.radians(fov_deg) * rng.normal(0, 0.1 if rng.uniform() < 0.75 else 0.25, 3) * (1, 1, 0.3)
    start = pose @ _turned(askew)
    moves = rng.uniform() < _MOVING_SHARE
    velocity = rng.normal(0, _SPEED_M_S if moves else 0.0, 3)
    spin = np.radians(rng.normal(0, _TURN_DEG_S if moves else 0.0, 3))
    path = np.tile(start, (len(times_s), 1, 1))
    for index, elapsed_s in enumerate(times_s - times_s[0]):
        step = velocity * elapsed_s
        most = _LONGEST_STEP_M * max(index, 1)
        path[index, :3, 3] += step * min(1.0, most / max(float(np.linalg.norm(step)), 1e-9))
        path[index] = path[index] @ _turned(spin * elapsed_s)
    return path


def _turned(rotation_vector: Array) -> Array:
    matrix = np.eye(4)
    matrix[:3, :3] = cv2.Rodrigues(rotation_vector)[0]
    return matrix
