"""Fine-tuning of AnyView by low-rank changes, on episodes in the release's format."""

from __future__ import annotations

import math
import shutil
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from anyview_ros.errors import InvalidInputError
from anyview_ros.methods.anyview.codec import VideoCodec
from anyview_ros.methods.anyview.conditioning import Conditioner
from anyview_ros.methods.anyview.options import FRAMES_PER_LATENT, AnyViewOptions
from anyview_ros.methods.anyview.plan import view_size
from anyview_ros.methods.anyview.rays import in_target_gauge
from anyview_ros.methods.anyview.sizes import Size
from anyview_ros.methods.anyview.streams import source_view, target_view
from anyview_ros.methods.anyview.transformer import model_config
from anyview_ros.methods.anyview.weights import Release, load_bundle, write_bundle
from anyview_ros.training.episode_pairs import EpisodePairs
from anyview_ros.training.lora import add_lora, merge_lora
from anyview_ros.training.optimisers import OptimiserConfig
from anyview_ros.training.run import Report, RunConfig, TrainingRun

WEIGHTS = "weights"

_IDENTITY = ("seed", "rank", "frames", "domain", "scale", "size")
"""Settings that a resumed run must share with the one that wrote the checkpoint."""


def lora_optimiser(rate: float = 1e-4) -> OptimiserConfig:
    """AdamW at one rate throughout; the weights themselves, not their averages, are what is shipped.

    Raises:
        InvalidInputError: a rate that is not positive.
    """
    return OptimiserConfig(rate, warm_up=0, decay_share=0.0, weight_decay=0.0, muon=False, ema=0.0)


@dataclass(frozen=True)
class LoraConfig(RunConfig):
    """A run; each step sees one pair of clips.

    Attributes:
        rank: of the low-rank changes.
        frames: of the clips, 1 + 4 k.
        domain, scale: as in AnyViewOptions.
        size: (width, height) at which the network works; None for the release's rule.

    Raises:
        InvalidInputError: a number out of range.
    """

    steps: int = 1000
    mixed_precision: bool = False
    checkpoint_steps: int = 100
    log_steps: int = 1
    optimiser: OptimiserConfig = field(default_factory=lora_optimiser)
    rank: int = 16
    frames: int = 13
    domain: str | None = None
    scale: float | None = None
    size: Size | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.frames < 1 or (self.frames - 1) % FRAMES_PER_LATENT:
            raise InvalidInputError(f"frames is {self.frames}; give 1, 5, 9, 13, ...")

    def options(self) -> AnyViewOptions:
        """How pictures and cameras are told to the network."""
        return AnyViewOptions(
            domain=self.domain, scale=self.scale, source_size=self.size, target_size=self.size
        )


class LoraTrainer:
    """Trains low-rank changes of self-attention and MLPs to predict the flow of the target's picture.

    The noise level is logit-normal. All draws of a step depend on the seed and on the step alone, so that a run
    that was interrupted goes on as if it had not been.

    Args:
        weights: folder of converted weights.
        episodes: folder of episodes.
        folder: of the run; a checkpoint in it is resumed.
        config: of the run.

    Raises:
        WeightsError, ReadError, InvalidRequestError, InvalidInputError: what cannot be trained with.
    """

    def __init__(self, weights: Path, episodes: Path, folder: Path, config: LoraConfig) -> None:
        self.config, self.folder = config, folder
        self._options = config.options()
        self._scale = self._options.moment_scale()
        self._pairs = EpisodePairs(episodes, config.frames)
        self.device = config.chosen_device()
        self._dtype = torch.float32 if self.device.type == "cpu" else torch.bfloat16
        bundle = load_bundle(weights, self.device, self._dtype)
        self._origin = bundle.sha256
        self._autoencoder, self._context = bundle.autoencoder, bundle.text
        self._conditioner = Conditioner(VideoCodec(bundle.autoencoder))
        self.network = bundle.transformer
        with torch.no_grad():
            self._text = self.network.text_keys_values(bundle.text)
        self.changed = add_lora(self.network, config.rank, _is_changed, config.seed)
        self.network.gradient_checkpointing = self.device.type != "cpu"
        self._run = TrainingRun(self.network, folder, config, identity=_IDENTITY, started_from=bundle.sha256)

    @property
    def step(self) -> int:
        """Steps done."""
        return self._run.step

    def run(self, report: Report | None = None, time_limit_s: float = math.inf) -> bool:
        """Train to the end, or until the time is up.

        Returns:
            whether the end was reached.
        """
        return self._run.run(lambda step: (self.loss(step), {}), report=report, time_limit_s=time_limit_s)

    def loss(self, draw: int) -> Tensor:
        """Mean squared error of the flow for draw number ``draw`` of pair, place, noise level and noise."""
        generator = torch.Generator().manual_seed(self.config.seed * 1_000_003 + draw)
        index = int(torch.randint(len(self._pairs.pairs), (), generator=generator))
        place = float(torch.rand((), generator=generator))
        picture, target_picture, source_rays, target_rays = self._latents(index, place)
        tau = torch.randn((), generator=generator).sigmoid().to(self.device)
        noise = torch.randn(target_picture.shape, generator=generator).to(self.device)
        noisy = (1 - tau) * target_picture + tau * noise
        flow = self.network(
            target_view(noisy, target_rays).to(self._dtype),
            source_view(picture, source_rays).to(self._dtype),
            tau[None],
            self._text,
        )
        return torch.nn.functional.mse_loss(flow.float(), noise - target_picture)

    def write_weights(self) -> Path:
        """Merge the changes and write the tuned model, to be loaded like any other; ends the training.

        Raises:
            WeightsError: it cannot be written.
        """
        out = self.folder / WEIGHTS
        if out.exists():
            shutil.rmtree(out)
        merge_lora(self.network)
        config: dict[str, Any] = {"base_dim": int(dict(self._autoencoder.config)["base_dim"])}
        release = Release(
            model_config(self.network),
            _half(self.network.state_dict()),
            config,
            self._autoencoder.state_dict(),
            self._context.cpu(),
        )
        write_bundle(out, release, {"tuned from": self._origin})
        return out

    def _latents(self, index: int, place: float) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        source, target = self._pairs.cut(index, place)
        source_size = view_size(source.camera, self._options.source_size)
        target_size = view_size(target.camera, self._options.target_size)
        poses = [in_target_gauge(target.camera_to_world, c.camera_to_world) for c in (source, target)]
        rays = self._conditioner.rays
        return (
            self._conditioner.pictures(source.frames, source_size),
            self._conditioner.pictures(target.frames, target_size),
            rays(source.camera, source_size, poses[0], self._scale),
            rays(target.camera, target_size, poses[1], self._scale),
        )


def _is_changed(name: str) -> bool:
    """Self-attention and MLPs of the blocks; the text's keys and values stay the constants they are."""
    return name.startswith("blocks.") and (".self_attn." in name or ".mlp." in name)


def _half(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    return {
        name: tensor if name.startswith("pos_embedder.") else tensor.to(torch.bfloat16)
        for name, tensor in tensors.items()
    }
