"""What the denoiser is told: the source picture laid into the panorama around its camera, and the picture itself."""

from __future__ import annotations

from dataclasses import dataclass, replace

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from anyview_ros.errors import InvalidInputError
from anyview_ros.geometry import ray_directions
from anyview_ros.geometry.hole_filling import fill_holes
from anyview_ros.geometry.panorama import panorama_from_perspective
from anyview_ros.methods.look_beyond.panorama.channels import signed_colour, signed_distance
from anyview_ros.methods.look_beyond.panorama.config import PanoramaConfig
from anyview_ros.methods.pictures import SourceFrame
from anyview_ros.networks.tensor_fields import TensorFields

TOLD_CHANNELS = 6


@dataclass(frozen=True, eq=False)
class Laid:
    """A source picture in the panorama (H, 2H) whose axes are its camera's.

    Attributes:
        colour: uint8 (H, 2H, 3), RGB; 0 where not seen.
        seen: bool (H, 2H).
        distance_m: float32 (H, 2H), along each pixel's ray; 0 where not seen or unknown.
    """

    colour: NDArray[np.uint8]
    seen: NDArray[np.bool_]
    distance_m: NDArray[np.float32]

    def filled(self) -> NDArray[np.uint8]:
        """The colours with the rest filled from around, across the seam."""
        width = self.seen.shape[1]
        thrice = fill_holes(np.tile(self.colour, (1, 3, 1)), np.tile(self.seen, (1, 3)))
        return thrice[:, width : 2 * width]


def lay(frame: SourceFrame, height: int) -> Laid:
    """Lay a source picture into a panorama of ``height`` rows.

    Raises:
        InvalidInputError: no pixel of the panorama lies on the picture.
    """
    colour, seen = panorama_from_perspective(frame.image, frame.camera, np.eye(3), height)
    if not seen.any():
        raise InvalidInputError(
            f"the source picture covers {frame.camera.horizontal_fov_deg:.1f} by {frame.camera.vertical_fov_deg:.1f} "
            f"degrees, which no pixel of a panorama of {height} rows falls on; give a camera with a wider view"
        )
    if frame.depth is None:
        return Laid(colour, seen, np.zeros(seen.shape, np.float32))
    known = (frame.depth > 0) & np.isfinite(frame.depth)
    distance = np.where(known, frame.depth, 0) * np.linalg.norm(ray_directions(frame.camera), axis=-1)
    laid, _ = panorama_from_perspective(
        distance.astype(np.float32), frame.camera, np.eye(3), height, nearest=True
    )
    return Laid(colour, seen, laid)


@dataclass(frozen=True, eq=False)
class Known(TensorFields):
    """What the denoiser is told, for B panoramas; all float32.

    Attributes:
        colour: (B, 3, H, 2H) in [-1, 1]: the source picture, filled from around where it shows nothing.
        seen: (B, 1, H, 2H), 0 or 1.
        distance: (B, 1, H, 2H), the channel of distance; 0 where it is not known.
        measured: (B, 1, H, 2H), where it is known, 0 or 1.
        source: (B, 3, h, w) in [-1, 1], the source picture at the size of its encoder.
    """

    colour: Tensor
    seen: Tensor
    distance: Tensor
    measured: Tensor
    source: Tensor

    def channels(self) -> Tensor:
        """What is laid beside the noisy panorama, (B, TOLD_CHANNELS, H, 2H)."""
        return torch.cat([self.colour, self.seen, self.distance, self.measured], 1)

    def base(self) -> Tensor:
        """What the denoiser corrects, (B, 4, H, 2H): the filled colours, and the mean of what is known of distance."""
        share = self.measured.sum((2, 3), keepdim=True)
        mean = self.distance.sum((2, 3), keepdim=True) / share.clamp_min(1)
        return torch.cat([self.colour, mean.expand_as(self.distance)], 1)

    def rolled(self, columns: int) -> Known:
        """The same panoramas turned to the right by whole columns; the source picture stays as it is."""
        turned = {name: value.roll(columns, -1) for name, value in vars(self).items() if name != "source"}
        return replace(self, **turned)

    def kept(self, told: Tensor) -> Known:
        """All that is told where ``told`` (B, 1, 1, 1) is 1, and nothing where it is 0."""
        return self.each(lambda tensor: tensor * told)

    def without_distance(self, told: Tensor) -> Known:
        """Distances as they are where ``told`` (B, 1, 1, 1) is 1, and unknown where it is 0."""
        return replace(self, distance=self.distance * told, measured=self.measured * told)

    def without_picture(self) -> Known:
        """Nothing told: the other side of classifier-free guidance."""
        return self.kept(torch.zeros_like(self.seen[:, :, :1, :1]))


def known_of(frame: SourceFrame, config: PanoramaConfig) -> Known:
    """What the denoiser is told of one source picture (B = 1).

    Raises:
        InvalidInputError: a picture too narrow to fall on any pixel.
    """
    laid = lay(frame, config.height)
    size = (config.source_width, config.source_height)
    source = np.asarray(cv2.resize(frame.image, size, interpolation=cv2.INTER_AREA), np.uint8)
    return Known(
        signed_colour(laid.filled())[None],
        torch.from_numpy(laid.seen)[None, None].float(),
        signed_distance(laid.distance_m)[None],
        torch.from_numpy(laid.distance_m > 0)[None, None].float(),
        signed_colour(source)[None],
    )
