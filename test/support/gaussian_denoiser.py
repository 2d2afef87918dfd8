"""A denoiser that is exact: pictures are Gaussian around a colour that the condition tells, or around black."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch

from anyview_ros.methods.zeronvs.denoiser import Condition
from anyview_ros.methods.zeronvs.levels import NoiseLevels


class GaussianDenoiser:
    """Latents are N(mean, spread²) per value: mean the source picture's, or ``unconditional`` without a condition."""

    side = 4
    latent_shape = (3, 4, 4)
    device = torch.device("cpu")

    def __init__(
        self,
        kind: str = "epsilon",
        *,
        spread: float = 0.5,
        unconditional: float = -1.0,
        schedule: str = "linear",
    ) -> None:
        self.scheduler_config: Mapping[str, Any] = {
            "prediction_type": kind,
            "clip_sample": False,
            "beta_schedule": schedule,
            "timestep_spacing": "trailing",
        }
        self.levels = NoiseLevels(self.scheduler_config)
        self.spread, self.unconditional = spread, unconditional
        self.calls = 0

    def condition(self, pictures: torch.Tensor, pose_vectors: torch.Tensor) -> Condition:
        del pose_vectors
        return Condition({"mean": pictures.mean((1, 2, 3))})

    def predict(
        self, noisy: torch.Tensor, timesteps: torch.Tensor, condition: Condition | None
    ) -> torch.Tensor:
        self.calls += 1
        mean = torch.full((len(noisy),), self.unconditional) if condition is None else condition.parts["mean"]
        signal, spread = self.levels.at(timesteps)
        prior = mean[:, None, None, None]
        gain = signal * self.spread**2 / (signal**2 * self.spread**2 + spread**2)
        clean = prior + gain * (noisy - signal * prior)  # the posterior mean
        noise = (noisy - signal * clean) / spread
        return self.levels.target(clean, noise, timesteps)

    def encode(self, pictures: torch.Tensor) -> torch.Tensor:
        return pictures

    def decode(self, latents: torch.Tensor) -> torch.Tensor:
        return latents
