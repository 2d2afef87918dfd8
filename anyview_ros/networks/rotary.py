"""Rotary positions of tokens on a grid of time, height and width."""

from __future__ import annotations

import torch


def rotary_split(head_width: int) -> tuple[int, int, int]:
    """How many of a head's channels turn with time, height and width: a third each, rounded down to even for
    the last two (44, 42, 42 of 128)."""
    spatial = head_width // 6 * 2
    return head_width - 2 * spatial, spatial, spatial


def rotary_frequencies(
    width: int, *, scale: float = 1.0, device: torch.device | str | None = None
) -> torch.Tensor:
    """Radians per position, float32 (width / 2,): theta^(-2i/width), theta = 10000 * scale^(width/(width-2)).

    Args:
        width: channels of the axis, even, at least 4 where ``scale`` is not 1.
        scale: how many times farther than in training positions should reach ("NTK-aware" scaling).
        device: where the result lives.
    """
    theta = 10000.0 * scale ** (width / (width - 2)) if scale != 1.0 else 10000.0
    exponent = torch.arange(0, width, 2, dtype=torch.float32, device=device) / width
    return 1.0 / theta**exponent


def rotary_angles(
    shape: tuple[int, int, int],
    head_width: int,
    *,
    scale: tuple[float, float, float] = (1.0, 1.0, 1.0),
    device: torch.device | str | None = None,
) -> torch.Tensor:
    """Angles of the tokens of one grid, whose first token has position (0, 0, 0).

    Args:
        shape: tokens along time, height and width.
        head_width: channels of an attention head.
        scale: of the three axes; see :func:`rotary_frequencies`.
        device: where the result lives.

    Returns:
        float32 (time * height * width, head_width / 2), radians; time first, then height, then width.
    """
    axes = []
    for axis, (count, width, factor) in enumerate(zip(shape, rotary_split(head_width), scale, strict=True)):
        frequencies = rotary_frequencies(width, scale=factor, device=device)
        angles = torch.outer(torch.arange(count, dtype=torch.float32, device=device), frequencies)
        view = [1, 1, 1, angles.shape[1]]
        view[axis] = count
        axes.append(angles.view(view).expand(*shape, -1))
    return torch.cat(axes, dim=-1).flatten(0, 2)


def rotate(features: torch.Tensor, angles: torch.Tensor) -> torch.Tensor:
    """Turn channel i together with channel i + half by angle i ("half-split" pairs, as in GPT-NeoX).

    Args:
        features: (batch, tokens, heads, head_width).
        angles: float32 (tokens, head_width / 2), radians.

    Returns:
        as ``features``; computed in float32.
    """
    first, second = features.float().chunk(2, dim=-1)
    cosine, sine = angles.cos()[:, None], angles.sin()[:, None]
    turned = torch.cat([first * cosine - second * sine, second * cosine + first * sine], dim=-1)
    return turned.to(features.dtype)
