"""Where the source sees what the target's pixels show, if that lies at some depth."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from anyview_ros.methods.anyview_small.cameras import Cameras, in_full_precision, relative

AHEAD_M = 1e-3
"""What is not so far in front of a camera is not seen by it, metres."""
_OUTSIDE = 2.0


@dataclass(frozen=True, eq=False)
class Seen:
    """Where the source sees points of the target's rays.

    Attributes:
        places: (B, D, H, W, 2), in the source's image, from -1 to 1 over its edges; anything where not in front of it.
        valid: float (B, D, H, W): 1 where that is in front of the source and on its image, else 0.
        depth: (B, D, H, W), metres along the source's axis; may be negative where not valid.
    """

    places: Tensor
    valid: Tensor
    depth: Tensor


@dataclass(frozen=True, eq=False)
class Sight:
    """The target's rays in the source's image.

    What a pixel shows at depth d along the target's axis lies at d times its ray plus the target's place, in
    homogeneous coordinates: two run from -1 to 1 over the image's edges, the third is the depth along the source's
    axis.

    Attributes:
        rays: float32 (B, 3, H, W).
        place: float32 (B, 3).
    """

    rays: Tensor
    place: Tensor

    @classmethod
    @in_full_precision
    def between(cls, target: Cameras, source: Cameras, size: tuple[int, int]) -> Sight:
        """That of B cameras each, for targets of ``size`` (height, width)."""
        fx, fy, cx, cy = source.intrinsics.unbind(-1)
        zero, one = torch.zeros_like(fx), torch.ones_like(fx)
        rows = [2 * fx, zero, 2 * cx - 1, zero, 2 * fy, 2 * cy - 1, zero, zero, one]
        to_image = torch.stack(rows, -1).reshape(-1, 3, 3) @ relative(source, target)[:, :3]
        rays = torch.einsum("bij,bjhw->bihw", to_image[..., :3].float(), target.rays(*size))
        return cls(rays, to_image[..., 3].float())

    @in_full_precision
    def at(self, depth: Tensor) -> Seen:
        """Where that is, if the target's pixels lie at ``depth``.

        Args:
            depth: (B, D, H, W) or (1, D, 1, 1), metres along the target's axis; what is not finite counts as 0, since
                the gradient of sampling at a place that is no number crashes PyTorch.
        """
        depth = depth.nan_to_num(0.0, 0.0, 0.0)
        x, y, z = (
            rays * depth + place
            for rays, place in zip(
                self.rays[:, :, None].unbind(1), self.place[..., None, None, None].unbind(1), strict=True
            )
        )
        inverse = z.clamp_min(AHEAD_M).reciprocal()
        places = torch.stack([x * inverse, y * inverse], -1)
        valid = (z > AHEAD_M) & (places.abs().amax(-1) <= 1)
        return Seen(places.clamp(-_OUTSIDE, _OUTSIDE), valid.to(places.dtype), z)


def sample(picture: Tensor, places: Tensor) -> Tensor:
    """Pictures (B, C, h, w) at places (B, D, H, W, 2): (B, D, C, H, W), bilinear."""
    count, planes, height, width, _ = places.shape
    flat = places.reshape(count, planes * height, width, 2)
    read = functional.grid_sample(picture, flat, padding_mode="border", align_corners=False)
    return read.reshape(count, -1, planes, height, width).transpose(1, 2)
