"""Embedding of the noise level."""

from __future__ import annotations

import math

import torch


def sinusoid(value: torch.Tensor, width: int) -> torch.Tensor:
    """Cosines, then sines, of ``value`` times exp(-ln(10000) i / (width/2)), i < width/2.

    Args:
        value: (B,).
        width: even.

    Returns:
        float32 (B, width).
    """
    half = width // 2
    index = torch.arange(half, dtype=torch.float32, device=value.device)
    angles = value.float()[:, None] * torch.exp(-math.log(10000.0) / half * index)
    return torch.cat([angles.cos(), angles.sin()], dim=-1)
