"""The video denoiser: a transformer over the patches of all pictures of a pass."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from anyview_ros.methods.look_beyond.video.config import VideoConfig
from anyview_ros.methods.look_beyond.video.known import Known
from anyview_ros.networks.conditioned import ConditionedBlock
from anyview_ros.networks.patches import patchify, unpatchify
from anyview_ros.networks.rotary import rotary_angles
from anyview_ros.networks.timestep import sinusoid

SEEN_SPREAD, UNSEEN_SPREAD = 0.1, 0.45
"""How far pictures lie from the moved keyframe, as a standard deviation in [-1, 1], where it shows them and where not:
what the denoiser's inputs and outputs are scaled by."""
_CHANNELS = 3 + 3 + 1 + 6 + 3 + 1
_FINE_CHANNELS = 24
_LEVEL_STEPS = 250.0  # brings logarithms of noise to the span of a thousand steps


class VideoDenoiser(nn.Module):
    """Guesses a video from a noisy one, one keyframe and the rays of every picture.

    What it adds is relative to the moved keyframe: clean = base + spread · network(...), with the spread that is
    expected of each pixel. The clean video is predicted, not the noise: what a transformer over large patches cannot
    draw is then left out, where otherwise noise would be left in. A few convolutions add what is finer than patches. A
    new network gives the moved keyframe.

    Args:
        config: its size.
    """

    def __init__(self, config: VideoConfig) -> None:
        super().__init__()
        self.config = config
        self.patch = (1, config.patch, config.patch)
        area = config.patch**2
        self.embed = nn.Linear(_CHANNELS * area, config.width)
        self.level = nn.Sequential(
            nn.Linear(config.width, config.width), nn.SiLU(), nn.Linear(config.width, config.width)
        )
        self.blocks = nn.ModuleList(
            ConditionedBlock(config.width, config.heads, condition_width=config.width)
            for _ in range(config.blocks)
        )
        self.norm = nn.LayerNorm(config.width, elementwise_affine=False, eps=1e-6)
        self.last_modulation = nn.Linear(config.width, 2 * config.width)
        self.last = nn.Linear(config.width, 3 * area)
        for layer in (self.last_modulation, self.last):
            nn.init.zeros_(layer.weight)
            nn.init.zeros_(layer.bias)
        self.fine = _Fine(config.width)

    def forward(self, residual: Tensor, log_noise: Tensor, known: Known) -> Tensor:
        """The correction in units of the spread.

        Args:
            residual: (B, F, 3, H, W), scaled to unit spread.
            log_noise: (B,), logarithm of the noise's standard deviation over the signal's factor.
            known: of these passes.

        Returns:
            (B, F, 3, H, W).
        """
        frames = residual.shape[1]
        kept = torch.cat([known.anchor, known.mask], 1)[:, None].expand(-1, frames, -1, -1, -1)
        told = torch.cat([residual, known.base, known.seen, known.rays, kept], 2)
        tokens = self.embed(patchify(told.transpose(1, 2), self.patch))
        grid = (frames, residual.shape[-2] // self.config.patch, residual.shape[-1] // self.config.patch)
        angles = rotary_angles(grid, self.config.width // self.config.heads, device=residual.device)
        condition = self.level(sinusoid(_LEVEL_STEPS * log_noise, self.config.width))
        for block in self.blocks:
            tokens = block(tokens, condition, angles=angles)
        shift, scale = self.last_modulation(condition)[:, None].chunk(2, -1)
        patches = self.last(self.norm(tokens) * (1 + scale) + shift)
        coarse = unpatchify(patches, grid, self.patch).transpose(1, 2)
        fine: Tensor = self.fine(torch.cat([coarse, residual, known.base, known.seen], 2), condition)
        return coarse + fine

    def clean(self, noisy: Tensor, signal: Tensor, known: Known) -> Tensor:
        """The expected clean video.

        Args:
            noisy: (B, F, 3, H, W), sqrt(signal) · video + sqrt(1 - signal) · noise.
            signal: (B,), the share of the signal in its variance, "alphas_cumprod" of a schedule.
            known: of these passes.

        Returns:
            (B, F, 3, H, W), about [-1, 1].
        """
        factor = signal.sqrt()[:, None, None, None, None]
        noise = ((1 - signal) / signal).sqrt()  # of noise on an unscaled signal
        expected = spread(known)
        whole = (noise[:, None, None, None, None].square() + expected.square()).sqrt()
        residual = (noisy / factor - known.base) / whole
        clean: Tensor = known.base + expected * self(residual, noise.clamp_min(1e-6).log(), known).float()
        return clean


def spread(known: Known) -> Tensor:
    """How far the video is expected to lie from the moved keyframe at each pixel, (B, F, 1, H, W)."""
    return SEEN_SPREAD * known.seen + UNSEEN_SPREAD * (1 - known.seen)


class _Fine(nn.Module):
    """Convolutions over each picture: what patches are too coarse for, and seams between them."""

    def __init__(self, condition_width: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(3 + 3 + 3 + 1, _FINE_CHANNELS, 3, padding=1)
        self.level = nn.Linear(condition_width, 2 * _FINE_CHANNELS)
        self.second = nn.Conv2d(_FINE_CHANNELS, _FINE_CHANNELS, 3, padding=1)
        self.last = nn.Conv2d(_FINE_CHANNELS, 3, 3, padding=1)
        for layer in (self.level, self.last):
            for parameter in layer.parameters():
                nn.init.zeros_(parameter)

    def forward(self, told: Tensor, condition: Tensor) -> Tensor:
        """(B, F, 3, H, W) of what is told (B, F, 10, H, W) at a noise level (B, condition_width)."""
        batch, frames = told.shape[:2]
        shift, scale = self.level(condition).repeat_interleave(frames, 0)[:, :, None, None].chunk(2, 1)
        features = functional.silu(self.first(told.flatten(0, 1)) * (1 + scale) + shift)
        added: Tensor = self.last(functional.silu(self.second(features)))
        return added.reshape(batch, frames, *added.shape[1:])
