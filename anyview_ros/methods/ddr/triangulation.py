"""Depth of points that are tracked from frame to frame and triangulated by the frames' poses."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from anyview_ros.clips import PosedClip
from anyview_ros.geometry import PinholeCamera

Array = NDArray[np.float64]

_MOST_STARTS = 8
_LONGEST_TRACK = 12
_CORNERS = 300
_MOST_ROUND_TRIP_PX = 0.5
_MOST_REPROJECTION_PX = 1.0
_LEAST_PARALLAX_DEG = 0.4
_LEAST_FRAMES = 3


@dataclass(frozen=True, eq=False)
class TrackedDepth:
    """Points of one frame whose depth is known.

    Attributes:
        frame: number of the frame in its clip.
        pixels: float64 (N, 2), column and row.
        depth: float64 (N,), metres along the optical axis.
    """

    frame: int
    pixels: Array
    depth: Array


def tracked_depth(clip: PosedClip) -> tuple[TrackedDepth, ...]:
    """Depth of corners that optical flow can follow, one entry per frame that has any.

    Points that move by themselves mostly fall out, because no one place explains them in three frames or more.
    """
    found: list[tuple[NDArray[np.int64], Array, Array]] = []
    count = len(clip)
    for start in np.unique(np.linspace(0, max(count - _LEAST_FRAMES, 0), _MOST_STARTS).round().astype(int)):
        tracks, valid = _tracks(clip, int(start))
        if valid.any():
            found.append(_triangulated(clip, int(start), tracks, valid))
    if not found:
        return ()
    frame, pixels, depth = (np.concatenate(part) for part in zip(*found, strict=True))
    return tuple(
        TrackedDepth(int(index), pixels[frame == index], depth[frame == index]) for index in np.unique(frame)
    )


def _tracks(clip: PosedClip, start: int) -> tuple[Array, NDArray[np.bool_]]:
    """Corners of frame ``start`` followed onwards: (L, N, 2), and whether they were found (L, N)."""
    grey = [
        cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY) for frame in clip.frames[start : start + _LONGEST_TRACK + 1]
    ]
    corners = cv2.goodFeaturesToTrack(grey[0], _CORNERS, 0.01, 3)
    if corners is None:
        return np.empty((1, 0, 2)), np.empty((1, 0), bool)
    side = max(5, (min(clip.camera.size) // 12) | 1)
    flow: Any = partial(cv2.calcOpticalFlowPyrLK, winSize=(side, side), maxLevel=3)
    tracks, valid = [corners[:, 0]], [np.ones(len(corners), bool)]
    for before, after in pairwise(grey):
        there, found, _ = flow(before, after, tracks[-1][:, None], None)
        back, returned, _ = flow(after, before, there, None)
        error = np.linalg.norm(back[:, 0] - tracks[-1], axis=1)
        valid.append(valid[-1] & (found[:, 0] > 0) & (returned[:, 0] > 0) & (error < _MOST_ROUND_TRIP_PX))
        tracks.append(there[:, 0])
    return np.stack(tracks).astype(np.float64), np.stack(valid)


def _triangulated(
    clip: PosedClip, start: int, tracks: Array, valid: NDArray[np.bool_]
) -> tuple[NDArray[np.int64], Array, Array]:
    """Frames (M,), pixels (M, 2) and depths (M,) of what can be triangulated."""
    poses = clip.camera_to_world[start : start + len(tracks)]
    local = clip.camera.unproject(tracks, np.ones(tracks.shape[:2]))
    rays = np.einsum("lij,lnj->lni", poses[:, :3, :3], local)
    rays /= np.linalg.norm(rays, axis=-1, keepdims=True)
    points, solvable = _nearest_points(poses[:, :3, 3], rays, valid)
    parallax = np.degrees(np.arccos(np.clip(np.einsum("lni,ni->ln", rays, rays[0]), -1, 1)))
    good = solvable & (np.where(valid, parallax, 0).max(0) > _LEAST_PARALLAX_DEG)
    good &= valid.sum(0) >= _LEAST_FRAMES
    depth = np.einsum("lji,lnj->lni", poses[:, :3, :3], points - poses[:, None, :3, 3])
    error = np.linalg.norm(_projected(clip.camera, depth) - tracks, axis=-1)
    wrong = valid & ((error > _MOST_REPROJECTION_PX) | (depth[..., 2] <= 0))
    chosen = valid & (good & ~wrong.any(0))
    frame, number = np.nonzero(chosen)
    return (frame + start).astype(np.int64), tracks[frame, number], depth[frame, number, 2]


def _nearest_points(origins: Array, rays: Array, valid: NDArray[np.bool_]) -> tuple[Array, NDArray[np.bool_]]:
    """The points (N, 3) nearest to rays (L, N, 3) from origins (L, 3), in the sense of least squares."""
    across = np.eye(3) - rays[..., :, None] * rays[..., None, :]
    across = across * valid[..., None, None]
    matrix, right = across.sum(0), np.einsum("lnij,lj->ni", across, origins)
    solvable = np.linalg.cond(matrix) < 1e12
    matrix[~solvable] = np.eye(3)
    return np.linalg.solve(matrix, right[..., None])[..., 0], solvable


def _projected(camera: PinholeCamera, points: Array) -> Array:
    z = np.where(points[..., 2:] > 1e-9, points[..., 2:], 1.0)
    return points[..., :2] / z * (camera.fx, camera.fy) + (camera.cx, camera.cy)
