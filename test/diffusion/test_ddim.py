from __future__ import annotations

from itertools import pairwise

import pytest
import torch
from diffusers import DDIMScheduler

from anyview_ros.diffusion.ddim import EvenDDIMScheduler, even_levels
from anyview_ros.errors import InvalidInputError

LEVELS = 1000
SETTINGS = (
    {"beta_schedule": "squaredcos_cap_v2", "timestep_spacing": "trailing"},
    {"beta_schedule": "scaled_linear", "set_alpha_to_one": False, "steps_offset": 1},
)
SPREAD = 0.5


@pytest.mark.parametrize(("spacing", "offset"), [("trailing", 0), ("leading", 0), ("leading", 1)])
def test_any_number_of_steps_is_even_and_spans_all_levels(spacing: str, offset: int) -> None:
    for steps in range(1, LEVELS + 1):
        levels = even_levels(steps, LEVELS, spacing, offset)
        assert len(levels) == steps
        assert all(0 <= level < LEVELS for level in levels)
        lengths = [here - there for here, there in pairwise(levels)]
        assert not lengths or (min(lengths) >= LEVELS // steps and max(lengths) <= -(-LEVELS // steps))
        ends = (LEVELS - 1 - levels[0], levels[-1])
        assert ends[spacing == "leading"] <= offset
        assert ends[spacing != "leading"] <= LEVELS / steps


@pytest.mark.parametrize("settings", SETTINGS)
@pytest.mark.parametrize("steps", [1, 10, 50, 500])
def test_steps_that_divide_the_levels_are_those_of_diffusers(settings: dict[str, object], steps: int) -> None:
    generator = torch.Generator().manual_seed(0)
    ours, theirs = EvenDDIMScheduler(**settings), DDIMScheduler(**settings)
    for each in (ours, theirs):
        each.set_timesteps(steps)
    assert ours.timesteps.tolist() == theirs.timesteps.tolist()
    sample, prediction, noise = torch.randn(3, 2, 3, 4, 4, generator=generator)
    for level in ours.timesteps.tolist()[:: max(1, steps // 10)]:
        told = {"eta": 1.0, "variance_noise": noise}
        mine = ours.step(prediction, level, sample, **told)
        assert torch.equal(mine.prev_sample, theirs.step(prediction, level, sample, **told).prev_sample)


@pytest.mark.parametrize("settings", SETTINGS)
@pytest.mark.parametrize("steps", [30, 61, 103, 150, 333, 501, 600, 999, 1000])
def test_noise_is_gone_after_any_number_of_steps(settings: dict[str, object], steps: int) -> None:
    """The flow of a Gaussian is linear: noise of deviation 1 ends with that of the pictures, round their mean."""
    scheduler = EvenDDIMScheduler(prediction_type="sample", clip_sample=False, **settings)
    scheduler.set_timesteps(steps)
    start = torch.randn(1, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    latents, mean = start, 0.3
    for level in scheduler.timesteps.tolist():
        share = scheduler.alphas_cumprod[level]
        gain = share.sqrt() * SPREAD**2 / (share * SPREAD**2 + 1 - share)
        clean = mean + gain * (latents - share.sqrt() * mean)
        latents = scheduler.step(clean, level, latents).prev_sample
    off = latents - mean
    assert torch.corrcoef(torch.stack([off.flatten(), start.flatten()]))[0, 1] > 0.9999
    assert float(off.mean()) == pytest.approx(SPREAD * float(start.mean()), abs=0.03)
    assert float(off.std()) == pytest.approx(SPREAD, rel=0.08)


def test_what_cannot_be_is_refused() -> None:
    for steps in (0, 1001):
        with pytest.raises(InvalidInputError, match=f"steps is {steps}"):
            EvenDDIMScheduler().set_timesteps(steps)
    with pytest.raises(InvalidInputError, match="choose leading or trailing"):
        EvenDDIMScheduler(timestep_spacing="linspace").set_timesteps(10)
