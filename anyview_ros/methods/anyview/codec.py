"""Videos to latents and back, through the frozen autoencoder of Wan 2.1 that Cosmos-Predict2 uses."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from diffusers.models.autoencoders.autoencoder_kl_wan import AutoencoderKLWan
from numpy.typing import NDArray


class VideoCodec:
    """Encodes videos of 1 + 4 k frames to 1 + k latent frames, 8 times smaller on each side.

    Latents are the mean of the posterior, normalised by the autoencoder's ``latents_mean`` and ``latents_std``.

    Args:
        autoencoder: on its device and in the type it computes in.

    Attributes:
        base_width: channels of its first layer; 96 in the release.
    """

    def __init__(self, autoencoder: AutoencoderKLWan) -> None:
        self._autoencoder = autoencoder
        config: Any = autoencoder.config
        self.base_width = int(config.base_dim)
        shape = (1, int(config.z_dim), 1, 1, 1)
        self._mean = torch.tensor(config.latents_mean, device=autoencoder.device).view(shape)
        self._std = torch.tensor(config.latents_std, device=autoencoder.device).view(shape)

    @torch.no_grad()
    def encode(self, video: torch.Tensor) -> torch.Tensor:
        """Encode (B, 3, T, H, W) in [-1, 1], T = 1 + 4 k, one video at a time.

        Returns:
            float32 (B, 16, 1 + k, H / 8, W / 8).
        """
        video = video.to(self._autoencoder.device, self._autoencoder.dtype)
        means = [self._autoencoder.encode(one).latent_dist.mean for one in video[:, None]]
        return (torch.cat(means).float() - self._mean) / self._std

    @torch.no_grad()
    def decode(self, latents: torch.Tensor) -> torch.Tensor:
        """Decode (B, 16, 1 + k, h, w), one video at a time.

        Returns:
            float32 (B, 3, 1 + 4 k, 8 h, 8 w) in [-1, 1].
        """
        scaled = latents.to(self._autoencoder.device, torch.float32) * self._std + self._mean
        scaled = scaled.to(self._autoencoder.dtype)[:, None]
        videos = [self._autoencoder.decode(one).sample for one in scaled]
        return torch.cat(videos).float()


def video_from_frames(frames: NDArray[np.uint8]) -> torch.Tensor:
    """Pictures (T, H, W, 3), uint8, as a video float32 (1, 3, T, H, W) in [-1, 1]."""
    return torch.from_numpy(frames.transpose(3, 0, 1, 2)[None] / np.float32(127.5) - np.float32(1))


def frames_from_video(video: torch.Tensor) -> NDArray[np.uint8]:
    """A video (3, T, H, W) in [-1, 1] as pictures uint8 (T, H, W, 3)."""
    levels = ((video.clamp(-1, 1) + 1) * 127.5).round().to(torch.uint8)
    return np.ascontiguousarray(levels.permute(1, 2, 3, 0).cpu().numpy())
