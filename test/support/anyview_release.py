"""A release of AnyView in small: true names and formats, small widths, random weights."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

import torch
from diffusers.models.autoencoders.autoencoder_kl_wan import AutoencoderKLWan

from anyview_ros.methods.anyview.transformer import AnyViewTransformer
from anyview_ros.methods.anyview.weights import read_release, write_bundle

CONFIG = {"num_blocks": 2, "num_heads": 2, "head_width": 16, "context_width": 8, "adaln_rank": 4}
SIZE = (48, 32)
TRANSFORMER, AUTOENCODER, TEXT = "anyview_dvs_2b.pt", "tokenizer.pth", "default_text_emb.pt"


def transformer_state() -> dict[str, torch.Tensor]:
    """As released: bfloat16, ``net.`` before every name, ``_extra_state`` of training among them.

    Weights are large enough for every input to show in the output.
    """
    model = AnyViewTransformer(**CONFIG)
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            noise = torch.randn(parameter.shape, generator=generator)
            wide = parameter.shape[-1] ** -0.5
            parameter.copy_(1 + 0.2 * noise if name.endswith("norm.weight") else 1.3 * wide * noise)
    state: dict[str, torch.Tensor] = {}
    for name, tensor in model.state_dict().items():
        state[f"net.{name}"] = tensor.bfloat16()
        if name.endswith("_norm.weight"):
            state[f"net.{name.removesuffix('weight')}_extra_state"] = torch.zeros(4, dtype=torch.uint8)
    return state


def autoencoder_state() -> dict[str, torch.Tensor]:
    torch.manual_seed(1)
    model = AutoencoderKLWan(base_dim=8)
    with torch.no_grad():
        for part in (model.encoder, model.decoder):
            part.conv_out.weight.mul_(60 if part is model.encoder else 4)
    return {published_name(name): tensor for name, tensor in model.state_dict().items()}


def published_name(name: str) -> str:
    """The name in Wan's own file of a tensor of diffusers' AutoencoderKLWan."""
    name = name.replace("post_quant_conv", "conv2").replace("quant_conv", "conv1")
    name = (
        name.replace(".conv_in.", ".conv1.")
        .replace(".norm_out.", ".head.0.")
        .replace(".conv_out.", ".head.2.")
    )
    name = name.replace(".mid_block.resnets.0.", ".middle.0.").replace(".mid_block.resnets.1.", ".middle.2.")
    name = name.replace(".mid_block.attentions.0.", ".middle.1.").replace(".down_blocks.", ".downsamples.")
    name = re.sub(
        r"\.up_blocks\.(\d)\.resnets\.(\d)\.", lambda m: f".upsamples.{4 * int(m[1]) + int(m[2])}.", name
    )
    name = re.sub(r"\.up_blocks\.(\d)\.upsamplers\.0\.", lambda m: f".upsamples.{4 * int(m[1]) + 3}.", name)
    if re.search(r"\.(middle\.[02]|downsamples\.\d+|upsamples\.\d+)\.", name):
        for new, old in (("norm1", 0), ("conv1", 2), ("norm2", 3), ("conv2", 6)):
            name = re.sub(rf"(\.\d+)\.{new}\.", rf"\1.residual.{old}.", name)
    return name.replace(".conv_shortcut.", ".shortcut.")


def text_state() -> dict[str, torch.Tensor]:
    context = torch.zeros(1, 12, CONFIG["context_width"])
    context[0, 0] = torch.randn(CONFIG["context_width"], generator=torch.Generator().manual_seed(2))
    mask = torch.zeros(1, 12)
    mask[0, 0] = 1
    return {"t5_text_embeddings": context.bfloat16(), "t5_text_mask": mask}


def write_release(folder: Path, *, nested: bool = False, sums: bool = True) -> Path:
    folder.mkdir(parents=True)
    state = transformer_state()
    torch.save({"model": state} if nested else state, folder / TRANSFORMER)
    torch.save(autoencoder_state(), folder / AUTOENCODER)
    torch.save(text_state(), folder / TEXT)
    if sums:
        for name in (TRANSFORMER, AUTOENCODER, TEXT):
            digest = hashlib.sha256((folder / name).read_bytes()).hexdigest()
            (folder / f"{name}.sha256").write_text(f"{digest}  {name}\n")
    return folder


def write_small_bundle(folder: Path) -> Path:
    """A converted release in small."""
    write_bundle(folder / "out", read_release(write_release(folder / "in", sums=False)), {})
    return folder / "out"
