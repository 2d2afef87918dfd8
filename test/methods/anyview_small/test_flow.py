from __future__ import annotations

import math

import pytest
import torch
from small_weights import TINY

from anyview_ros.diffusion.noise import view_noise
from anyview_ros.errors import InvalidInputError
from anyview_ros.methods.anyview_small.config import SmallConfig
from anyview_ros.methods.anyview_small.flow import (
    TOLD_CHANNELS,
    FlowHead,
    Told,
    drawn_difference,
    imagined_share,
    mean_power,
    noise_levels,
)

FEATURES, WIDTH, SIZE = 8, TINY.width, (16, 24)


def told(seed: int = 0) -> Told:
    generator = torch.Generator().manual_seed(seed)
    return Told(
        torch.randn(1, TOLD_CHANNELS + FEATURES, *SIZE, generator=generator),
        torch.randn(1, WIDTH, SIZE[0] // 8, SIZE[1] // 8, generator=generator),
    )


@pytest.fixture(scope="module")
def head() -> FlowHead:
    torch.manual_seed(0)
    head = FlowHead(8, FEATURES, WIDTH)
    with torch.no_grad():
        for parameter in head.parameters():
            parameter.add_(0.1 * torch.randn_like(parameter))
    return head.requires_grad_(False)


class GaussianHead:
    """The exact flow of differences that are normal in every pixel by themselves."""

    def __init__(self, mean: float, deviation: float) -> None:
        self.mean, self.variance = mean, deviation**2
        self.evaluations = 0

    def prepared(self, told: Told) -> None:
        del told

    def __call__(self, noisy: torch.Tensor, tau: torch.Tensor, prepared: None) -> torch.Tensor:
        del prepared
        self.evaluations += 1
        level = float(tau)
        spread = (1 - level) ** 2 * self.variance + level**2
        clean = self.mean + (1 - level) * self.variance / spread * (noisy - (1 - level) * self.mean)
        return (noisy - clean) / level


@pytest.mark.parametrize("solver", ["ab2", "euler"])
def test_many_steps_draw_from_the_distribution_and_one_gives_its_mean(solver: str) -> None:
    exact = GaussianHead(0.7, 0.5)
    many = drawn_difference(exact, told(), steps=100, seed=3, solver=solver)  # type: ignore[arg-type]
    assert exact.evaluations == 100
    assert many.shape == (1, 3, *SIZE)
    noise = torch.from_numpy(view_noise(3, 0, (3, *SIZE)))[None]
    assert torch.allclose(many, 0.7 + 0.5 * noise, atol=0.05)
    one = drawn_difference(exact, told(), steps=1, seed=3, solver=solver)  # type: ignore[arg-type]
    assert torch.allclose(one, torch.tensor(0.7), atol=0.01)


def test_levels_fall_evenly_in_tau_from_nearly_pure_noise() -> None:
    for steps in (1, 4, 8):
        taus = [sigma / (1 + sigma) for sigma in noise_levels(steps)]
        assert len(taus) == steps
        assert taus[0] == pytest.approx(0.999)
        gaps = [a - b for a, b in zip(taus, [*taus[1:], 0.0], strict=True)]
        assert max(gaps) == pytest.approx(min(gaps))


def test_a_draw_belongs_to_its_seed(head: FlowHead) -> None:
    first, same, other = (drawn_difference(head, told(), steps=4, seed=seed) for seed in (1, 1, 2))
    assert torch.equal(first, same)
    assert (first - other).abs().mean() > 0.1


def test_a_draw_depends_on_what_the_head_is_told_and_on_the_solver(head: FlowHead) -> None:
    first = drawn_difference(head, told(0), steps=4, seed=1)
    assert (first - drawn_difference(head, told(1), steps=4, seed=1)).abs().mean() > 1e-3
    pixels_only = Told(told(0).pixels, told(1).tokens)
    assert (first - drawn_difference(head, pixels_only, steps=4, seed=1)).abs().mean() > 1e-4
    assert (first - drawn_difference(head, told(0), steps=4, seed=1, solver="euler")).abs().mean() > 1e-3


def test_the_head_sees_the_noise_level(head: FlowHead) -> None:
    prepared, noisy = head.prepared(told()), torch.randn(1, 3, *SIZE)
    low, high = (head(noisy, torch.tensor([tau]), prepared) for tau in (0.1, 0.9))
    assert (low - high).abs().mean() > 1e-3


def test_a_new_head_draws_what_is_as_rough_and_as_colourful_as_pictures() -> None:
    torch.manual_seed(0)
    new, size = FlowHead(8, FEATURES, WIDTH), (32, 48)
    blank = Told(torch.zeros(1, TOLD_CHANNELS + FEATURES, *size), torch.zeros(1, WIDTH, 4, 6))
    drawn = torch.cat([drawn_difference(new, blank, steps=50, seed=seed) for seed in range(30)])
    assert 0.7 < drawn.square().mean().item() < 1.2
    spectrum = torch.fft.rfft2(drawn).abs().square().mean((0, 1))
    for low in (2, 4, 8):  # half the wavelength, a quarter of the power
        assert (spectrum[0, low] / spectrum[0, 2 * low]).item() == pytest.approx(4.0, rel=0.5)
    colours = torch.corrcoef(drawn.transpose(0, 1).flatten(1))
    assert colours[0, 1].item() == pytest.approx(0.48, abs=0.15)
    assert mean_power(*size, drawn).mean().item() == pytest.approx(1.0)


def test_the_work_can_be_ended_between_evaluations(head: FlowHead) -> None:
    done = []

    def stop(evaluations: int) -> None:
        done.append(evaluations)
        if evaluations == 2:
            raise InterruptedError

    with pytest.raises(InterruptedError):
        drawn_difference(head, told(), steps=5, seed=0, between=stop)
    assert done == [0, 1, 2]


def test_nothing_is_imagined_where_the_picture_can_be_trusted() -> None:
    shares = imagined_share(torch.tensor([0.0, 0.5, 0.65, 0.8, 1.0]))
    assert shares.tolist() == pytest.approx([1.0, 1.0, 0.5, 0.0, 0.0], abs=1e-6)


def test_what_the_head_is_told_gets_no_gradient() -> None:
    from anyview_ros.methods.anyview_small.candidates import GATES, Mixture, Prediction

    def values(channels: int) -> torch.Tensor:
        return torch.rand(1, channels, *SIZE, requires_grad=True)

    prediction = Prediction(values(0), values(1), values(GATES), values(3), values(1))
    mixture = Mixture(values(3), values(1), values(GATES))
    of = Told.of(prediction, mixture, values(FEATURES), torch.rand(1, WIDTH, 2, 3, requires_grad=True))
    assert of.pixels.shape == (1, TOLD_CHANNELS + FEATURES, *SIZE)
    assert not of.pixels.requires_grad
    assert not of.tokens.requires_grad
    assert math.isfinite(float(of.pixels.sum()))


def test_channels_must_fit_the_groups() -> None:
    with pytest.raises(InvalidInputError, match="flow is 6"):
        SmallConfig(flow=6)
