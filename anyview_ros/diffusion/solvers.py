"""Solvers of the probability flow dy/dsigma = (y - x(y, sigma)) / sigma, x being the predicted clean sample.

In l = -ln sigma the flow is dy/dl = x - y: linear in y, so that only x has to be extrapolated.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Protocol

import torch

from anyview_ros.errors import InvalidInputError

Denoise = Callable[[torch.Tensor, float], torch.Tensor]
"""Predict the clean sample from a sample (float64) and its noise level."""


@dataclass(frozen=True, eq=False)
class Prediction:
    """A clean sample predicted at a noise level."""

    sigma: float
    clean: torch.Tensor


class Solver(Protocol):
    """One step of the flow, from what was predicted here and at the step before."""

    def __call__(
        self, sample: torch.Tensor, here: Prediction, before: Prediction | None, sigma: float, /
    ) -> torch.Tensor:
        """The sample at the lower noise level ``sigma``."""
        ...


def euler(sample: torch.Tensor, here: Prediction, before: Prediction | None, sigma: float) -> torch.Tensor:
    """First order: the predicted clean sample stays what it is here. ``before`` is not used."""
    ratio = sigma / here.sigma
    return ratio * sample + (1.0 - ratio) * here.clean


def adams_bashforth(
    sample: torch.Tensor, here: Prediction, before: Prediction | None, sigma: float
) -> torch.Tensor:
    """Second order: the predicted clean sample goes on in a straight line in l (exponential Adams-Bashforth).

    Without a step before, this is :func:`euler`.
    """
    if before is None:
        return euler(sample, here, before, sigma)
    step = math.log(here.sigma / sigma)
    back = math.log(here.sigma / before.sigma) / step  # (l_before - l) / step, negative
    first = math.expm1(-step) / -step
    second = (first - 1.0) / -step
    return math.exp(-step) * sample + step * (
        (first - second / back) * here.clean + second / back * before.clean
    )


SOLVERS: dict[str, Solver] = {"ab2": adams_bashforth, "euler": euler}
"""The solvers by name."""


def sample_flow(
    denoise: Denoise,
    start: torch.Tensor,
    sigmas: Sequence[float],
    solver: Solver = adams_bashforth,
    *,
    between: Callable[[int], None] | None = None,
) -> torch.Tensor:
    """Follow the flow down the noise levels and predict the clean sample at the last.

    Args:
        denoise: called once per level: ``len(sigmas)`` evaluations in all.
        start: the sample at the first level.
        sigmas: decreasing noise levels, all above 0.
        solver: of the steps between.
        between: called before each evaluation with the number of evaluations done; what it raises ends the work.

    Returns:
        the clean sample, float64.

    Raises:
        InvalidInputError: no levels, or levels that do not decrease or are not positive.
    """
    levels = [float(sigma) for sigma in sigmas]
    if not levels or levels[-1] <= 0 or any(low >= high for high, low in pairwise(levels)):
        raise InvalidInputError(f"sigmas are {levels}; give positive numbers that decrease")
    sample = start.double()
    before: Prediction | None = None
    for index, sigma in enumerate(levels):
        if between is not None:
            between(index)
        here = Prediction(sigma, denoise(sample, sigma).double())
        if index + 1 < len(levels):
            sample = solver(sample, here, before, levels[index + 1])
            before = here
    return here.clean
