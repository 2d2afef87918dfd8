"""The files of the release, read without running anything that is pickled in them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from anyview_ros.errors import WeightsError
from anyview_ros.methods.anyview.transformer import AnyViewTransformer, position_buffers
from anyview_ros.methods.anyview.weights.wan_names import diffusers_name
from anyview_ros.methods.checkpoint_files import first_line, read_checkpoint
from anyview_ros.methods.weight_checks import check_finite, check_tensors

TRANSFORMER_FILE, AUTOENCODER_FILE, TEXT_FILE = RELEASE_FILES = (
    "anyview_dvs_2b.pt",
    "tokenizer.pth",
    "default_text_emb.pt",
)

_PREFIX = "net."
_EXTRA_STATE = "_extra_state"
_POSITIONS = "pos_embedder."
_ROUNDED = 0.01  # the buffers went through bfloat16

Tensors = dict[str, torch.Tensor]


@dataclass(frozen=True, eq=False)
class Release:
    """The release, by our names.

    Attributes:
        transformer_config, transformer: arguments and tensors of AnyViewTransformer.
        autoencoder_config, autoencoder: those of diffusers' AutoencoderKLWan.
        text: (1, tokens, width), the embedding of the empty prompt.
    """

    transformer_config: dict[str, Any]
    transformer: Tensors
    autoencoder_config: dict[str, Any]
    autoencoder: Tensors
    text: torch.Tensor


def read_release(folder: Path) -> Release:
    """Read and check all files of the release.

    Raises:
        WeightsError: files that are missing or damaged, or tensors that are missing, left over or misshapen.
    """
    absent = [name for name in RELEASE_FILES if not (folder / name).is_file()]
    if absent:
        raise WeightsError(
            f"{folder} lacks {', '.join(absent)}; `anyview weights` tells where they come from"
        )
    transformer = transformer_tensors(read_checkpoint(folder / TRANSFORMER_FILE), folder / TRANSFORMER_FILE)
    config = transformer_config(transformer, folder / TRANSFORMER_FILE)
    autoencoder_config, autoencoder = _autoencoder(folder / AUTOENCODER_FILE)
    text = _text(folder / TEXT_FILE, config["context_width"])
    return Release(config, _checked(transformer, config, folder), autoencoder_config, autoencoder, text)


def transformer_tensors(state: Mapping[str, Any], where: Path) -> Tensors:
    """The transformer's tensors without ``net.`` and without the ``_extra_state`` of training.

    Raises:
        WeightsError: an entry that is no tensor.
    """
    tensors = {}
    for key, value in state.items():
        if key.endswith(_EXTRA_STATE):
            continue
        if not isinstance(value, torch.Tensor):
            raise WeightsError(
                f"{where} has {key} of type {type(value).__name__}, not a tensor; give a checkpoint of the model alone"
            )
        tensors[key.removeprefix(_PREFIX)] = value
    return tensors


def transformer_config(tensors: Tensors, where: Path) -> dict[str, Any]:
    """The arguments of the AnyViewTransformer that has such tensors, told by their shapes.

    Raises:
        WeightsError: tensors without which that cannot be told.
    """
    try:
        width, patch = tensors["x_embedder.proj.1.weight"].shape
        head = tensors["blocks.0.self_attn.q_norm.weight"].shape[0]
        hidden = tensors["blocks.0.mlp.layer1.weight"].shape[0]
        return {
            "num_blocks": 1 + max(int(key.split(".")[1]) for key in tensors if key.startswith("blocks.")),
            "num_heads": width // head,
            "head_width": head,
            "context_width": tensors["blocks.0.cross_attn.k_proj.weight"].shape[1],
            "mlp_ratio": hidden // width,
            "adaln_rank": tensors["blocks.0.adaln_modulation_mlp.1.weight"].shape[0],
            "latent_channels": (patch // 4 - 4) // 3,
            "max_positions": tensors["pos_embedder.seq"].shape[0],
        }
    except (KeyError, ValueError, IndexError) as err:
        raise WeightsError(
            f"{where} is no checkpoint of AnyView: {first_line(err)} is not as it should be among its "
            f"{len(tensors)} tensors; give {TRANSFORMER_FILE}"
        ) from err


def _checked(tensors: Tensors, config: dict[str, Any], folder: Path) -> Tensors:
    where = str(folder / TRANSFORMER_FILE)
    with torch.device("meta"):
        expected = AnyViewTransformer(**config).state_dict()
    check_tensors(tensors, expected, where)
    check_finite(tensors, where)
    exact = position_buffers(config["head_width"], config["max_positions"])
    for name, values in exact.items():
        if not torch.allclose(tensors[_POSITIONS + name].float(), values, rtol=_ROUNDED, atol=_ROUNDED):
            raise WeightsError(
                f"{where} has other positions in {_POSITIONS}{name} than AnyView; it is another model's checkpoint"
            )
    return {**tensors, **{_POSITIONS + name: values for name, values in exact.items()}}


def _autoencoder(path: Path) -> tuple[dict[str, Any], Tensors]:
    from diffusers.models.autoencoders.autoencoder_kl_wan import AutoencoderKLWan

    tensors = {diffusers_name(key): value for key, value in read_checkpoint(path).items()}
    first = tensors.get("encoder.conv_in.weight")
    if first is None:
        raise WeightsError(
            f"{path} is no autoencoder of Wan 2.1: it lacks encoder.conv1.weight; give {AUTOENCODER_FILE}"
        )
    config = {"base_dim": int(first.shape[0])}
    with torch.device("meta"):
        expected = AutoencoderKLWan(**config).state_dict()
    check_tensors(tensors, expected, str(path))
    check_finite(tensors, str(path))
    return config, tensors


def _text(path: Path, width: int) -> torch.Tensor:
    embedding = read_checkpoint(path).get("t5_text_embeddings")
    if not isinstance(embedding, torch.Tensor) or embedding.ndim != 3 or embedding.shape[::2] != (1, width):
        found = tuple(embedding.shape) if isinstance(embedding, torch.Tensor) else "none"
        raise WeightsError(
            f"{path} must hold t5_text_embeddings of shape (1, tokens, {width}), found {found}; give {TEXT_FILE}"
        )
    check_finite({"t5_text_embeddings": embedding}, str(path))
    return embedding
