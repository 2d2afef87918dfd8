"""The panorama denoiser: a diffusion transformer over the patches of an equirectangular panorama."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional

from anyview_ros.methods.look_beyond.panorama.channels import CHANNELS
from anyview_ros.methods.look_beyond.panorama.config import PanoramaConfig
from anyview_ros.methods.look_beyond.panorama.known import TOLD_CHANNELS, Known
from anyview_ros.networks.conditioned import ConditionedBlock
from anyview_ros.networks.patches import patchify, unpatchify
from anyview_ros.networks.rotary import rotary_frequencies
from anyview_ros.networks.timestep import sinusoid


class PanoramaDenoiser(nn.Module):
    """Guesses a panorama of colour and distance from a noisy one and from what a source picture shows of it.

    The source picture is laid beside the noisy panorama, and features of it are attended to by each token. The clean
    panorama is predicted, as a correction of the filled source picture.

    Args:
        config: its size.
    """

    def __init__(self, config: PanoramaConfig) -> None:
        super().__init__()
        self.config = config
        width, steer = config.width, config.condition_width
        self.patch = (1, config.patch, config.patch)
        self.embed = nn.Linear((CHANNELS + TOLD_CHANNELS) * config.patch**2, width)
        rows, columns = config.grid
        places = (rows, 1) if config.circular else (rows, columns)
        self.place = nn.Parameter(0.02 * torch.randn(*places, width))
        self.encoder = _SourceEncoder(config)
        self.level = nn.Sequential(nn.Linear(steer, steer), nn.SiLU(), nn.Linear(steer, steer))
        self.blocks = nn.ModuleList(
            ConditionedBlock(width, config.heads, condition_width=steer, context_width=width)
            for _ in range(config.blocks)
        )
        self.norm = nn.LayerNorm(width, elementwise_affine=False, eps=1e-6)
        self.last_modulation = nn.Linear(steer, 2 * width)
        self.last = nn.Linear(width, CHANNELS * config.patch**2)
        for layer in (self.last_modulation, self.last):
            nn.init.zeros_(layer.weight)
            nn.init.zeros_(layer.bias)
        self.refine = _Refinement(config) if config.refine_width else None
        angles = circular_angles(rows, columns, width // config.heads) if config.circular else None
        self.register_buffer("angles", angles, persistent=False)

    def forward(self, noisy: Tensor, level: Tensor, known: Known) -> Tensor:
        """The expected clean panorama.

        Args:
            noisy: (B, 4, H, 2H), colour and distance as in :mod:`.channels`, with noise.
            level: (B,), of the noise, 0 to 999.
            known: of these panoramas.

        Returns:
            (B, 4, H, 2H).
        """
        rows, columns = self.config.grid
        seen = torch.cat([noisy, known.channels()], 1)[:, :, None]
        place = self.place.expand(rows, columns, -1).flatten(0, 1)
        tokens = self.embed(patchify(seen, self.patch)) + place
        condition = self.level(sinusoid(level, self.config.condition_width))
        context = self.encoder(known.source)
        for block in self.blocks:
            tokens = block(tokens, condition, angles=self.angles, context=context)
        shift, scale = self.last_modulation(condition)[:, None].chunk(2, -1)
        patches = self.last(self.norm(tokens) * (1 + scale) + shift)
        correction = unpatchify(patches, (1, rows, columns), self.patch)[:, :, 0]
        if self.refine is not None:
            correction = self.refine(correction, seen[:, :, 0], condition)
        return known.base() + correction


class _Refinement(nn.Module):
    """Convolutions around the whole turn that join patches' pixels to each other and to those that came in."""

    def __init__(self, config: PanoramaConfig) -> None:
        super().__init__()
        width = config.refine_width
        self.first = nn.Conv2d(2 * CHANNELS + TOLD_CHANNELS, width, 3)
        self.level = nn.Linear(config.condition_width, width)
        self.second = nn.Conv2d(width, width, 3)
        self.last = nn.Conv2d(width, CHANNELS, 3)
        nn.init.zeros_(self.last.weight)
        if self.last.bias is not None:
            nn.init.zeros_(self.last.bias)

    def forward(self, correction: Tensor, seen: Tensor, condition: Tensor) -> Tensor:
        """The correction (B, 4, H, 2H), corrected by what came in (B, C, H, 2H)."""
        features = self.first(_surrounded(torch.cat([correction, seen], 1)))
        features = functional.silu(features + self.level(condition)[:, :, None, None])
        features = functional.silu(self.second(_surrounded(features)))
        refined: Tensor = correction + self.last(_surrounded(features))
        return refined


def _surrounded(channels: Tensor) -> Tensor:
    """One pixel more on each side: across the seam, and the outermost rows again."""
    wide = functional.pad(channels, (1, 1, 0, 0), mode="circular")
    return functional.pad(wide, (0, 0, 1, 1), mode="replicate")


class _SourceEncoder(nn.Module):
    """Features of the source picture's patches."""

    def __init__(self, config: PanoramaConfig) -> None:
        super().__init__()
        self.patch = (1, config.source_patch, config.source_patch)
        tokens = (config.source_height // config.source_patch) * (config.source_width // config.source_patch)
        self.embed = nn.Linear(3 * config.source_patch**2, config.width)
        self.place = nn.Parameter(0.02 * torch.randn(tokens, config.width))
        self.inner = nn.Sequential(
            nn.LayerNorm(config.width),
            nn.Linear(config.width, 2 * config.width),
            nn.GELU(),
            nn.Linear(2 * config.width, config.width),
        )
        self.norm = nn.LayerNorm(config.width)

    def forward(self, source: Tensor) -> Tensor:
        """(B, tokens, width) of pictures (B, 3, h, w)."""
        tokens = self.embed(patchify(source[:, :, None], self.patch)) + self.place
        features: Tensor = self.norm(tokens + self.inner(tokens))
        return features


def circular_angles(rows: int, columns: int, head_width: int) -> Tensor:
    """Rotary angles of a panorama's tokens, float32 (rows * columns, head_width / 2).

    Half of them turn with the row, as usual; half turn with longitude by whole numbers of turns around the panorama, so
    that tokens on both sides of the seam are neighbours.
    """
    half = head_width // 4
    turns = torch.arange(half) % max(columns // 2, 1) + 1
    longitude = torch.arange(columns) * (2 * math.pi / columns)
    around = torch.outer(longitude, turns.float())[None].expand(rows, -1, -1)
    down = torch.outer(torch.arange(rows).float(), rotary_frequencies(2 * half))
    return torch.cat([down[:, None].expand(-1, columns, -1), around], -1).flatten(0, 1)
