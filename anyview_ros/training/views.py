"""One filmed view as training sees it: cut out, mirrored, reduced, enlarged, rolled, recoloured; its depth measured."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from anyview_ros.errors import InvalidInputError
from anyview_ros.geometry import PinholeCamera
from anyview_ros.training.depth_faults import random_faults
from anyview_ros.training.filmed import FilmedRooms

MIRROR = np.diag((-1.0, 1.0, 1.0, 1.0))
"""Turns points of a frame into those seen in a mirror, left for right, and a pose P into MIRROR P MIRROR."""


@dataclass(frozen=True, eq=False)
class View:
    """T instants of one camera.

    Attributes:
        frames: uint8 (T, H, W, 3), RGB.
        depth: float32 (T, H, W), metres; 0 where nothing is.
        camera: of these pictures.
        camera_to_world: float64 (T, 4, 4), metres.
    """

    frames: NDArray[np.uint8]
    depth: NDArray[np.float32]
    camera: PinholeCamera
    camera_to_world: NDArray[np.float64]

    @property
    def intrinsics(self) -> NDArray[np.float64]:
        """As in ``Cameras``."""
        c = self.camera
        return np.array((c.fx / c.width, c.fy / c.height, (c.cx + 0.5) / c.width, (c.cy + 0.5) / c.height))

    def mirrored(self) -> View:
        """The world seen in a mirror, left for right."""
        poses = MIRROR @ self.camera_to_world @ MIRROR
        return View(self.frames[:, :, ::-1], self.depth[:, :, ::-1], mirrored_camera(self.camera), poses)

    def reduced(self, factor: int) -> View:
        """A whole number of times smaller."""
        height, width = self.depth.shape[1:]
        blocks = self.frames.reshape(len(self.frames), height // factor, factor, width // factor, factor, 3)
        return View(
            np.rint(blocks.mean((2, 4), dtype=np.float32)).astype(np.uint8),
            self.depth[:, factor // 2 :: factor, factor // 2 :: factor],
            self.camera.resized(width // factor, height // factor),
            self.camera_to_world,
        )

    def through_longer_lens(self, part: float, roll: float, centre: tuple[float, float]) -> View:
        """A square part, as a camera in the same place sees it that is rolled about its optical axis.

        Nothing is added to the detail there is. Where the part reaches beyond the picture, colours are mirrored and
        depth is unknown.

        Args:
            part: side of the part over the picture's shorter side.
            roll: radians, clockwise.
            centre: of the part (x, y), pixels.

        Raises:
            InvalidInputError: focal lengths that differ, so that a roll is not that of a pinhole camera.
        """
        c = self.camera
        if abs(c.fx - c.fy) > 1e-6 * c.fx:
            raise InvalidInputError(f"fx is {c.fx} and fy is {c.fy}; give square pixels to roll the camera")
        side = min(c.width, c.height)
        middle = (side - 1) / 2
        cosine, sine = part * math.cos(roll), part * math.sin(roll)
        turn = np.array(((cosine, -sine), (sine, cosine)))
        shift = np.array(centre) - turn @ (middle, middle)
        cx, cy = np.linalg.solve(turn, np.array((c.cx, c.cy)) - shift)
        to_picture, size = np.column_stack((turn, shift)), (side, side)
        frames = [
            cv2.warpAffine(
                frame,
                to_picture,
                size,
                flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
                borderMode=cv2.BORDER_REFLECT_101,
            )
            for frame in self.frames
        ]
        depth = [
            cv2.warpAffine(image, to_picture, size, flags=cv2.INTER_NEAREST | cv2.WARP_INVERSE_MAP)
            for image in self.depth
        ]
        rolled = np.eye(4)
        rolled[:2, :2] = turn / part
        return View(
            np.stack(frames),
            np.stack(depth),
            PinholeCamera(c.fx / part, c.fy / part, float(cx), float(cy), side, side),
            self.camera_to_world @ rolled,
        )


def mirrored_camera(camera: PinholeCamera) -> PinholeCamera:
    """The camera of pictures that are turned left for right."""
    return replace(camera, cx=camera.width - 1 - camera.cx)


def drawn_view(
    rooms: FilmedRooms,
    room: int,
    index: int,
    when: slice,
    rng: np.random.Generator,
    size: tuple[int, int],
    mirrored: bool = False,
    factor: int = 1,
) -> View:
    """A camera's clip: ``size`` (height, width) cut out somewhere, seen in a mirror or not, reduced by ``factor``."""
    camera = rooms.camera(room, index)
    height, width = size
    x, y = int(rng.integers(camera.width - width + 1)), int(rng.integers(camera.height - height + 1))
    view = View(
        rooms.frames[room, index, when, y : y + height, x : x + width],
        rooms.depth[room, index, when, y : y + height, x : x + width].astype(np.float32),
        camera.cropped(x, y, width, height),
        rooms.camera_to_world[room, index, when],
    )
    if mirrored:
        view = view.mirrored()
    if factor > 1:
        view = view.reduced(factor)
    return View(
        np.ascontiguousarray(view.frames),
        np.ascontiguousarray(view.depth),
        view.camera,
        view.camera_to_world,
    )


def sensed(
    depth: NDArray[np.float32], rng: np.random.Generator, *, share: float, clean_share: float
) -> NDArray[np.float32]:
    """What a sensor measures of depth (T, H, W): nothing but for a ``share``, the truth in ``clean_share`` of these."""
    if rng.uniform() >= share:
        return np.zeros_like(depth)
    if rng.uniform() < clean_share:
        return depth.copy()
    faults = random_faults(rng)
    return np.stack([faults.apply(image, rng) for image in depth])


class Recolouring:
    """One change of colours for all pictures of a sample.

    Args:
        rng: it is drawn from.
    """

    def __init__(self, rng: np.random.Generator) -> None:
        order = rng.permutation(3) if rng.uniform() < 0.5 else np.arange(3)
        gain = math.exp(rng.normal(0, 0.15)) * np.exp(rng.normal(0, 0.05, 3))
        power = math.exp(rng.normal(0, 0.15))
        levels = np.arange(256) / 255
        self._order = order
        self._table = np.clip(255 * gain[:, None] * levels**power + 0.5, 0, 255).astype(np.uint8)

    def __call__(self, frames: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Pictures uint8 (..., 3) in other colours."""
        return np.stack([self._table[c][frames[..., self._order[c]]] for c in range(3)], -1)


def channels_first(frames: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Pictures (T, H, W, 3) as (T, 3, H, W)."""
    return np.ascontiguousarray(frames.transpose(0, 3, 1, 2))
