"""Adding noise to latents, and telling clean sample and noise from what a denoiser predicts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch

from anyview_ros.errors import InvalidInputError

_PREDICTIONS = ("epsilon", "sample", "v_prediction")


class NoiseLevels:
    """The noise levels of a scheduler's configuration: noisy = signal * clean + spread * noise.

    Args:
        config: arguments of diffusers' ``DDIMScheduler``.
        device: where latents are.

    Raises:
        InvalidInputError: a prediction type that is not noise, clean sample or velocity.
    """

    def __init__(self, config: Mapping[str, Any], device: torch.device | str = "cpu") -> None:
        """Compute the levels."""
        from diffusers.schedulers.scheduling_ddim import DDIMScheduler

        scheduler = DDIMScheduler(**config)
        self.kind = str(scheduler.config.prediction_type)
        if self.kind not in _PREDICTIONS:
            raise InvalidInputError(
                f"prediction_type is {self.kind!r}; choose one of {', '.join(_PREDICTIONS)}"
            )
        share = scheduler.alphas_cumprod.double()
        self._signal = share.sqrt().float().to(device)
        self._spread = (1 - share).sqrt().float().to(device)

    def __len__(self) -> int:
        return len(self._signal)

    def at(self, timesteps: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Signal and spread, each (B, 1, 1, 1), of timesteps (B,)."""
        return self._signal[timesteps][:, None, None, None], self._spread[timesteps][:, None, None, None]

    def noisy(self, clean: torch.Tensor, noise: torch.Tensor, timesteps: torch.Tensor) -> torch.Tensor:
        """Latents (B, C, h, w) with noise (B, C, h, w) added."""
        signal, spread = self.at(timesteps)
        return signal * clean + spread * noise

    def target(self, clean: torch.Tensor, noise: torch.Tensor, timesteps: torch.Tensor) -> torch.Tensor:
        """What a denoiser should predict (B, C, h, w)."""
        if self.kind == "epsilon":
            return noise
        if self.kind == "sample":
            return clean
        signal, spread = self.at(timesteps)
        return signal * noise - spread * clean

    def clean(self, predicted: torch.Tensor, noisy: torch.Tensor, timesteps: torch.Tensor) -> torch.Tensor:
        """The clean sample (B, C, h, w) that a prediction tells."""
        if self.kind == "sample":
            return predicted
        signal, spread = self.at(timesteps)
        if self.kind == "v_prediction":
            return signal * noisy - spread * predicted
        return (noisy - spread * predicted) / signal

    def noise(self, predicted: torch.Tensor, noisy: torch.Tensor, timesteps: torch.Tensor) -> torch.Tensor:
        """The noise (B, C, h, w) that a prediction tells."""
        if self.kind == "epsilon":
            return predicted
        signal, spread = self.at(timesteps)
        if self.kind == "v_prediction":
            return spread * noisy + signal * predicted
        return (noisy - signal * predicted) / spread
