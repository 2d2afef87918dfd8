"""The published model as a denoiser: latents of 256x256 pictures, a picture's code beside them, one token for the rest.

What goes in and comes out is as the published code has it:

- pictures are square, 256 pixels wide, RGB in [-1, 1]; their fit to other cameras is the method's work (framing);
- the picture's embedding is the CLIP tower's, of pixels brought to 224 by bicubic interpolation, not of length one;
  with the 19 numbers of the pose it makes one token, which the U-Net attends to;
- the picture's code is the mean of the autoencoder's, *not* scaled, and is laid beside the noisy latent;
- latents are the mean of the autoencoder's codes times 0.18215. (The published distillation draws them, with a spread
  of some thousandths.)
- without a condition, code and token are 0.
"""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor, nn

from anyview_ros.errors import WeightsError
from anyview_ros.methods.device_memory import free_bytes
from anyview_ros.methods.weight_checks import check_tensors
from anyview_ros.methods.zeronvs.denoiser import Condition
from anyview_ros.methods.zeronvs.published.config import LATENT_SCALE, PARTS, SCHEDULER, PublishedConfig
from anyview_ros.methods.zeronvs.published.convert import MANIFEST, read_published_manifest, verify_published

_KEPT = 16  # pictures whose embeddings and codes are kept: the input and its anchors


class PublishedDenoiser:
    """A :class:`~anyview_ros.methods.zeronvs.denoiser.Denoiser` of the published weights.

    Args:
        config: sizes.
        networks: its parts, on one device, frozen.
        device: that they are on.
    """

    def __init__(
        self, config: PublishedConfig, networks: Mapping[str, nn.Module], device: torch.device
    ) -> None:
        """Take the networks as they are."""
        self.config, self.side = config, config.side
        small = config.side // 2 ** (len(config.autoencoder_widths) - 1)
        self.latent_shape = (4, small, small)
        self.scheduler_config: Mapping[str, Any] = SCHEDULER
        self.device = device
        self._unet: Any = networks["unet"]
        self._autoencoder: Any = networks["autoencoder"]
        self._tower, self._projection = networks["tower"], networks["projection"]
        self._kept: OrderedDict[bytes, tuple[Tensor, Tensor]] = OrderedDict()

    def condition(self, pictures: Tensor, pose_vectors: Tensor) -> Condition:
        """Token and code; those of pictures that were seen lately are not worked out again."""
        told = [self._read(picture) for picture in pictures]
        embeddings, codes = (torch.stack(part) for part in zip(*told, strict=True))
        both = torch.cat([embeddings, pose_vectors.to(embeddings)], -1)
        token = self._projection(both.to(next(self._projection.parameters()).dtype))
        return Condition({"token": token[:, None].float(), "code": codes})

    def predict(self, noisy: Tensor, timesteps: Tensor, condition: Condition | None) -> Tensor:
        """The noise."""
        if condition is None:
            token = noisy.new_zeros(len(noisy), 1, self.config.context)
            code = torch.zeros_like(noisy)
        else:
            token, code = condition.parts["token"], condition.parts["code"]
        dtype = self._unet.dtype
        laid = torch.cat([noisy, code.to(noisy)], 1).to(dtype)
        predicted = self._unet(laid, timesteps, encoder_hidden_states=token.to(dtype)).sample
        return cast(Tensor, predicted.float())

    def encode(self, pictures: Tensor) -> Tensor:
        """Latents (B, 4, side / 8, side / 8); gradients flow."""
        return LATENT_SCALE * self._code(pictures)

    def decode(self, latents: Tensor) -> Tensor:
        """Pictures (B, 3, side, side) in about [-1, 1]; gradients flow."""
        dtype = self._autoencoder.dtype
        return cast(Tensor, self._autoencoder.decode((latents / LATENT_SCALE).to(dtype)).sample.float())

    def _code(self, pictures: Tensor) -> Tensor:
        coded = self._autoencoder.encode(pictures.to(self._autoencoder.dtype))
        return cast(Tensor, coded.latent_dist.mode().float())

    @torch.no_grad()
    def _read(self, picture: Tensor) -> tuple[Tensor, Tensor]:
        """Embedding (context,) and code (4, h, w) of a picture (3, side, side)."""
        key = hashlib.sha256(picture.detach().float().cpu().numpy().tobytes()).digest()
        if key in self._kept:
            self._kept.move_to_end(key)
            return self._kept[key]
        found = self._tower(picture[None]).float()[0], self._code(picture[None])[0]
        self._kept[key] = found
        if len(self._kept) > _KEPT:
            self._kept.popitem(last=False)
        return found


def load_published(folder: Path, device: str) -> tuple[PublishedDenoiser, str]:
    """Load converted weights, having compared every file with its sha256.

    On a CUDA device all but the autoencoder is held in float16, elsewhere all in float32. Beside the weights, memory
    for one tensor is taken.

    Returns:
        the denoiser, and the sha256 that names its weights.

    Raises:
        WeightsError: no converted folder, changed or truncated files, tensors that are missing or misshapen, or too
            little memory.
    """
    wrong = verify_published(folder)
    if wrong:
        raise WeightsError(f"{'; '.join(wrong)}; convert the weights again")
    manifest = read_published_manifest(folder)
    try:
        config = PublishedConfig.from_dict(manifest["config"])
        with torch.device("meta"):
            networks = config.networks()
    except (KeyError, TypeError, ValueError) as error:
        raise WeightsError(
            f"{folder / MANIFEST} cannot be used ({error}); convert the weights again"
        ) from error
    place = torch.device(device)
    _check_room(networks, place, folder)
    for part in PARTS:
        _fill(networks[part], folder / f"{part}.safetensors", place, _dtype(part, place))
    return PublishedDenoiser(config, networks, place), str(manifest["sha256"])


def bytes_to_load(networks: Mapping[str, nn.Module], device: torch.device) -> int:
    """Memory that the weights take on a device."""
    return sum(
        value.numel() * _dtype(part, device).itemsize
        for part, network in networks.items()
        for value in network.state_dict().values()
    )


def _dtype(part: str, device: torch.device) -> torch.dtype:
    return torch.float16 if device.type == "cuda" and part != "autoencoder" else torch.float32


def _check_room(networks: Mapping[str, nn.Module], device: torch.device, folder: Path) -> None:
    free, needed = free_bytes(device), bytes_to_load(networks, device)
    if free is not None and needed > free:
        raise WeightsError(
            f"the weights in {folder} need {needed / 2**30:.2g} GiB on {device}, but {free / 2**30:.2g} GiB are free; "
            "free some, or use another device"
        )


def _fill(network: nn.Module, path: Path, device: torch.device, dtype: torch.dtype) -> None:
    """Give a network, made without memory, the tensors of a file, one after the other."""
    expected = network.state_dict()
    try:
        with safe_open(path, "pt") as file:
            tensors = {name: file.get_tensor(name).to(device, dtype) for name in file.keys()}  # noqa: SIM118
    except (OSError, SafetensorError) as error:
        raise WeightsError(f"{path} cannot be read ({error}); convert the weights again") from error
    check_tensors(tensors, expected, str(path))
    network.load_state_dict(tensors, assign=True)
    network.eval().requires_grad_(False)
