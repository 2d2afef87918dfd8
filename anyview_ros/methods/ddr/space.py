"""The space that clips show: a box around it, or the frustum before the first camera."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from anyview_ros.clips import PosedClip
from anyview_ros.errors import InvalidRequestError
from anyview_ros.methods.ddr.options import SpaceKind
from anyview_ros.rendering.space import Space

Array = NDArray[np.float64]

_SAME_DIRECTION_DEG = 20.0
_SMALL_MOTION = 0.25  # of the median depth
_MARGIN = 0.05
_AROUND_PICTURE = 0.12
_OUTLIERS = 0.002
_POINTS_PER_FRAME = 2000
_NEAREST = 0.02


def space_around(
    clips: Sequence[PosedClip], depth_range_m: tuple[float, float] | None, kind: SpaceKind
) -> Space:
    """The space that clips show.

    Args:
        clips: at least one of them with depth, or else with a depth range.
        depth_range_m: nearest and farthest depth; None for those of the depth that there is.
        kind: "auto": a frustum before the first camera where all cameras look nearly alike from nearly one place.

    Raises:
        InvalidRequestError: neither depth nor a depth range.
    """
    points = np.concatenate([_seen_points(clip, depth_range_m) for clip in clips])
    if not len(points):
        raise InvalidRequestError(_nothing_seen(clips))
    centres = np.concatenate([clip.camera_to_world[:, :3, 3] for clip in clips])
    axes = np.concatenate([clip.camera_to_world[:, :3, 2] for clip in clips])
    anchor = clips[0].camera_to_world[0]
    from_anchor = (points - anchor[:3, 3]) @ anchor[:3, :3]
    if kind == "auto":
        turned = np.degrees(np.arccos(np.clip(axes @ anchor[:3, 2], -1, 1))).max()
        moved = np.linalg.norm(centres - anchor[:3, 3], axis=1).max()
        still = turned < _SAME_DIRECTION_DEG and moved < _SMALL_MOTION * np.median(from_anchor[:, 2])
        kind = "frustum" if still else "box"
    return _frustum(anchor, from_anchor, clips[0]) if kind == "frustum" else _box(points)


def _seen_points(clip: PosedClip, depth_range_m: tuple[float, float] | None) -> Array:
    """Points (N, 3) of what a clip shows, world, metres; none of one whose depth is not known."""
    camera, found = clip.camera, [np.empty((0, 3))]
    for index, pose in enumerate(clip.camera_to_world):
        if depth_range_m is not None:
            corners = np.array(
                [[0, 0], [camera.width - 1, 0], [0, camera.height - 1], [camera.width - 1] * 2]
            )
            corners[3, 1] = camera.height - 1
            seen = [camera.unproject(corners, np.full(4, depth)) for depth in depth_range_m]
            local = np.concatenate(seen)
        elif clip.depth is not None:
            rows, columns = np.nonzero(clip.depth[index])
            step = max(1, len(rows) // _POINTS_PER_FRAME)
            rows, columns = rows[::step], columns[::step]
            pixels = np.stack([columns, rows], -1).astype(np.float64)
            local = camera.unproject(pixels, clip.depth[index][rows, columns].astype(np.float64))
        else:
            continue
        found.append(local @ pose[:3, :3].T + pose[:3, 3])
    return np.concatenate(found)


def _nothing_seen(clips: Sequence[PosedClip]) -> str:
    if all(clip.depth is None for clip in clips):
        return "the clips have no depth and nothing tells how far things are; give depth_range_m=(nearest, farthest)"
    return "the clips' depth is unknown in every pixel; give depth, or depth_range_m=(nearest, farthest)"


def _frustum(anchor: Array, points: Array, clip: PosedClip) -> Space:
    points = points[points[:, 2] > _NEAREST]
    if not len(points):
        raise InvalidRequestError("nothing that is seen lies before the first camera; give space='box'")
    camera = clip.camera
    corners = np.array([[-0.5, -0.5], [camera.width - 0.5, camera.height - 0.5]])
    picture = camera.unproject(corners, np.ones(2))[:, :2]
    around = _AROUND_PICTURE * (picture[1] - picture[0])
    across = points[:, :2] / points[:, 2:]
    low = np.minimum(np.quantile(across, _OUTLIERS, axis=0), picture[0] - around)
    high = np.maximum(np.quantile(across, 1 - _OUTLIERS, axis=0), picture[1] + around)
    near, far = np.quantile(points[:, 2], (_OUTLIERS, 1 - _OUTLIERS))
    depths = np.log([max(near * (1 - 3 * _MARGIN), _NEAREST), far * (1 + 2 * _MARGIN)])
    return Space("frustum", anchor, np.append(low, depths[0]), np.append(high, depths[1]))


def _box(points: Array) -> Space:
    low, high = np.quantile(points, (_OUTLIERS, 1 - _OUTLIERS), axis=0)
    centre = (low + high) / 2
    half = np.maximum((high - low) / 2 * (1 + 2 * _MARGIN), 0.05)
    anchor = np.eye(4)
    anchor[:3, 3] = centre
    return Space("box", anchor, -half, half)
