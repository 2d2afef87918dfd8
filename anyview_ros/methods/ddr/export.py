"""What is solid in a scene at an instant, as points."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from anyview_ros.methods.ddr.baking import baked
from anyview_ros.methods.ddr.field import DdrField
from anyview_ros.methods.ddr.scene import DdrScene
from anyview_ros.rendering.grids import corner_coordinates, decoded
from anyview_ros.rendering.space import Space
from anyview_ros.synthesis.by_products import PointCloud

_SOLID = 0.5  # opacity of a cell
_SEEN = 128  # of 255


def point_cloud(scene: DdrScene, stamp_ns: int) -> PointCloud:
    """What is solid at an instant.

    Args:
        scene: to look into.
        stamp_ns: the instant; before the first or after the last that the scene knows: that one.
    """
    place = float(scene.time.places(np.array([stamp_ns]))[0])
    return solid_points(scene.field, scene.space, scene.seen, place, stamp_ns)


@torch.no_grad()
def solid_points(field: DdrField, space: Space, seen: Tensor, place: float, stamp_ns: int) -> PointCloud:
    """The corners of the finest grid that are solid at a place of the time axis and that a camera saw.

    Args:
        field, space: what there is, and where.
        seen: uint8 (Z, Y, X), how far the corners were seen.
        place: on the field's time axis.
        stamp_ns: the instant that it stands for.
    """
    values = baked(field, place)[0].flatten(1).T
    z, y, x = seen.shape
    points = space.points(corner_coordinates((z, y, x), values.device))
    density, colour = decoded(values)
    opacity = 1 - torch.exp(-density * _cell_size(points, (z, y, x)))
    chosen = (opacity >= _SOLID) & (seen.flatten() >= _SEEN)
    world = space.anchor_to_world
    local = points[chosen].double().cpu().numpy()
    placed = (local @ world[:3, :3].T + world[:3, 3]).astype(np.float32)
    shown = (colour[chosen] * 255).round().to(torch.uint8).cpu().numpy()
    return PointCloud(placed, shown, stamp_ns)


def _cell_size(points: Tensor, shape: tuple[int, int, int]) -> Tensor:
    """Distance (N,) of each corner to the next one along the third axis, metres."""
    grid = points.view(*shape, 3)
    step = (grid[1:] - grid[:-1]).norm(dim=-1)
    return torch.cat([step, step[-1:]]).flatten()
