"""Small clips for the radiance field: a wall with a box before it, some of which moves."""

from __future__ import annotations

import numpy as np

from anyview_ros.clips import PosedClip
from anyview_ros.geometry import PinholeCamera
from anyview_ros.methods.ddr.options import DdrOptions
from anyview_ros.scenes import Light, Material, World, box, procedural_textures, render_clip
from anyview_ros.scenes.poses import move
from anyview_ros.scenes.scene import WORLD, Body

CAMERA = PinholeCamera.from_fov(32, 24, horizontal_fov_deg=60)
QUICK = DdrOptions(fit_steps=40, rays=128, samples=24, voxels=20_000, features=6)
TO_OPTICAL = np.array([[0.0, 0, 1, 0], [-1, 0, 0, 0], [0, -1, 0, 0], [0, 0, 0, 1]])


def small_world(*, moving: bool = False) -> World:
    """A textured wall 2 m along x, and a box 1.2 m along x that swings by 0.25 m to the sides if it moves."""

    def motion(times_s):
        offset = 0.25 * np.sin(2 * np.pi * times_s / 4) if moving else 0 * times_s
        return {"box": (WORLD, move(y=offset))}

    bodies = (
        Body(box(0.1, 8.0, 8.0), Material((0.9, 0.8, 0.6), texture="confetti"), move(x=2.05), WORLD, "wall"),
        Body(box(0.2, 0.4, 0.4), Material((0.8, 0.2, 0.1), texture="marble_1"), move(x=1.3), "box", "box"),
    )
    lamps = (Light((0.0, -1.0, 2.0), (0.6, 0.6, 0.6), radius_m=0.1),)
    return World(bodies, motion, lamps, procedural_textures(), ambient=(0.5, 0.5, 0.5))


def poses_at(offsets) -> np.ndarray:
    """Cameras that look along x, moved by (right, down, ahead) metres."""
    found = []
    for offset in offsets:
        shift = np.eye(4)
        shift[:3, 3] = offset
        found.append(TO_OPTICAL @ shift)
    return np.stack(found)


SMALL_BASELINE = ((0, 0, 0), (-0.02, 0, 0), (0.02, 0, 0), (0, -0.02, 0), (0, 0.02, 0))


def small_clip(*, moving: bool = False, offsets=SMALL_BASELINE, camera: PinholeCamera = CAMERA) -> PosedClip:
    """A clip of :func:`small_world`, a fifth of a second between frames."""
    poses = poses_at(offsets)
    return render_clip(
        small_world(moving=moving), camera, poses, 0.2 * np.arange(len(poses)), supersampling=2
    )
