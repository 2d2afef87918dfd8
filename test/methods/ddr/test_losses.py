"""The losses against closed forms, and against what they are for."""

from __future__ import annotations

import pytest
import torch

from anyview_ros.methods.ddr.losses import (
    before_surface_loss,
    closed_form_loss,
    depth_loss,
    gumbel_depths,
    gumbel_noise,
    plain_loss,
    spread,
)
from anyview_ros.rendering.volume import RayWeights, middles, ray_weights, widths

EDGES = torch.linspace(0.5, 3.0, 26)
DEPTHS = middles(EDGES)[None]
CPU = torch.device("cpu")


def two_bumps() -> RayWeights:
    """Half of the weight at 1.05 m, half at 2.95 m: what an ambiguous ray looks like."""
    density = torch.zeros(1, 25)
    density[0, 5] = 0.6931 / 0.1
    density[0, 24] = 1e3
    return ray_weights(density, widths(EDGES)[None])


def one_bump(at: int) -> RayWeights:
    density = torch.zeros(1, 25)
    density[0, at] = 1e3
    return ray_weights(density, widths(EDGES)[None])


def test_the_plain_loss_is_blind_to_an_ambiguous_ray_and_the_others_are_not() -> None:
    depth = torch.tensor([2.0])  # just between the bumps, where nothing is
    weights = two_bumps()
    assert plain_loss(weights, DEPTHS, depth).item() < 0.01
    assert closed_form_loss(weights, DEPTHS, depth).item() == pytest.approx(0.95, abs=0.01)
    generator = torch.Generator().manual_seed(0)
    noise = gumbel_noise((1, 2000, 25), generator, CPU)
    drawn = gumbel_depths(weights.log_normalised, DEPTHS, noise, 0.02)
    assert (drawn - depth).abs().mean().item() == pytest.approx(0.95, abs=0.05)


def test_draws_at_a_low_temperature_follow_the_weights() -> None:
    generator = torch.Generator().manual_seed(1)
    weights = ray_weights(torch.full((1, 25), 0.9), widths(EDGES)[None])
    noise = gumbel_noise((1, 20_000, 25), generator, CPU)
    drawn = gumbel_depths(weights.log_normalised, DEPTHS, noise, 1e-3)
    counts = torch.histc(drawn, 25, 0.5, 3.0) / drawn.numel()
    torch.testing.assert_close(counts, weights.log_normalised.exp()[0], atol=0.01, rtol=0)


def test_gumbel_noise_has_the_mean_and_variance_it_should() -> None:
    noise = gumbel_noise((200_000,), torch.Generator().manual_seed(2), CPU).double()
    assert noise.mean().item() == pytest.approx(0.57722, abs=0.01)
    assert noise.var().item() == pytest.approx(1.64493, abs=0.03)


def test_its_gradient_moves_weight_towards_the_surface() -> None:
    density = torch.full((1, 25), 0.5, requires_grad=True)
    weights = ray_weights(density, widths(EDGES)[None], opaque_end=True)
    depth = torch.tensor([float(DEPTHS[0, 10])])
    generator = torch.Generator().manual_seed(0)
    depth_loss("ddr", weights, DEPTHS, depth, draws=64, temperature=0.5, generator=generator).backward()
    assert density.grad[0, 10] < 0  # more density there lowers the loss
    assert density.grad[0, 2] > 0  # and less before it


@pytest.mark.parametrize("kind", ["ddr", "plain", "closed"])
def test_a_solid_surface_at_its_depth_costs_nothing(kind) -> None:
    generator = torch.Generator().manual_seed(0)
    given = {"draws": 8, "temperature": 0.5, "generator": generator}
    right = depth_loss(kind, one_bump(10), DEPTHS, DEPTHS[0, 10:11], **given)
    wrong = depth_loss(kind, one_bump(20), DEPTHS, DEPTHS[0, 10:11], **given)
    assert right.item() < 1e-3
    assert wrong.item() == pytest.approx((2.55 - 1.55) / 1.55, rel=1e-3)  # in parts of the depth


@pytest.mark.parametrize("kind", ["ddr", "plain", "closed", "none"])
def test_rays_without_depth_count_for_nothing(kind) -> None:
    density = torch.rand(3, 25, generator=torch.Generator().manual_seed(3))
    weights = ray_weights(density, widths(EDGES).expand(3, 25))
    depths = DEPTHS.expand(3, 25)
    given = {"draws": 4, "temperature": 0.5}
    unknown = depth_loss(
        kind, weights, depths, torch.zeros(3), generator=torch.Generator().manual_seed(0), **given
    )
    assert unknown.item() == 0
    if kind == "closed":
        some = depth_loss(
            kind, weights, depths, torch.tensor([0.0, 2.0, 0.0]), generator=torch.Generator(), **given
        )
        alone = closed_form_loss(weights, depths, torch.tensor([1.0, 2.0, 1.0]))[1] / 2.0
        torch.testing.assert_close(some, alone)


def test_the_before_surface_loss_is_the_thickness_before_the_surface() -> None:
    weights = ray_weights(torch.full((2, 25), 0.4), widths(EDGES).expand(2, 25))
    found = before_surface_loss(weights, DEPTHS.expand(2, 25), torch.tensor([2.0, 0.0]), 0.05)
    # Intervals whose middle lies before 1.9 m: 14 of 0.1 m. The ray without depth counts for nothing.
    assert found.item() == pytest.approx(14 * 0.1 * 0.4, rel=1e-4)
    empty = before_surface_loss(one_bump(20), DEPTHS, torch.tensor([2.5]), 0.05)
    assert empty.item() < 1e-6


def test_the_spread_tells_a_surface_from_fog() -> None:
    depth = torch.tensor([2.0])
    assert spread(one_bump(14), DEPTHS, depth).item() < 0.06
    assert spread(two_bumps(), DEPTHS, depth).item() > 0.9
