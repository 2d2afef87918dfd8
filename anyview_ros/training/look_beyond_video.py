"""The training run of the video denoiser of `look_beyond`: passes of filmed clips, one keyframe at a time."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from anyview_ros.errors import InvalidInputError
from anyview_ros.methods.look_beyond.video.generation import TRAINING_LEVELS, noise_levels
from anyview_ros.methods.look_beyond.video.known import Anchor, Known, relative_rays, signed
from anyview_ros.methods.look_beyond.video.network import UNSEEN_SPREAD, VideoDenoiser, spread
from anyview_ros.methods.look_beyond.video.weights import VIDEO_FILE, save_video_weights
from anyview_ros.training.film_files import FilmReport, untold
from anyview_ros.training.look_beyond_video_clips import Clips, film_to, read_clips
from anyview_ros.training.look_beyond_video_config import VideoTrainingConfig
from anyview_ros.training.network_trainer import NetworkTrainer, new_network

_IDENTITY = ("seed", "batch", "withheld_share", "mirrored_share", "network", "clips", "checkpoint_dtype")
"""Settings that a resumed run must share with the one that wrote the checkpoint."""


class VideoTrainer(NetworkTrainer[VideoDenoiser]):
    """One training run in a folder.

    Args:
        config: of the run.
        folder: gets checkpoint/, log.jsonl, sheets and ``video.safetensors``.
        clips: what was filmed.

    Raises:
        WeightsError: the folder holds a checkpoint that is damaged.
        InvalidInputError: it holds one of a run with other settings, or the clips are of another size.
    """

    def __init__(self, config: VideoTrainingConfig, folder: Path, clips: Clips) -> None:
        """Begin, or go on where the folder's checkpoint ends."""
        shape = clips.frames.shape[1:4]
        wanted = (config.network.frames, config.network.picture_height, config.network.picture_width)
        if shape != wanted:
            raise InvalidInputError(
                f"the clips are of {shape} pictures, rows and columns but the network wants {wanted}; film them anew "
                "in another folder"
            )
        self.config = config
        network = new_network(lambda: VideoDenoiser(config.network), config)
        super().__init__(network, folder, config, identity=_IDENTITY)
        self._clips = clips
        self._levels = noise_levels().to(self.device)
        self._shown: list[Tensor] = []

    def _loss(self, step: int) -> tuple[Tensor, Mapping[str, Tensor]]:
        config = self.config
        rng = np.random.default_rng((0x10BE, config.seed, step))
        video, known = draw_passes(self._clips, rng, config.batch, config.mirrored_share)
        video, known = video.to(self.device), known.to(self.device)
        kept = rng.uniform(size=(config.batch, 1, 1, 1)) >= config.withheld_share
        known = known.with_pictures(torch.from_numpy(kept).float().to(self.device))
        level = torch.from_numpy(rng.integers(TRAINING_LEVELS, size=config.batch)).to(self.device)
        noise = torch.randn(video.shape, generator=self._run.generator(), device=self.device)
        loss, parts, guess = video_loss(self.network, video, known, self._levels[level], noise)
        self._shown = [known.base, guess, video]
        return loss, parts

    def _write_weights(self) -> None:
        save_video_weights(self.folder / VIDEO_FILE, self.averaged_network(), {"steps": str(self.step)})

    def _samples(self) -> list[Tensor]:
        return [
            (pictures[:, index] + 1) / 2
            for index in (self.config.network.frames // 2, self.config.network.frames - 1)
            for pictures in self._shown
        ]


def video_loss(
    network: VideoDenoiser, video: Tensor, known: Known, signal: Tensor, noise: Tensor
) -> tuple[Tensor, dict[str, Tensor], Tensor]:
    """How far the denoiser is off, most where the keyframe shows nothing.

    Args:
        network: to be fitted.
        video: (B, F, 3, H, W) in [-1, 1], the truth.
        known: what the network is told of it.
        signal: (B,), the share of the signal in the noisy video's variance.
        noise: (B, F, 3, H, W), standard normal.

    Returns:
        the loss; mean squares of the error of the clean video where the keyframe shows something and where not,
        detached; the clean video that the network guesses, detached.
    """
    factor = signal[:, None, None, None, None]
    noisy = factor.sqrt() * video + (1 - factor).sqrt() * noise
    clean = network.clean(noisy, signal, known)
    expected = spread(known)
    loss = (((clean - video) / expected).square() * (expected / UNSEEN_SPREAD)).mean()
    guess = clean.detach()
    error = (guess - video).square().mean(2, keepdim=True)
    parts = {
        name: (error * where).sum() / where.sum().clamp_min(1)
        for name, where in (("seen", known.seen), ("unseen", 1 - known.seen))
    }
    return loss, parts, guess


def draw_passes(
    clips: Clips, rng: np.random.Generator, count: int, mirrored_share: float
) -> tuple[Tensor, Known]:
    """Passes drawn from clips, forwards from the first picture or backwards from the last, some mirrored.

    Returns:
        the video, float32 (count, F, 3, H, W) in [-1, 1], and what the denoiser is told.
    """
    videos, told = [], []
    for _ in range(count):
        video, known = one_pass(clips, int(rng.integers(len(clips))), backwards=bool(rng.integers(2)))
        if rng.uniform() < mirrored_share:
            video, known = _mirrored(video, known)
        videos.append(video)
        told.append(known)
    joined = {name: torch.cat([getattr(known, name) for known in told]) for name in vars(told[0])}
    return torch.cat(videos), Known(**joined)


def one_pass(clips: Clips, index: int, *, backwards: bool) -> tuple[Tensor, Known]:
    """One clip as a pass (B = 1) that begins at its first picture, or backwards at its last."""
    end, order = (1, slice(None, None, -1)) if backwards else (0, slice(None))
    mask = clips.mask[index, end]
    camera = clips.camera(index)
    poses = clips.camera_to_world[index, order]
    middle = np.full(mask.shape, clips.middle_depth[index, end], np.float32)
    anchor = Anchor(clips.anchor[index, end], mask, middle, camera, poses[0])
    known = Known(
        signed(clips.base[index, end, order])[None],
        torch.from_numpy(clips.seen[index, end, order].copy())[None, :, None].float(),
        torch.from_numpy(relative_rays(anchor, poses))[None],
        signed(anchor.image)[None] * torch.from_numpy(mask)[None, None],
        torch.from_numpy(mask)[None, None].float(),
    )
    return signed(clips.frames[index, order])[None], known


def _mirrored(video: Tensor, known: Known) -> tuple[Tensor, Known]:
    """The same pass seen in a mirror that swaps left and right."""
    signs = torch.tensor(
        [-1.0, 1.0, 1.0, 1.0, -1.0, -1.0]
    )  # of directions, and of moments, which are pseudovectors
    flipped = {name: value.flip(-1) for name, value in vars(known).items()}
    mirror = Known(**flipped)
    return video.flip(-1), replace(mirror, rays=mirror.rays * signs[:, None, None])


def prepared_clips(config: VideoTrainingConfig, folder: Path, report: FilmReport = untold) -> Clips:
    """Film the clips that a run needs into ``folder``, or read them if they are there.

    Raises:
        InvalidInputError: the device that they are to be filmed on cannot be used, or the folder holds others.
        ReadError: what is there is damaged.
    """
    return read_clips(film_to(folder, config.plan(), config.clips.count, report=report))
