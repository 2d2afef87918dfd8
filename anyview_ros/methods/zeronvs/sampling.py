"""Drawing pictures by DDIM (arXiv 2010.02502), from deterministic (eta 0) to ancestral (eta 1)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch

from anyview_ros.errors import InvalidInputError
from anyview_ros.methods.zeronvs.denoiser import Condition, Denoiser, guided

Between = Callable[[int, int], None]
"""Called after each step with the steps done and the steps in all; what it raises stops the sampling."""


@torch.no_grad()
def sample(
    denoiser: Denoiser,
    condition: Condition,
    *,
    steps: int,
    seeds: Sequence[int],
    guidance: float = 3.0,
    eta: float = 1.0,
    between: Between | None = None,
) -> torch.Tensor:
    """Draw latents (B, *latent_shape), one per row of the condition.

    Rows of equal seed get the same noise at the start and in each step, whatever other rows there are: so the frames of
    a video share what is imagined, and a batch gives what its rows would give alone.

    Args:
        denoiser: the network.
        condition: of B rows.
        steps: 1 to the number of noise levels, usually 1000.
        seeds: B seeds of the noise.
        guidance: see :func:`~anyview_ros.methods.zeronvs.denoiser.guided`.
        eta: 0 draws noise at the start alone, 1 as much in each step as the forward process has.
        between: see :data:`Between`.

    Raises:
        InvalidInputError: steps or eta out of range, or another number of seeds than of rows.
    """
    if len(seeds) != len(condition):
        raise InvalidInputError(f"there are {len(seeds)} seeds for {len(condition)} rows; give one each")
    if not 0.0 <= eta <= 1.0:
        raise InvalidInputError(f"eta is {eta}; give 0 (deterministic) to 1 (ancestral)")
    scheduler = ddim(denoiser.scheduler_config, steps)
    noise = SeededNoise(seeds, denoiser.latent_shape, denoiser.device)
    latents = noise.draw()
    for done, timestep in enumerate(scheduler.timesteps.tolist()):
        rows = torch.full((len(latents),), timestep, device=latents.device)
        prediction = guided(denoiser, latents, rows, condition, guidance)
        latents = scheduler.step(
            prediction,
            timestep,
            latents,
            eta=eta,
            use_clipped_model_output=True,
            variance_noise=noise.draw() if eta else None,
        ).prev_sample
        if between is not None:
            between(done + 1, steps)
    return latents


def ddim(config: Mapping[str, Any], steps: int) -> Any:
    """diffusers' ``DDIMScheduler``, set to so many even steps.

    Raises:
        InvalidInputError: steps out of range.
    """
    from anyview_ros.diffusion.ddim import EvenDDIMScheduler

    scheduler: Any = EvenDDIMScheduler(**config)
    scheduler.set_timesteps(steps)
    # Near pure noise the variance that is left is a difference of nearly equal numbers: float32 makes it negative.
    scheduler.alphas_cumprod = scheduler.alphas_cumprod.double()
    return scheduler


class SeededNoise:
    """Gaussian noise for rows that each have a seed, drawn on the CPU so that it is the same on every device.

    Args:
        seeds: one per row.
        shape: (C, h, w) of a row.
        device: where the noise goes.
    """

    def __init__(self, seeds: Sequence[int], shape: tuple[int, int, int], device: torch.device) -> None:
        """Begin."""
        self._seeds, self._shape, self._device = tuple(seeds), shape, device
        self._generators = {seed: torch.Generator().manual_seed(seed) for seed in seeds}

    def draw(self) -> torch.Tensor:
        """The next noise, float32 (B, C, h, w); rows of equal seed are equal."""
        drawn = {
            seed: torch.randn(self._shape, generator=generator)
            for seed, generator in self._generators.items()
        }
        return torch.stack([drawn[seed] for seed in self._seeds]).to(self._device)
