"""What the fit minimises besides the error of the colours: DDR's losses of the rendering weights."""

from __future__ import annotations

import torch
from torch import Tensor

from anyview_ros.methods.ddr.options import DepthLoss
from anyview_ros.rendering.volume import RayWeights


def gumbel_depths(log_weights: Tensor, depths: Tensor, gumbel: Tensor, temperature: float) -> Tensor:
    """Depths drawn from the rendering weights, differentiably: D_s = sum_i softmax((log w_i + g_is) / tau)_i t_i.

    Args:
        log_weights: (R, S), of weights normalised along the ray.
        depths: (R, S), where the intervals are.
        gumbel: (R, K, S), standard Gumbel noise.
        temperature: tau; towards 0 the draws become single intervals.

    Returns:
        (R, K).
    """
    chosen = torch.softmax((log_weights[:, None] + gumbel) / temperature, -1)
    return (chosen * depths[:, None]).sum(-1)


def gumbel_noise(shape: tuple[int, ...], generator: torch.Generator, device: torch.device) -> Tensor:
    """Standard Gumbel noise: -log(-log u)."""
    u = torch.rand(shape, generator=generator, device=device).clamp(1e-7, 1 - 1e-7)
    return -torch.log(-torch.log(u))


def ddr_loss(drawn: Tensor, depth: Tensor) -> Tensor:
    """Expectation of the error, per ray: mean_s |D_s - D| (DDR, arXiv 2506.23153). Drawn (R, K), depth (R,)."""
    return (drawn - depth[:, None]).abs().mean(-1)


def closed_form_loss(weights: RayWeights, depths: Tensor, depth: Tensor) -> Tensor:
    """What draws at temperature 0 expect, per ray: sum_i w_i |t_i - D|, weights normalised."""
    return (weights.log_normalised.exp() * (depths - depth[:, None]).abs()).sum(-1)


def plain_loss(weights: RayWeights, depths: Tensor, depth: Tensor) -> Tensor:
    """Error of the expectation, per ray: |sum_i w_i t_i - D|, weights normalised."""
    return ((weights.log_normalised.exp() * depths).sum(-1) - depth).abs()


def depth_loss(
    kind: DepthLoss,
    weights: RayWeights,
    depths: Tensor,
    depth: Tensor,
    *,
    draws: int,
    temperature: float,
    generator: torch.Generator,
) -> Tensor:
    """The chosen loss as a part of the depth, mean over the rays whose depth is known (> 0); 0 where none is.

    Args:
        kind: which loss; see ``DdrOptions.depth_loss``.
        weights: of the rays, (R, S).
        depths: (R, S), middles of the intervals.
        depth: (R,), given; 0 = unknown.
        draws, temperature: of "ddr".
        generator: of the Gumbel noise of "ddr".
    """
    known = depth > 0
    if kind == "none":
        return depth.new_zeros(())
    if kind == "ddr":
        noise = gumbel_noise((len(depth), draws, depths.shape[-1]), generator, depth.device)
        each = ddr_loss(gumbel_depths(weights.log_normalised, depths, noise, temperature), depth)
    elif kind == "closed":
        each = closed_form_loss(weights, depths, depth)
    else:
        each = plain_loss(weights, depths, depth)
    share = each / depth.clamp_min(1e-6)
    return torch.where(known, share, torch.zeros_like(share)).sum() / known.sum().clamp_min(1)


def before_surface_loss(weights: RayWeights, depths: Tensor, depth: Tensor, margin: float) -> Tensor:
    """Optical thickness between the camera and a little before the surface, mean over rays of known depth.

    Args:
        weights: of the rays, (R, S).
        depths: (R, S), middles of the intervals.
        depth: (R,), given; 0 = unknown.
        margin: how far before the surface the empty part ends, in parts of the depth.
    """
    before = depths < (depth * (1 - margin))[:, None]
    thickness = torch.where(before, weights.thickness, torch.zeros_like(weights.thickness)).sum(-1)
    return thickness.sum() / (depth > 0).sum().clamp_min(1)


def spread(weights: RayWeights, depths: Tensor, depth: Tensor) -> Tensor:
    """How far the rendering weights lie from the surface, E|t - D| per ray (R,), metres."""
    return closed_form_loss(weights, depths, depth)
