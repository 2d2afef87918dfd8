"""The training run of the panorama denoiser of `look_beyond`: panoramas turned by chance, and their seams."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from anyview_ros.errors import InvalidInputError
from anyview_ros.methods.look_beyond.panorama.channels import signed_colour, signed_distance
from anyview_ros.methods.look_beyond.panorama.generation import TRAINING_LEVELS, noise_levels
from anyview_ros.methods.look_beyond.panorama.known import Known
from anyview_ros.methods.look_beyond.panorama.network import PanoramaDenoiser
from anyview_ros.methods.look_beyond.panorama.seam import seam_loss
from anyview_ros.methods.look_beyond.panorama.weights import PANORAMA, PANORAMA_FILE
from anyview_ros.methods.network_files import write_network
from anyview_ros.networks.tensor_fields import TensorFields
from anyview_ros.training.film_files import FilmReport, film_to_files, untold
from anyview_ros.training.look_beyond_panorama_config import PanoramaTrainingConfig
from anyview_ros.training.look_beyond_panorama_films import Panoramas, panoramas_to, read_panoramas
from anyview_ros.training.network_trainer import NetworkTrainer, new_network

_IDENTITY = (
    "seed",
    "batch",
    "roll",
    "seam_weight",
    "seen_weight",
    "withheld_share",
    "no_depth_share",
    "mirrored_share",
    "network",
    "panoramas",
    "checkpoint_dtype",
)
"""Settings that a resumed run must share with the one that wrote the checkpoint."""


class PanoramaTrainer(NetworkTrainer[PanoramaDenoiser]):
    """One training run in a folder.

    Args:
        config: of the run.
        folder: gets checkpoint/, log.jsonl, sheets and ``panorama.safetensors``.
        panoramas: what was filmed.

    Raises:
        WeightsError: the folder holds a checkpoint that is damaged.
        InvalidInputError: it holds one of a run with other settings, or the panoramas are of another size.
    """

    def __init__(self, config: PanoramaTrainingConfig, folder: Path, panoramas: Panoramas) -> None:
        """Begin, or go on where the folder's checkpoint ends."""
        size = config.network
        shapes = panoramas.colour.shape[1:3], panoramas.source.shape[1:3]
        wanted = (size.height, 2 * size.height), (size.source_height, size.source_width)
        if shapes != wanted:
            raise InvalidInputError(
                f"the panoramas and their pictures are {shapes} pixels but the network wants {wanted}; film them anew "
                "in another folder"
            )
        self.config = config
        network = new_network(lambda: PanoramaDenoiser(size), config)
        super().__init__(network, folder, config, identity=_IDENTITY)
        self._panoramas = panoramas
        self._levels = noise_levels().to(self.device)
        self._shown: list[Tensor] = []

    def _loss(self, step: int) -> tuple[Tensor, Mapping[str, Tensor]]:
        config = self.config
        rng = np.random.default_rng((0x9A4B, config.seed, step))
        sample = draw(self._panoramas, rng, config).to(self.device)
        level = torch.from_numpy(rng.integers(TRAINING_LEVELS, size=config.batch)).to(self.device)
        noise = torch.randn(sample.truth.shape, generator=self._run.generator(), device=self.device)
        loss, parts, guess = panorama_loss(self.network, sample, level, self._levels[level], noise, config)
        self._shown = [sample.known.base()[:, :3], guess[:, :3], sample.truth[:, :3]]
        self._shown += [x[:, 3:].expand(-1, 3, -1, -1) for x in (guess, sample.truth)]
        return loss, parts

    def _write_weights(self) -> None:
        write_network(
            self.folder / PANORAMA_FILE, self.averaged_network(), PANORAMA, {"steps": str(self.step)}
        )

    def _samples(self) -> list[Tensor]:
        return [(pictures + 1) / 2 for pictures in self._shown]


@dataclass(frozen=True, eq=False)
class Sample(TensorFields):
    """Panoramas to learn from.

    Attributes:
        truth: (B, 4, H, 2H), colour and distance.
        solid: (B, 1, H, 2H), where there is something to be distant, 0 or 1.
        known: what the denoiser is told.
    """

    truth: Tensor
    solid: Tensor
    known: Known


def panorama_loss(
    network: PanoramaDenoiser,
    sample: Sample,
    level: Tensor,
    signal: Tensor,
    noise: Tensor,
    config: PanoramaTrainingConfig,
) -> tuple[Tensor, dict[str, Tensor], Tensor]:
    """How far the denoiser is off from clean panoramas: by the area that a pixel has on the sphere, and at the seam.

    Args:
        network: to be fitted.
        sample: to fit it to.
        level: (B,), noise levels, 0 to 999.
        signal: (B,), the share of the signal in the variance at these.
        noise: (B, 4, H, 2H), standard normal.
        config: weights of the parts.

    Returns:
        the loss; mean squares of the error of colour, seen and not, of distance and of the step across the seam,
        detached; the clean panoramas that the network guesses, detached.
    """
    factor = signal[:, None, None, None]
    noisy = factor.sqrt() * sample.truth + (1 - factor).sqrt() * noise
    guess = network(noisy, level, sample.known).float()
    error = (guess - sample.truth).square()
    rows = error.shape[-2]
    area = torch.cos((torch.arange(rows, device=error.device) + 0.5 - rows / 2) * (math.pi / rows))[:, None]
    seen = sample.known.seen
    weight = area * (1 - (1 - config.seen_weight) * seen)
    colour, distance = error[:, :3].mean(1, keepdim=True), error[:, 3:] * sample.solid
    picture = _mean(colour, weight)
    depth = _mean(distance, weight * sample.solid)
    seam = seam_loss(guess[:, :3], sample.truth[:, :3])
    loss = picture + 0.5 * depth + config.seam_weight * seam
    parts = {
        "seen": _mean(colour, area * seen),
        "unseen": _mean(colour, area * (1 - seen)),
        "depth": depth,
        "seam": seam,
    }
    return loss, {name: value.detach() for name, value in parts.items()}, guess.detach()


def draw(panoramas: Panoramas, rng: np.random.Generator, config: PanoramaTrainingConfig) -> Sample:
    """Panoramas drawn by chance, mirrored, turned and told as the settings say."""
    sample = Sample.joined([_one(panoramas, rng, config) for _ in range(config.batch)])
    chances = rng.uniform(size=(2, config.batch, 1, 1, 1)).astype(np.float32)
    known = sample.known.without_distance(
        torch.from_numpy((chances[0] >= config.no_depth_share).astype(np.float32))
    )
    known = known.kept(torch.from_numpy((chances[1] >= config.withheld_share).astype(np.float32)))
    return replace(sample, known=known)


def sample_of(panoramas: Panoramas, index: int) -> Sample:
    """One panorama as it was filmed (B = 1), with all told."""
    distance = panoramas.distance_m[index]
    told_distance = panoramas.seen_distance_m[index]
    truth = torch.cat([signed_colour(panoramas.colour[index]), signed_distance(distance)])[None]
    known = Known(
        signed_colour(panoramas.filled[index])[None],
        torch.from_numpy(panoramas.seen[index])[None, None].float(),
        signed_distance(told_distance)[None],
        torch.from_numpy(told_distance > 0)[None, None].float(),
        signed_colour(panoramas.source[index])[None],
    )
    return Sample(truth, torch.from_numpy(distance > 0)[None, None].float(), known)


def _one(panoramas: Panoramas, rng: np.random.Generator, config: PanoramaTrainingConfig) -> Sample:
    sample = sample_of(panoramas, int(rng.integers(len(panoramas))))
    if rng.uniform() < config.mirrored_share:
        sample = sample.each(lambda tensor: tensor.flip(-1))
    columns = int(rng.integers(sample.truth.shape[-1]))
    if not config.roll:
        return sample
    return Sample(
        sample.truth.roll(columns, -1), sample.solid.roll(columns, -1), sample.known.rolled(columns)
    )


def _mean(values: Tensor, weight: Tensor) -> Tensor:
    """The weighted mean of values (B, 1, H, W)."""
    weights = weight.expand_as(values)
    return (values * weights).sum() / weights.sum().clamp_min(1e-6)


def prepared_panoramas(
    config: PanoramaTrainingConfig, folder: Path, report: FilmReport = untold, until_s: float = math.inf
) -> Panoramas:
    """Film the panoramas that a run needs into ``folder``, or read them if they are there.

    Args:
        config: of the run.
        folder: gets the films.
        report, until_s: see :func:`~anyview_ros.training.film_files.film_to_files`.

    Raises:
        InvalidInputError: the device that they are to be filmed on cannot be used, or the folder holds others.
        ReadError: what is there is damaged.
        FilmingTimeout: time was up before.
    """
    films = config.panoramas
    return read_panoramas(
        film_to_files(
            panoramas_to(folder, config.plan(), films.count),
            workers=films.workers,
            report=report,
            until_s=until_s,
        )
    )
