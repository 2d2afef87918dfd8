"""A checkpoint as ZeroNVS publishes it, of any widths: true names, listed as latent-diffusion builds its blocks."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path

import torch

from anyview_ros.methods.zeronvs.published.config import PublishedConfig

TINY = PublishedConfig(
    widths=(32, 32, 64, 64),
    context=16,
    autoencoder_widths=(32, 32, 32, 32),
    tower_width=64,
    tower_layers=2,
    tower_patch=8,
    tower_grid=3,
    side=64,
)
FILE = "zeronvs.ckpt"

Shapes = dict[str, tuple[int, ...]]


def shapes(config: PublishedConfig = TINY) -> Shapes:
    """Every tensor that sampling needs."""
    found = {f"model.diffusion_model.{name}": shape for name, shape in _unet(config)}
    found |= {f"first_stage_model.{name}": shape for name, shape in _autoencoder(config)}
    found |= {f"cond_stage_model.model.visual.{name}": shape for name, shape in _tower(config)}
    context = config.context
    return found | {"cc_projection.weight": (context, context + 19), "cc_projection.bias": (context,)}


def _layer(name: str, *shape: int) -> Iterator[tuple[str, tuple[int, ...]]]:
    yield f"{name}.weight", shape
    yield f"{name}.bias", shape[:1]


def _resnet(name: str, into: int, out: int, time: int) -> Iterator[tuple[str, tuple[int, ...]]]:
    yield from _layer(f"{name}.in_layers.0", into)
    yield from _layer(f"{name}.in_layers.2", out, into, 3, 3)
    yield from _layer(f"{name}.emb_layers.1", out, time)
    yield from _layer(f"{name}.out_layers.0", out)
    yield from _layer(f"{name}.out_layers.3", out, out, 3, 3)
    if into != out:
        yield from _layer(f"{name}.skip_connection", out, into, 1, 1)


def _attention(name: str, width: int, context: int) -> Iterator[tuple[str, tuple[int, ...]]]:
    yield from _layer(f"{name}.norm", width)
    yield from _layer(f"{name}.proj_in", width, width, 1, 1)
    block = f"{name}.transformer_blocks.0"
    for number, seen in ((1, width), (2, context)):
        yield f"{block}.attn{number}.to_q.weight", (width, width)
        yield f"{block}.attn{number}.to_k.weight", (width, seen)
        yield f"{block}.attn{number}.to_v.weight", (width, seen)
        yield from _layer(f"{block}.attn{number}.to_out.0", width, width)
    yield from _layer(f"{block}.ff.net.0.proj", 8 * width, width)
    yield from _layer(f"{block}.ff.net.2", width, 4 * width)
    for number in (1, 2, 3):
        yield from _layer(f"{block}.norm{number}", width)
    yield from _layer(f"{name}.proj_out", width, width, 1, 1)


def _unet(config: PublishedConfig) -> Iterator[tuple[str, tuple[int, ...]]]:
    widths, context = config.widths, config.context
    time = 4 * widths[0]
    yield from _layer("time_embed.0", time, widths[0])
    yield from _layer("time_embed.2", time, time)
    yield from _layer("input_blocks.0.0", widths[0], 8, 3, 3)
    block, width, skips = 1, widths[0], [widths[0]]
    for level, out in enumerate(widths):
        for _ in range(config.layers):
            yield from _resnet(f"input_blocks.{block}.0", width, out, time)
            if config.attention[level]:
                yield from _attention(f"input_blocks.{block}.1", out, context)
            width = out
            skips.append(width)
            block += 1
        if level < len(widths) - 1:
            yield from _layer(f"input_blocks.{block}.0.op", width, width, 3, 3)
            skips.append(width)
            block += 1
    yield from _resnet("middle_block.0", width, width, time)
    yield from _attention("middle_block.1", width, context)
    yield from _resnet("middle_block.2", width, width, time)
    block = 0
    for level, out in reversed(list(enumerate(widths))):
        for layer in range(config.layers + 1):
            yield from _resnet(f"output_blocks.{block}.0", width + skips.pop(), out, time)
            place, width = 1, out
            if config.attention[level]:
                yield from _attention(f"output_blocks.{block}.{place}", out, context)
                place += 1
            if level and layer == config.layers:
                yield from _layer(f"output_blocks.{block}.{place}.conv", out, out, 3, 3)
            block += 1
    yield from _layer("out.0", width)
    yield from _layer("out.2", 4, width, 3, 3)


def _coder_block(name: str, into: int, out: int) -> Iterator[tuple[str, tuple[int, ...]]]:
    yield from _layer(f"{name}.norm1", into)
    yield from _layer(f"{name}.conv1", out, into, 3, 3)
    yield from _layer(f"{name}.norm2", out)
    yield from _layer(f"{name}.conv2", out, out, 3, 3)
    if into != out:
        yield from _layer(f"{name}.nin_shortcut", out, into, 1, 1)


def _coder_middle(name: str, width: int) -> Iterator[tuple[str, tuple[int, ...]]]:
    yield from _coder_block(f"{name}.mid.block_1", width, width)
    yield from _layer(f"{name}.mid.attn_1.norm", width)
    for part in ("q", "k", "v", "proj_out"):
        yield from _layer(f"{name}.mid.attn_1.{part}", width, width, 1, 1)
    yield from _coder_block(f"{name}.mid.block_2", width, width)


def _autoencoder(config: PublishedConfig) -> Iterator[tuple[str, tuple[int, ...]]]:
    widths, layers = config.autoencoder_widths, config.autoencoder_layers
    yield from _layer("encoder.conv_in", widths[0], 3, 3, 3)
    width = widths[0]
    for level, out in enumerate(widths):
        for layer in range(layers):
            yield from _coder_block(f"encoder.down.{level}.block.{layer}", width, out)
            width = out
        if level < len(widths) - 1:
            yield from _layer(f"encoder.down.{level}.downsample.conv", out, out, 3, 3)
    yield from _coder_middle("encoder", width)
    yield from _layer("encoder.norm_out", width)
    yield from _layer("encoder.conv_out", 8, width, 3, 3)
    yield from _layer("decoder.conv_in", width, 4, 3, 3)
    yield from _coder_middle("decoder", width)
    for level, out in reversed(list(enumerate(widths))):
        for layer in range(layers + 1):
            yield from _coder_block(f"decoder.up.{level}.block.{layer}", width, out)
            width = out
        if level:
            yield from _layer(f"decoder.up.{level}.upsample.conv", out, out, 3, 3)
    yield from _layer("decoder.norm_out", width)
    yield from _layer("decoder.conv_out", 3, width, 3, 3)
    yield from _layer("quant_conv", 8, 8, 1, 1)
    yield from _layer("post_quant_conv", 4, 4, 1, 1)


def _tower(config: PublishedConfig) -> Iterator[tuple[str, tuple[int, ...]]]:
    width = config.tower_width
    yield "class_embedding", (width,)
    yield "positional_embedding", (config.tower_grid**2 + 1, width)
    yield "proj", (width, config.context)
    yield "conv1.weight", (width, 3, config.tower_patch, config.tower_patch)
    yield from _layer("ln_pre", width)
    for layer in range(config.tower_layers):
        block = f"transformer.resblocks.{layer}"
        yield f"{block}.attn.in_proj_weight", (3 * width, width)
        yield f"{block}.attn.in_proj_bias", (3 * width,)
        yield from _layer(f"{block}.attn.out_proj", width, width)
        yield from _layer(f"{block}.ln_1", width)
        yield from _layer(f"{block}.mlp.c_fc", 4 * width, width)
        yield from _layer(f"{block}.mlp.c_proj", width, 4 * width)
        yield from _layer(f"{block}.ln_2", width)
    yield from _layer("ln_post", width)


def state() -> dict[str, torch.Tensor]:
    """Random tensors of the tiny one, of a size that lets every input show in the output."""
    return dict(_state())


@cache
def _state() -> dict[str, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    made = {}
    for name, shape in shapes().items():
        noise = torch.randn(shape, generator=generator)
        fan_in = max(noise[0].numel(), 1) if noise.ndim > 1 else 100
        norm = len(shape) == 1 and name.endswith("weight")
        made[name] = 1 + 0.1 * noise if norm else noise / fan_in**0.5
    return made


def averages(tensors: Mapping[str, torch.Tensor], shift: float = 0.01) -> dict[str, torch.Tensor]:
    """The running mean of the U-Net as the checkpoint holds it: names without dots."""
    prefix = "model."
    return {
        f"model_ema.{name.removeprefix(prefix).replace('.', '')}": value + shift
        for name, value in tensors.items()
        if name.startswith(prefix)
    }


def training_leftovers() -> dict[str, torch.Tensor]:
    """What a checkpoint has besides, and nothing here asks for."""
    return {
        "betas": torch.zeros(1000),
        "alphas_cumprod": torch.zeros(1000),
        "alphas_cumprod_prev": torch.zeros(1000),
        "sqrt_alphas_cumprod": torch.zeros(1000),
        "sqrt_one_minus_alphas_cumprod": torch.zeros(1000),
        "log_one_minus_alphas_cumprod": torch.zeros(1000),
        "sqrt_recip_alphas_cumprod": torch.zeros(1000),
        "sqrt_recipm1_alphas_cumprod": torch.zeros(1000),
        "posterior_variance": torch.zeros(1000),
        "posterior_log_variance_clipped": torch.zeros(1000),
        "posterior_mean_coef1": torch.zeros(1000),
        "posterior_mean_coef2": torch.zeros(1000),
        "model_ema.decay": torch.zeros(()),
        "model_ema.num_updates": torch.zeros((), dtype=torch.int32),
        "cond_stage_model.mean": torch.zeros(3),
        "cond_stage_model.std": torch.zeros(3),
        "cond_stage_model.model.logit_scale": torch.zeros(()),
        "cond_stage_model.model.text_projection": torch.zeros(4, 4),
        "cond_stage_model.model.positional_embedding": torch.zeros(77, 4),
        "cond_stage_model.model.token_embedding.weight": torch.zeros(9, 4),
        "cond_stage_model.model.ln_final.weight": torch.zeros(4),
        "cond_stage_model.model.ln_final.bias": torch.zeros(4),
    }


def write_checkpoint(folder: Path, *, averaged: bool = True) -> Path:
    """A tiny checkpoint as ``torch.save`` writes it."""
    folder.mkdir(parents=True, exist_ok=True)
    tensors = state()
    if averaged:
        tensors |= averages(tensors)
    torch.save({"state_dict": tensors | training_leftovers(), "global_step": 7}, folder / FILE)
    return folder / FILE
