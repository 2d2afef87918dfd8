"""What the network is told: latents of pictures and of camera rays, made once for as long as they stay the same."""

from __future__ import annotations

from collections import OrderedDict

import numpy as np
import torch
from numpy.typing import NDArray

from anyview_ros.geometry import PinholeCamera
from anyview_ros.methods.anyview.codec import VideoCodec, video_from_frames
from anyview_ros.methods.anyview.rays import plucker_videos
from anyview_ros.methods.anyview.sizes import resize_frames, stretched

_REMEMBERED = 16  # views whose cameras stand still
_DIGITS = 9  # poses closer than a nanometre are the same

Key = tuple[PinholeCamera, float, tuple[int, ...], bytes]


class Conditioner:
    """Encodes pictures and rays.

    The latents of a view's rays depend on its camera and on its poses in the target's gauge alone, and encoding
    them costs as much as encoding two videos; so those of the last views are kept.

    Args:
        codec: of the videos.
    """

    def __init__(self, codec: VideoCodec) -> None:
        self._codec = codec
        self._rays: OrderedDict[Key, torch.Tensor] = OrderedDict()
        self.ray_encodings = 0

    def pictures(self, frames: NDArray[np.uint8], size: tuple[int, int]) -> torch.Tensor:
        """The latent of frames (T, H, W, 3), resized once: (1, C, 1 + k, h, w)."""
        return self._codec.encode(video_from_frames(resize_frames(frames, size)))

    def rays(
        self,
        camera: PinholeCamera,
        size: tuple[int, int],
        camera_to_world: NDArray[np.float64],
        scale: float,
    ) -> torch.Tensor:
        """The latents of the rays' directions and moments: (1, 2C, 1 + k, h, w).

        Args:
            camera: at its own size.
            size: at which the network works.
            camera_to_world: (T, 4, 4), metres, in the target's gauge.
            scale: units of moment per metre.
        """
        working = stretched(camera, size)
        rounded = np.round(camera_to_world, _DIGITS) + 0.0  # one zero, not two
        key = (working, scale, rounded.shape, rounded.tobytes())
        if key in self._rays:
            self._rays.move_to_end(key)
            return self._rays[key]
        self.ray_encodings += 1
        latents = self._codec.encode(plucker_videos(working, camera_to_world, scale))
        self._rays[key] = latents.flatten(0, 1)[None]
        if len(self._rays) > _REMEMBERED:
            self._rays.popitem(last=False)
        return self._rays[key]
