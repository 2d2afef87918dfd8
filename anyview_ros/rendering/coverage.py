"""Which parts of a space a picture shows: what a view's confidence rests on."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from anyview_ros.geometry import PinholeCamera
from anyview_ros.rendering.grids import corner_coordinates
from anyview_ros.rendering.space import Space

_BEHIND = 1.04  # so far behind the surface, as a part of its depth, still counts as the surface


@torch.no_grad()
def seen_from(
    space: Space,
    shape: Sequence[int],
    depth: NDArray[np.float32],
    camera: PinholeCamera,
    camera_to_world: NDArray[np.float64],
    device: torch.device,
) -> Tensor:
    """Which corners of a grid one picture shows, uint8 (Z, Y, X): 255 up to the surface, else 0.

    Args:
        space: that the grid fills.
        shape: (z, y, x) of the grid.
        depth: float32 (H, W), of the picture, 0 = unknown.
        camera: of the picture.
        camera_to_world: float64 (4, 4).
        device: where to compute.
    """
    z_count, y_count, x_count = shape
    points = space.points(corner_coordinates((z_count, y_count, x_count), device))
    pose = torch.from_numpy(space.to_anchor(camera_to_world)).float().to(device)
    local = (points - pose[:3, 3]) @ pose[:3, :3]
    z = local[:, 2].clamp_min(1e-6)
    u = torch.round(camera.fx * local[:, 0] / z + camera.cx).long()
    v = torch.round(camera.fy * local[:, 1] / z + camera.cy).long()
    inside = (local[:, 2] > 1e-6) & (u >= 0) & (u < camera.width) & (v >= 0) & (v < camera.height)
    surface = torch.from_numpy(depth).to(device)
    found = surface[v.clamp(0, camera.height - 1), u.clamp(0, camera.width - 1)]
    shown = inside & (z <= found * _BEHIND)
    return (shown.view(z_count, y_count, x_count) * 255).to(torch.uint8)
