"""Gaussians at one instant, and where a camera sees them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from anyview_ros.geometry import PinholeCamera, invert_rigid

NEAR_M = 0.01
"""Gaussians whose centre is nearer than this to the camera's plane are not seen, metres."""
LOW_PASS = 0.3
"""Variance, square pixels, that the width of a pixel adds to every Gaussian's picture."""
OPAQUE = 0.999
"""No Gaussian covers a pixel more than this."""
FAINTEST = 1 / 255
"""What covers a pixel less than this is not drawn there."""
_MARGIN = 0.3  # of half the field of view; beyond, the projection is linearised where it still behaves


@dataclass(frozen=True, eq=False)
class Gaussians:
    """N Gaussians.

    Attributes:
        means: (N, 3), world, metres.
        axes: (N, 3, 3); the columns are the principal axes in the world, each as long as its standard deviation:
            the covariance is axes @ axes^T.
        opacities: (N,) in (0, 1).
        features: (N, F), whatever is to be drawn: colours in [0, 1] and others.
    """

    means: Tensor
    axes: Tensor
    opacities: Tensor
    features: Tensor

    def __len__(self) -> int:
        return len(self.means)


@dataclass(frozen=True, eq=False)
class Projected:
    """The Gaussians that a camera may see.

    Attributes:
        index: int64 (M,), which ones; from near to far.
        centres: (M, 2), pixels.
        covariance: (M, 3), square pixels: xx, xy, yy; with the low pass.
        depth: (M,), metres along the optical axis.
        reach: (M, 2), pixels: half the width and height of the box outside which they are fainter than 1/255.
    """

    index: Tensor
    centres: Tensor
    covariance: Tensor
    depth: Tensor
    reach: Tensor


def world_to_camera(camera_to_world: NDArray[np.float64], like: Tensor) -> tuple[Tensor, Tensor]:
    """Rotation (3, 3) and translation (3,) into a camera's axes, of the type and place of ``like``."""
    matrix = torch.as_tensor(invert_rigid(camera_to_world), dtype=like.dtype, device=like.device)
    return matrix[:3, :3], matrix[:3, 3]


def project(gaussians: Gaussians, camera: PinholeCamera, camera_to_world: NDArray[np.float64]) -> Projected:
    """Project Gaussians by the local affine approximation of EWA splatting (Zwicker et al., 2001).

    Args:
        gaussians: N of them.
        camera: intrinsics.
        camera_to_world: float64 (4, 4), metres, OpenCV axes.
    """
    rotation, translation = world_to_camera(camera_to_world, gaussians.means)
    seen = gaussians.means @ rotation.T + translation
    index = torch.nonzero((seen[:, 2] > NEAR_M) & (gaussians.opacities > FAINTEST))[:, 0]
    x, y, z = seen[index].unbind(-1)
    first, second = _linearised(x, y, z, camera)
    axes = rotation @ gaussians.axes[index]
    across, down = (first[:, None, :] @ axes)[:, 0], (second[:, None, :] @ axes)[:, 0]
    covariance = torch.stack(
        [(across * across).sum(-1) + LOW_PASS, (across * down).sum(-1), (down * down).sum(-1) + LOW_PASS], -1
    )
    centres = torch.stack([camera.fx * x / z + camera.cx, camera.fy * y / z + camera.cy], -1)
    with torch.no_grad():
        spread = 2 * torch.log(gaussians.opacities[index] / FAINTEST)
        reach = (spread[:, None] * covariance[:, [0, 2]]).sqrt()
        size = torch.tensor([camera.width, camera.height], dtype=centres.dtype, device=centres.device)
        on_image = ((centres + reach >= -0.5) & (centres - reach <= size - 0.5)).all(-1)
        chosen = torch.nonzero(on_image)[:, 0]
        chosen = chosen[torch.argsort(z[chosen], stable=True)]
    return Projected(index[chosen], centres[chosen], covariance[chosen], z[chosen], reach[chosen])


def _linearised(x: Tensor, y: Tensor, z: Tensor, camera: PinholeCamera) -> tuple[Tensor, Tensor]:
    """The two rows (M, 3) of the projection's derivative, taken inside a margin around the image."""
    beyond_x, beyond_y = _MARGIN * camera.width / 2 / camera.fx, _MARGIN * camera.height / 2 / camera.fy
    left, right = (camera.cx + 0.5) / camera.fx, (camera.width - 0.5 - camera.cx) / camera.fx
    top, bottom = (camera.cy + 0.5) / camera.fy, (camera.height - 0.5 - camera.cy) / camera.fy
    slope_x = (x / z).clamp(-left - beyond_x, right + beyond_x)
    slope_y = (y / z).clamp(-top - beyond_y, bottom + beyond_y)
    zero = torch.zeros_like(z)
    first = torch.stack([camera.fx / z, zero, -camera.fx * slope_x / z], -1)
    second = torch.stack([zero, camera.fy / z, -camera.fy * slope_y / z], -1)
    return first, second
