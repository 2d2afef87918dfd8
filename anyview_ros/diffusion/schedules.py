"""Noise levels from noise to picture."""

from __future__ import annotations

import torch

from anyview_ros.errors import InvalidInputError


def karras_sigmas(
    steps: int, *, sigma_max: float = 80.0, sigma_min: float = 0.002, rho: float = 7.0
) -> torch.Tensor:
    """Noise levels that a sampler of so many steps passes (Karras et al., arXiv 2206.00364, equation 5).

    Args:
        steps: at least 1.
        sigma_max, sigma_min: the first and the last level.
        rho: how much the steps shorten towards the end; 1 is even spacing.

    Returns:
        float64 (steps + 1,), decreasing. There is no level 0: a sampler ends with the clean picture predicted
        at ``sigma_min``.

    Raises:
        InvalidInputError: no step, or levels that do not decrease.
    """
    if steps < 1:
        raise InvalidInputError(f"steps is {steps}; give 1 or more")
    if not 0 < sigma_min < sigma_max:
        raise InvalidInputError(
            f"sigma_min is {sigma_min} and sigma_max {sigma_max}; give 0 < sigma_min < sigma_max"
        )
    fraction = torch.arange(steps + 1, dtype=torch.float64) / steps
    start, end = sigma_max ** (1 / rho), sigma_min ** (1 / rho)
    sigmas: torch.Tensor = (start + fraction * (end - start)) ** rho
    return sigmas
