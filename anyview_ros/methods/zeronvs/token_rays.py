"""The rays of a picture's patches, worked out from the 19 numbers of a pose.

Nothing is told here that the numbers do not tell; only a small network would need long to learn the sums.
"""

from __future__ import annotations

import math

import torch

_REACH, _SQUASH = 5.0, 10.0
_NEAREST_TO_REACH = 0.999
_OCTAVES = 3
_PLUCKER = 6
RAY_NUMBERS = _PLUCKER * (1 + 2 * _OCTAVES)
"""Numbers per patch."""


def source_rays(poses: torch.Tensor, count: int) -> torch.Tensor:
    """Rays of the source's patches in its own axes: those of :func:`target_rays` for a camera that has not moved."""
    unmoved = torch.eye(4, dtype=poses.dtype, device=poses.device).reshape(1, 16).expand(len(poses), 16)
    return target_rays(torch.cat([unmoved, poses[:, 16:]], -1), count)


def target_rays(poses: torch.Tensor, count: int) -> torch.Tensor:
    """Plücker coordinates (direction, moment) of the target's patches in the source's axes, in units of the scale.

    Args:
        poses: (B, 19), see :mod:`~anyview_ros.methods.zeronvs.conditioning`; not of mode "3dof".
        count: patches along each side of the picture.

    Returns:
        (B, count², RAY_NUMBERS): each coordinate and its sines and cosines at pi times 1, 2 and 4.
    """
    with torch.autocast(poses.device.type, enabled=False):  # geometry needs its digits
        plucker = _plucker(poses.float(), count)
        turned = [math.pi * 2**octave * plucker for octave in range(_OCTAVES)]
        return torch.cat([plucker, *(f(angle) for angle in turned for f in (torch.sin, torch.cos))], -1)


def _plucker(poses: torch.Tensor, count: int) -> torch.Tensor:
    change = poses[:, :16].reshape(-1, 4, 4)
    centre = _SQUASH * torch.atanh((change[:, :3, 3] / _REACH).clamp(-_NEAREST_TO_REACH, _NEAREST_TO_REACH))
    across = (torch.arange(count, dtype=poses.dtype, device=poses.device) * 2 + 1) / count - 1
    y, x = torch.meshgrid(-across, across, indexing="ij")  # OpenGL: y up, looking along -z
    half = torch.tan(poses[:, 16] / 2)[:, None]
    flat = torch.stack([x.flatten(), y.flatten()], -1)[None] * half[..., None]
    local = torch.cat([flat, -torch.ones_like(flat[..., :1])], -1)
    direction = torch.nn.functional.normalize(local, dim=-1) @ change[:, :3, :3].transpose(1, 2)
    moment = torch.linalg.cross(centre[:, None].expand_as(direction), direction)
    return torch.cat([direction, moment], -1)
