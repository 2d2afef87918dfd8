"""Names of the tensors of the Wan 2.1 autoencoder: as its authors publish it, and as diffusers has it."""

from __future__ import annotations

import re

_LAYERS = {
    "residual.0.gamma": "norm1.gamma",
    "residual.2.weight": "conv1.weight",
    "residual.2.bias": "conv1.bias",
    "residual.3.gamma": "norm2.gamma",
    "residual.6.weight": "conv2.weight",
    "residual.6.bias": "conv2.bias",
    "shortcut.weight": "conv_shortcut.weight",
    "shortcut.bias": "conv_shortcut.bias",
}
_FIXED = {"conv1": "quant_conv", "conv2": "post_quant_conv"}
_ENDS = {"conv1": "conv_in", "head.0": "norm_out", "head.2": "conv_out"}
_MIDDLE = {"0": "resnets.0", "1": "attentions.0", "2": "resnets.1"}
_PER_STAGE = 4  # three residual blocks and an upsampler, numbered through in the original


def diffusers_name(name: str) -> str:
    """The name in diffusers' ``AutoencoderKLWan`` of a tensor of the published file; itself where unknown."""
    side, _, rest = name.partition(".")
    if side in _FIXED:
        return f"{_FIXED[side]}.{rest}"
    for old, new in _ENDS.items():
        if rest.startswith(f"{old}."):
            return f"{side}.{new}.{rest.removeprefix(f'{old}.')}"
    if match := re.fullmatch(r"(middle|downsamples|upsamples)\.(\d+)\.(.+)", rest):
        part, index, layer = match.groups()
        return f"{side}.{_place(part, index, layer)}.{_LAYERS.get(layer, layer)}"
    return name


def _place(part: str, index: str, layer: str) -> str:
    if part == "middle":
        return f"mid_block.{_MIDDLE.get(index, index)}"
    if part == "downsamples":
        return f"down_blocks.{index}"
    stage, block = divmod(int(index), _PER_STAGE)
    resamples = layer.startswith(("resample.", "time_conv."))
    return f"up_blocks.{stage}.{'upsamplers.0' if resamples else f'resnets.{block}'}"
