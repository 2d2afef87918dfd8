"""Rays through a field, differentiably: one pass finds where the weights are, a second one counts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from anyview_ros.rendering.space import Space
from anyview_ros.rendering.volume import (
    RayWeights,
    middles,
    ray_weights,
    resampled_edges,
    stratified_edges,
    widths,
)

LookUp = Callable[[Tensor], tuple[Tensor, Tensor]]
"""Density (R, S) per metre and colour (R, S, 3) at coordinates (R, S, 3) in [-1, 1]."""

_EVEN_SHARE = 0.3  # of the samples that are spread over the ray
_LEAST_CROSSING = 1.01  # ratio of the ends of a ray's way through the space


@dataclass(frozen=True, eq=False)
class RenderedRays:
    """What rays see.

    Attributes:
        weights: of the intervals (R, S).
        depths: middles of the intervals (R, S), along the optical axis.
        colour: (R, 3) in [0, 1].
        near, far: (R,), where the rays enter and leave the space.
    """

    weights: RayWeights
    depths: Tensor
    colour: Tensor
    near: Tensor
    far: Tensor

    def shown(self, depth: Tensor) -> Tensor:
        """Whether the space can hold what is at a depth (R,), 0 = unknown; bool (R,)."""
        return (self.far > self.near * _LEAST_CROSSING) & (depth <= self.far * _LEAST_CROSSING)


def render_rays(
    look_up: LookUp,
    space: Space,
    origins: Tensor,
    directions: Tensor,
    samples: int,
    generator: torch.Generator | None = None,
) -> RenderedRays:
    """What rays see of a field; what lies where they leave the space is taken for solid.

    Args:
        look_up: the field.
        space: where it lives.
        origins, directions: (R, 3), in the space's axes; directions have one metre along the optical axis.
        samples: intervals per ray, in either pass.
        generator: of the jitter; None for none.
    """
    near, far = space.crossing(origins, directions)
    length = directions.norm(dim=-1, keepdim=True)

    def values(edges: Tensor) -> tuple[Tensor, Tensor]:
        points = origins[:, None] + middles(edges)[..., None] * directions[:, None]
        return look_up(space.coordinates(points))

    with torch.no_grad():
        edges = stratified_edges(near, far, samples, generator, logarithmic=True)
        density, _ = values(edges)
        found = ray_weights(density, widths(edges) * length, opaque_end=True)
        edges = resampled_edges(edges, found.weights, samples, generator, floor=_EVEN_SHARE)
    density, colour = values(edges)
    weights = ray_weights(density, widths(edges) * length, opaque_end=True)
    return RenderedRays(weights, middles(edges), weights.expected_vectors(colour), near, far)
