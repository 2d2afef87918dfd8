"""The converted weights: a folder of safetensors and of the configurations they belong to.

anyview.json                                     format, and the sha256 of every file
transformer/{config.json, diffusion_pytorch_model.safetensors}
vae/{config.json, diffusion_pytorch_model.safetensors}
text.safetensors                                 the embedding of the empty prompt
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from diffusers.models.autoencoders.autoencoder_kl_wan import AutoencoderKLWan
from safetensors import SafetensorError, safe_open
from torch import nn

from anyview_ros.errors import WeightsError
from anyview_ros.methods.anyview.transformer import AnyViewTransformer, model_config
from anyview_ros.methods.anyview.weights.instructions import missing_weights_message
from anyview_ros.methods.anyview.weights.release import RELEASE_FILES, Release
from anyview_ros.methods.checkpoint_files import read_tensors
from anyview_ros.methods.device_memory import free_bytes
from anyview_ros.methods.tensor_files import save_tensors
from anyview_ros.methods.weight_checks import (
    changed_files,
    check_new_folder,
    check_tensors,
    combined_sha256,
    sha256_of_weights,
)

_FORMAT = 1
_MANIFEST = "anyview.json"
_TENSORS = "diffusion_pytorch_model.safetensors"
_FILES = (
    "transformer/config.json",
    f"transformer/{_TENSORS}",
    "vae/config.json",
    f"vae/{_TENSORS}",
    "text.safetensors",
)


@dataclass(frozen=True, eq=False)
class Bundle:
    """Loaded weights.

    Attributes:
        transformer, autoencoder: the networks, on their device, frozen.
        text: (1, tokens, width), on the same device.
        sha256: of the sums of all files; names these weights.
    """

    transformer: AnyViewTransformer
    autoencoder: AutoencoderKLWan
    text: torch.Tensor
    sha256: str


def write_bundle(folder: Path, release: Release, origin: Mapping[str, str]) -> str:
    """Write a bundle and return its sha256.

    Args:
        folder: to be made; it must not exist, or be empty.
        release: what to write.
        origin: sha256 of the files it was read from, by name.

    Raises:
        WeightsError: the folder is a file, is not empty or cannot be written.
    """
    check_new_folder(folder)
    try:
        for part, config, tensors in (
            ("transformer", release.transformer_config, release.transformer),
            ("vae", release.autoencoder_config, release.autoencoder),
        ):
            (folder / part).mkdir(parents=True)
            (folder / part / "config.json").write_text(json.dumps(config, indent=2) + "\n")
            save_tensors(tensors, folder / part / _TENSORS)
        save_tensors({"context": release.text}, folder / "text.safetensors")
        sums = {name: sha256_of_weights(folder / name) for name in _FILES}
        manifest = {"format": _FORMAT, "files": sums, "origin": dict(origin), "sha256": combined_sha256(sums)}
        (folder / _MANIFEST).write_text(json.dumps(manifest, indent=2) + "\n")
    except (OSError, SafetensorError) as err:
        raise WeightsError(f"cannot write the weights to {folder}: {err}; choose another place") from err
    return str(manifest["sha256"])


def read_manifest(folder: Path) -> dict[str, Any]:
    """What a bundle says of itself.

    Raises:
        WeightsError: no bundle; the message says what to do with what is there instead.
    """
    path = folder / _MANIFEST
    if not path.is_file():
        if any((folder / name).is_file() for name in RELEASE_FILES):
            raise WeightsError(
                f"{folder} holds the release's files as downloaded; convert them once with "
                f"`anyview weights convert {folder} OUT` and give weights='OUT'"
            )
        raise WeightsError(
            f"{folder} holds no converted weights (no {_MANIFEST}): {missing_weights_message()}"
        )
    try:
        manifest = json.loads(path.read_text())
        known = manifest["format"] == _FORMAT and set(manifest["files"]) == set(_FILES)
    except (OSError, ValueError, KeyError, TypeError) as err:
        raise WeightsError(f"{path} cannot be read ({err!r}); convert the weights again") from err
    if not known:
        raise WeightsError(f"{path} is of another format than {_FORMAT}; convert the weights again")
    return dict(manifest)


def load_bundle(folder: Path, device: torch.device, dtype: torch.dtype) -> Bundle:
    """Load converted weights, having compared every file with its sha256.

    Raises:
        WeightsError: no bundle, changed or truncated files, or tensors that are missing, left over or misshapen.
    """
    wrong = verify_bundle(folder)
    if wrong:
        raise WeightsError(f"{'; '.join(wrong)}; convert the weights again")
    _check_room(folder, device, dtype)
    transformer = _network(AnyViewTransformer, folder / "transformer", device, dtype)
    autoencoder = _network(AutoencoderKLWan, folder / "vae", device, dtype)
    text = _context(folder / "text.safetensors", int(model_config(transformer)["context_width"]), device)
    return Bundle(transformer, autoencoder, text.to(dtype), combined_sha256(read_manifest(folder)["files"]))


def verify_bundle(folder: Path) -> list[str]:
    """Complaints about files whose sha256 is not what it was when they were written; none if all is well.

    Raises:
        WeightsError: no bundle, or a file that is gone.
    """
    return changed_files(folder, read_manifest(folder)["files"])


def _check_room(folder: Path, device: torch.device, dtype: torch.dtype) -> None:
    free = free_bytes(device)
    if free is None:
        return
    needed = sum(_numbers(folder / part / _TENSORS) for part in ("transformer", "vae")) * dtype.itemsize
    if needed > free:
        raise WeightsError(
            f"the weights in {folder} need {needed / 2**30:.2g} GiB on {device} in {dtype}, but {free / 2**30:.2g} GiB "
            "are free; free some, or use another device"
        )


def _numbers(path: Path) -> int:
    try:
        with safe_open(path, "pt") as file:
            return sum(math.prod(file.get_slice(name).get_shape()) for name in file.keys())  # noqa: SIM118
    except (OSError, SafetensorError) as err:
        raise WeightsError(f"{path} cannot be read ({err}); convert the weights again") from err


def _context(path: Path, width: int, device: torch.device) -> torch.Tensor:
    context = read_tensors(path, device).get("context")
    if context is None or context.ndim != 3 or context.shape[::2] != (1, width):
        found = None if context is None else tuple(context.shape)
        raise WeightsError(
            f"{path} must hold context of shape (1, tokens, {width}), found {found}; convert the weights again"
        )
    return context


def _network(kind: Any, folder: Path, device: torch.device, dtype: torch.dtype) -> Any:
    try:
        config = json.loads((folder / "config.json").read_text())
        with torch.device("meta"):
            network: nn.Module = kind(**config)
    except (OSError, ValueError, TypeError) as err:
        raise WeightsError(
            f"{folder / 'config.json'} cannot be used ({err}); convert the weights again"
        ) from err
    tensors = read_tensors(folder / _TENSORS, device)
    check_tensors(tensors, network.state_dict(), str(folder / _TENSORS))
    for name in dict(network.named_parameters()):
        tensors[name] = tensors[name].to(dtype)  # one by one, so that not everything is held twice
    network.load_state_dict(tensors, assign=True)
    return network.eval().requires_grad_(False)
