"""The video denoiser: a transformer over the patches of all pictures of a pass."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

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
_LEVEL_STEPS = 250.0  # brings logarithms of noise to the span of a thousand steps


class VideoDenoiser(nn.Module):
    """Guesses a video from a noisy one, one keyframe and the rays of every picture.

    What it adds is relative to the moved keyframe: x = base + skip · r + out · network(in · r, ...), with r the
    noisy residual, scaled by the spread expected of each pixel as in EDM (Karras et al., arXiv 2206.00364, table 1).
    A new network therefore gives the moved keyframe where that shows something.

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

    def forward(self, residual: Tensor, log_noise: Tensor, known: Known) -> Tensor:
        """The scaled correction.

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
        return unpatchify(patches, grid, self.patch).transpose(1, 2)

    def clean(self, noisy: Tensor, signal: Tensor, known: Known) -> Tensor:
        """The expected clean video.

        Args:
            noisy: (B, F, 3, H, W), sqrt(signal) · video + sqrt(1 - signal) · noise.
            signal: (B,), the share of the signal in its variance, "alphas_cumprod" of a schedule.
            known: of these passes.

        Returns:
            (B, F, 3, H, W), about [-1, 1].
        """
        scaled = Scaled.of(noisy, signal, known)
        correction = self(scaled.residual, scaled.log_noise, known)
        clean: Tensor = known.base + scaled.skipped + scaled.out * correction
        return clean


@dataclass(frozen=True, eq=False)
class Scaled:
    """The residual of a noisy video at unit spread, and what brings an answer back.

    Attributes:
        residual: (B, F, 3, H, W).
        skipped: (B, F, 3, H, W), the part of the residual that is kept as it is.
        out: (B, F, 1, H, W), factor of the network's answer.
        log_noise: (B,), logarithm of the noise's standard deviation over the signal's factor.
    """

    residual: Tensor
    skipped: Tensor
    out: Tensor
    log_noise: Tensor

    @classmethod
    def of(cls, noisy: Tensor, signal: Tensor, known: Known) -> Scaled:
        """Scale a noisy video; see :meth:`VideoDenoiser.clean` for the arguments."""
        factor = signal.sqrt()[:, None, None, None, None]
        noise = ((1 - signal) / signal).sqrt()  # of noise on an unscaled signal
        level = noise[:, None, None, None, None]
        spread = SEEN_SPREAD * known.seen + UNSEEN_SPREAD * (1 - known.seen)
        residual = noisy / factor - known.base
        whole = (level.square() + spread.square()).sqrt()
        return cls(
            residual / whole,
            spread.square() / whole.square() * residual,
            level * spread / whole,
            noise.clamp_min(1e-6).log(),
        )
