"""Filming a world: clips with true poses and true depth."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike, NDArray

from anyview_ros.clips import PosedClip
from anyview_ros.geometry import PinholeCamera, check_rigid
from anyview_ros.scenes.rendering import Rendering, render
from anyview_ros.scenes.world import World

Poses = ArrayLike | Callable[[NDArray[np.float64]], NDArray[np.float64]] | str


def film(
    world: World,
    camera: PinholeCamera,
    camera_to_world: Poses,
    times_s: ArrayLike,
    *,
    supersampling: int = 1,
    device: str = "cpu",
) -> tuple[Rendering, NDArray[np.float64]]:
    """Return what a camera sees of ``world`` at ``times_s``, and its poses float64 (T, 4, 4).

    Args:
        world: the world.
        camera: intrinsics.
        camera_to_world: (4, 4) of a camera that stands still, (T, 4, 4), a function of times (T,) that returns
            (T, 4, 4), or the name of one of the world's cameras.
        times_s: (T,), seconds; any order, so that time may stand still.
        supersampling: s×s rays per pixel for the colour.
        device: where torch computes.

    Raises:
        InvalidPoseError: poses that are not rigid.
        InvalidInputError: numbers of poses and times that do not fit, or no camera of that name.
    """
    times = np.atleast_1d(np.asarray(times_s, np.float64))
    if isinstance(camera_to_world, str):
        poses = world.camera_to_world(camera_to_world, times)
    elif callable(camera_to_world):
        poses = camera_to_world(times)
    else:
        poses = np.asarray(camera_to_world, np.float64)
    poses = check_rigid(poses, name="camera_to_world")
    if poses.ndim == 2:
        poses = np.broadcast_to(poses, (len(times), 4, 4))
    rendering = render(world.at(times), camera, poses, supersampling=supersampling, device=device)
    return rendering, poses


def render_clip(
    world: World,
    camera: PinholeCamera,
    camera_to_world: Poses,
    times_s: ArrayLike,
    *,
    supersampling: int = 1,
    device: str = "cpu",
) -> PosedClip:
    """Return a clip of ``world`` with depth, stamped with ``times_s`` in nanoseconds; arguments as for :func:`film`.

    Raises:
        InvalidClipError: times that do not increase.
        InvalidInputError: as for :func:`film`.
    """
    rendering, poses = film(
        world, camera, camera_to_world, times_s, supersampling=supersampling, device=device
    )
    stamps_ns = np.round(np.atleast_1d(np.asarray(times_s, np.float64)) * 1e9).astype(np.int64)
    return PosedClip(rendering.frames, camera, poses, stamps_ns, rendering.depth)
