"""Rendering weights against what can be worked out by hand, and samples where they belong."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from strategies import numbers

from anyview_ros.rendering.volume import (
    middles,
    ray_weights,
    resampled_edges,
    stratified_edges,
    widths,
)


def test_an_even_fog_lets_pass_what_beer_and_lambert_say() -> None:
    edges = torch.linspace(0, 2, 201, dtype=torch.float64)[None]
    found = ray_weights(torch.full((1, 200), 1.5, dtype=torch.float64), widths(edges))
    assert found.opacity.item() == pytest.approx(1 - math.exp(-3.0), abs=1e-12)
    # Expected depth of an exponential law cut off at 2: integral of t * 1.5 exp(-1.5 t).
    exact = 1 / 1.5 - math.exp(-3.0) * (2 + 1 / 1.5)
    assert found.expected(middles(edges)).item() == pytest.approx(exact, abs=1e-4)


def test_a_wall_takes_all_the_weight_and_hides_what_is_behind() -> None:
    density = torch.tensor([[0.0, 0.0, 1e4, 1e4, 5.0]])
    found = ray_weights(density, torch.full((1, 5), 0.1))
    torch.testing.assert_close(found.weights, torch.tensor([[0.0, 0.0, 1.0, 0.0, 0.0]]), atol=1e-6, rtol=0)
    colours = torch.eye(5)[None, :, :3]
    torch.testing.assert_close(
        found.expected_vectors(colours), torch.tensor([[0.0, 0.0, 1.0]]), atol=1e-6, rtol=0
    )


def test_an_opaque_end_takes_what_is_left() -> None:
    density, lengths = torch.full((3, 6), 0.2), torch.full((3, 6), 0.5)
    open_ended = ray_weights(density, lengths)
    closed = ray_weights(density, lengths, opaque_end=True)
    torch.testing.assert_close(closed.opacity, torch.ones(3))
    torch.testing.assert_close(closed.weights[:, :-1], open_ended.weights[:, :-1])
    assert (open_ended.opacity < 0.5).all()


@given(
    st.lists(numbers(0, 1e6), min_size=1, max_size=12),
    numbers(1e-3, 100),
    st.booleans(),
)
def test_weights_are_a_distribution_and_their_logarithms_are_finite(
    density: list[float], length: float, opaque: bool
) -> None:
    sigma = torch.tensor([density], requires_grad=True)
    found = ray_weights(sigma, torch.full_like(sigma, length), opaque_end=opaque)
    assert (found.weights >= 0).all()
    assert found.opacity.item() <= 1 + 1e-5
    assert torch.isfinite(found.log_weights).all()
    torch.testing.assert_close(found.log_normalised.exp().sum(-1), torch.ones(1))
    found.log_weights.sum().backward()
    assert torch.isfinite(sigma.grad).all()


def test_logarithms_agree_with_weights_over_the_whole_range() -> None:
    thickness = torch.logspace(-9, 2, 200, dtype=torch.float64)[:, None]
    found = ray_weights(thickness, torch.ones_like(thickness))
    exact = torch.log(-torch.expm1(-thickness))
    torch.testing.assert_close(found.log_weights, exact, atol=1e-12, rtol=1e-12)


def test_weights_pass_a_numerical_check_of_their_gradient() -> None:
    density = torch.tensor([[0.1, 2.0, 0.7, 5.0]], dtype=torch.float64, requires_grad=True)
    lengths = torch.tensor([[0.3, 0.2, 0.9, 0.4]], dtype=torch.float64)
    assert torch.autograd.gradcheck(lambda d: ray_weights(d, lengths).log_weights, (density,))


@pytest.mark.parametrize("logarithmic", [False, True])
def test_edges_fill_the_ray_in_order(logarithmic: bool) -> None:
    near, far = torch.tensor([0.5, 1.0, 2.0]), torch.tensor([1.0, 9.0, 2.5])
    generator = torch.Generator().manual_seed(3)
    edges = stratified_edges(near, far, 16, generator, logarithmic=logarithmic)
    assert edges.shape == (3, 17)
    torch.testing.assert_close(edges[:, 0], near)
    torch.testing.assert_close(edges[:, -1], far)
    assert (widths(edges) >= 0).all()
    even = stratified_edges(near, far, 16, logarithmic=logarithmic)
    assert not torch.equal(edges, even)
    steps = even.log().diff() if logarithmic else even.diff()
    torch.testing.assert_close(steps, steps[:, :1].expand_as(steps), atol=1e-5, rtol=1e-4)


def test_samples_go_where_the_weights_are() -> None:
    edges = torch.linspace(0, 1, 11)[None]
    weights = torch.zeros(1, 10)
    weights[0, 6] = 1.0
    found = resampled_edges(edges, weights, 20, floor=0.1)
    assert (found.diff() > 0).all()
    torch.testing.assert_close(found[0, [0, -1]], torch.tensor([0.0, 1.0]))
    inside = ((found > 0.6 - 1e-6) & (found < 0.7 + 1e-6)).sum().item()
    # 0.9 + 0.1 * 0.1 of 20 steps lie in the interval with all the weight.
    assert inside == pytest.approx(0.91 * 20, abs=1.1)


def test_resampling_an_even_density_changes_nothing() -> None:
    edges = stratified_edges(torch.tensor([1.0]), torch.tensor([4.0]), 8)
    torch.testing.assert_close(resampled_edges(edges, torch.full((1, 8), 0.125), 8), edges)


def test_no_weight_at_all_is_spread_evenly() -> None:
    edges = torch.tensor([[0.0, 1.0, 4.0]])
    found = resampled_edges(edges, torch.zeros(1, 2), 4, floor=0.5)
    torch.testing.assert_close(found, torch.tensor([[0.0, 1.0, 2.0, 3.0, 4.0]]))


def test_resampling_draws_as_the_weights_say_in_the_mean() -> None:
    generator = torch.Generator().manual_seed(0)
    edges = torch.tensor([0.0, 1.0, 3.0]).expand(4000, 3)
    weights = torch.tensor([0.75, 0.25]).expand(4000, 2)
    found = resampled_edges(edges, weights, 5, generator, floor=0.0)[:, 1:-1]
    # Places 0.2, 0.4, 0.6 and 0.8, give or take 0.1: the first three and a quarter of the last lie below 0.75.
    assert (found < 1).float().mean().item() == pytest.approx(3.25 / 4, abs=0.01)
