"""Pictures and clips at another size."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from anyview_ros.clips.clip import PosedClip
from anyview_ros.errors import MissingDependencyError


def resize_frames(frames: NDArray[np.uint8], size: tuple[int, int]) -> NDArray[np.uint8]:
    """Pictures (T, H, W, 3) at (width, height), by Lanczos interpolation that blurs no more than it must.

    Raises:
        MissingDependencyError: Pillow is not installed.
    """
    if (frames.shape[2], frames.shape[1]) == size:
        return frames
    try:
        from PIL import Image
    except ImportError as error:
        raise MissingDependencyError("pictures are resized by Pillow; run `pip install Pillow`") from error
    resized = [
        np.asarray(Image.fromarray(np.ascontiguousarray(frame)).resize(size, Image.Resampling.LANCZOS))
        for frame in frames
    ]
    return np.stack(resized)


def resize_clip(clip: PosedClip, size: tuple[int, int]) -> PosedClip:
    """The clip at (width, height): pictures by Lanczos, depth from the nearest pixel, the picture's edges in place."""
    if clip.camera.size == size:
        return clip
    import cv2

    depth = clip.depth
    if depth is not None:
        depth = np.stack(
            [
                np.asarray(cv2.resize(each, size, interpolation=cv2.INTER_NEAREST_EXACT), np.float32)
                for each in depth
            ]
        )
    return PosedClip(
        resize_frames(clip.frames, size),
        clip.camera.resized(*size),
        clip.camera_to_world,
        clip.stamps_ns,
        depth,
    )
