"""Score distillation: which way a denoiser would have a rendered picture changed (DreamFusion, arXiv 2209.14988)."""

from __future__ import annotations

import torch

from anyview_ros.methods.zeronvs.denoiser import Condition, Denoiser, guided
from anyview_ros.methods.zeronvs.levels import NoiseLevels


@torch.no_grad()
def sds_gradient(
    denoiser: Denoiser,
    levels: NoiseLevels,
    latents: torch.Tensor,
    noise: torch.Tensor,
    timesteps: torch.Tensor,
    condition: Condition,
    guidance: float,
) -> torch.Tensor:
    """The gradient w(t) (predicted noise - noise), with w(t) = 1 - alphas_cumprod[t].

    Args:
        denoiser: the network.
        levels: of its scheduler.
        latents: of rendered pictures, (B, C, h, w).
        noise: Gaussian, likewise.
        timesteps: int64 (B,).
        condition: of B rows.
        guidance: classifier-free, on the noise.

    Returns:
        (B, C, h, w); it depends on no parameter.
    """
    noisy = levels.noisy(latents, noise, timesteps)
    predicted = guided(denoiser, noisy, timesteps, condition, guidance)
    _, spread = levels.at(timesteps)
    return spread.square() * (levels.noise(predicted, noisy, timesteps) - noise)


def with_gradient(latents: torch.Tensor, gradient: torch.Tensor) -> torch.Tensor:
    """A number whose gradient by the latents is the given one, per element of them: its value says nothing."""
    return (latents * gradient).sum() / latents.numel()
