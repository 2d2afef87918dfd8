"""What the published model is made of, and how that is told from the shapes of a checkpoint's tensors."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import torch
from diffusers.models.autoencoders.autoencoder_kl import AutoencoderKL
from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel
from torch import nn

from anyview_ros.errors import WeightsError
from anyview_ros.methods.zeronvs.conditioning import NUMBERS
from anyview_ros.methods.zeronvs.published.names import (
    AUTOENCODER,
    PROJECTION,
    TOWER,
    UNET,
    autoencoder_name,
    unet_name,
)
from anyview_ros.methods.zeronvs.published.tower import PictureTower

SIDE = 256
LATENT_SCALE = 0.18215
SCHEDULER: dict[str, Any] = {
    "num_train_timesteps": 1000,
    "beta_start": 0.00085,
    "beta_end": 0.012,
    "beta_schedule": "scaled_linear",
    "prediction_type": "epsilon",
    "clip_sample": False,
    "set_alpha_to_one": False,
    "steps_offset": 1,
}
PARTS = ("unet", "autoencoder", "tower", "projection")

_HEADS = 8
_LATENTS = 4


@dataclass(frozen=True)
class PublishedConfig:
    """Sizes of the published model; the defaults are its own.

    Attributes:
        widths: channels of the U-Net's levels.
        layers: residual blocks per level.
        attention: of each level of the U-Net, whether it attends to the condition.
        context: numbers of the condition's token, and of a picture's embedding.
        autoencoder_widths: channels of its levels.
        autoencoder_layers: residual blocks per level.
        tower_width, tower_layers, tower_patch, tower_grid: of the picture tower.
        side: of pictures, pixels.
    """

    widths: tuple[int, ...] = (320, 640, 1280, 1280)
    layers: int = 2
    attention: tuple[bool, ...] = (True, True, True, False)
    context: int = 768
    autoencoder_widths: tuple[int, ...] = (128, 256, 512, 512)
    autoencoder_layers: int = 2
    tower_width: int = 1024
    tower_layers: int = 24
    tower_patch: int = 14
    tower_grid: int = 16
    side: int = SIDE

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> PublishedConfig:
        """From what :meth:`as_dict` gave.

        Raises:
            TypeError, ValueError: values that are no such settings.
        """
        listed: dict[str, Any] = {
            name: tuple(one) if isinstance(one, list) else one for name, one in values.items()
        }
        return cls(**listed)

    def networks(self) -> dict[str, nn.Module]:
        """The parts by name, newly made: "unet", "autoencoder", "tower", "projection"."""
        levels = len(self.widths)
        down = ["CrossAttnDownBlock2D" if one else "DownBlock2D" for one in self.attention]
        up = ["CrossAttnUpBlock2D" if one else "UpBlock2D" for one in reversed(self.attention)]
        coded = len(self.autoencoder_widths)
        unet: nn.Module = UNet2DConditionModel(
            sample_size=self.side // 2 ** (coded - 1),
            in_channels=2 * _LATENTS,
            out_channels=_LATENTS,
            down_block_types=tuple(down),
            up_block_types=tuple(up),
            block_out_channels=self.widths,
            layers_per_block=self.layers,
            cross_attention_dim=self.context,
            attention_head_dim=_HEADS,  # diffusers' name for the number of heads in models of this kind
        )
        autoencoder: nn.Module = AutoencoderKL(
            in_channels=3,
            out_channels=3,
            down_block_types=("DownEncoderBlock2D",) * coded,
            up_block_types=("UpDecoderBlock2D",) * coded,
            block_out_channels=self.autoencoder_widths,
            layers_per_block=self.autoencoder_layers,
            latent_channels=_LATENTS,
            sample_size=self.side,
            scaling_factor=LATENT_SCALE,
        )
        tower = PictureTower(
            self.tower_width, self.tower_layers, self.tower_patch, self.tower_grid, self.context
        )
        projection = nn.Linear(self.context + NUMBERS, self.context)
        assert levels == len(self.attention)  # noqa: S101 - both are counted from the same blocks
        return dict(zip(PARTS, (unet, autoencoder, tower, projection), strict=True))

    def checkpoint_names(self) -> dict[str, dict[str, str]]:
        """Of each part, the checkpoint's full names of its tensors, by the part's own."""
        with torch.device("meta"):
            networks = self.networks()
        upsampler = {level: 2 if one else 1 for level, one in enumerate(reversed(self.attention))}
        coded = len(self.autoencoder_widths)
        return {
            "unet": {
                name: UNET + unet_name(name, self.layers, upsampler) for name in networks["unet"].state_dict()
            },
            "autoencoder": {
                name: AUTOENCODER + autoencoder_name(name, coded)
                for name in networks["autoencoder"].state_dict()
            },
            "tower": {name: TOWER + name for name in networks["tower"].state_dict()},
            "projection": {name: PROJECTION + name for name in networks["projection"].state_dict()},
        }

    @classmethod
    def of_checkpoint(
        cls, tensors: Mapping[str, torch.Tensor], where: str, side: int = SIDE
    ) -> PublishedConfig:
        """The sizes that a checkpoint's shapes tell.

        Args:
            tensors: by their full names.
            where: its path, for messages.
            side: of pictures, which no shape tells.

        Raises:
            WeightsError: tensors without which that cannot be told: another model's.
        """
        try:
            return cls._read(tensors, side)
        except (KeyError, IndexError, ValueError) as error:
            raise WeightsError(
                f"{where} is no checkpoint of ZeroNVS: its {len(tensors)} tensors do not tell the model's sizes "
                f"({error!r}); `anyview weights --method zeronvs` tells where the weights come from"
            ) from error

    @classmethod
    def _read(cls, tensors: Mapping[str, torch.Tensor], side: int) -> PublishedConfig:
        blocks = 1 + max(_number(name, UNET + "input_blocks.") for name in tensors)
        ends = [i for i in range(1, blocks) if f"{UNET}input_blocks.{i}.0.op.weight" in tensors]
        if not ends:
            raise KeyError(f"{UNET}input_blocks.*.0.op.weight")
        layers = ends[0] - 1
        starts = [1, *(end + 1 for end in ends)]
        widths = [_shape(tensors, f"{UNET}input_blocks.{i}.0.out_layers.3.weight")[0] for i in starts]
        attends = [f"{UNET}input_blocks.{i}.1.proj_in.weight" in tensors for i in starts]
        first = starts[attends.index(True)]
        context = f"{UNET}input_blocks.{first}.1.transformer_blocks.0.attn2.to_k.weight"
        coded = 1 + max(_number(name, AUTOENCODER + "encoder.down.") for name in tensors)
        coder = f"{AUTOENCODER}encoder.down."
        coder_layers = 1 + max(_number(name, f"{coder}0.block.") for name in tensors)
        tower_width, _, patch, _ = _shape(tensors, TOWER + "conv1.weight")
        places = _shape(tensors, TOWER + "positional_embedding")[0]
        return cls(
            tuple(widths),
            layers,
            tuple(attends),
            _shape(tensors, context)[1],
            tuple(_shape(tensors, f"{coder}{i}.block.0.conv2.weight")[0] for i in range(coded)),
            coder_layers,
            tower_width,
            1 + max(_number(name, TOWER + "transformer.resblocks.") for name in tensors),
            patch,
            round((places - 1) ** 0.5),
            side,
        )


def _shape(tensors: Mapping[str, torch.Tensor], name: str) -> tuple[int, ...]:
    return tuple(tensors[name].shape)


def _number(name: str, prefix: str) -> int:
    """The number that follows a prefix; -1 of names that begin otherwise."""
    if not name.startswith(prefix):
        return -1
    return int(name.removeprefix(prefix).partition(".")[0])
