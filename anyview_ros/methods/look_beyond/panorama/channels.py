"""Colour and distance as the channels that are diffused, all about [-1, 1]."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

CHANNELS = 4
"""Red, green, blue, and the logarithm of distance."""
_MIDDLE_M, _RANGE = 1.5, 2.0
_LIMIT = 1.2


def signed_colour(pictures: NDArray[np.uint8]) -> Tensor:
    """Pictures uint8 (..., H, W, 3) as float32 (..., 3, H, W) in [-1, 1]."""
    moved = np.ascontiguousarray(np.moveaxis(pictures, -1, -3))
    return torch.from_numpy(moved).float() / 127.5 - 1


def unsigned_colour(channels: Tensor) -> NDArray[np.float32]:
    """Channels (..., 3, H, W) as pictures float32 (..., H, W, 3) in [0, 1]."""
    values = ((channels.float() + 1) / 2).clamp(0, 1).cpu().numpy()
    return np.ascontiguousarray(np.moveaxis(values, -3, -1))


def signed_distance(distance_m: NDArray[np.floating]) -> Tensor:
    """Distances (..., H, W) in metres as float32 (..., 1, H, W); 0 where unknown, which is 1.5 m as well."""
    values = np.asarray(distance_m, np.float32)
    known = (values > 0) & np.isfinite(values)
    logs = np.log(np.where(known, values, _MIDDLE_M) / _MIDDLE_M) / _RANGE
    return torch.from_numpy(np.clip(logs, -_LIMIT, _LIMIT).astype(np.float32))[..., None, :, :]


def unsigned_distance(channel: Tensor) -> NDArray[np.float32]:
    """The channel (..., 1, H, W) as distances float32 (..., H, W), metres."""
    logs = channel[..., 0, :, :].float().clamp(-_LIMIT, _LIMIT).cpu().numpy()
    return np.asarray(_MIDDLE_M * np.exp(_RANGE * logs), np.float32)
