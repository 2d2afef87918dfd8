"""Depth read from overlapping parts of a picture besides the whole of it.

Each part is what a longer lens in the same place would show, so the same network reads it, with the part's intrinsics:
most of the picture gets a second opinion, and a fine source shows more of its detail. Estimates of parts are merged by
a network in Miangoleh et al., "Boosting Monocular Depth Estimation Models to High-Resolution via Content-Adaptive
Multi-Resolution Merging" (CVPR 2021, arXiv 2105.14021); here by the mean of their log probabilities.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from anyview_ros.geometry import PinholeCamera

SHARE = 0.75
"""Sides of a part over those of the picture. 0.7 to 0.9 gained about as much in held-out rooms."""
FINER = 2
"""The merged guess has so many times as many cells a side as that of the whole."""


@dataclass(frozen=True)
class Part:
    """A rectangle of a camera's image, in pixels.

    Attributes:
        camera: of the whole image.
        left, top: of the rectangle.
        width, height: of the rectangle.
    """

    camera: PinholeCamera
    left: int
    top: int
    width: int
    height: int

    @property
    def own_camera(self) -> PinholeCamera:
        """The camera that sees this part alone."""
        return self.camera.cropped(self.left, self.top, self.width, self.height)

    def cut(self, image: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """This part of an image (H, W, 3)."""
        return image[self.top : self.top + self.height, self.left : self.left + self.width]

    def within(self, rows: int, columns: int, device: torch.device) -> Tensor:
        """Where the centres of ``rows`` by ``columns`` cells of the whole image lie in this part.

        Returns:
            (rows, columns, 2), x and y from -1 to 1 over the part, beyond that outside.
        """
        x = _along(columns, self.left / self.camera.width, self.width / self.camera.width, device)
        y = _along(rows, self.top / self.camera.height, self.height / self.camera.height, device)
        return torch.stack(torch.meshgrid(x, y, indexing="xy"), -1)


def overlapping_parts(camera: PinholeCamera) -> tuple[Part, ...]:
    """The parts in the corners of a camera's image, three quarters of each side; the middle lies in all four."""
    width, height = (round(SHARE * length) for length in camera.size)
    corners = ((x, y) for y in (0, camera.height - height) for x in (0, camera.width - width))
    return tuple(Part(camera, x, y, width, height) for x, y in corners)


def merged(whole: Tensor, read: Tensor, parts: tuple[Part, ...]) -> Tensor:
    """What the whole and its parts together say of depth.

    The mean of the logarithms of the parts' probabilities, in which each counts less toward its border, where it sees
    little of what lies around; and of that mean and the whole's.

    Args:
        whole: logits (1, D, h, w) of the depth planes, read from the whole picture.
        read: (P, D, h, w), read from its P parts.
        parts: these; together they cover the picture.

    Returns:
        (1, D, 2h, 2w), logarithms up to a constant.
    """
    rows, columns = (FINER * length for length in whole.shape[-2:])
    places = torch.stack([part.within(rows, columns, whole.device) for part in parts])
    weights = (1 - places.abs()).clamp_min(0).prod(-1)[:, None]
    stretched = functional.grid_sample(
        read.float().log_softmax(1), places, padding_mode="border", align_corners=False
    )
    of_parts = (weights * stretched).sum(0, keepdim=True) / weights.sum(0, keepdim=True)
    of_whole = functional.interpolate(
        whole.float().log_softmax(1), (rows, columns), mode="bilinear", align_corners=False
    )
    return (of_parts + of_whole) / 2


def _along(cells: int, start: float, length: float, device: torch.device) -> Tensor:
    centres = (torch.arange(cells, device=device) + 0.5) / cells
    return 2 * (centres - start) / length - 1
