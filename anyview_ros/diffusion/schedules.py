"""Noise levels from noise to picture."""

from __future__ import annotations

import torch

from anyview_ros.errors import InvalidInputError

_SIGMA_MAX, _SIGMA_MIN = 80.0, 0.002  # the first and the last level
_RHO = 7.0  # how much the steps shorten towards the end; 1 is even spacing


def karras_sigmas(steps: int) -> torch.Tensor:
    """Noise levels that a sampler of so many steps passes (Karras et al., arXiv 2206.00364, equation 5).

    Returns:
        float64 (steps + 1,), decreasing from 80 to 0.002. There is no level 0: a sampler ends with the clean picture
        predicted at the last.

    Raises:
        InvalidInputError: no step.
    """
    if steps < 1:
        raise InvalidInputError(f"steps is {steps}; give 1 or more")
    fraction = torch.arange(steps + 1, dtype=torch.float64) / steps
    start, end = _SIGMA_MAX ** (1 / _RHO), _SIGMA_MIN ** (1 / _RHO)
    sigmas: torch.Tensor = (start + fraction * (end - start)) ** _RHO
    return sigmas
