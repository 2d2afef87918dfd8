"""Cameras as tensors, and what a network is told of them: only how one is seen from another, never a place."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import wraps
from typing import ParamSpec, TypeVar

import torch
from torch import Tensor

from anyview_ros.geometry import PinholeCamera

_METRES = 2.0
"""Translations enter the relative encodings in this unit, so that they weigh about as much as rotations."""
_PARALLEL = 1e-4
_AXES_MEET_BEYOND_M = 0.1


Arguments = ParamSpec("Arguments")
Result = TypeVar("Result")


def in_full_precision(function: Callable[Arguments, Result]) -> Callable[Arguments, Result]:
    """Let geometry be computed as it is written, also where the network around it runs in mixed precision."""

    @wraps(function)
    def exact(*args: Arguments.args, **kwargs: Arguments.kwargs) -> Result:
        with torch.autocast("cpu", enabled=False), torch.autocast("cuda", enabled=False):
            return function(*args, **kwargs)

    return exact


@dataclass(frozen=True, eq=False)
class Cameras:
    """B cameras.

    Attributes:
        intrinsics: float64 (B, 4): fx/W, fy/H, (cx + ½)/W, (cy + ½)/H; those of the image stretched to any size.
        camera_to_world: float64 (B, 4, 4), metres.
    """

    intrinsics: Tensor
    camera_to_world: Tensor

    @classmethod
    def of(cls, cameras: Sequence[PinholeCamera], camera_to_world: Tensor) -> Cameras:
        """Return cameras (B of them) at poses (B, 4, 4)."""
        rows = [
            (c.fx / c.width, c.fy / c.height, (c.cx + 0.5) / c.width, (c.cy + 0.5) / c.height)
            for c in cameras
        ]
        return cls(
            torch.tensor(rows, dtype=torch.float64, device=camera_to_world.device), camera_to_world.double()
        )

    def repeated(self, times: int) -> Cameras:
        """Each camera ``times`` times in a row."""
        return Cameras(
            self.intrinsics.repeat_interleave(times, 0), self.camera_to_world.repeat_interleave(times, 0)
        )

    @in_full_precision
    def projections(self, gauge: Cameras) -> tuple[Tensor, Tensor]:
        """Return P (B, 4, 4) float32 from ``gauge``'s camera axes to this camera's image, and its inverse.

        P_i P_j⁻¹ is what attention sees of two cameras (PRoPE, arXiv 2507.10496), whatever the gauge.
        """
        fx, fy, cx, cy = self.intrinsics.unbind(-1)
        zero, one = torch.zeros_like(fx), torch.ones_like(fx)
        rows = [2 * fx, zero, 2 * cx - 1, zero, zero, 2 * fy, 2 * cy - 1, zero]
        rows += [zero, zero, one, zero, zero, zero, zero, one]
        matrix = torch.stack(rows, -1).reshape(-1, 4, 4)
        moved = relative(self, gauge).clone()
        moved[:, :3, 3] /= _METRES
        projection = matrix @ moved
        # inv() would wait for the GPU to tell whether there is an inverse; cameras that were checked have one
        return projection.float(), torch.linalg.inv_ex(projection)[0].float()

    def rays(self, height: int, width: int) -> Tensor:
        """Rays through the pixels of the image stretched to (height, width), z = 1: float32 (B, 3, H, W)."""
        fx, fy, cx, cy = (value[:, None, None] for value in self.intrinsics.float().unbind(-1))
        device = self.intrinsics.device
        x = ((torch.arange(width, device=device) + 0.5) / width)[None, None] - cx
        y = ((torch.arange(height, device=device) + 0.5) / height)[None, :, None] - cy
        shape = (len(self.intrinsics), height, width)
        return torch.stack([(x / fx).expand(shape), (y / fy).expand(shape), x.new_ones(shape)], 1)


@in_full_precision
def relative(camera: Cameras, other: Cameras) -> Tensor:
    """The poses of ``other`` as seen by ``camera``: float64 (B, 4, 4), other's axes to camera's."""
    return _inverse(camera.camera_to_world) @ other.camera_to_world


def _inverse(poses: Tensor) -> Tensor:
    inverse = poses.clone()
    rotation = poses[:, :3, :3].transpose(1, 2)
    inverse[:, :3, :3] = rotation
    inverse[:, :3, 3:] = -rotation @ poses[:, :3, 3:]
    return inverse


OWN_RAY_CHANNELS = 3
PAIR_CHANNELS = 10


def own_rays(camera: Cameras, height: int, width: int) -> Tensor:
    """Unit rays in the camera's own axes, (B, 3, H, W): its intrinsics, as a network reads them."""
    rays = camera.rays(height, width)
    # functional.normalize takes a hundred times as long
    return rays * rays.square().sum(1, keepdim=True).rsqrt()


@in_full_precision
def pair_rays(target: Cameras, source: Cameras, height: int, width: int) -> Tensor:
    """What the target's pixels know of the source camera, (B, 10, H, W).

    Plücker coordinates of the target's rays in the source's axes, moments squashed to (-1, 1); and where the two
    optical axes come nearest to each other: whether they do so in front of both, the logarithms of that distance
    from source and target (metres), and how far they pass each other by, as part of it.
    """
    pose = relative(source, target).float()
    direction = torch.einsum("bij,bjhw->bihw", pose[:, :3, :3], own_rays(target, height, width))
    place = pose[:, :3, 3][:, :, None, None].expand_as(direction)
    moment = torch.linalg.cross(place, direction, dim=1)
    meeting = _meeting(pose)[:, :, None, None].expand(-1, -1, height, width)
    return torch.cat([direction, moment * torch.rsqrt(1 + moment * moment), meeting], 1)


def _meeting(pose: Tensor) -> Tensor:
    """(B, 4): 1 or 0, log source distance, log target distance, gap as part of both; 0 where the axes do not meet."""
    place, axis = pose[:, :3, 3], pose[:, :3, 2]
    cosine = axis[:, 2]
    parallel = 1 - cosine**2
    safe = parallel.clamp_min(_PARALLEL)
    along = (axis * place).sum(1)
    from_source = (place[:, 2] - cosine * along) / safe
    from_target = (cosine * place[:, 2] - along) / safe
    meet = (parallel > _PARALLEL) & (from_source > _AXES_MEET_BEYOND_M) & (from_target > _AXES_MEET_BEYOND_M)
    near = from_source.clamp_min(_AXES_MEET_BEYOND_M), from_target.clamp_min(_AXES_MEET_BEYOND_M)
    forward = torch.zeros_like(place)
    forward[:, 2] = 1
    gap = (near[0][:, None] * forward - place - near[1][:, None] * axis).norm(dim=1) / (near[0] + near[1])
    columns = torch.stack([torch.ones_like(gap), near[0].log(), near[1].log(), gap], 1)
    return torch.where(meet[:, None], columns, torch.zeros_like(columns))
