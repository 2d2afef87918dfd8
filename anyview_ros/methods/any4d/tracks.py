"""Where points of one frame are in the others: chained optical flow, or tracks that are given."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from anyview_ros.clips import PosedClip
from anyview_ros.errors import InvalidRequestError

Float = NDArray[np.float64]

_CONSISTENT_PX = 0.8  # how far forward and backward flow may disagree
_EDGE = 0.06  # part of its depth by which a pixel's neighbours may differ before it counts as an edge
_SAME_DEPTH = 0.03  # part of its depth by which a point seen again may be off
_SEEN_AGAIN = 3  # frames that must agree that a point stands still
_SAME_COLOUR = 0.06  # how far its colour may be off on average, of 1
_FINE_SIDE = 160  # smaller pictures are enlarged for the flow, whose windows are made for more pixels


@dataclass(frozen=True, eq=False)
class Tracks:
    """Q points of one clip, followed through its T frames.

    Attributes:
        pixels: float (Q, T, 2), pixels of the clip's frames.
        visible: bool (Q, T).
        frame: int (Q,), the frame in which each point was chosen; it is visible there.

    Raises:
        InvalidRequestError: arrays that do not fit each other, or places that are not finite where visible.
    """

    pixels: Float
    visible: NDArray[np.bool_]
    frame: NDArray[np.int64]

    def __post_init__(self) -> None:
        pixels, visible = np.asarray(self.pixels, np.float64), np.asarray(self.visible, bool)
        frame = np.asarray(self.frame, np.int64)
        if pixels.ndim != 3 or pixels.shape[2] != 2 or visible.shape != pixels.shape[:2]:
            raise InvalidRequestError(
                f"tracks need pixels (Q, T, 2) and visible (Q, T), got {pixels.shape} and {visible.shape}"
            )
        if frame.shape != pixels.shape[:1] or np.any((frame < 0) | (frame >= pixels.shape[1])):
            raise InvalidRequestError(
                f"tracks need frame (Q,) within 0 to {pixels.shape[1] - 1}, got {frame.shape}"
            )
        if not np.isfinite(pixels[visible]).all():
            raise InvalidRequestError(
                "tracks have pixels that are not finite where visible; mark these invisible"
            )
        object.__setattr__(self, "pixels", pixels)
        object.__setattr__(self, "visible", visible)
        object.__setattr__(self, "frame", frame)

    def __len__(self) -> int:
        return len(self.pixels)


@dataclass(frozen=True, eq=False)
class Flow:
    """Optical flow between neighbouring frames of a clip.

    Attributes:
        forward, backward: float32 (T - 1, H, W, 2), pixels: from frame t to t + 1, and back.
    """

    forward: NDArray[np.float32]
    backward: NDArray[np.float32]


def flow_between(before: NDArray[np.uint8], after: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Dense optical flow (H, W, 2), pixels, by OpenCV's DIS (Kroeger et al., 2016)."""
    height, width = before.shape[:2]
    grow = max(1, -(-_FINE_SIDE // max(height, width)))
    size = (width * grow, height * grow)
    grey = [
        cv2.resize(cv2.cvtColor(f, cv2.COLOR_RGB2GRAY), size, interpolation=cv2.INTER_CUBIC)
        for f in (before, after)
    ]
    dis = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
    dis.setFinestScale(0)
    flow = dis.calc(grey[0], grey[1], np.zeros((size[1], size[0], 2), np.float32))
    return np.asarray(cv2.resize(flow, (width, height), interpolation=cv2.INTER_AREA) / grow, np.float32)


def clip_flow(clip: PosedClip) -> Flow:
    """Flow between all neighbouring frames.

    Where the clip has depth, the neighbour is first drawn as the frame would see it if nothing moved; what flow has to
    find is then the motion of things alone, however far the camera went.
    """
    shape = (len(clip) - 1, *clip.frames.shape[1:3], 2)
    forward, backward = np.zeros(shape, np.float32), np.zeros(shape, np.float32)
    for t in range(len(clip) - 1):
        forward[t] = _between(clip, t, t + 1)
        backward[t] = _between(clip, t + 1, t)
    return Flow(forward, backward)


def _between(clip: PosedClip, frame: int, other: int) -> NDArray[np.float32]:
    if clip.depth is None or np.array_equal(clip.camera_to_world[frame], clip.camera_to_world[other]):
        return flow_between(clip.frames[frame], clip.frames[other])
    there = _if_still(clip, clip.depth[frame], frame, other)
    drawn = cv2.remap(
        clip.frames[other], there[..., 0], there[..., 1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
    )
    moved = flow_between(clip.frames[frame], np.asarray(drawn, np.uint8))
    grid = _pixels(clip)
    found = sampled(there, (grid + moved).reshape(-1, 2)).reshape(grid.shape)
    return np.asarray(found - grid, np.float32)


def _if_still(clip: PosedClip, depth: NDArray[np.float32], frame: int, other: int) -> NDArray[np.float32]:
    """Where the pixels of a frame lie in another one (H, W, 2) if nothing moves; unknown depth counts as the median."""
    z = np.where(depth > 0, depth, np.median(depth[depth > 0]) if (depth > 0).any() else 1.0)
    local = clip.camera.unproject(_pixels(clip), z.astype(np.float64))
    here, there = clip.camera_to_world[frame], clip.camera_to_world[other]
    world = local @ here[:3, :3].T + here[:3, 3]
    pixels, _ = clip.camera.project((world - there[:3, 3]) @ there[:3, :3])
    return np.asarray(np.nan_to_num(pixels, nan=-1e3).clip(-1e3, 1e5), np.float32)


def stands_still(points: Float, frame: NDArray[np.int64], clip: PosedClip) -> NDArray[np.bool_]:
    """Which points (Q, 3), world, are seen again where they were, in all frames that can tell.

    A frame tells nothing of a point that is outside it, behind what it shows, or at an edge of depth.

    Args:
        points: places of the points in the world.
        frame: (Q,), the frame in which each was chosen.
        clip: with depth.
    """
    again, against = np.zeros(len(points)), np.zeros(len(points))
    apart, own = np.zeros(len(points)), np.zeros((len(points), 3))
    seen: list[tuple[NDArray[np.bool_], Float]] = []
    for t in range(len(clip)):
        pose = clip.camera_to_world[t]
        pixels, z = clip.camera.project((points - pose[:3, 3]) @ pose[:3, :3])
        inside = (z > 0) & clip.camera.contains(np.nan_to_num(pixels, nan=-9.0))
        whole = np.where(inside[:, None], np.nan_to_num(pixels), 0.0)
        depth = np.zeros_like(points[:, 0]) if clip.depth is None else sampled_nearest(clip.depth[t], whole)
        edge = (
            np.ones(len(points))
            if clip.depth is None
            else sampled_nearest(depth_edges(clip.depth[t]).astype(np.float32), whole)
        )
        tells = inside & (depth > 0) & (edge == 0)
        same = tells & (np.abs(depth - z) < _SAME_DEPTH * depth)
        again += same
        against += tells & (z < depth * (1 - _SAME_DEPTH))
        colour = sampled(clip.frames[t].astype(np.float32) / 255, whole)
        own[frame == t] = colour[frame == t]
        seen.append((same, colour))
    for same, colour in seen:
        apart += same * np.abs(colour - own).mean(1)
    return np.asarray((again >= _SEEN_AGAIN) & (against == 0) & (apart < _SAME_COLOUR * again))


def sampled_nearest(image: NDArray[np.float32], pixels: Float) -> Float:
    """Values (Q,) of an image (H, W) at the pixels nearest to (Q, 2)."""
    column = np.clip(np.rint(pixels[:, 0]).astype(int), 0, image.shape[1] - 1)
    row = np.clip(np.rint(pixels[:, 1]).astype(int), 0, image.shape[0] - 1)
    values: Float = image[row, column].astype(np.float64)
    return values


def _pixels(clip: PosedClip) -> Float:
    grid = np.meshgrid(np.arange(clip.camera.width), np.arange(clip.camera.height))
    return np.stack(grid, -1).astype(np.float64)


def follow(flow: Flow, frame: int, pixels: Float) -> Tracks:
    """Follow pixels (Q, 2) of a frame through all frames, until forward and backward flow disagree."""
    count = len(flow.forward) + 1
    places = np.zeros((len(pixels), count, 2))
    visible = np.zeros((len(pixels), count), bool)
    places[:, frame], visible[:, frame] = pixels, True
    for t in range(frame, count - 1):
        places[:, t + 1], good = _step(places[:, t], flow.forward[t], flow.backward[t])
        visible[:, t + 1] = visible[:, t] & good
    for t in range(frame, 0, -1):
        places[:, t - 1], good = _step(places[:, t], flow.backward[t - 1], flow.forward[t - 1])
        visible[:, t - 1] = visible[:, t] & good
    return Tracks(places, visible, np.full(len(pixels), frame))


def _step(
    pixels: Float, there: NDArray[np.float32], back: NDArray[np.float32]
) -> tuple[Float, NDArray[np.bool_]]:
    moved = pixels + sampled(there, pixels)
    returned = moved + sampled(back, moved)
    height, width = there.shape[:2]
    inside = ((moved >= 0) & (moved <= (width - 1, height - 1))).all(1)
    step = np.linalg.norm(moved - pixels, axis=1)
    return moved, inside & (np.linalg.norm(returned - pixels, axis=1) < _CONSISTENT_PX + 0.1 * step)


def sampled(image: NDArray[np.float32], pixels: Float) -> Float:
    """Values (Q, C) of an image (H, W, C) at pixels (Q, 2), interpolated."""
    place = pixels.astype(np.float32)
    values = cv2.remap(
        image, place[:, None, 0], place[:, None, 1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
    )
    return np.asarray(values, np.float64).reshape(len(pixels), -1)


def depth_edges(depth: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Where depth (H, W) is unknown or jumps beside the pixel."""
    known = depth > 0
    low = cv2.erode(np.where(known, depth, np.float32(0)), np.ones((3, 3), np.uint8))
    high = cv2.dilate(np.where(known, depth, np.float32(0)), np.ones((3, 3), np.uint8))
    return np.asarray(~known | (high - low > _EDGE * np.maximum(depth, 1e-6)))


def lifted(tracks: Tracks, clip: PosedClip) -> tuple[Float, NDArray[np.bool_]]:
    """The tracks in the world, (Q, T, 3) metres, by the clip's depth; and where that is known, bool (Q, T).

    Raises:
        InvalidRequestError: a clip without depth.
    """
    depth = clip.depth
    if depth is None:
        raise InvalidRequestError("tracks can be lifted by depth alone; give PosedClip(depth=...)")
    points, known = np.zeros((*tracks.visible.shape, 3)), tracks.visible.copy()
    for t in range(len(clip)):
        pixels = tracks.pixels[:, t]
        column = np.clip(np.rint(pixels[:, 0]).astype(int), 0, clip.camera.width - 1)
        row = np.clip(np.rint(pixels[:, 1]).astype(int), 0, clip.camera.height - 1)
        known[:, t] &= ~depth_edges(depth[t])[row, column]
        local = clip.camera.unproject(pixels, depth[t][row, column].astype(np.float64))
        pose = clip.camera_to_world[t]
        points[:, t] = local @ pose[:3, :3].T + pose[:3, 3]
    return points, known
