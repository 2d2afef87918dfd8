"""The published checkpoint, read, checked and written as a folder of safetensors.

zeronvs_published.json       format, settings of the model, and the sha256 of every file
unet.safetensors             of diffusers' UNet2DConditionModel, by its names; the running mean where there is one
autoencoder.safetensors      of diffusers' AutoencoderKL
tower.safetensors            of the picture tower
projection.safetensors       of picture and pose to a token
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError

from anyview_ros.errors import WeightsError
from anyview_ros.methods.checkpoint_files import read_checkpoint, read_tensors
from anyview_ros.methods.device_memory import free_bytes
from anyview_ros.methods.tensor_files import save_tensors
from anyview_ros.methods.weight_checks import (
    changed_files,
    check_finite,
    check_new_folder,
    check_tensors,
    combined_sha256,
    sha256_of_weights,
)
from anyview_ros.methods.zeronvs.loading import PUBLISHED
from anyview_ros.methods.zeronvs.published.config import PARTS, SIDE, PublishedConfig
from anyview_ros.methods.zeronvs.published.names import EMA, UNET, ema_name, is_unused

FORMAT = "zeronvs_published/1"
MANIFEST = PUBLISHED

Tensors = dict[str, torch.Tensor]


@dataclass(frozen=True, eq=False)
class PublishedCheckpoint:
    """A checkpoint by our names.

    Attributes:
        config: its sizes.
        parts: of "unet", "autoencoder", "tower" and "projection" the tensors by name.
        averaged: whether the U-Net is the running mean.
        left_over: names of tensors that nothing is known of, such as a depth network's.
    """

    config: PublishedConfig
    parts: Mapping[str, Tensors]
    averaged: bool
    left_over: tuple[str, ...]


def read_published(path: Path, side: int = SIDE) -> PublishedCheckpoint:
    """Read and check a checkpoint of ``LatentDiffusion``, ``.ckpt`` or ``.safetensors``.

    Args:
        path: of the file.
        side: of pictures; 256 in the published model.

    Raises:
        WeightsError: a file that is missing, truncated or another model's, tensors that are missing or misshapen, or
            values that are not finite.
    """
    if path.suffix == ".safetensors":
        entries: dict[str, Any] = dict(read_tensors(path))
    else:
        entries = read_checkpoint(path, skip_objects=True)
    tensors = {name: value for name, value in entries.items() if isinstance(value, torch.Tensor)}
    config = PublishedConfig.of_checkpoint(tensors, str(path), side)
    names = config.checkpoint_names()
    averaged = any(name.startswith(EMA + "diffusion_model") for name in tensors)
    used: set[str] = set()
    parts: dict[str, Tensors] = {}
    with torch.device("meta"):
        networks = config.networks()
    for part in PARTS:
        wanted = names[part]
        if part == "unet" and averaged:
            used |= set(wanted.values())
            wanted = {name: ema_name(full.removeprefix(UNET)) for name, full in wanted.items()}
        shapes = networks[part].state_dict()
        parts[part] = _part(tensors, wanted, shapes, f"{path} ({part})")
        used |= set(wanted.values())
    left = tuple(name for name in tensors if name not in used and not is_unused(name))
    return PublishedCheckpoint(config, parts, averaged, left)


def write_published(folder: Path, checkpoint: PublishedCheckpoint, origin: Mapping[str, str]) -> str:
    """Write a folder and return the sha256 that names its weights.

    Args:
        folder: to be made; it must not exist, or be empty.
        checkpoint: what to write, one part after the other.
        origin: sha256 of the file it was read from, by name.

    Raises:
        WeightsError: the folder is a file, is not empty or cannot be written, or too little memory.
    """
    check_new_folder(folder)
    check_room_to_convert(checkpoint)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for part, tensors in checkpoint.parts.items():
            save_tensors(tensors, folder / f"{part}.safetensors")
        sums = {f"{part}.safetensors": sha256_of_weights(folder / f"{part}.safetensors") for part in PARTS}
        manifest = {
            "format": FORMAT,
            "config": checkpoint.config.as_dict(),
            "averaged": checkpoint.averaged,
            "left_over": list(checkpoint.left_over),
            "files": sums,
            "origin": dict(origin),
            "sha256": combined_sha256(sums),
        }
        (folder / MANIFEST).write_text(json.dumps(manifest, indent=2) + "\n")
    except (OSError, SafetensorError) as error:
        raise WeightsError(f"cannot write the weights to {folder}: {error}; choose another place") from error
    return str(manifest["sha256"])


def bytes_to_convert(checkpoint: PublishedCheckpoint) -> int:
    """Memory that writing takes: that of the largest part, the U-Net."""
    return max(
        sum(value.numel() * value.element_size() for value in tensors.values())
        for tensors in checkpoint.parts.values()
    )


def check_room_to_convert(checkpoint: PublishedCheckpoint) -> None:
    """See that there is memory for what :func:`write_published` takes.

    Raises:
        WeightsError: too little.
    """
    free, needed = free_bytes(torch.device("cpu")), bytes_to_convert(checkpoint)
    if free is not None and needed > free:
        raise WeightsError(
            f"converting takes {needed / 2**30:.2g} GiB of memory, but {free / 2**30:.2g} GiB are free; free some, or "
            "convert on another machine"
        )


def read_published_manifest(folder: Path) -> dict[str, Any]:
    """What a converted folder says of itself.

    Raises:
        WeightsError: it holds none, or one of another format.
    """
    path = folder / MANIFEST
    if not path.is_file():
        raise WeightsError(
            f"{folder} holds no converted weights of ZeroNVS (no {MANIFEST}); `anyview weights --method zeronvs` tells "
            "how to get them"
        )
    try:
        manifest = json.loads(path.read_text())
        known = manifest["format"] == FORMAT and {"config", "sha256"} <= set(manifest)
        known = known and set(manifest["files"]) == {f"{part}.safetensors" for part in PARTS}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise WeightsError(f"{path} cannot be read ({error!r}); convert the weights again") from error
    if not known:
        raise WeightsError(f"{path} is of another format than {FORMAT!r}; convert the weights again")
    return dict(manifest)


def verify_published(folder: Path) -> list[str]:
    """Complaints about files whose sha256 is not what it was when they were written; none if all is well.

    Raises:
        WeightsError: no converted folder, or a file that is gone.
    """
    return changed_files(folder, read_published_manifest(folder)["files"])


def _part(
    tensors: Mapping[str, torch.Tensor],
    wanted: Mapping[str, str],
    shapes: Mapping[str, torch.Tensor],
    where: str,
) -> Tensors:
    """The tensors of a part by its own names.

    Raises:
        WeightsError: some are missing, misshapen or not finite.
    """
    found = {full: tensors[full] for full in wanted.values() if full in tensors}
    expected = {full: shapes[name] for name, full in wanted.items()}
    # An attention's 1x1 convolutions are matrices in diffusers' autoencoder.
    found = {
        full: value[:, :, 0, 0] if value.ndim == 4 and expected[full].ndim == 2 else value
        for full, value in found.items()
    }
    check_tensors(found, expected, where)
    check_finite(found, where)
    return {name: found[full] for name, full in wanted.items()}
