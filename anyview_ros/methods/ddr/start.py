"""A first guess of what stands still, from depth images: solid where surfaces are, empty before them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from anyview_ros.clips import PosedClip
from anyview_ros.methods.ddr.field import DdrField
from anyview_ros.rendering.grids import corner_coordinates
from anyview_ros.rendering.space import Space

_MOST_FRAMES = 12
_BAND = 0.02  # half of the thickness of a surface, as a part of its depth
_SOLID, _EMPTY = 3.0, -5.0  # logarithms of densities per metre
_LEAST_COLOUR = 0.02


@dataclass(frozen=True, eq=False)
class _Votes:
    """How often corners (N,) were seen empty, on a surface, or hidden by one; and colours (N, 3) seen there."""

    empty: Tensor
    surface: Tensor
    hidden: Tensor
    surface_colour: Tensor
    hidden_colour: Tensor


@torch.no_grad()
def start_from_depth(field: DdrField, space: Space, clips: Sequence[PosedClip]) -> None:
    """Set the finest grid of a new field by what most of up to a dozen frames say of each of its corners.

    A corner is on a surface if as many frames saw it there as saw it empty, so that what moves on leaves nothing
    behind. What is hidden always gets the colour of what hides it, and no density. Frames without depth say nothing.

    Args:
        field: new; changed in place.
        space: of the field.
        clips: with depth in metres.
    """
    grid = field.grids[-1]
    corners = (int(grid.shape[2]), int(grid.shape[3]), int(grid.shape[4]))
    points = space.points(corner_coordinates(corners, grid.device))
    votes = _Votes(
        *(torch.zeros(len(points), device=grid.device) for _ in range(3)),
        *(torch.zeros_like(points) for _ in range(2)),
    )
    frames = [(clip, index) for clip in clips if clip.depth is not None for index in range(len(clip))]
    for number in np.unique(
        np.linspace(0, len(frames) - 1, min(len(frames), _MOST_FRAMES)).round().astype(int)
    ):
        _vote(votes, points, space, *frames[number])
    on_surface = (votes.surface > 0) & (votes.surface >= votes.empty)
    empty = ~on_surface & (votes.empty > 0)
    values = torch.zeros(4, len(points), device=grid.device)
    values[0] = torch.where(on_surface, _SOLID, torch.where(empty, _EMPTY, 0.0))
    seen = torch.where(on_surface[:, None], votes.surface_colour, votes.hidden_colour)
    count = torch.where(on_surface, votes.surface, votes.hidden)
    colour = (seen / count.clamp_min(1)[:, None]).clamp(_LEAST_COLOUR, 1 - _LEAST_COLOUR)
    values[1:] = torch.where(count > 0, torch.logit(colour).T, 0.0)
    grid.copy_(values.view(1, 4, *corners))


def _vote(votes: _Votes, points: Tensor, space: Space, clip: PosedClip, index: int) -> None:
    assert clip.depth is not None  # noqa: S101 - callers have looked
    camera, device = clip.camera, points.device
    pose = torch.from_numpy(space.to_anchor(clip.camera_to_world[index])).float().to(device)
    local = (points - pose[:3, 3]) @ pose[:3, :3]
    z = local[:, 2].clamp_min(1e-6)
    u = torch.round(camera.fx * local[:, 0] / z + camera.cx).long()
    v = torch.round(camera.fy * local[:, 1] / z + camera.cy).long()
    inside = (local[:, 2] > 1e-6) & (u >= 0) & (u < camera.width) & (v >= 0) & (v < camera.height)
    pixel = v.clamp(0, camera.height - 1) * camera.width + u.clamp(0, camera.width - 1)
    depth = torch.from_numpy(clip.depth[index].reshape(-1)).to(device)[pixel]
    colour = torch.from_numpy(clip.frames[index].reshape(-1, 3)).to(device)[pixel].float() / 255
    known = inside & (depth > 0)
    empty = known & (z < depth * (1 - _BAND))
    hidden = known & (z > depth * (1 + _BAND))
    surface = known & ~empty & ~hidden
    votes.empty.add_(empty.float())
    for chosen, count, total in (
        (surface, votes.surface, votes.surface_colour),
        (hidden, votes.hidden, votes.hidden_colour),
    ):
        count.add_(chosen.float())
        total.add_(colour * chosen[:, None])
