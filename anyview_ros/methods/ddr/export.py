"""What is solid in a scene at an instant, as points."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from anyview_ros.methods.ddr.baking import baked
from anyview_ros.methods.ddr.scene import DdrScene
from anyview_ros.rendering.grids import corner_coordinates, decoded
from anyview_ros.rendering.point_cloud import PointCloud

_SOLID = 0.5  # opacity of a cell
_SEEN = 128  # of 255


@torch.no_grad()
def point_cloud(scene: DdrScene, stamp_ns: int) -> PointCloud:
    """The corners of the finest grid that are solid at an instant and that a camera saw.

    Args:
        scene: to look into.
        stamp_ns: the instant; before the first or after the last that the scene knows: that one.
    """
    place = float(scene.time.places(np.array([stamp_ns]))[0])
    values = baked(scene.field, place)[0].flatten(1).T
    z, y, x = scene.seen.shape
    points = scene.space.points(corner_coordinates((z, y, x), values.device))
    density, colour = decoded(values)
    opacity = 1 - torch.exp(-density * _cell_size(points, (z, y, x)))
    chosen = (opacity >= _SOLID) & (scene.seen.flatten() >= _SEEN)
    world = scene.space.anchor_to_world
    local = points[chosen].double().cpu().numpy()
    placed = (local @ world[:3, :3].T + world[:3, 3]).astype(np.float32)
    shown = (colour[chosen] * 255).round().to(torch.uint8).cpu().numpy()
    return PointCloud(placed, shown, stamp_ns)


def _cell_size(points: Tensor, shape: tuple[int, int, int]) -> Tensor:
    """Distance (N,) of each corner to the next one along the third axis, metres."""
    grid = points.view(*shape, 3)
    step = (grid[1:] - grid[:-1]).norm(dim=-1)
    return torch.cat([step, step[-1:]]).flatten()
