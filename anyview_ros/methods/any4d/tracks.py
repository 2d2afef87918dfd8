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


def clip_flow(frames: NDArray[np.uint8]) -> Flow:
    """Flow between all neighbouring frames (T, H, W, 3)."""
    shape = (len(frames) - 1, *frames.shape[1:3], 2)
    forward, backward = np.zeros(shape, np.float32), np.zeros(shape, np.float32)
    for t in range(len(frames) - 1):
        forward[t] = flow_between(frames[t], frames[t + 1])
        backward[t] = flow_between(frames[t + 1], frames[t])
    return Flow(forward, backward)


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
    """The tracks in the world, (Q, T, 3) metres, by the clip's depth; and where that is known, bool (Q, T)."""
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
