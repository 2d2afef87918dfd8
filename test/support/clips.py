"""Small posed clips of a box before a wall, for tests of methods."""

from __future__ import annotations

import numpy as np

from anyview_ros.clips import PosedClip
from anyview_ros.geometry import CameraTrajectory, PinholeCamera

CAMERA = PinholeCamera(60.0, 60.0, 31.5, 23.5, 64, 48)


def pose_at(x: float = 0.0, y: float = 0.0, z: float = 0.0) -> np.ndarray:
    pose = np.eye(4)
    pose[:3, 3] = x, y, z
    return pose


def box_clip(count: int = 3, *, depth: bool = True, x: float = 0.0, period_ns: int = 100) -> PosedClip:
    """Frame t is noise whose brightness is t's own; a box at 2 m stands before a wall at 4 m. Stamps 100, 200, …"""
    generator = np.random.default_rng(5)
    texture = generator.integers(0, 60, (48, 64, 3))
    frames = np.stack([texture + 60 * t for t in range(count)]).astype(np.uint8)
    distance = np.full((48, 64), 4.0, np.float32)
    distance[16:32, 24:40] = 2.0
    return PosedClip(
        frames,
        CAMERA,
        np.stack([pose_at(x=x)] * count),
        period_ns * np.arange(1, count + 1),
        np.stack([distance] * count) if depth else None,
    )


def sideways(count: int = 3, x: float = 0.4, stamps_ns: list[int] | None = None) -> CameraTrajectory:
    stamps = None if stamps_ns is None else np.array(stamps_ns, np.int64)
    return CameraTrajectory(CAMERA, np.stack([pose_at(x=x)] * count), stamps)
