"""The gradient of score distillation against its closed form where pictures are Gaussian."""

from __future__ import annotations

import pytest
import torch
from gaussian_denoiser import GaussianDenoiser

from anyview_ros.methods.zeronvs.distillation.guidance import sds_gradient, with_gradient

SPREAD = 0.5


def gradients(
    denoiser: GaussianDenoiser, latents: torch.Tensor, timestep: int, guidance: float, noise: torch.Tensor
) -> torch.Tensor:
    count = len(latents)
    condition = denoiser.condition(torch.full((count, 3, 4, 4), 0.4), torch.zeros(count, 19))
    rows = torch.full((count,), timestep)
    return sds_gradient(denoiser, denoiser.levels, latents, noise, rows, condition, guidance)


@pytest.mark.parametrize("kind", ["epsilon", "sample", "v_prediction"])
@pytest.mark.parametrize("timestep", [20, 400, 950])
def test_it_is_the_closed_form_whatever_the_network_predicts(kind: str, timestep: int) -> None:
    # x_t = a x + s n of N(m, q²) pictures: the predicted noise is s (x_t - a m) / (a² q² + s²), so that the gradient is
    # s² (s (a (x - m) + s n) / (a² q² + s²) - n).
    denoiser = GaussianDenoiser(kind, spread=SPREAD)
    generator = torch.Generator().manual_seed(0)
    latents, noise = torch.randn(2, 5, 3, 4, 4, generator=generator)
    signal, spread = (float(one) for one in denoiser.levels.at(torch.tensor([timestep])))
    total = signal**2 * SPREAD**2 + spread**2
    wanted = spread**2 * (spread * (signal * (latents - 0.4) + spread * noise) / total - noise)
    found = gradients(denoiser, latents, timestep, 1.0, noise)
    torch.testing.assert_close(found, wanted, atol=2e-5, rtol=1e-3)


def test_its_mean_points_from_the_expected_picture() -> None:
    denoiser = GaussianDenoiser(spread=SPREAD)
    generator = torch.Generator().manual_seed(1)
    latents = torch.full((4000, 3, 4, 4), 1.0)
    noise = torch.randn(latents.shape, generator=generator)
    found = gradients(denoiser, latents, 400, 1.0, noise).mean()
    signal, spread = (float(one) for one in denoiser.levels.at(torch.tensor([400])))
    wanted = spread**3 * signal * (1.0 - 0.4) / (signal**2 * SPREAD**2 + spread**2)
    assert float(found) == pytest.approx(wanted, rel=0.02)


def test_guidance_pushes_on_past_the_condition() -> None:
    denoiser = GaussianDenoiser(spread=SPREAD, unconditional=-1.0)
    latents, noise = torch.full((1, 3, 4, 4), 0.4), torch.zeros(1, 3, 4, 4)
    plain, pushed = (gradients(denoiser, latents, 400, guidance, noise) for guidance in (1.0, 7.5))
    torch.testing.assert_close(plain, torch.zeros_like(plain), atol=1e-6, rtol=0)
    # towards 0.4 and away from -1: 6.5 times as far again
    signal, spread = (float(one) for one in denoiser.levels.at(torch.tensor([400])))
    wanted = -6.5 * spread**3 * signal * 1.4 / (signal**2 * SPREAD**2 + spread**2)
    torch.testing.assert_close(pushed, torch.full_like(pushed, wanted), atol=1e-5, rtol=1e-3)


def test_a_field_that_follows_it_settles_on_the_mean() -> None:
    denoiser = GaussianDenoiser(spread=SPREAD)
    generator = torch.Generator().manual_seed(2)
    shown = torch.nn.Parameter(torch.full((1, 3, 4, 4), -0.8))
    optimiser = torch.optim.SGD([shown], lr=20.0)
    for step in range(300):
        optimiser.param_groups[0]["lr"] = 20.0 * 0.98**step
        noise = torch.randn(1, 3, 4, 4, generator=generator)
        optimiser.zero_grad()
        with_gradient(shown, gradients(denoiser, shown, 300, 1.0, noise)).backward()
        optimiser.step()
    torch.testing.assert_close(shown.detach(), torch.full((1, 3, 4, 4), 0.4), atol=0.1, rtol=0)


def test_the_gradient_goes_through_the_latents_and_through_nothing_else() -> None:
    latents = torch.zeros(2, 3, 4, 4, requires_grad=True)
    wanted = torch.randn(2, 3, 4, 4, generator=torch.Generator().manual_seed(3))
    with_gradient(latents, wanted).backward()
    assert latents.grad is not None
    torch.testing.assert_close(latents.grad, wanted / latents.numel())
    found = gradients(GaussianDenoiser(), latents, 400, 1.0, torch.zeros(2, 3, 4, 4))
    assert not found.requires_grad
