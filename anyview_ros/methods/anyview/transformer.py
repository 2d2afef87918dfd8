"""The AnyView transformer: two views of one clip in, the flow of the target's picture out.

Parameter names are those of the released checkpoint after its prefix ``net.``.
"""

from __future__ import annotations

from typing import Any, cast

import torch
import torch.utils.checkpoint
from diffusers.configuration_utils import ConfigMixin, register_to_config
from diffusers.hooks._helpers import TransformerBlockMetadata, TransformerBlockRegistry
from diffusers.models.cache_utils import CacheMixin
from diffusers.models.modeling_utils import ModelMixin
from torch import nn

from anyview_ros.errors import InvalidInputError
from anyview_ros.methods.anyview.blocks import AnyViewBlock, KeysValues, modulated, modulation
from anyview_ros.networks.normalization import RMSNorm
from anyview_ros.networks.patches import PatchSize, patch_grid, patchify, unpatchify
from anyview_ros.networks.rotary import rotary_angles, rotary_split
from anyview_ros.networks.timestep import sinusoid

# Lets diffusers' caches (first-block cache and others, through ``enable_cache``) follow the tokens.
TransformerBlockRegistry.register(AnyViewBlock, TransformerBlockMetadata(return_hidden_states_index=0))


class AnyViewTransformer(ModelMixin, CacheMixin, ConfigMixin):  # type: ignore[misc]
    """A diffusion transformer over the tokens of a target view (noisy) and a source view (clean).

    Args:
        num_blocks: transformer blocks.
        num_heads, head_width: of the attentions; the tokens are ``num_heads * head_width`` wide.
        context_width: of the text's tokens.
        mlp_ratio: hidden width of the MLPs over the tokens'.
        adaln_rank: of the modulations.
        latent_channels: of a picture's latent; a view has 3 * latent_channels + 4 channels.
        patch_size: frames, rows and columns of latent per token.
        rope_scale: of time, height and width; see networks.rotary.
        max_positions: most tokens along an axis.
    """

    _repeated_blocks = ["AnyViewBlock"]  # noqa: RUF012  (an attribute of ModelMixin)
    _supports_gradient_checkpointing = True

    @register_to_config  # type: ignore[untyped-decorator]
    def __init__(
        self,
        num_blocks: int = 28,
        num_heads: int = 16,
        head_width: int = 128,
        context_width: int = 1024,
        mlp_ratio: int = 4,
        adaln_rank: int = 256,
        latent_channels: int = 16,
        patch_size: tuple[int, int, int] = (1, 2, 2),
        rope_scale: tuple[float, float, float] = (1.0, 3.0, 3.0),
        max_positions: int = 120,
    ) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        width = num_heads * head_width
        self.width, self.head_width = width, head_width
        self.patch: PatchSize = (patch_size[0], patch_size[1], patch_size[2])
        self.rope_scale = (rope_scale[0], rope_scale[1], rope_scale[2])
        self.max_positions = max_positions
        self.latent_channels, self.channels = latent_channels, 3 * latent_channels + 4
        patch_width = self.channels * patch_size[0] * patch_size[1] * patch_size[2]
        self.x_embedder = _PatchEmbedding(patch_width, width)
        self.x_embedder_newviews = nn.ModuleList([_PatchEmbedding(patch_width, width)])
        self.view_embs_newviews = nn.ParameterList([nn.Parameter(torch.zeros(1, width))])
        self.t_embedder = _timestep_embedding(width)  # of the base model; AnyView does not use it
        self.t_embedder_newviews = nn.ModuleList([_timestep_embedding(width)])
        self.t_embedding_norm = RMSNorm(width)
        self.pos_embedder = _PositionBuffers(head_width, max_positions)
        self.blocks = nn.ModuleList(
            AnyViewBlock(width, num_heads, context_width, mlp_ratio * width, adaln_rank)
            for _ in range(num_blocks)
        )
        self.final_layer = _FinalLayer(width, patch_width, adaln_rank)
        # Predicts the source view in training; not needed to synthesise.
        self.final_layer_newviews = nn.ModuleList([_FinalLayer(width, patch_width, adaln_rank)])
        self.gradient_checkpointing = False

    def text_keys_values(self, context: torch.Tensor) -> tuple[KeysValues, ...]:
        """Keys and values of the text (B, tokens, context_width) for every block; constant while the text is."""
        return tuple(cast(AnyViewBlock, block).cross_attn.keys_values(context) for block in self.blocks)

    def forward(
        self,
        target: torch.Tensor,
        source: torch.Tensor,
        tau: torch.Tensor,
        text: tuple[KeysValues, ...],
    ) -> torch.Tensor:
        """Predict the flow of the target's picture.

        Args:
            target: (B, 3C + 4, T, H, W), the noisy view; see :mod:`anyview_ros.methods.anyview.streams`.
            source: (B, 3C + 4, T, H', W'), the view that was seen.
            tau: (B,), noise level in [0, 1]; the same for both views. It is rounded to bfloat16.
            text: what :meth:`text_keys_values` gave, batch size 1 or B.

        Returns:
            (B, C, T, H, W).

        Raises:
            InvalidInputError: views that do not fit each other, the network or its patches.
        """
        self._check_views(target, source)
        grids = [self._grid(view) for view in (target, source)]
        tokens = self._tokens(target, source)
        embedding, offset = self._noise_level(tau, tokens.dtype)
        normed = self.t_embedding_norm(embedding)
        angles = self._angles(grids, tokens.device)
        for block, keys_values in zip(self.blocks, text, strict=True):
            arguments = (tokens, normed, offset, angles, keys_values)
            if torch.is_grad_enabled() and self.gradient_checkpointing:
                tokens = torch.utils.checkpoint.checkpoint(block, *arguments, use_reentrant=False)
            else:
                tokens = block(*arguments)
        count = grids[0][0] * grids[0][1] * grids[0][2]
        patches = self.final_layer(tokens[:, :count], embedding, offset)  # the embedding as it is, not normed
        return unpatchify(patches, grids[0], self.patch)[:, : self.latent_channels]

    def _tokens(self, target: torch.Tensor, source: torch.Tensor) -> torch.Tensor:
        first = self.x_embedder(patchify(target, self.patch))
        second = self.x_embedder_newviews[0](patchify(source, self.patch)) + self.view_embs_newviews[0]
        return torch.cat([first, second], dim=1)

    def _noise_level(self, tau: torch.Tensor, dtype: torch.dtype) -> tuple[torch.Tensor, torch.Tensor]:
        embedding = sinusoid(tau.to(torch.bfloat16), self.width).to(dtype)[:, None]
        return embedding, self.t_embedder_newviews[0](embedding)

    def _angles(self, grids: list[tuple[int, int, int]], device: torch.device) -> torch.Tensor:
        """Each view's positions start at (0, 0, 0)."""
        return torch.cat(
            [rotary_angles(grid, self.head_width, scale=self.rope_scale, device=device) for grid in grids]
        )

    def _grid(self, view: torch.Tensor) -> tuple[int, int, int]:
        grid = patch_grid((view.shape[2], view.shape[3], view.shape[4]), self.patch)
        if max(grid) > self.max_positions:
            raise InvalidInputError(
                f"a view of {'x'.join(map(str, grid))} tokens exceeds {self.max_positions} along an axis; "
                "choose a smaller size or a shorter clip"
            )
        return grid

    def _check_views(self, target: torch.Tensor, source: torch.Tensor) -> None:
        for name, view in (("target", target), ("source", source)):
            if view.ndim != 5 or view.shape[1] != self.channels:
                raise InvalidInputError(
                    f"{name} must be (B, {self.channels}, T, H, W), got {tuple(view.shape)}"
                )
        if target.shape[0] != source.shape[0] or target.shape[2] != source.shape[2]:
            raise InvalidInputError(
                f"target is {tuple(target.shape)} and source {tuple(source.shape)}; "
                "their batch sizes and numbers of frames must agree, only height and width may differ"
            )


class _PatchEmbedding(nn.Module):
    def __init__(self, patch_width: int, width: int) -> None:
        super().__init__()
        # The first element only makes the names those of the checkpoint; patches are cut before.
        self.proj = nn.Sequential(nn.Identity(), nn.Linear(patch_width, width, bias=False))

    def forward(self, patches: torch.Tensor) -> torch.Tensor:
        return cast(torch.Tensor, self.proj(patches))


class _TimestepMlp(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.linear_1 = nn.Linear(width, width, bias=False)
        self.linear_2 = nn.Linear(width, 3 * width, bias=False)

    def forward(self, embedding: torch.Tensor) -> torch.Tensor:
        return cast(torch.Tensor, self.linear_2(nn.functional.silu(self.linear_1(embedding))))


def _timestep_embedding(width: int) -> nn.Sequential:
    return nn.Sequential(nn.Identity(), _TimestepMlp(width))


class _FinalLayer(nn.Module):
    def __init__(self, width: int, patch_width: int, rank: int) -> None:
        super().__init__()
        self.linear = nn.Linear(width, patch_width, bias=False)
        self.adaln_modulation = modulation(width, rank, 2)

    def forward(self, tokens: torch.Tensor, embedding: torch.Tensor, offset: torch.Tensor) -> torch.Tensor:
        width = tokens.shape[-1]
        shift, scale = (self.adaln_modulation(embedding) + offset[..., : 2 * width]).chunk(2, dim=-1)
        return cast(torch.Tensor, self.linear(modulated(tokens, shift, scale)))


class _PositionBuffers(nn.Module):
    """Constants that the checkpoint carries; angles are computed anew, in float32, whatever it says."""

    def __init__(self, head_width: int, max_positions: int) -> None:
        super().__init__()
        for name, values in position_buffers(head_width, max_positions).items():
            self.register_buffer(name, values)


def position_buffers(head_width: int, max_positions: int) -> dict[str, torch.Tensor]:
    """The buffers of ``pos_embedder``: positions, and exponents of the frequencies in space and in time."""
    time, space, _ = rotary_split(head_width)
    return {
        "seq": torch.arange(max_positions, dtype=torch.float32),
        "dim_spatial_range": torch.arange(0, space, 2, dtype=torch.float32) / space,
        "dim_temporal_range": torch.arange(0, time, 2, dtype=torch.float32) / time,
    }


def parameter_count(model: nn.Module) -> int:
    """Parameters in all, buffers not counted."""
    return sum(parameter.numel() for parameter in model.parameters())


def model_config(model: AnyViewTransformer) -> dict[str, Any]:
    """The arguments that make such a model."""
    return {key: value for key, value in dict(model.config).items() if not key.startswith("_")}
