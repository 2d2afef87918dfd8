"""Pictures to fit to: what cameras saw, and what a generator showed along the trajectory."""

from __future__ import annotations

from dataclasses import dataclass, replace

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from anyview_ros.clips import PosedClip
from anyview_ros.geometry import PinholeCamera
from anyview_ros.synthesis.result import SynthesizedView

_SEEN_AT_ALL = (
    0.2  # share of the weight that a generated pixel has when the generator has no confidence in it
)


@dataclass(frozen=True, eq=False)
class Observation:
    """One picture.

    Attributes:
        image: float32 (H, W, 3), RGB in [0, 1].
        weight: float32 (H, W), how much each pixel counts.
        depth: float32 (H, W), metres, 0 = unknown; or None.
        camera: intrinsics.
        camera_to_world: float64 (4, 4), metres, OpenCV axes.
        stamp_ns: the instant shown.
        clip: index of the clip that it is of; -1 for a generated one.
        frame: index in that clip.
    """

    image: Tensor
    weight: Tensor
    depth: Tensor | None
    camera: PinholeCamera
    camera_to_world: NDArray[np.float64]
    stamp_ns: int
    clip: int
    frame: int

    def placed(self, camera_to_world: NDArray[np.float64], stamp_ns: int) -> Observation:
        """The same picture taken from another place at another instant."""
        return replace(self, camera_to_world=camera_to_world, stamp_ns=stamp_ns)

    def to(self, device: str) -> Observation:
        """The same on another device."""
        depth = None if self.depth is None else self.depth.to(device)
        return replace(self, image=self.image.to(device), weight=self.weight.to(device), depth=depth)


def shrunk(clip: PosedClip, side: int) -> PosedClip:
    """The clip with its longer side at most ``side`` pixels; itself if it is no larger."""
    longer = max(clip.camera.width, clip.camera.height)
    if longer <= side:
        return clip
    width = max(1, round(clip.camera.width * side / longer))
    height = max(1, round(clip.camera.height * side / longer))
    frames = np.stack([cv2.resize(f, (width, height), interpolation=cv2.INTER_AREA) for f in clip.frames])
    depth = None
    if clip.depth is not None:
        depth = np.stack(
            [cv2.resize(d, (width, height), interpolation=cv2.INTER_NEAREST_EXACT) for d in clip.depth]
        )
    return PosedClip(frames, clip.camera.resized(width, height), clip.camera_to_world, clip.stamps_ns, depth)


def observed(clip: PosedClip, index: int) -> list[Observation]:
    """The frames of clip number ``index``."""
    return [observed_frame(clip, index, frame) for frame in range(len(clip))]


def observed_frame(clip: PosedClip, index: int, frame: int) -> Observation:
    """One frame of clip number ``index``."""
    return Observation(
        torch.from_numpy(np.array(clip.frames[frame], np.float32) / 255),
        torch.ones(clip.camera.height, clip.camera.width),
        None if clip.depth is None else torch.from_numpy(clip.depth[frame].astype(np.float32)),
        clip.camera,
        clip.camera_to_world[frame],
        int(clip.stamps_ns[frame]),
        index,
        frame,
    )


def generated(view: SynthesizedView, weight: float, side: int) -> list[Observation]:
    """The pictures of a generated view; its own depth and confidence say what may be believed."""
    clip = PosedClip(
        view.frames, view.camera, view.camera_to_world, np.arange(len(view), dtype=np.int64) + 1, view.depth
    )
    small = shrunk(clip, side)
    made = []
    for frame, stamp_ns in enumerate(view.stamps_ns):
        confidence = cv2.resize(view.confidence[frame], small.camera.size, interpolation=cv2.INTER_AREA)
        counts = weight * (_SEEN_AT_ALL + (1 - _SEEN_AT_ALL) * torch.from_numpy(np.asarray(confidence)))
        seen = observed_frame(small, -1, frame)
        made.append(replace(seen, weight=counts.float(), stamp_ns=int(stamp_ns)))
    return made
