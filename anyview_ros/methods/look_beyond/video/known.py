"""What the denoiser is told of a pass: one keyframe, where its pixels go, and every picture's rays."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from anyview_ros.geometry import PinholeCamera, plucker_rays, relative
from anyview_ros.geometry.facets import DepthFacets
from anyview_ros.geometry.hole_filling import fill_holes
from anyview_ros.geometry.warp import forward_warp
from anyview_ros.networks.tensor_fields import TensorFields

GREY = 128
_FARTHEST_MOVE = 4.0
"""Greatest length of a Plücker moment that the denoiser is given, in units of the keyframe's middle depth."""


@dataclass(frozen=True, eq=False)
class Anchor:
    """A keyframe at the denoiser's size (H, W).

    Attributes:
        image: uint8 (H, W, 3), RGB.
        mask: bool (H, W), where the picture is known.
        depth: float32 (H, W), metres, 0 = unknown; or None.
        camera: intrinsics, of that size.
        camera_to_world: float64 (4, 4), metres, OpenCV axes.
    """

    image: NDArray[np.uint8]
    mask: NDArray[np.bool_]
    depth: NDArray[np.float32] | None
    camera: PinholeCamera
    camera_to_world: NDArray[np.float64]

    @property
    def middle_depth(self) -> float:
        """The median of the known depth, metres; 1 where there is none."""
        if self.depth is None or not (self.depth > 0).any():
            return 1.0
        return float(np.median(self.depth[self.depth > 0]))


@dataclass(frozen=True, eq=False)
class Moved:
    """A keyframe seen from the F cameras of a pass.

    Attributes:
        base: uint8 (F, H, W, 3): what it shows, the rest filled from around.
        seen: bool (F, H, W), what it shows.
    """

    base: NDArray[np.uint8]
    seen: NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Known(TensorFields):
    """What the denoiser is told, for B passes; all float32.

    Attributes:
        base: (B, F, 3, H, W) in [-1, 1], see :class:`Moved`; 0 where it is told nothing.
        seen: (B, F, 1, H, W), 0 or 1.
        rays: (B, F, 6, H, W), Plücker rays in the keyframe's axes, moments in units of its middle depth.
        anchor: (B, 3, H, W) in [-1, 1], the keyframe; 0 where it is not known.
        mask: (B, 1, H, W), where it is, 0 or 1.
    """

    base: Tensor
    seen: Tensor
    rays: Tensor
    anchor: Tensor
    mask: Tensor

    def without_picture(self) -> Known:
        """The same cameras and no keyframe: the other side of classifier-free guidance."""
        return self.with_pictures(torch.zeros_like(self.mask[:, :1, :1, :1]))

    def with_pictures(self, kept: Tensor) -> Known:
        """The keyframe kept where ``kept`` (B, 1, 1, 1) is 1 and withheld where it is 0."""
        each = kept[:, None]
        return replace(
            self,
            base=self.base * each,
            seen=self.seen * each,
            anchor=self.anchor * kept,
            mask=self.mask * kept,
        )


def moved(anchor: Anchor, camera_to_world: NDArray[np.float64]) -> Moved:
    """See a keyframe from cameras (F, 4, 4) of its own intrinsics, by its depth; nothing is seen without depth.

    A camera at the keyframe's own pose sees the keyframe itself.
    """
    depth = np.zeros(anchor.mask.shape, np.float32) if anchor.depth is None else anchor.depth
    facets = DepthFacets.from_depth(np.where(anchor.mask, depth, np.float32(0)))
    filled = np.full_like(anchor.image, GREY)
    if anchor.mask.any():
        filled = fill_holes(anchor.image, anchor.mask)
    bases, seen = [], []
    for pose in camera_to_world:
        if np.allclose(pose, anchor.camera_to_world, rtol=0, atol=1e-9):
            bases.append(filled)
            seen.append(anchor.mask)
            continue
        warped = forward_warp(
            anchor.image, facets, anchor.camera, anchor.camera_to_world, anchor.camera, pose
        )
        shown = bool(warped.coverage.any())
        bases.append(fill_holes(warped.image, warped.coverage, warped.depth) if shown else filled)
        seen.append(warped.coverage)
    return Moved(np.stack(bases), np.stack(seen))


def relative_rays(anchor: Anchor, camera_to_world: NDArray[np.float64]) -> NDArray[np.float32]:
    """Plücker rays (F, 6, H, W) of cameras (F, 4, 4) in the keyframe's axes, moments in units of its middle depth.

    They are the same in every world frame and at every scale of it.
    """
    poses = relative(anchor.camera_to_world, camera_to_world)
    rays = plucker_rays(anchor.camera, poses, moment_scale=1 / anchor.middle_depth)
    rays[..., 3:] = np.clip(rays[..., 3:], -_FARTHEST_MOVE, _FARTHEST_MOVE)
    return np.ascontiguousarray(np.moveaxis(rays, -1, 1), dtype=np.float32)


def known_of(anchor: Anchor, camera_to_world: NDArray[np.float64]) -> Known:
    """What the denoiser is told of one pass (B = 1) along cameras (F, 4, 4) that begins at a keyframe."""
    shown = moved(anchor, camera_to_world)
    image = np.where(anchor.mask[..., None], anchor.image, np.uint8(GREY))
    return Known(
        signed(shown.base)[None],
        torch.from_numpy(shown.seen)[None, :, None].float(),
        torch.from_numpy(relative_rays(anchor, camera_to_world))[None],
        signed(image)[None] * torch.from_numpy(anchor.mask)[None, None],
        torch.from_numpy(anchor.mask)[None, None].float(),
    )


def signed(pictures: NDArray[np.uint8]) -> Tensor:
    """Pictures uint8 (..., H, W, 3) as float32 (..., 3, H, W) in [-1, 1]."""
    tensor = torch.from_numpy(np.ascontiguousarray(np.moveaxis(pictures, -1, -3)))
    return tensor.float() / 127.5 - 1


def unsigned(pictures: Tensor) -> NDArray[np.uint8]:
    """Pictures float32 (..., 3, H, W) in [-1, 1] as uint8 (..., H, W, 3)."""
    levels = ((pictures.float().clamp(-1, 1) + 1) * 127.5).round().byte().cpu().numpy()
    return np.ascontiguousarray(np.moveaxis(levels, -3, -1))
