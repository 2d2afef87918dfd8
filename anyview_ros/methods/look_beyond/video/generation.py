"""Drawing the video of a pass: noise is taken away step by step, by what both keyframes say of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from anyview_ros.diffusion.ddim import EvenDDIMScheduler
from anyview_ros.methods.look_beyond.video.known import Anchor, Known, known_of
from anyview_ros.methods.look_beyond.video.network import VideoDenoiser

TRAINING_LEVELS = 1000

Denoise = Callable[[Tensor, Any], Tensor]
"""What a scheduler asks of a model: the noise in (B, F, ...) scaled pictures at a timestep, or what stands for it."""


@dataclass(frozen=True, eq=False)
class FusedPass:
    """What is drawn between two keyframes.

    Attributes:
        first: the keyframe that the pass begins at.
        last: the one that it ends at; None draws all of it from the first.
        camera_to_world: float64 (F, 4, 4), from the first keyframe's pose to the last one's.
        weights: float64 (F,), of the first keyframe; see :mod:`anyview_ros.methods.look_beyond.fusion`.
        guidance: float64 (F,), from the keyframe outwards.
    """

    first: Anchor
    last: Anchor | None
    camera_to_world: NDArray[np.float64]
    weights: NDArray[np.float64]
    guidance: NDArray[np.float64]


def scheduler() -> Any:
    """The noise schedule, a diffusers scheduler: a thousand linear levels, as of DDPM (arXiv 2006.11239), drawn by DDIM
    without new noise."""
    kind: Any = EvenDDIMScheduler
    return kind(
        num_train_timesteps=TRAINING_LEVELS,
        clip_sample=True,
        timestep_spacing="trailing",
        set_alpha_to_one=True,
    )


def noise_levels() -> Tensor:
    """The share of the signal in the variance at each of the levels, float32 (1000,), falling."""
    return torch.as_tensor(scheduler().alphas_cumprod)


def draw_pass(
    network: VideoDenoiser,
    plan: FusedPass,
    *,
    steps: int,
    noise: Tensor,
    between: Callable[[], None] | None = None,
) -> Tensor:
    """Draw the pictures of a pass.

    Args:
        network: the denoiser.
        plan: of the pass.
        steps: of the scheduler.
        noise: float32 (1, F, 3, H, W), standard normal.
        between: called before each step; what it raises ends the work.

    Returns:
        float32 (F, 3, H, W), [-1, 1].
    """
    device = next(network.parameters()).device
    levels = noise_levels().to(device)
    guidance = torch.from_numpy(plan.guidance).float().to(device)
    poses = plan.camera_to_world
    forward = _denoiser(network, known_of(plan.first, poses).to(device), guidance, levels)
    reverse = None
    if plan.last is not None:
        reverse = _denoiser(network, known_of(plan.last, poses[::-1]).to(device), guidance, levels)
    weights = torch.from_numpy(plan.weights).float().to(device)
    drawn = fused_denoising(
        scheduler(), forward, reverse, weights, noise.to(device), steps=steps, between=between
    )
    return drawn[0]


@torch.inference_mode()
def fused_denoising(
    schedule: Any,
    forward: Denoise,
    reverse: Denoise | None,
    weights: Tensor,
    noise: Tensor,
    *,
    steps: int,
    between: Callable[[], None] | None = None,
) -> Tensor:
    """Denoise a video from both ends at once.

    Args:
        schedule: a diffusers scheduler, whose prediction type is that of the denoisers.
        forward: denoises from the first keyframe.
        reverse: denoises from the last one, and is shown the pictures in reversed order; None leaves all to
            ``forward``.
        weights: (F,), of the forward denoiser.
        noise: (B, F, ...), standard normal.
        steps: of the scheduler.
        between: called before each step; what it raises ends the work.

    Returns:
        (B, F, ...).
    """
    schedule.set_timesteps(steps, device=noise.device)
    video = noise * schedule.init_noise_sigma
    share = weights.reshape(1, -1, *[1] * (noise.ndim - 2))
    for timestep in schedule.timesteps:
        if between is not None:
            between()
        scaled = schedule.scale_model_input(video, timestep)
        fused = forward(scaled, timestep)
        if reverse is not None:
            fused = share * fused + (1 - share) * reverse(scaled.flip(1), timestep).flip(1)
        video = schedule.step(fused, timestep, video).prev_sample
    drawn: Tensor = video
    return drawn


def _denoiser(network: VideoDenoiser, known: Known, guidance: Tensor, levels: Tensor) -> Denoise:
    """The noise that the network sees, guided away from what it would see without the keyframe."""
    guided = bool((guidance != 1).any())
    told = _joined([known, known.without_picture()]) if guided else known
    scales = guidance[None, :, None, None, None]

    def noise(video: Tensor, timestep: Any) -> Tensor:
        signal = levels[int(timestep)].expand(len(told.base))
        clean = network.clean(video.expand(len(told.base), -1, -1, -1, -1), signal, told)
        if guided:
            clean = clean[1:] + scales * (clean[:1] - clean[1:])
        factor = levels[int(timestep)]
        seen: Tensor = (video - factor.sqrt() * clean) / (1 - factor).sqrt()
        return seen

    return noise


def _joined(each: Sequence[Known]) -> Known:
    return Known(**{name: torch.cat([getattr(known, name) for known in each]) for name in vars(each[0])})
