"""DDIM (arXiv 2010.02502) in any number of steps.

diffusers' ``DDIMScheduler`` takes every step as long as ``levels // steps``. Where the steps do not divide the levels,
a step then leads elsewhere than the next one begins, so that noise is left over or taken away twice. Besides, its
"trailing" levels end with one below zero at some numbers of steps (61, 103, ...), by rounding, and its "leading" ones
begin far below the last level (at 600 of 1000 in 600 steps), or above it (in 1000).
"""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise
from typing import Any

import torch
from diffusers.schedulers.scheduling_ddim import DDIMScheduler

from anyview_ros.errors import InvalidInputError


class EvenDDIMScheduler(DDIMScheduler):
    """A ``DDIMScheduler`` whose steps lie as evenly as whole levels can, each of which leads to where the next begins.

    Where the steps divide the levels it does the same. Arguments are those of ``DDIMScheduler``; ``timestep_spacing``
    is "leading" or "trailing".
    """

    def set_timesteps(self, num_inference_steps: int, device: Any = None) -> None:
        """Choose the levels; ``timesteps`` has them, int64 (steps,), falling.

        Raises:
            InvalidInputError: steps out of range, or another spacing.
        """
        config: Any = self.config
        levels = even_levels(
            num_inference_steps, config.num_train_timesteps, config.timestep_spacing, config.steps_offset
        )
        self.timesteps = torch.tensor(levels, device=device)
        self._lengths = {here: here - there for here, there in pairwise((*levels, -1))}

    def step(
        self, model_output: torch.Tensor, timestep: int, sample: torch.Tensor, *more: Any, **named: Any
    ) -> Any:
        """As of ``DDIMScheduler``, to the next of ``timesteps``, or from the last one to the clean sample."""
        config: Any = self.config
        # There a step's length is reckoned as num_train_timesteps // num_inference_steps.
        self.num_inference_steps: Any = Fraction(config.num_train_timesteps, self._lengths[int(timestep)])
        return super().step(model_output, timestep, sample, *more, **named)


def even_levels(steps: int, levels: int, spacing: str = "leading", offset: int = 0) -> list[int]:
    """Which of so many noise levels are stepped on, from the noisiest down.

    Args:
        steps: how many.
        levels: how many there are.
        spacing: "trailing" begins at the last level, "leading" ends at the first.
        offset: by which levels of "leading" are raised, as far as there are levels.

    Raises:
        InvalidInputError: steps out of range, or another spacing.
    """
    if not 1 <= steps <= levels:
        raise InvalidInputError(f"steps is {steps}; this model has {levels} noise levels, give 1 to {levels}")
    if spacing == "trailing":
        return [levels - 1 - (index * levels + steps // 2) // steps for index in range(steps)]
    if spacing != "leading":
        raise InvalidInputError(f"timestep_spacing is {spacing!r}; choose leading or trailing")
    low = [index * levels // steps for index in range(steps)]
    raised = min(offset, levels - 1 - low[-1])
    return [level + raised for level in reversed(low)]
