"""Pictures of a baked field at an interactive rate: rays look at few places, where there is something."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from anyview_ros.geometry import PinholeCamera
from anyview_ros.geometry.hole_filling import fill_holes
from anyview_ros.rendering.grids import MOST_LOG_DENSITY, decoded
from anyview_ros.rendering.space import Space
from anyview_ros.rendering.volume import middles, ray_weights, resampled_edges, stratified_edges, widths

Pose = NDArray[np.float64]

_COARSE_SAMPLES = 64
_FINE_SAMPLES = 20
_EVEN_SHARE = 0.1
_CHUNK = 8192
_UNSEEN = 0.1  # confidence below which a pixel is filled from around it


class RayCaster:
    """Casts rays through values at the corners of a grid.

    Args:
        space: that the grid fills.
    """

    def __init__(self, space: Space) -> None:
        """Nothing is looked up yet."""
        self._space = space

    @torch.no_grad()
    def picture(
        self, baked: Tensor, camera: PinholeCamera, camera_to_world: Pose, *, fill_unseen: bool = True
    ) -> tuple[NDArray[np.uint8], NDArray[np.float32], NDArray[np.float32]]:
        """What a camera sees.

        Args:
            baked: (1, 5, Z, Y, X), values of the field and how far they were seen, in [0, 1].
            camera: intrinsics.
            camera_to_world: float64 (4, 4), metres.
            fill_unseen: fill pixels that show nothing seen from those around them.

        Returns:
            image uint8 (H, W, 3), RGB; confidence float32 (H, W), the share of the pixel that shows what a camera saw;
            and depth float32 (H, W), metres, where half of the weight lies before it, 0 where there is nothing.
        """
        origins, directions = _pixel_rays(camera, self._space.to_anchor(camera_to_world), baked.device)
        parts = [
            self._cast(baked, origins[first : first + _CHUNK], directions[first : first + _CHUNK])
            for first in range(0, len(origins), _CHUNK)
        ]
        shape = camera.height, camera.width
        colour, confidence, depth = (torch.cat(part).cpu().numpy() for part in zip(*parts, strict=True))
        image = np.rint(255 * colour).astype(np.uint8).reshape(*shape, 3)
        confidence, depth = confidence.reshape(shape), depth.reshape(shape)
        if fill_unseen:
            seen = confidence >= _UNSEEN
            image = fill_holes(image, seen, depth) if seen.any() else image
        return image, confidence, depth

    def _cast(self, baked: Tensor, origins: Tensor, directions: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        near, far = self._space.crossing(origins, directions)
        misses = far <= near * 1.001
        length = directions.norm(dim=-1, keepdim=True)
        edges = stratified_edges(near, far, _COARSE_SAMPLES, logarithmic=True)
        density = self._density(baked, origins, directions, edges)
        found = ray_weights(density, widths(edges) * length, opaque_end=True).weights
        found = functional.max_pool1d(found[:, None], 3, stride=1, padding=1)[:, 0]
        edges = resampled_edges(edges, found, _FINE_SAMPLES, floor=_EVEN_SHARE)
        depths = middles(edges)
        values = _trilinear(baked, self._coordinates(origins, directions, depths))
        density, colour = decoded(values[..., :4])
        weights = ray_weights(density, widths(edges) * length, opaque_end=True)
        confidence = weights.expected(values[..., 4]).clamp(0, 1)
        depth = _middle_depth(edges, weights.weights)
        nothing = torch.zeros_like(near)
        return (
            torch.where(misses[:, None], nothing[:, None], weights.expected_vectors(colour)),
            torch.where(misses, nothing, confidence),
            torch.where(misses, nothing, depth),
        )

    def _coordinates(self, origins: Tensor, directions: Tensor, depths: Tensor) -> Tensor:
        return self._space.coordinates(origins[:, None] + depths[..., None] * directions[:, None])

    def _density(self, baked: Tensor, origins: Tensor, directions: Tensor, edges: Tensor) -> Tensor:
        """Density of the nearest corner, (R, S)."""
        coordinates = self._coordinates(origins, directions, middles(edges))
        z, y, x = baked.shape[2:]
        size = torch.tensor([x, y, z], device=baked.device)
        corner = ((coordinates + 1) * (0.5 * (size - 1)) + 0.5).int()
        corner = torch.minimum(corner.clamp_min_(0), (size - 1).int())
        index = (corner[..., 2] * y + corner[..., 1]) * x + corner[..., 0]
        values = baked[0, 0].flatten()[index]
        return values.clamp(max=MOST_LOG_DENSITY).exp()


def _trilinear(baked: Tensor, coordinates: Tensor) -> Tensor:
    """Values (R, S, C) at coordinates (R, S, 3)."""
    where = coordinates.view(1, 1, *coordinates.shape)
    found = functional.grid_sample(baked, where, padding_mode="border", align_corners=True)[0, :, 0]
    return found.permute(1, 2, 0)


def _middle_depth(edges: Tensor, weights: Tensor) -> Tensor:
    """Where half of a ray's weight lies before it, (R,)."""
    before = torch.cumsum(weights, -1)
    half = 0.5 * before[:, -1:]
    index = torch.searchsorted(before.contiguous(), half.contiguous()).clamp(max=weights.shape[-1] - 1)
    start, end = edges.gather(-1, index), edges.gather(-1, index + 1)
    inside = weights.gather(-1, index).clamp_min(1e-12)
    share = 1 - (before.gather(-1, index) - half) / inside
    return (start + share.clamp(0, 1) * (end - start))[:, 0]


def _pixel_rays(camera: PinholeCamera, camera_to_anchor: Pose, device: torch.device) -> tuple[Tensor, Tensor]:
    """Origins and directions (H·W, 3) with one metre along the optical axis."""
    v, u = np.mgrid[: camera.height, : camera.width]
    x, y = (u.ravel() - camera.cx) / camera.fx, (v.ravel() - camera.cy) / camera.fy
    directions = np.stack([x, y, np.ones_like(x)], -1) @ camera_to_anchor[:3, :3].T
    origin = torch.from_numpy(camera_to_anchor[:3, 3]).float().to(device)
    along = torch.from_numpy(directions).float().to(device)
    return origin.expand_as(along), along
