"""Random places for cameras in a world: free of bodies, and as far from each other as asked."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray

from anyview_ros.errors import InvalidInputError
from anyview_ros.geometry import look_at
from anyview_ros.scenes.scene import Scene
from anyview_ros.scenes.shapes import Shape, ShapeKind
from anyview_ros.scenes.world import World

Array = NDArray[np.float64]
_TRIES = 200


def clearance(scene: Scene, point: ArrayLike) -> float:
    """Return the distance from ``point`` (3,) to the nearest body at any of the scene's instants, metres.

    Negative inside a body. Planes are walls: behind them, too, the distance is positive.
    """
    place = np.asarray(point, np.float64)
    offsets = place - scene.poses[..., :3, 3]
    local = np.einsum("bnji,bnj->bni", scene.poses[..., :3, :3], offsets)
    return min(
        (float(_distance(body.shape, local[:, i]).min()) for i, body in enumerate(scene.bodies)),
        default=math.inf,
    )


def _distance(shape: Shape, points: Array) -> Array:
    """Signed distances (B,) of points (B, 3) in the shape's own axes."""
    x, y, z = points.T
    first, second, _ = shape.size
    match shape.kind:
        case ShapeKind.SPHERE:
            return np.asarray(np.linalg.norm(points, axis=1) - first)
        case ShapeKind.CAPSULE:
            return np.asarray(np.sqrt(x**2 + y**2 + (z - np.clip(z, -second, second)) ** 2) - first)
        case ShapeKind.CYLINDER:
            outside = np.stack([np.hypot(x, y) - first, np.abs(z) - second])
        case ShapeKind.BOX:
            outside = np.abs(points).T - np.array(shape.size)[:, None]
        case _:
            return np.asarray(np.abs(z))
    return np.asarray(np.linalg.norm(np.maximum(outside, 0), axis=0) + np.minimum(outside.max(axis=0), 0))


def view_angle_deg(a: ArrayLike, b: ArrayLike, target: ArrayLike) -> float:
    """Return the angle at ``target`` (3,) between two cameras' positions; ``a`` and ``b`` are (4, 4)."""
    arms = [np.asarray(pose, np.float64)[:3, 3] - np.asarray(target, np.float64) for pose in (a, b)]
    cosine = arms[0] @ arms[1] / (np.linalg.norm(arms[0]) * np.linalg.norm(arms[1]))
    return math.degrees(math.acos(float(np.clip(cosine, -1, 1))))


def sample_view(
    world: World,
    rng: np.random.Generator,
    times_s: ArrayLike = 0.0,
    *,
    distance_m: tuple[float, float] = (0.5, 4.0),
    clearance_m: float = 0.12,
    target: ArrayLike | None = None,
    near: ArrayLike | None = None,
    angle_deg: tuple[float, float] = (0.0, 180.0),
) -> Array:
    """Return a random camera pose in ``world``, free of bodies, that looks at ``target``.

    Args:
        world: where the camera is; its ``bounds`` are kept.
        rng: the source of chance.
        times_s: instants at which no body may be within ``clearance_m``.
        distance_m: least and greatest distance from the target, drawn evenly in its logarithm.
        clearance_m: least distance from any body, metres.
        target: point (3,) to look at; the world's focus if None.
        near: pose (4, 4) of another camera; then ``angle_deg`` bounds the angle at the target between both.
        angle_deg: least and greatest of that angle, drawn evenly.

    Returns:
        float64 (4, 4), camera to world; the camera is upright but for a few degrees.

    Raises:
        InvalidInputError: no such place was found in 200 tries.
    """
    scene = world.at(np.atleast_1d(np.asarray(times_s, np.float64)))
    aim = np.asarray(world.focus if target is None else target, np.float64)
    for _ in range(_TRIES):
        distance = math.exp(rng.uniform(math.log(distance_m[0]), math.log(distance_m[1])))
        eye = aim + distance * _direction(rng, aim, near, angle_deg)
        within = np.all(eye >= world.bounds[0]) and np.all(eye <= world.bounds[1])
        if within and clearance(scene, eye) >= clearance_m:
            up = np.array([0.0, 0.0, 1.0]) + rng.normal(0, 0.05, 3)
            return np.asarray(look_at(eye, aim, up))
    raise InvalidInputError(
        f"no free place for a camera {distance_m[0]:g} to {distance_m[1]:g} m from {aim.tolist()} was found in "
        f"{_TRIES} tries; allow other distances or angles, or less clearance than {clearance_m:g} m"
    )


def _direction(
    rng: np.random.Generator, aim: Array, near: ArrayLike | None, angle_deg: tuple[float, float]
) -> Array:
    """A unit vector from the target to a camera; not straight up or down."""
    if near is None:
        azimuth, height = rng.uniform(-math.pi, math.pi), rng.uniform(-0.3, 0.97)
        flat = math.sqrt(1 - height**2)
        return np.array([flat * math.cos(azimuth), flat * math.sin(azimuth), height])
    other = np.asarray(near, np.float64)[:3, 3] - aim
    other = other / np.linalg.norm(other)
    while True:
        sideways = np.cross(other, rng.normal(size=3))
        sideways /= np.linalg.norm(sideways)
        angle = math.radians(rng.uniform(*angle_deg))
        turned: Array = math.cos(angle) * other + math.sin(angle) * sideways
        if abs(turned[2]) < 0.995:
            return turned
