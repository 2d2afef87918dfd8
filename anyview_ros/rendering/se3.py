"""The exponential of rigid motions in torch: from twists to rotations and translations, and back."""

from __future__ import annotations

import torch
from torch import Tensor

_SERIES_BELOW = 0.25  # of the squared angle; there the series are exact to single precision


def generators(*, dtype: torch.dtype = torch.float32, device: torch.device | str = "cpu") -> Tensor:
    """The six generators of se(3), (6, 4, 4): turns about x, y and z, then shifts along x, y and z.

    A twist (6,), in that order, stands for the sum of its entries times these.
    """
    made = torch.zeros(6, 4, 4, dtype=dtype, device=device)
    for axis in range(3):
        first, second = (axis + 1) % 3, (axis + 2) % 3
        made[axis, second, first], made[axis, first, second] = 1.0, -1.0
        made[3 + axis, axis, 3] = 1.0
    return made


def se3_exp(twists: Tensor) -> tuple[Tensor, Tensor]:
    """The rigid motions exp(twist), by closed form; differentiable everywhere, at zero too.

    Args:
        twists: (..., 6), turn (radians about x, y, z), then shift, as in :func:`generators`.

    Returns:
        rotations (..., 3, 3), orthonormal to the rounding of the type, and translations (..., 3).
    """
    turn, shift = twists[..., :3], twists[..., 3:]
    squared = (turn * turn).sum(-1, keepdim=True)
    small = squared < _SERIES_BELOW
    safe = torch.where(small, torch.ones_like(squared), squared)
    angle = safe.sqrt()
    half_sinc = torch.where(  # sin(angle / 2) / angle
        small, 0.5 - squared / 48 * (1 - squared / 80 * (1 - squared / 168)), torch.sin(angle / 2) / angle
    )
    cosine = torch.where(
        small,
        1 - squared / 8 * (1 - squared / 48 * (1 - squared / 120 * (1 - squared / 224))),
        torch.cos(angle / 2),
    )
    rotation = rotation_from_quaternion(torch.cat([cosine, half_sinc * turn], -1))
    first = 2 * half_sinc * half_sinc  # (1 - cos) / angle²
    second = torch.where(  # (angle - sin) / angle³
        small,
        (1 - squared / 20 * (1 - squared / 42 * (1 - squared / 72))) / 6,
        (angle - torch.sin(angle)) / (safe * angle),
    )
    once = torch.linalg.cross(turn, shift)
    translation = shift + first * once + second * torch.linalg.cross(turn, once)
    return rotation, translation


def se3_log(rotations: Tensor, translations: Tensor) -> Tensor:
    """The twists (..., 6) whose exponential these motions are, with a turn of at most half a circle.

    Args:
        rotations: (..., 3, 3), orthonormal.
        translations: (..., 3).
    """
    quaternion = quaternion_from_rotation(rotations)
    scalar, vector = quaternion[..., :1], quaternion[..., 1:]
    sine = vector.norm(dim=-1, keepdim=True)
    angle = 2 * torch.atan2(sine, scalar)
    tiny = sine < 1e-7
    turn = torch.where(tiny, 2 * vector, vector * (angle / torch.where(tiny, torch.ones_like(sine), sine)))
    squared = (turn * turn).sum(-1, keepdim=True)
    small = squared < 1e-4
    half = torch.where(small, torch.ones_like(angle), angle) / 2
    third = torch.where(  # of the inverse of what multiplies the shift in the exponential
        small,
        1 / 12 + squared / 720,
        (1 - half / torch.tan(half)) / torch.where(small, torch.ones_like(squared), squared),
    )
    once = torch.linalg.cross(turn, translations)
    return torch.cat([turn, translations - once / 2 + third * torch.linalg.cross(turn, once)], -1)


def rotation_from_quaternion(wxyz: Tensor) -> Tensor:
    """Rotations (..., 3, 3) of quaternions (..., 4), w first, of any length but zero."""
    w, x, y, z = (wxyz / wxyz.norm(dim=-1, keepdim=True)).unbind(-1)
    rows = [
        1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y),
        2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x),
        2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y),
    ]  # fmt: skip
    return torch.stack(rows, -1).reshape(*wxyz.shape[:-1], 3, 3)


def quaternion_from_rotation(rotations: Tensor) -> Tensor:
    """Unit quaternions (..., 4), w first and not negative, of rotations (..., 3, 3)."""
    r = rotations.flatten(-2).unbind(-1)
    xx, yy, zz = r[0], r[4], r[8]
    rows = [  # 4 q q^T: each row is q times one of its entries; the one with the largest entry is the most exact
        torch.stack([1 + xx + yy + zz, r[7] - r[5], r[2] - r[6], r[3] - r[1]], -1),
        torch.stack([r[7] - r[5], 1 + xx - yy - zz, r[1] + r[3], r[2] + r[6]], -1),
        torch.stack([r[2] - r[6], r[1] + r[3], 1 - xx + yy - zz, r[5] + r[7]], -1),
        torch.stack([r[3] - r[1], r[2] + r[6], r[5] + r[7], 1 - xx - yy + zz], -1),
    ]
    outer = torch.stack(rows, -2)
    best = outer.diagonal(dim1=-2, dim2=-1).argmax(-1)
    chosen = outer.gather(-2, best[..., None, None].expand(*best.shape, 1, 4))[..., 0, :]
    sign = torch.where(chosen[..., :1] < 0, -1.0, 1.0)
    found: Tensor = chosen * sign / chosen.norm(dim=-1, keepdim=True)
    return found
