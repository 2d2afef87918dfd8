"""Fine-tuning of AnyView by low-rank changes, on episodes in the release's format."""

from __future__ import annotations

import json
import math
import shutil
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
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
from anyview_ros.training.checkpoints import read_checkpoint, write_checkpoint
from anyview_ros.training.episode_pairs import EpisodePairs
from anyview_ros.training.lora import add_lora, lora_parameters, merge_lora

CHECKPOINT = "checkpoint"
LOG = "log.jsonl"
WEIGHTS = "weights"

Report = Callable[[int, int, float], None]


@dataclass(frozen=True)
class LoraConfig:
    """A run.

    Attributes:
        rank: of the low-rank changes.
        steps: in all; each sees one pair of clips.
        rate: of AdamW.
        frames: of the clips, 1 + 4 k.
        domain, scale: as in AnyViewOptions.
        size: (width, height) at which the network works; None for the release's rule.
        seed: of every random draw.
        checkpoint_steps: between checkpoints.

    Raises:
        InvalidInputError: a number out of range.
    """

    rank: int = 16
    steps: int = 1000
    rate: float = 1e-4
    frames: int = 13
    domain: str | None = None
    scale: float | None = None
    size: Size | None = None
    seed: int = 0
    checkpoint_steps: int = 100

    def __post_init__(self) -> None:
        if self.frames < 1 or (self.frames - 1) % FRAMES_PER_LATENT:
            raise InvalidInputError(f"frames is {self.frames}; give 1, 5, 9, 13, ...")
        for name in ("steps", "checkpoint_steps", "rate"):
            value = getattr(self, name)
            if not 0 < value < math.inf:
                raise InvalidInputError(f"{name} is {value}; give a positive number")

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
        device: torch device; None for CUDA if there is one.

    Raises:
        WeightsError, ReadError, InvalidRequestError, InvalidInputError: what cannot be trained with.
    """

    def __init__(
        self, weights: Path, episodes: Path, folder: Path, config: LoraConfig, device: str | None = None
    ) -> None:
        self.config, self.folder = config, folder
        self._options = config.options()
        self._scale = self._options.moment_scale()
        self._pairs = EpisodePairs(episodes, config.frames)
        self.device = torch.device(device or ("cuda" if torch.cuda.is_available() else "cpu"))
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
        self._parameters = lora_parameters(self.network)
        self._optimiser = torch.optim.AdamW(self._parameters.values(), lr=config.rate, weight_decay=0.0)
        self.step = 0
        if (folder / CHECKPOINT).exists():
            self._resume()

    def run(self, report: Report | None = None, time_limit_s: float = math.inf) -> bool:
        """Train to the end, or until the time is up.

        Returns:
            whether the end was reached.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        begun = time.monotonic()
        while self.step < self.config.steps and time.monotonic() - begun < time_limit_s:
            loss = self._train_step()
            if report is not None:
                report(self.step, self.config.steps, loss)
            with (self.folder / LOG).open("a", encoding="utf-8") as log:
                log.write(json.dumps({"step": self.step, "loss": loss}) + "\n")
            if self.step % self.config.checkpoint_steps == 0:
                self._save()
        self._save()
        return self.step >= self.config.steps

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

    def _train_step(self) -> float:
        loss = self.loss(self.step)
        value = float(loss.detach())
        if not math.isfinite(value):
            raise InvalidInputError(
                f"the loss is {value} at step {self.step}; go on from the checkpoint with a smaller rate"
            )
        self._optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(list(self._parameters.values()), 1.0)
        self._optimiser.step()
        self.step += 1
        return value

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

    def _save(self) -> None:
        tensors = {f"weights/{name}": value.detach() for name, value in self._parameters.items()}
        for index, state in self._optimiser.state_dict()["state"].items():
            tensors |= {f"optimiser/{index}/{name}": torch.as_tensor(value) for name, value in state.items()}
        notes = {"step": self.step, "config": asdict(self.config), "weights": self._origin}
        write_checkpoint(self.folder / CHECKPOINT, tensors, notes)

    def _resume(self) -> None:
        tensors, notes = read_checkpoint(self.folder / CHECKPOINT)
        theirs, ours = dict(notes["config"]), json.loads(json.dumps(asdict(self.config)))
        differing = [
            key for key in ours if key not in ("steps", "checkpoint_steps") and theirs.get(key) != ours[key]
        ]
        if notes["weights"] != self._origin:
            differing.append("weights")
        if differing:
            raise InvalidInputError(
                f"{self.folder / CHECKPOINT} was written by a run with other settings of {', '.join(differing)}; "
                "use those, or another folder"
            )
        with torch.no_grad():
            for name, parameter in self._parameters.items():
                parameter.copy_(tensors[f"weights/{name}"])
        form = self._optimiser.state_dict()
        state: dict[int, dict[str, Tensor]] = {}
        for key, value in tensors.items():
            kind, *place = key.split("/")
            if kind == "optimiser":
                state.setdefault(int(place[0]), {})[place[1]] = value
        form["state"] = state
        self._optimiser.load_state_dict(form)
        self.step = int(notes["step"])


def _is_changed(name: str) -> bool:
    """Self-attention and MLPs of the blocks; the text's keys and values stay the constants they are."""
    return name.startswith("blocks.") and (".self_attn." in name or ".mlp." in name)


def _half(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    return {
        name: tensor if name.startswith("pos_embedder.") else tensor.to(torch.bfloat16)
        for name, tensor in tensors.items()
    }
