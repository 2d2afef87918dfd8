"""Volume rendering along rays: rendering weights, what they expect, and where to sample.

A ray has ``S`` intervals between ``S + 1`` edges, each a distance t along the ray in the unit of its direction: where
directions have one metre along the optical axis (z = 1), t is depth in metres. Density is taken for constant in an
interval: alpha_i = 1 - exp(-density_i * width_i), weight_i = alpha_i * prod_{j<i} (1 - alpha_j) (Kajiya and Von
Herzen 1984; Max 1995).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

_LEAST_THICKNESS = 1e-10


@dataclass(frozen=True, eq=False)
class RayWeights:
    """How much each interval contributes to its ray.

    Attributes:
        weights: (..., S), not negative, of sum at most 1.
        log_weights: (..., S), finite also where a weight is too small for a float.
        thickness: (..., S), optical thickness density·length of each interval.
    """

    weights: Tensor
    log_weights: Tensor
    thickness: Tensor

    def expected(self, values: Tensor) -> Tensor:
        """Sum of values (..., S) by weight, (...,)."""
        return (self.weights * values).sum(-1)

    def expected_vectors(self, values: Tensor) -> Tensor:
        """Sum of vectors (..., S, C) by weight, (..., C)."""
        return (self.weights[..., None] * values).sum(-2)

    @property
    def opacity(self) -> Tensor:
        """Sum of the weights, (...,): 1 where nothing passes through."""
        return self.weights.sum(-1)

    @property
    def log_normalised(self) -> Tensor:
        """Logarithm of the weights divided by their sum, (..., S)."""
        return torch.log_softmax(self.log_weights, -1)


def ray_weights(density: Tensor, lengths: Tensor, *, opaque_end: bool = False) -> RayWeights:
    """Weights of the intervals of rays.

    Args:
        density: (..., S), per metre, not negative.
        lengths: (..., S) of the intervals, metres.
        opaque_end: take the last interval for solid, so that the weights sum to 1.
    """
    thickness = (density * lengths).clamp_min(_LEAST_THICKNESS)
    # Not cumsum - thickness: behind a wall of thickness 1e8, nothing would be left of what stood before it.
    passed = torch.cat([torch.zeros_like(thickness[..., :1]), torch.cumsum(thickness, -1)[..., :-1]], -1)
    log_alpha = _log1mexp(thickness)
    if opaque_end:
        log_alpha = torch.cat([log_alpha[..., :-1], torch.zeros_like(log_alpha[..., -1:])], -1)
    log_weights = log_alpha - passed
    return RayWeights(log_weights.exp(), log_weights, thickness)


def _log1mexp(x: Tensor) -> Tensor:
    """log(1 - exp(-x)) for x > 0, exact for small and large x (Mächler 2012)."""
    small = x < math.log(2)
    low = torch.log(-torch.expm1(-torch.where(small, x, torch.ones_like(x))))
    high = torch.log1p(-torch.exp(-torch.where(small, torch.ones_like(x), x)))
    return torch.where(small, low, high)


def middles(edges: Tensor) -> Tensor:
    """Middles (..., S) of the intervals between edges (..., S + 1)."""
    return 0.5 * (edges[..., 1:] + edges[..., :-1])


def widths(edges: Tensor) -> Tensor:
    """Widths (..., S) of the intervals between edges (..., S + 1)."""
    return edges[..., 1:] - edges[..., :-1]


def stratified_edges(
    near: Tensor,
    far: Tensor,
    count: int,
    generator: torch.Generator | None = None,
    *,
    logarithmic: bool = False,
) -> Tensor:
    """Edges (..., count + 1) of intervals that fill rays from ``near`` to ``far``.

    Args:
        near, far: (...,); far > near, and near > 0 where ``logarithmic``.
        count: of intervals.
        generator: moves each inner edge by up to half an interval either way; None for even intervals.
        logarithmic: intervals grow in proportion to the distance, rather than being of one width.
    """
    place = torch.arange(count + 1, dtype=near.dtype, device=near.device).expand(*near.shape, count + 1)
    if generator is not None and count > 1:
        shift = (
            torch.rand((*near.shape, count - 1), generator=generator, device=near.device, dtype=near.dtype)
            - 0.5
        )
        place = torch.cat([place[..., :1], place[..., 1:-1] + shift, place[..., -1:]], -1)
    share = place / count
    near, far = near[..., None], far[..., None]
    if logarithmic:
        return near * (far / near) ** share
    return near + (far - near) * share


def resampled_edges(
    edges: Tensor,
    weights: Tensor,
    count: int,
    generator: torch.Generator | None = None,
    *,
    floor: float = 0.01,
) -> Tensor:
    """Edges (..., count + 1) between which the weights are about equal: more of them where there is more to see.

    The first and the last edge stay. Inverse transform sampling of the piecewise constant density that the weights
    make, as in NeRF's second pass.

    Args:
        edges: (..., S + 1), increasing.
        weights: (..., S), not negative.
        count: of intervals.
        generator: moves each inner edge by up to half its step either way; None for even steps.
        floor: share of the samples that is spread over the ray whatever the weights say.
    """
    weights = weights.detach()
    share = widths(edges) / (edges[..., -1:] - edges[..., :1])
    total = weights.sum(-1, keepdim=True).clamp_min(1e-12)
    mass = (1 - floor) * weights / total + floor * share
    cumulative = torch.cumsum(mass, -1)
    cumulative = torch.cat([torch.zeros_like(cumulative[..., :1]), cumulative / cumulative[..., -1:]], -1)
    wanted = stratified_edges(
        torch.zeros_like(edges[..., 0]), torch.ones_like(edges[..., 0]), count, generator
    )
    above = torch.searchsorted(cumulative.contiguous(), wanted.contiguous(), right=True)
    above = above.clamp(1, edges.shape[-1] - 1)
    low, high = cumulative.gather(-1, above - 1), cumulative.gather(-1, above)
    start, end = edges.gather(-1, above - 1), edges.gather(-1, above)
    part = ((wanted - low) / (high - low).clamp_min(1e-12)).clamp(0, 1)
    return start + part * (end - start)
