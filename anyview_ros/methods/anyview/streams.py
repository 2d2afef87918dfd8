"""The two views as the network sees them: picture, rays, and masks that say what is given and what is wanted.

Channels: the picture's latent (16), "picture is input", "picture is output", the latents of directions (16) and
moments (16), "camera is input", "camera is output".
"""

from __future__ import annotations

import torch


def target_view(noisy: torch.Tensor, rays: torch.Tensor) -> torch.Tensor:
    """The view to be made: its picture (B, C, T, H, W) is noise to be cleaned, its rays (B, 2C, T, H, W) are known."""
    return _view(noisy, rays, picture_given=False)


def source_view(clean: torch.Tensor, rays: torch.Tensor) -> torch.Tensor:
    """The view that was seen: picture (B, C, T, H, W) and rays (B, 2C, T, H, W) are known."""
    return _view(clean, rays, picture_given=True)


def _view(picture: torch.Tensor, rays: torch.Tensor, *, picture_given: bool) -> torch.Tensor:
    given, wanted = torch.ones_like(picture[:, :1]), torch.zeros_like(picture[:, :1])
    masks = (given, wanted) if picture_given else (wanted, given)
    return torch.cat([picture, *masks, rays.to(picture), given, wanted], dim=1)
