"""Normalisation of features."""

from __future__ import annotations

import torch
from torch import nn


class RMSNorm(nn.Module):
    """x / rms(x) * weight over the last axis, in float32 throughout; only the product is cast back.

    Casting before the multiplication, as some libraries do, rounds twice in bfloat16.

    Args:
        width: length of the last axis.
        eps: added to the mean square.
    """

    def __init__(self, width: int, *, eps: float = 1e-6) -> None:
        super().__init__()
        self.eps = eps
        self.weight = nn.Parameter(torch.ones(width))

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        """Normalise (..., width); same type out as in."""
        exact = features.float()
        scale = torch.rsqrt(exact.square().mean(-1, keepdim=True) + self.eps)
        return (exact * scale * self.weight.float()).to(features.dtype)
