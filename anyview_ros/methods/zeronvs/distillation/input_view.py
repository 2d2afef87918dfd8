"""The one picture that a scene is distilled from: its square for the denoiser, its pixels for the field."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from anyview_ros.errors import InvalidRequestError
from anyview_ros.geometry import PinholeCamera
from anyview_ros.methods.pictures import SourceFrame
from anyview_ros.methods.zeronvs.framing import reaches, resampled, square_camera

Array = NDArray[np.float64]

_MIDDLE = 0.25  # half the edge of the part of the picture whose depth is looked at


@dataclass(frozen=True, eq=False)
class InputView:
    """The input, ready to be distilled.

    Attributes:
        frame: as given.
        square: camera of the denoiser's pictures, of the same pose.
        picture: (3, side, side) in [-1, 1], the input as that camera sees it.
    """

    frame: SourceFrame
    square: PinholeCamera
    picture: Tensor

    @classmethod
    def of(cls, frame: SourceFrame, side: int, device: torch.device) -> InputView:
        """Cut the largest square around the optical axis out of a frame.

        Raises:
            InvalidRequestError: the optical axis meets no pixel.
        """
        half = reaches(frame.camera)[0]
        if half <= 0:
            raise InvalidRequestError(
                f"the optical axis of the input camera (cx {frame.camera.cx}, cy {frame.camera.cy}) lies outside its "
                f"picture of {frame.camera.width}x{frame.camera.height}; give another frame or crop it around the axis"
            )
        square = square_camera(2 * math.atan(half), side)
        image = resampled(frame.image, frame.camera, square)
        picture = torch.from_numpy(image).to(device).permute(2, 0, 1).float() / 127.5 - 1
        return cls(frame, square, picture)

    @property
    def fov_rad(self) -> float:
        """Field of view of the square."""
        return math.radians(self.square.horizontal_fov_deg)

    def known_depth(self) -> Array:
        """Depths (N,) that are known, metres."""
        depth = self.frame.depth
        if depth is None:
            return np.empty(0)
        known: Array = depth[np.isfinite(depth) & (depth > 0)].astype(np.float64)
        return known

    def middle_depth_m(self) -> float | None:
        """Median depth around the picture's middle; None where it is not known."""
        depth, camera = self.frame.depth, self.frame.camera
        if depth is None:
            return None
        v, u = np.mgrid[: camera.height, : camera.width]
        near = (abs(u - camera.cx) < _MIDDLE * camera.width) & (abs(v - camera.cy) < _MIDDLE * camera.height)
        known = near & np.isfinite(depth) & (depth > 0)
        return float(np.median(depth[known])) if known.any() else None


class InputPixels:
    """Pixels of the input with their rays, to draw from.

    Args:
        view: the input.
        to_space: (4, 4), from the camera's axes to the space's.
        device: where to keep them.
    """

    def __init__(self, view: InputView, to_space: Array, device: torch.device) -> None:
        """Work out all rays."""
        camera, depth = view.frame.camera, view.frame.depth
        self.directions = pixel_directions(camera, to_space, device)
        self.origin = torch.from_numpy(to_space[:3, 3]).float().to(device)
        self.colours = torch.from_numpy(np.ascontiguousarray(view.frame.image.reshape(-1, 3))).to(device)
        known = np.zeros(len(self.colours), np.float32) if depth is None else depth.reshape(-1)
        known = np.where(np.isfinite(known) & (known > 0), known, 0).astype(np.float32)
        self.depths = torch.from_numpy(known).to(device)

    def draw(self, count: int, generator: torch.Generator) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Origins, directions, colours in [0, 1] (each (count, 3)) and depths (count,), 0 = unknown."""
        chance = torch.rand(count, generator=generator, device=self.directions.device)
        index = (chance * len(self.directions)).long().clamp(max=len(self.directions) - 1)
        directions = self.directions[index]
        return (
            self.origin.expand_as(directions),
            directions,
            self.colours[index].float() / 255,
            self.depths[index],
        )


def pixel_directions(camera: PinholeCamera, camera_to_space: Array, device: torch.device) -> Tensor:
    """Directions (H·W, 3) of all pixels' rays, with one metre along the optical axis."""
    v, u = np.mgrid[: camera.height, : camera.width]
    pixels = np.stack([u.ravel(), v.ravel()], -1).astype(np.float64)
    directions = camera.unproject(pixels, np.ones(len(pixels))) @ camera_to_space[:3, :3].T
    return torch.from_numpy(directions).float().to(device)
