"""From noise to the latent of the target's picture."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch

from anyview_ros.diffusion.noise import view_noise
from anyview_ros.diffusion.rectified_flow import RectifiedFlow
from anyview_ros.diffusion.schedules import karras_sigmas
from anyview_ros.diffusion.solvers import SOLVERS, sample_flow
from anyview_ros.methods.anyview.blocks import KeysValues
from anyview_ros.methods.anyview.streams import source_view, target_view
from anyview_ros.methods.anyview.transformer import AnyViewTransformer

_TARGET = 0  # index of the target view, of which the noise depends


def evaluations(steps: int) -> int:
    """Evaluations of the network in so many solver steps: one each, and a last one for the clean picture."""
    return steps + 1


@torch.no_grad()
def generate(
    transformer: AnyViewTransformer,
    text: tuple[KeysValues, ...],
    picture: torch.Tensor,
    source_rays: torch.Tensor,
    target_rays: torch.Tensor,
    *,
    seeds: Sequence[int],
    steps: int,
    sampler: str,
    between: Callable[[int], None] | None = None,
) -> torch.Tensor:
    """Sample the latents of B targets, from one source or from one each.

    Args:
        transformer: the network.
        text: its keys and values of the text.
        picture: (1 or B, C, T, H', W'), latents of what was seen.
        source_rays: (B, 2C, T, H', W'), of each source's camera in its target's gauge.
        target_rays: (B, 2C, T, H, W).
        seeds: B of them; each target's noise depends on its own seed alone, not on the others'.
        steps: of the solver.
        sampler: name of the solver.
        between: called before each evaluation with the number done; what it raises ends the work.

    Returns:
        float64 (B, C, T, H, W).
    """
    device, dtype = target_rays.device, transformer.dtype
    shape = (1, picture.shape[1], *target_rays.shape[2:])
    seen = source_view(picture.expand(len(seeds), -1, -1, -1, -1), source_rays).to(dtype)
    noise = torch.cat([torch.from_numpy(view_noise(seed, _TARGET, shape)) for seed in seeds])
    sigmas = karras_sigmas(steps).tolist()

    def denoise(sample: torch.Tensor, sigma: float) -> torch.Tensor:
        factors = RectifiedFlow.at(sigma)
        noisy = target_view((factors.inside * sample).float(), target_rays).to(dtype)
        level = torch.full((len(seeds),), factors.noise, device=device)
        flow: torch.Tensor = transformer(noisy, seen, level, text)
        return factors.skip * sample + factors.out * flow.double()

    start = sigmas[0] * noise.to(device)
    return sample_flow(denoise, start, sigmas, SOLVERS[sampler], between=between)
