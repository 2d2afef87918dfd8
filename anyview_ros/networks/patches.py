"""Videos as sequences of patches, and back."""

from __future__ import annotations

import torch

from anyview_ros.errors import InvalidInputError

PatchSize = tuple[int, int, int]
"""Frames, rows and columns of a patch."""


def patch_grid(shape: tuple[int, int, int], patch: PatchSize) -> tuple[int, int, int]:
    """Patches along time, height and width of a video of ``shape`` (T, H, W).

    Raises:
        InvalidInputError: the patches do not fill the video.
    """
    if any(length % size for length, size in zip(shape, patch, strict=True)):
        raise InvalidInputError(
            f"a video of {'x'.join(map(str, shape))} (time, height, width) is not made of patches of "
            f"{'x'.join(map(str, patch))}; choose a size that is a multiple"
        )
    time, height, width = (length // size for length, size in zip(shape, patch, strict=True))
    return time, height, width


def patchify(video: torch.Tensor, patch: PatchSize) -> torch.Tensor:
    """Cut (B, C, T, H, W) into patches (B, tokens, C * pt * ph * pw), the channel outermost in each."""
    batch, channels, *shape = video.shape
    (time, height, width), (pt, ph, pw) = patch_grid((shape[0], shape[1], shape[2]), patch), patch
    cut = video.reshape(batch, channels, time, pt, height, ph, width, pw)
    return cut.permute(0, 2, 4, 6, 1, 3, 5, 7).reshape(batch, time * height * width, -1)


def unpatchify(tokens: torch.Tensor, grid: tuple[int, int, int], patch: PatchSize) -> torch.Tensor:
    """Lay patches (B, tokens, ph * pw * pt * C), the channel *innermost* in each, to (B, C, T, H, W).

    Args:
        tokens: the patches, time first, then height, then width.
        grid: patches along time, height and width.
        patch: size of each.
    """
    (time, height, width), (pt, ph, pw) = grid, patch
    laid = tokens.reshape(tokens.shape[0], time, height, width, ph, pw, pt, -1)
    return laid.permute(0, 7, 1, 6, 2, 4, 3, 5).reshape(
        tokens.shape[0], -1, time * pt, height * ph, width * pw
    )
