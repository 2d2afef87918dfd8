"""The newest frames of a stream, a bounded number of them, to draw rays from."""

from __future__ import annotations

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from anyview_ros.clips import PosedClip
from anyview_ros.geometry import PinholeCamera
from anyview_ros.methods.ddr.pixels import PixelBatch

_LONGEST_SIDE = 160
_NEWEST_SHARE = 0.5
_PIXEL_BYTES = 7


def reduced_camera(camera: PinholeCamera) -> PinholeCamera:
    """The camera at the size at which its frames are kept: at most 160 pixels on the longer side."""
    factor = max(1.0, max(camera.width, camera.height) / _LONGEST_SIDE)
    if factor == 1:
        return camera
    return camera.resized(max(1, round(camera.width / factor)), max(1, round(camera.height / factor)))


def reduced_clip(clip: PosedClip) -> PosedClip:
    """A clip at the size of :func:`reduced_camera`; depth is not mixed across edges."""
    camera = reduced_camera(clip.camera)
    if camera is clip.camera:
        return clip
    size = camera.width, camera.height
    frames = [cv2.resize(frame, size, interpolation=cv2.INTER_AREA) for frame in clip.frames]
    depth = None
    if clip.depth is not None:
        each = [cv2.resize(one, size, interpolation=cv2.INTER_NEAREST_EXACT) for one in clip.depth]
        depth = np.stack(each).astype(np.float32)
    return PosedClip(np.stack(frames).astype(np.uint8), camera, clip.camera_to_world, clip.stamps_ns, depth)


class FrameWindow:
    """Frames in numbered slots; a new one takes the slot of the oldest.

    Args:
        camera: of all frames, reduced.
        slots: frames that are kept at most.
        device: where to keep their pixels.
    """

    def __init__(self, camera: PinholeCamera, slots: int, device: torch.device) -> None:
        """Begin empty, with all memory taken that will ever be."""
        area = camera.width * camera.height
        self.camera, self.slots = camera, slots
        self.camera_to_world = np.tile(np.eye(4), (slots, 1, 1))
        self.stamps_ns: NDArray[np.int64] = np.zeros(slots, np.int64)
        self.order: list[int] = []  # slots that are filled, the oldest first
        self._colours = torch.zeros(slots, area, 3, dtype=torch.uint8, device=device)
        self._depths = torch.zeros(slots, area, device=device)

    @staticmethod
    def frame_bytes(camera: PinholeCamera) -> int:
        """Memory that one frame takes."""
        return camera.width * camera.height * _PIXEL_BYTES

    @property
    def newest(self) -> int:
        """Slot of the newest frame."""
        return self.order[-1]

    def put(self, clip: PosedClip, *, replace_newest: bool) -> int:
        """Keep a reduced clip of one frame and return its slot.

        Args:
            clip: of the window's camera.
            replace_newest: take the newest frame's slot rather than the oldest's.
        """
        if replace_newest and self.order:
            slot = self.order.pop()
        elif len(self.order) < self.slots:
            slot = len(self.order)
        else:
            slot = self.order.pop(0)
        self.order.append(slot)
        device = self._colours.device
        self._colours[slot] = torch.from_numpy(clip.frames[0].reshape(-1, 3)).to(device)
        if clip.depth is None:
            self._depths[slot] = 0
        else:
            self._depths[slot] = torch.from_numpy(clip.depth[0].reshape(-1)).to(device)
        self.camera_to_world[slot] = clip.camera_to_world[0]
        self.stamps_ns[slot] = clip.stamps_ns[0]
        return slot

    def clip(self) -> PosedClip:
        """All frames in order of time; depth 0 where a frame had none."""
        order, shape = np.array(self.order), (len(self.order), self.camera.height, self.camera.width)
        colours = self._colours[self.order].cpu().numpy().reshape(*shape, 3)
        depth = self._depths[self.order].cpu().numpy().reshape(shape)
        poses, stamps_ns = self.camera_to_world[order], self.stamps_ns[order]
        return PosedClip(colours, self.camera, poses, stamps_ns, depth if depth.any() else None)

    def draw(self, count: int, generator: torch.Generator) -> PixelBatch:
        """Pixels drawn by chance, about half of them from the newest frame; ``frame`` is the slot."""
        device = self._colours.device
        filled = torch.tensor(self.order, device=device)
        chance = torch.rand((3, count), generator=generator, device=device)
        any_slot = filled[(chance[0] * len(filled)).long().clamp(max=len(filled) - 1)]
        slot = torch.where(chance[1] < _NEWEST_SHARE, filled[-1], any_slot)
        area = self._colours.shape[1]
        place = (chance[2] * area).long().clamp(max=area - 1)
        return PixelBatch(
            slot,
            (place % self.camera.width).float(),
            torch.div(place, self.camera.width, rounding_mode="floor").float(),
            self._colours[slot, place].float() / 255,
            self._depths[slot, place],
        )
