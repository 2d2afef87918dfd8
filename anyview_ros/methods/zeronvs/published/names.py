"""The names of the published checkpoint's tensors, by those of diffusers' networks.

The checkpoint is one of latent-diffusion's ``LatentDiffusion``, as Zero123 and ZeroNVS train it. What it holds:

    model.diffusion_model.*          the denoising U-Net of Stable Diffusion 1, with 8 input channels
    model_ema.*                      its running mean, which is what samples; the same names without any dot
    first_stage_model.*              the autoencoder of Stable Diffusion 1
    cond_stage_model.model.visual.*  the picture tower of OpenAI's CLIP ViT-L/14; left-overs of its text tower beside it
    cc_projection.{weight,bias}      768 numbers of a picture and 19 of a pose to a token of 768

Sources of the names: class and attribute names in the public repositories cvlab-columbia/zero123 (``cc_projection``,
the condition that is laid beside the noisy latent, the embedder of pictures), kylesargent/ZeroNVS (the configuration of
the U-Net and of the autoencoder, 19 numbers, the running mean that is copied before sampling),
kylesargent/zeronvs_diffusion (the dotless names of the running mean), CompVis/stable-diffusion (blocks of U-Net and
autoencoder, buffers of the noise schedule) and openai/CLIP (the tower). A test holds the two tables below to what
diffusers' own converters make of a checkpoint.
"""

from __future__ import annotations

import re

UNET, EMA, AUTOENCODER = "model.diffusion_model.", "model_ema.", "first_stage_model."
TOWER, PROJECTION = "cond_stage_model.model.visual.", "cc_projection."

_RESNET = {
    "norm1": "in_layers.0",
    "conv1": "in_layers.2",
    "time_emb_proj": "emb_layers.1",
    "norm2": "out_layers.0",
    "conv2": "out_layers.3",
    "conv_shortcut": "skip_connection",
}
_UNET_ENDS = {
    "time_embedding.linear_1": "time_embed.0",
    "time_embedding.linear_2": "time_embed.2",
    "conv_in": "input_blocks.0.0",
    "conv_norm_out": "out.0",
    "conv_out": "out.2",
}
_ATTENTION = {"group_norm": "norm", "to_q": "q", "to_k": "k", "to_v": "v", "to_out.0": "proj_out"}

# Of training, or of parts that neither sampling nor distillation asks.
_UNUSED = re.compile(
    r"model_ema\.(decay|num_updates)"
    r"|(sqrt_|log_|posterior_)?(one_minus_|recip_|recipm1_)?(betas|alphas_cumprod(_prev)?|variance|mean_coef[12])"
    r"|(sqrt|log)_one_minus_alphas_cumprod|posterior_log_variance_clipped|lvlb_weights|logvar|scale_factor"
    r"|first_stage_model\.loss\..*"
    r"|cond_stage_model\.(mean|std)"
    r"|cond_stage_model\.model\.(positional_embedding|text_projection|logit_scale|token_embedding\.weight)"
    r"|cond_stage_model\.model\.(ln_final|transformer)\..*"
)


def unet_name(name: str, layers: int, upsampler: dict[int, int]) -> str:
    """The checkpoint's name, without prefix, of a tensor of diffusers' ``UNet2DConditionModel``.

    Args:
        name: of diffusers' tensor.
        layers: residual blocks per level on the way down; one more on the way up.
        upsampler: of each level on the way up, how many things stand in its last block before what enlarges: a
            residual block, and an attention where there is one.
    """
    module, _, end = name.rpartition(".")
    if module in _UNET_ENDS:
        return f"{_UNET_ENDS[module]}.{end}"
    parts = name.split(".")
    step = layers + 1
    if parts[0] == "mid_block":
        place = 2 * int(parts[2]) if parts[1] == "resnets" else 1
        return f"middle_block.{place}.{_inner(parts[1], parts[3:])}"
    level, kind, index = int(parts[1]), parts[2], int(parts[3])
    if kind == "downsamplers":
        return f"input_blocks.{step * (level + 1)}.0.op.{end}"
    if kind == "upsamplers":
        return f"output_blocks.{step * level + layers}.{upsampler[level]}.conv.{end}"
    place = step * level + index
    block = f"input_blocks.{1 + place}" if parts[0] == "down_blocks" else f"output_blocks.{place}"
    return f"{block}.{0 if kind == 'resnets' else 1}.{_inner(kind, parts[4:])}"


def ema_name(name: str) -> str:
    """The name of the running mean of the U-Net's tensor ``name``, which is without prefix."""
    return EMA + "diffusion_model" + name.replace(".", "")


def autoencoder_name(name: str, levels: int) -> str:
    """The checkpoint's name, without prefix, of a tensor of diffusers' ``AutoencoderKL`` of so many levels."""
    name = re.sub(r"\.mid_block\.resnets\.(\d)\.", lambda m: f".mid.block_{int(m[1]) + 1}.", name)
    name = name.replace(".mid_block.attentions.0.", ".mid.attn_1.")
    if ".mid.attn_1." in name:
        head, _, rest = name.partition(".mid.attn_1.")
        module, _, end = rest.rpartition(".")
        return f"{head}.mid.attn_1.{_ATTENTION[module]}.{end}"
    name = re.sub(r"\.down_blocks\.(\d+)\.resnets\.", r".down.\1.block.", name)
    name = re.sub(r"\.down_blocks\.(\d+)\.downsamplers\.0\.", r".down.\1.downsample.", name)
    name = re.sub(r"\.up_blocks\.(\d+)\.resnets\.", lambda m: f".up.{levels - 1 - int(m[1])}.block.", name)
    name = re.sub(
        r"\.up_blocks\.(\d+)\.upsamplers\.0\.", lambda m: f".up.{levels - 1 - int(m[1])}.upsample.", name
    )
    return name.replace(".conv_shortcut.", ".nin_shortcut.").replace(".conv_norm_out.", ".norm_out.")


def is_unused(name: str) -> bool:
    """Whether a tensor of the checkpoint is known, and known not to be needed."""
    return _UNUSED.fullmatch(name) is not None


def _inner(kind: str, parts: list[str]) -> str:
    """Names within a residual block differ, those within an attention do not."""
    if kind != "resnets":
        return ".".join(parts)
    return f"{_RESNET[parts[0]]}.{parts[1]}"
