"""The small denoiser: a transformer on pixels that sees a picture and 19 numbers, and predicts the clean picture."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import nn

from anyview_ros.methods.zeronvs.conditioning import NUMBERS
from anyview_ros.methods.zeronvs.config import ZeroConfig
from anyview_ros.methods.zeronvs.denoiser import Condition
from anyview_ros.methods.zeronvs.token_rays import RAY_NUMBERS, source_rays, target_rays
from anyview_ros.networks.conditioned import ConditionedBlock
from anyview_ros.networks.patches import patchify, unpatchify
from anyview_ros.networks.rotary import rotary_angles
from anyview_ros.networks.timestep import sinusoid

SCHEDULER = {
    "num_train_timesteps": 1000,
    "beta_schedule": "squaredcos_cap_v2",
    "prediction_type": "sample",
    "timestep_spacing": "trailing",
    "clip_sample": True,
}
"""Cosine noise levels (arXiv 2102.09672). The clean picture is predicted, not the noise: a token of many pixels has too
few channels for noise, but enough for pictures (arXiv 2511.13720)."""

_CHANNELS = 3


class ZeroNetwork(nn.Module):
    """A :class:`~anyview_ros.methods.zeronvs.denoiser.Denoiser` of pixels.

    As in the paper, the source picture is laid beside the noisy one, and its pooled embedding with the pose is attended
    to. Besides, its tokens are attended to, and tokens know their rays: small networks do not find these by themselves.

    Args:
        config: its sizes.
    """

    def __init__(self, config: ZeroConfig) -> None:
        super().__init__()
        self.config = config
        tokens = (config.side // config.patch) ** 2
        pixels = _CHANNELS * config.patch**2
        width, steer = config.width, config.condition_width
        rays = RAY_NUMBERS if config.rays else 0
        self.read = nn.Linear(pixels + rays, width)
        self.place = nn.Parameter(0.02 * torch.randn(tokens, width))
        self.readers = nn.ModuleList(self._block(context=False) for _ in range(config.source_layers))
        self.reader_steer = nn.Sequential(nn.Linear(NUMBERS, steer), nn.SiLU(), nn.Linear(steer, steer))
        self.norm_source = nn.LayerNorm(width)
        self.pool = nn.Linear(width + NUMBERS, width)
        self.steer_pool = nn.Linear(width, steer)
        self.steer_time = nn.Sequential(nn.Linear(steer, steer), nn.SiLU(), nn.Linear(steer, steer))
        self.no_token = nn.Parameter(0.02 * torch.randn(1, 1, width))
        self.enter = nn.Linear(2 * pixels + rays, width)
        self.blocks = nn.ModuleList(self._block(context=True) for _ in range(config.layers))
        self.norm = nn.LayerNorm(width)
        self.leave = nn.Linear(width, pixels)
        nn.init.zeros_(self.leave.weight)
        nn.init.zeros_(self.leave.bias)
        self.refine = _Refinement(config.refine, steer) if config.refine else None
        grid = (1, config.side // config.patch, config.side // config.patch)
        self.register_buffer("angles", rotary_angles(grid, width // config.heads), persistent=False)

    @property
    def side(self) -> int:
        """Pictures are square, so many pixels wide."""
        return self.config.side

    @property
    def latent_shape(self) -> tuple[int, int, int]:
        """Pictures themselves are diffused."""
        return _CHANNELS, self.side, self.side

    @property
    def scheduler_config(self) -> Mapping[str, Any]:
        """See :data:`SCHEDULER`."""
        return SCHEDULER

    @property
    def device(self) -> torch.device:
        """Where the weights are."""
        return self.place.device

    def condition(self, pictures: torch.Tensor, pose_vectors: torch.Tensor) -> Condition:
        """See :meth:`Denoiser.condition`; gradients flow."""
        poses = pose_vectors.to(pictures)
        patches = self._patches(pictures)
        told = [patches, *self._rays(source_rays, poses)]
        tokens = self.read(torch.cat(told, -1)) + self.place
        steer = self.reader_steer(poses)
        for block in self.readers:
            tokens = block(tokens, steer, angles=self.angles)
        tokens = self.norm_source(tokens)
        pooled = self.pool(torch.cat([tokens.mean(1), poses], -1))
        parts = {"patches": patches, "tokens": torch.cat([tokens, pooled[:, None]], 1), "pooled": pooled}
        for rays in self._rays(target_rays, poses):
            parts["rays"] = rays
        return Condition(parts)

    def dropped(self, condition: Condition, keep: torch.Tensor) -> Condition:
        """The condition with the rows where ``keep``, bool (B,), is False made those of no condition at all."""
        nothing = self._nothing(len(keep))
        mixed = {}
        for name, part in condition.parts.items():
            kept = keep.view(-1, *[1] * (part.ndim - 1))
            mixed[name] = torch.where(kept, part, nothing.parts[name].to(part))
        return Condition(mixed)

    def predict(
        self, noisy: torch.Tensor, timesteps: torch.Tensor, condition: Condition | None
    ) -> torch.Tensor:
        """See :meth:`Denoiser.predict`."""
        parts = (self._nothing(len(noisy)) if condition is None else condition).parts
        seen = [self._patches(noisy), parts["patches"]]
        if self.config.rays:
            seen.append(parts["rays"])
        tokens = self.enter(torch.cat(seen, -1))
        steer = self.steer_time(sinusoid(timesteps, self.config.condition_width))
        steer = steer + self.steer_pool(parts["pooled"])
        for block in self.blocks:
            tokens = block(tokens, steer, angles=self.angles, context=parts["tokens"])
        patch, count = self.config.patch, self.side // self.config.patch
        coarse = unpatchify(self.leave(self.norm(tokens)), (1, count, count), (1, patch, patch))[:, :, 0]
        return coarse if self.refine is None else coarse + self.refine(coarse, noisy, steer)

    def encode(self, pictures: torch.Tensor) -> torch.Tensor:
        """Pictures are their own latents."""
        return pictures

    def decode(self, latents: torch.Tensor) -> torch.Tensor:
        """Pictures are their own latents."""
        return latents.clamp(-1, 1)

    def _block(self, *, context: bool) -> ConditionedBlock:
        config = self.config
        return ConditionedBlock(
            config.width,
            config.heads,
            condition_width=config.condition_width,
            context_width=config.width if context else None,
            mlp_ratio=config.mlp_ratio,
        )

    def _patches(self, pictures: torch.Tensor) -> torch.Tensor:
        return patchify(pictures[:, :, None], (1, self.config.patch, self.config.patch))

    def _rays(self, of: Any, poses: torch.Tensor) -> list[torch.Tensor]:
        return [of(poses, self.side // self.config.patch)] if self.config.rays else []

    def _nothing(self, count: int) -> Condition:
        """What stands for a condition where there is none."""
        tokens = len(self.place)
        pixels = _CHANNELS * self.config.patch**2
        parts = {
            "patches": self.place.new_zeros(count, tokens, pixels),
            "tokens": self.no_token.expand(count, tokens + 1, -1),
            "pooled": self.no_token[:, 0].expand(count, -1),
        }
        if self.config.rays:
            parts["rays"] = self.place.new_zeros(count, tokens, RAY_NUMBERS)
        return Condition(parts)


class _Refinement(nn.Module):
    """What to add to a prediction made token by token, so that its tokens fit together; nothing at first."""

    def __init__(self, width: int, condition_width: int) -> None:
        super().__init__()
        self.enter = nn.Conv2d(2 * _CHANNELS, width, 3, padding=1)
        self.steer = nn.Linear(condition_width, width)
        self.middle = nn.Conv2d(width, width, 3, padding=1)
        self.leave = nn.Conv2d(width, _CHANNELS, 3, padding=1)
        with torch.no_grad():
            for parameter in self.leave.parameters():
                parameter.zero_()

    def forward(self, coarse: torch.Tensor, noisy: torch.Tensor, steer: torch.Tensor) -> torch.Tensor:
        """(B, 3, S, S) of prediction and noisy sample (B, 3, S, S) and of the vector (B, condition_width)."""
        seen = nn.functional.silu(self.enter(torch.cat([coarse, noisy], 1)))
        seen = seen * (1 + self.steer(steer)[:, :, None, None])
        residual: torch.Tensor = self.leave(nn.functional.silu(self.middle(seen)))
        return residual
