"""The flow head: pictures that could be there, where the regression only gives their mean.

The regression's picture is the mean of all pictures that fit. What a true picture differs from it, in units of the
error that the regression expects, is drawn by rectified flow, in pixels of the network's size: a few evaluations of a
small convolutional network that is told the regression's picture, its mixture, its expected error and its features.
One evaluation alone would give the mean of the differences, which is nothing: that is the regression's own picture.

What is learnt is added to the exact flow of normal differences with the spectrum and the colours that differences
have on average, measured on training rooms: before it has learnt anything, the head draws clouds as rough and as
colourful as pictures are.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from anyview_ros.diffusion.noise import view_noise
from anyview_ros.diffusion.rectified_flow import RectifiedFlow
from anyview_ros.diffusion.solvers import SOLVERS, sample_flow
from anyview_ros.methods.anyview_small.candidates import GATES, Mixture, Prediction

TOLD_CHANNELS = 3 + 1 + 1 + GATES
"""Of the regression's answer: colour, expected error, share that was seen, mixture."""
_SPREAD_PER_ERROR = 1.4
_LEAST_SPREAD, _MOST_SPREAD = 0.02, 0.5
_TIME_CHANNELS = 64
_TIME_SPAN = 1000.0
_FIRST_TAU = 0.999
_CELL = 2
_GROUPS = 4
_NOT_TRUSTED, _TRUSTED = 0.5, 0.8
_LEAST_FREQUENCY = 0.006
_LIGHT_POWER, _HUE_POWER = 1.96, 0.52
"""Of what the three colours have in common, and of what they differ in; (1.96 + 2 * 0.52) / 3 is 1."""


def spread(prediction: Prediction) -> Tensor:
    """How far a true picture is from the regression's, (B, 1, H, W): the unit in which differences are drawn."""
    return (_SPREAD_PER_ERROR * prediction.log_error.exp()).clamp(_LEAST_SPREAD, _MOST_SPREAD)


@dataclass(frozen=True, eq=False)
class Told:
    """What the flow head is told of a picture, the same at all noise levels.

    Attributes:
        pixels: (B, 10 + F, H, W): the regression's answer and the decoder's features.
        tokens: (B, C, H/8, W/8), the target's tokens.
    """

    pixels: Tensor
    tokens: Tensor

    @classmethod
    def of(cls, prediction: Prediction, mixture: Mixture, features: Tensor, tokens: Tensor) -> Told:
        """Gather it from the regression's answer at the network's size; nothing of it gets a gradient."""
        answer = [mixture.colour - 0.5, spread(prediction).log(), mixture.support, mixture.weights]
        return cls(torch.cat([*answer, features], 1).detach(), tokens.detach())


class _Residual(nn.Module):
    """Two convolutions, the second told the noise level."""

    def __init__(self, channels: int, out: int, time: int) -> None:
        super().__init__()
        self.norm_first = nn.GroupNorm(_GROUPS, channels)
        self.first = nn.Conv2d(channels, out, 3, 1, 1)
        self.to_scale_shift = nn.Linear(time, 2 * out)
        self.norm_second = nn.GroupNorm(_GROUPS, out)
        self.second = nn.Conv2d(out, out, 3, 1, 1)
        self.around = nn.Conv2d(channels, out, 1) if channels != out else nn.Identity()
        nn.init.zeros_(self.to_scale_shift.weight)
        nn.init.zeros_(self.to_scale_shift.bias)
        nn.init.zeros_(self.second.weight)

    def forward(self, values: Tensor, time: Tensor) -> Tensor:
        inner = self.first(functional.silu(self.norm_first(values)))
        scale, shift = self.to_scale_shift(time)[:, :, None, None].chunk(2, 1)
        inner = functional.silu(self.norm_second(inner) * (1 + scale) + shift)
        out: Tensor = self.around(values) + self.second(inner)
        return out


def mean_power(height: int, width: int, like: Tensor) -> Tensor:
    """Mean power of differences by frequency, (height, width), 1 on average: it falls with the frequency's square."""
    rows, columns = (torch.arange(n, dtype=like.dtype, device=like.device) / (2 * n) for n in (height, width))
    power = 1 / (rows.square()[:, None] + columns.square() + _LEAST_FREQUENCY**2)
    return power / power.mean()


def _normal_flow(noisy: Tensor, tau: Tensor) -> Tensor:
    """The exact flow of normal differences with that spectrum, whose colours are correlated."""
    height, width = noisy.shape[-2:]
    rows, columns, power = _cosines(height, noisy), _cosines(width, noisy), mean_power(height, width, noisy)
    waves = rows @ noisy @ columns.mT
    light = waves.mean(1, keepdim=True)
    level = tau.to(noisy.dtype)[:, None, None, None]

    def flow(part: Tensor, power: Tensor) -> Tensor:
        return part * (level - (1 - level) * power) / ((1 - level) ** 2 * power + level**2)

    of_waves = flow(light, _LIGHT_POWER * power) + flow(waves - light, _HUE_POWER * power)
    return rows.mT @ of_waves @ columns


def _cosines(length: int, like: Tensor) -> Tensor:
    """The orthonormal cosine transform (length, length)."""
    place = torch.arange(length, dtype=like.dtype, device=like.device)
    waves = torch.cos(math.pi * (place + 0.5) * place[:, None] / length) * math.sqrt(2 / length)
    waves[0] /= math.sqrt(2)
    return waves


class FlowHead(nn.Module):
    """Predicts the flow from a noisy difference; a U-Net at a half, a quarter and an eighth of the size.

    Args:
        channels: at half the size; twice and three times that below. A multiple of 4.
        features: channels of the decoder's features.
        width: channels of tokens.
    """

    def __init__(self, channels: int, features: int, width: int) -> None:
        """Make the head; it begins with the flow of normal differences."""
        super().__init__()
        fine, middle, coarse = channels, 2 * channels, 3 * channels
        time = 2 * channels
        self.to_time = nn.Sequential(
            nn.Linear(_TIME_CHANNELS, time), nn.SiLU(), nn.Linear(time, time), nn.SiLU()
        )
        self.read_noisy = nn.Conv2d(3 * _CELL**2, fine, 3, 1, 1)
        self.read_told = nn.Conv2d((TOLD_CHANNELS + features) * _CELL**2, fine, 3, 1, 1)
        self.read_tokens = nn.Conv2d(width, coarse, 1)
        self.fine = _Residual(fine, fine, time)
        self.to_middle = nn.Conv2d(fine, middle, 3, 2, 1)
        self.middle = _Residual(middle, middle, time)
        self.to_coarse = nn.Conv2d(middle, coarse, 3, 2, 1)
        self.coarse = nn.ModuleList(_Residual(coarse, coarse, time) for _ in range(2))
        self.from_coarse = nn.Conv2d(coarse, middle, 1)
        self.middle_again = _Residual(2 * middle, middle, time)
        self.from_middle = nn.Conv2d(middle, fine, 1)
        self.fine_again = _Residual(2 * fine, fine, time)
        self.norm = nn.GroupNorm(_GROUPS, fine)
        self.to_flow = nn.Conv2d(fine, 3 * _CELL**2, 3, 1, 1)
        nn.init.zeros_(self.to_flow.weight)
        nn.init.zeros_(self.to_flow.bias)  # type: ignore[arg-type]

    def prepared(self, told: Told) -> tuple[Tensor, Tensor]:
        """What does not depend on the noise, computed once for all steps."""
        return self.read_told(functional.pixel_unshuffle(told.pixels, _CELL)), self.read_tokens(told.tokens)

    def forward(self, noisy: Tensor, tau: Tensor, prepared: tuple[Tensor, Tensor]) -> Tensor:
        """Return the flow, noise less difference (B, 3, H, W).

        Args:
            noisy: (B, 3, H, W), (1 - tau) difference + tau noise.
            tau: (B,), noise level in [0, 1].
            prepared: what :meth:`prepared` gave.
        """
        time = self.to_time(_waves(tau))
        fine = self.read_noisy(functional.pixel_unshuffle(noisy, _CELL)) + prepared[0]
        fine = self.fine(fine, time)
        middle = self.middle(self.to_middle(fine), time)
        coarse = self.to_coarse(middle) + prepared[1]
        for block in self.coarse:
            coarse = block(coarse, time)
        above = _doubled(self.from_coarse(coarse))
        middle = self.middle_again(torch.cat([middle, above], 1), time)
        fine = self.fine_again(torch.cat([fine, _doubled(self.from_middle(middle))], 1), time)
        learnt: Tensor = functional.pixel_shuffle(self.to_flow(functional.silu(self.norm(fine))), _CELL)
        return learnt + _normal_flow(noisy, tau)


def imagined_share(confidence: Tensor) -> Tensor:
    """How much of the drawn difference is shown: none where the regression can be trusted, all where it cannot."""
    return ((_TRUSTED - confidence) / (_TRUSTED - _NOT_TRUSTED)).clamp(0, 1)


def _doubled(values: Tensor) -> Tensor:
    return functional.interpolate(values, scale_factor=2.0, mode="nearest")


def _waves(tau: Tensor) -> Tensor:
    """Sines and cosines (B, 64) of noise levels (B,)."""
    half = _TIME_CHANNELS // 2
    rates = torch.exp(-math.log(_TIME_SPAN) * torch.arange(half, device=tau.device) / half)
    angles = _TIME_SPAN * tau.float()[:, None] * rates
    return torch.cat([angles.sin(), angles.cos()], 1)


def noise_levels(steps: int) -> list[float]:
    """Levels sigma of so many evaluations: tau = sigma / (1 + sigma) falls evenly, beginning near 1."""
    taus = [_FIRST_TAU * (1 - index / steps) for index in range(steps)]
    return [tau / (1 - tau) for tau in taus]


def drawn_difference(
    head: FlowHead,
    told: Told,
    *,
    steps: int,
    seed: int,
    solver: str = "ab2",
    between: Callable[[int], None] | None = None,
) -> Tensor:
    """Draw what a true picture differs from the regression's, (1, 3, H, W), in units of :func:`spread`.

    The noise belongs to the seed and the pixel alone: the same at all instants, so that a film does not flicker, and
    for all targets, so that none depends on which others were asked for.

    Args:
        head: the network.
        told: of one picture.
        steps: evaluations, at least 1.
        seed: of the noise.
        solver: "ab2" or "euler".
        between: called before each evaluation with the number of those done; what it raises ends the work.
    """
    height, width = told.pixels.shape[-2:]
    levels = noise_levels(steps)
    noise = torch.from_numpy(view_noise(seed, 0, (3, height, width)))[None].to(told.pixels.device)
    prepared = head.prepared(told)

    def clean(sample: Tensor, sigma: float) -> Tensor:
        flow = RectifiedFlow.at(sigma)
        tau = torch.full((1,), flow.noise, device=sample.device)
        predicted: Tensor = head((flow.inside * sample).float(), tau, prepared).double()
        return flow.skip * sample + flow.out * predicted

    return sample_flow(clean, levels[0] * noise, levels, SOLVERS[solver], between=between).float()
