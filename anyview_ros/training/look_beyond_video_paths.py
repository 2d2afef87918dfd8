"""Smooth camera paths through a room, as a pass of `look_beyond` follows between two keyframes."""

from __future__ import annotations

import math

import cv2
import numpy as np
from numpy.typing import NDArray

from anyview_ros.errors import InvalidInputError
from anyview_ros.scenes import World, clearance, sample_view

Array = NDArray[np.float64]

KINDS = ("pan", "orbit", "walk", "mixed")
_DISTANCE_M = (0.5, 3.5)
_TRIES = 60
_CLEARANCE_M = 0.12
_PAN_DEG, _TILT_DEG, _ROLL_DEG = (10.0, 60.0), 8.0, 3.0
_ORBIT_DEG = (8.0, 45.0)
_WALK_OF_DISTANCE = (0.1, 0.5)
_STRAY = 0.25
_UNEVEN_SHARE = 0.5


def sample_path(
    world: World, rng: np.random.Generator, frames: int, *, time_s: float, done: Array | None = None
) -> Array:
    """Poses (frames, 4, 4) of a pan, an orbit, a walk or a mixture, at even or uneven speed, free of bodies.

    Args:
        world: where the camera is.
        rng: the source of chance.
        frames: number of poses.
        time_s: instant at which no body may be near.
        done: (frames,), how far along the path each pose is; None draws it, see :func:`progress`.

    Raises:
        InvalidInputError: the world has no free place for such a path.
    """
    scene = world.at(np.array([time_s]))
    for _ in range(_TRIES):
        aim = _aim(world, rng)
        start = sample_view(world, rng, np.array([time_s]), distance_m=_DISTANCE_M, target=aim)
        kind = KINDS[int(rng.integers(len(KINDS)))]
        path = _path(rng, kind, start, aim, progress(rng, frames) if done is None else done)
        places = path[:, :3, 3]
        within = np.all(places >= world.bounds[0]) and np.all(places <= world.bounds[1])
        if within and min(clearance(scene, place) for place in places) >= _CLEARANCE_M:
            return path
    raise InvalidInputError(
        f"no free path of {frames} poses was found in {_TRIES} tries; give another world or another seed"
    )


def progress(rng: np.random.Generator, frames: int, *, uneven_share: float = _UNEVEN_SHARE) -> Array:
    """How far along its path a camera is at each picture, (frames,) from 0 to 1, increasing.

    Even in some paths; in the others it starts slowly and ends fast, or the reverse.
    """
    even = np.linspace(0.0, 1.0, frames)
    if rng.uniform() >= uneven_share:
        return even
    power = math.exp(rng.uniform(math.log(1.2), math.log(3.0)))
    return np.asarray(even**power if rng.uniform() < 0.5 else 1 - (1 - even) ** power)


def _path(rng: np.random.Generator, kind: str, start: Array, aim: Array, done: Array) -> Array:
    """Poses (F, 4, 4) from ``start``, of which the last is at ``done`` = 1."""
    distance = float(np.linalg.norm(aim - start[:3, 3]))
    pan = rng.choice([-1.0, 1.0]) * rng.uniform(*_PAN_DEG) if kind in {"pan", "mixed"} else 0.0
    orbit = rng.choice([-1.0, 1.0]) * rng.uniform(*_ORBIT_DEG) if kind in {"orbit", "mixed"} else 0.0
    if kind == "mixed":
        pan, orbit = pan / 2, orbit / 2
    walk = np.zeros(3)
    if kind in {"walk", "mixed"}:
        forward = np.array([0.0, 0.0, rng.choice([-1.0, 1.0, 1.0])])
        walk = (forward + rng.normal(0, _STRAY, 3)) * distance * rng.uniform(*_WALK_OF_DISTANCE)
    tilt, roll = rng.normal(0, _TILT_DEG), rng.normal(0, _ROLL_DEG)
    poses = []
    for share in done:
        turned = _about(aim, np.array([0.0, 0.0, math.radians(orbit * share)])) @ start
        turned[:3, 3] += start[:3, :3] @ (walk * share)
        poses.append(turned @ _turn(np.radians([tilt * share, pan * share, roll * share])))
    return np.stack(poses)


def _aim(world: World, rng: np.random.Generator) -> Array:
    low, high = np.array(world.bounds[0]), np.array(world.bounds[1])
    return np.asarray(low + rng.uniform((0.15, 0.15, 0.0), (0.85, 0.85, 0.5)) * (high - low), np.float64)


def _turn(rotation_vector: Array) -> Array:
    matrix = np.eye(4)
    matrix[:3, :3] = cv2.Rodrigues(rotation_vector)[0]
    return matrix


def _about(point: Array, rotation_vector: Array) -> Array:
    matrix = _turn(rotation_vector)
    matrix[:3, 3] = point - matrix[:3, :3] @ point
    return matrix
