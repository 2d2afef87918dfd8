"""How far a drawn picture can be trusted: the more, the nearer it is to what the network expected on average."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from anyview_ros.methods.zeronvs.denoiser import Condition, Denoiser
from anyview_ros.methods.zeronvs.levels import NoiseLevels

_WINDOW = 5


@dataclass(frozen=True)
class Reliability:
    """confidence = agreeing / (1 + (d / apart)²) of a pixel whose surroundings are drawn d from what was expected.

    Attributes:
        agreeing: share of the pixels that are right where d is 0.
        apart: d, of values in [0, 1], at which that share has fallen to half.
    """

    agreeing: float = 0.1
    apart: float = 1.0

    def confidence(self, drawn: torch.Tensor, expected: torch.Tensor) -> torch.Tensor:
        """Confidence (B, h, w) of pictures (B, 3, h, w) in [-1, 1]."""
        return self.agreeing / (1 + (distance(drawn, expected) / self.apart).square())


def distance(drawn: torch.Tensor, expected: torch.Tensor) -> torch.Tensor:
    """Mean absolute difference around each pixel (B, h, w), in [0, 1], of pictures (B, 3, h, w) in [-1, 1]."""
    apart = (drawn - expected).abs().mean(1, keepdim=True) / 2
    return torch.nn.functional.avg_pool2d(
        apart, _WINDOW, stride=1, padding=_WINDOW // 2, count_include_pad=False
    )[:, 0]


@torch.no_grad()
def expected_latents(denoiser: Denoiser, condition: Condition, noise: torch.Tensor) -> torch.Tensor:
    """The mean of all latents that could be drawn, as the network predicts it from noise (B, C, h, w) alone."""
    levels = NoiseLevels(denoiser.scheduler_config, denoiser.device)
    last = torch.full((len(noise),), len(levels) - 1, device=noise.device)
    return levels.clean(denoiser.predict(noise, last, condition), noise, last)
