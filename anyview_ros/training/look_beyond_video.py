"""The training run of the video denoiser of `look_beyond`: passes of filmed clips, one keyframe at a time."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from anyview_ros.errors import InvalidInputError
from anyview_ros.methods.look_beyond.video.generation import TRAINING_LEVELS, noise_levels
from anyview_ros.methods.look_beyond.video.known import Anchor, Known, relative_rays, signed
from anyview_ros.methods.look_beyond.video.network import UNSEEN_SPREAD, VideoDenoiser, spread
from anyview_ros.methods.look_beyond.video.weights import VIDEO, VIDEO_FILE
from anyview_ros.methods.network_files import write_network
from anyview_ros.networks.tensor_fields import TensorFields
from anyview_ros.training.film_files import FilmReport, film_to_files, untold
from anyview_ros.training.loading import loaded
from anyview_ros.training.look_beyond_video_clips import Clips, clips_to, read_clips
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
        self._passes = PassSource(clips, config)
        self._coming: Iterator[Passes] = iter(())
        self._levels = noise_levels().to(self.device)
        self._shown: list[Tensor] = []

    def _begin(self) -> None:
        steps = range(self.step, self.config.steps)
        self._coming = loaded(self._passes, steps, processes=self.config.loaders)

    def _loss(self, step: int) -> tuple[Tensor, Mapping[str, Tensor]]:
        del step  # passes come in order, and the noise is that of the run's step
        passes = next(self._coming).to(self.device)
        noise = torch.randn(passes.video.shape, generator=self._run.generator(), device=self.device)
        signal = self._levels[passes.level]
        loss, parts, guess = video_loss(self.network, passes.video, passes.known, signal, noise)
        self._shown = [passes.known.base, guess, passes.video]
        return loss, parts

    def _write_weights(self) -> None:
        write_network(self.folder / VIDEO_FILE, self.averaged_network(), VIDEO, {"steps": str(self.step)})

    def _samples(self) -> list[Tensor]:
        return [
            (pictures[:, index] + 1) / 2
            for index in (self.config.network.frames // 2, self.config.network.frames - 1)
            for pictures in self._shown
        ]


@dataclass(frozen=True, eq=False)
class Passes(TensorFields):
    """What a step learns from.

    Attributes:
        video: float32 (B, F, 3, H, W) in [-1, 1], the truth.
        known: what the denoiser is told of it; of some passes no keyframe.
        level: int64 (B,), noise levels, 0 to 999.
    """

    video: Tensor
    known: Known
    level: Tensor


class PassSource(torch.utils.data.Dataset[Passes]):
    """The passes of step number ``step``, for any step.

    Args:
        clips: what was filmed.
        config: how passes are drawn.
    """

    def __init__(self, clips: Clips, config: VideoTrainingConfig) -> None:
        """Remember them."""
        self._clips, self._config = clips, config

    def __getitem__(self, step: int) -> Passes:
        config = self._config
        rng = np.random.default_rng((0x10BE, config.seed, step))
        video, known = draw_passes(self._clips, rng, config.batch, config.mirrored_share)
        kept = rng.uniform(size=(config.batch, 1, 1, 1)) >= config.withheld_share
        level = torch.from_numpy(rng.integers(TRAINING_LEVELS, size=config.batch))
        return Passes(video, known.with_pictures(torch.from_numpy(kept).float()), level)


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
    return torch.cat(videos), Known.joined(told)


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
    mirror = known.each(lambda tensor: tensor.flip(-1))
    return video.flip(-1), replace(mirror, rays=mirror.rays * signs[:, None, None])


def prepared_clips(
    config: VideoTrainingConfig, folder: Path, report: FilmReport = untold, until_s: float = math.inf
) -> Clips:
    """Film the clips that a run needs into ``folder``, or read them if they are there.

    Args:
        config: of the run.
        folder: gets the films.
        report, until_s: see :func:`~anyview_ros.training.film_files.film_to_files`.

    Raises:
        InvalidInputError: the device that they are to be filmed on cannot be used, or the folder holds others.
        ReadError: what is there is damaged.
        FilmingTimeout: time was up before.
    """
    films = config.clips
    return read_clips(
        film_to_files(
            clips_to(folder, config.plan(), films.count),
            workers=films.workers,
            report=report,
            until_s=until_s,
        )
    )
