"""How far a rendered scene is from what was observed."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from anyview_ros.geometry import PinholeCamera

_WINDOW = 7
_C1, _C2 = 0.01**2, 0.03**2
_STRUCTURE = 0.2  # share of SSIM in the loss of colours


def colour_loss(drawn: Tensor, seen: Tensor, weight: Tensor) -> Tensor:
    """0.8 L1 + 0.2 (1 - SSIM) of pictures (H, W, 3), pixels counting by weight (H, W)."""
    total = weight.sum().clamp(min=1e-6)
    first = ((drawn - seen).abs().mean(-1) * weight).sum() / total
    structure = ((1 - similarity(drawn, seen)) * weight).sum() / total
    return (1 - _STRUCTURE) * first + _STRUCTURE * structure


def similarity(a: Tensor, b: Tensor) -> Tensor:
    """Structural similarity (H, W) of pictures (H, W, 3): windows of 7 by 7 pixels, cut off at the border."""
    stack = torch.cat([a, b, a * a, b * b, a * b], -1).permute(2, 0, 1)[None]
    means = functional.avg_pool2d(stack, _WINDOW, 1, _WINDOW // 2, count_include_pad=False)[0]
    mean_a, mean_b, squares_a, squares_b, product = (means[3 * i : 3 * i + 3] for i in range(5))
    variances = squares_a - mean_a**2 + squares_b - mean_b**2
    covariance = product - mean_a * mean_b
    luminance = (2 * mean_a * mean_b + _C1) / (mean_a**2 + mean_b**2 + _C1)
    found: Tensor = (luminance * (2 * covariance + _C2) / (variances + _C2)).mean(0)
    return found


def depth_loss(drawn: Tensor, seen: Tensor, weight: Tensor) -> Tensor:
    """Mean distance of depths (H, W), as part of the depth seen, where there is one (0 = unknown)."""
    known = (seen > 0).float() * weight
    apart = (drawn - seen).abs() / seen.clamp(min=1e-3)
    return (apart.clamp(max=1.0) * known).sum() / known.sum().clamp(min=1e-6)


def track_loss(
    later: Tensor, alpha: Tensor, here: Tensor, there: Tensor, pose: Tensor, camera: PinholeCamera
) -> Tensor:
    """Mean distance, in widths of the image, of where points are seen at another instant and where they were tracked.

    Args:
        later: (H, W, 3), drawn places of what each pixel shows at the other instant, world, weighted by visibility.
        alpha: (H, W).
        here: (M, 2), pixels of this picture.
        there: (M, 2), where the tracks have these points in the other picture.
        pose: world to camera (4, 4) of the other picture.
        camera: its intrinsics.
    """
    height, width = alpha.shape
    size = torch.tensor([width, height], dtype=here.dtype, device=here.device)
    grid = ((2 * here + 1) / size - 1)[None, None]
    values = torch.cat([later, alpha[..., None]], -1).permute(2, 0, 1)[None]
    found = functional.grid_sample(values, grid, padding_mode="border", align_corners=False)[0, :, 0].T
    cover = found[:, 3]
    good = cover > 0.5
    places = found[:, :3] / cover.clamp(min=1e-3)[:, None]
    local = places @ pose[:3, :3].T + pose[:3, 3]
    z = local[:, 2].clamp(min=0.05)
    pixels = torch.stack(
        [camera.fx * local[:, 0] / z + camera.cx, camera.fy * local[:, 1] / z + camera.cy], -1
    )
    away = ((pixels - there).norm(dim=-1) / camera.width).clamp(max=0.2)
    mean: Tensor = (away * good).sum() / good.sum().clamp(min=1)
    return mean
