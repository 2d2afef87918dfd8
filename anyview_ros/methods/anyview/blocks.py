"""One block of the transformer, with parameter names as in the released checkpoint.

Architecture: Cosmos-Predict2 (NVIDIA, 2025), as AnyView (arXiv 2601.16982) changed it. No linear layer has a bias.
"""

from __future__ import annotations

from typing import cast

import torch
from diffusers.models.attention_dispatch import dispatch_attention_fn
from torch import nn
from torch.nn import functional

from anyview_ros.networks.normalization import RMSNorm
from anyview_ros.networks.rotary import rotate

KeysValues = tuple[torch.Tensor, torch.Tensor]
"""Keys and values, each (batch, tokens, heads, head_width)."""


class Attention(nn.Module):
    """Multi-head attention whose queries and keys are RMS-normed per head.

    Args:
        width: of the queries' tokens.
        context_width: of the keys' tokens.
        heads: number of heads; each is ``width / heads`` wide.
    """

    def __init__(self, width: int, context_width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.q_proj = nn.Linear(width, width, bias=False)
        self.k_proj = nn.Linear(context_width, width, bias=False)
        self.v_proj = nn.Linear(context_width, width, bias=False)
        self.output_proj = nn.Linear(width, width, bias=False)
        self.q_norm = RMSNorm(width // heads)
        self.k_norm = RMSNorm(width // heads)

    def keys_values(self, context: torch.Tensor, angles: torch.Tensor | None = None) -> KeysValues:
        """Keys and values of (B, tokens, context_width), turned by ``angles`` if given."""
        keys = self.k_norm(self._heads(self.k_proj(context)))
        return keys if angles is None else rotate(keys, angles), self._heads(self.v_proj(context))

    def forward(
        self, tokens: torch.Tensor, keys_values: KeysValues, angles: torch.Tensor | None = None
    ) -> torch.Tensor:
        """Let (B, tokens, width) attend to all keys. Keys of batch size 1 serve the whole batch."""
        queries = self.q_norm(self._heads(self.q_proj(tokens)))
        if angles is not None:
            queries = rotate(queries, angles)
        keys, values = (part.expand(len(tokens), -1, -1, -1) for part in keys_values)
        attended = dispatch_attention_fn(queries, keys, values)
        return cast(torch.Tensor, self.output_proj(attended.flatten(2, 3).type_as(tokens)))

    def _heads(self, features: torch.Tensor) -> torch.Tensor:
        return features.view(*features.shape[:-1], self.heads, -1)


class Mlp(nn.Module):
    """Two layers with an exact GELU between."""

    def __init__(self, width: int, hidden: int) -> None:
        super().__init__()
        self.layer1 = nn.Linear(width, hidden, bias=False)
        self.layer2 = nn.Linear(hidden, width, bias=False)

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        """Map (..., width) to (..., width)."""
        return cast(torch.Tensor, self.layer2(functional.gelu(self.layer1(tokens))))


def modulation(width: int, rank: int, chunks: int) -> nn.Sequential:
    """SiLU, down to ``rank``, up to ``chunks`` times ``width``: shift, scale (and gate) from the embedding."""
    return nn.Sequential(
        nn.SiLU(), nn.Linear(width, rank, bias=False), nn.Linear(rank, chunks * width, bias=False)
    )


def modulated(tokens: torch.Tensor, shift: torch.Tensor, scale: torch.Tensor) -> torch.Tensor:
    """Layer-norm without weights (eps 1e-6), then scale by ``1 + scale`` and shift."""
    return functional.layer_norm(tokens, tokens.shape[-1:], eps=1e-6) * (1 + scale) + shift


class AnyViewBlock(nn.Module):
    """Joint self-attention over both views' tokens, cross-attention to the text, MLP.

    Args:
        width: of the tokens.
        heads: of both attentions.
        context_width: of the text's tokens.
        hidden: width inside the MLP.
        rank: of the modulations.
    """

    def __init__(self, width: int, heads: int, context_width: int, hidden: int, rank: int) -> None:
        super().__init__()
        self.self_attn = Attention(width, width, heads)
        self.cross_attn = Attention(width, context_width, heads)
        self.mlp = Mlp(width, hidden)
        self.adaln_modulation_self_attn = modulation(width, rank, 3)
        self.adaln_modulation_cross_attn = modulation(width, rank, 3)
        self.adaln_modulation_mlp = modulation(width, rank, 3)

    def forward(
        self,
        hidden_states: torch.Tensor,
        embedding: torch.Tensor,
        offset: torch.Tensor,
        angles: torch.Tensor,
        text: KeysValues,
    ) -> torch.Tensor:
        """Transform the tokens.

        Args:
            hidden_states: (B, tokens, width), the target's tokens, then the source's.
            embedding: (B, 1, width), of the noise level, RMS-normed.
            offset: (B, 1, 3 * width), added to every modulation.
            angles: float32 (tokens, head_width / 2).
            text: keys and values of the text for this block's cross-attention.
        """
        tokens = hidden_states
        shift, scale, gate = (self.adaln_modulation_self_attn(embedding) + offset).chunk(3, dim=-1)
        normed = modulated(tokens, shift, scale)
        keys_values = self.self_attn.keys_values(normed, angles)
        tokens = tokens + gate * self.self_attn(normed, keys_values, angles)

        # The release gates the cross-attention by the MLP's gate; its own third chunk goes unused.
        shift, scale, _ = (self.adaln_modulation_cross_attn(embedding) + offset).chunk(3, dim=-1)
        shift_mlp, scale_mlp, gate_mlp = (self.adaln_modulation_mlp(embedding) + offset).chunk(3, dim=-1)
        tokens = tokens + gate_mlp * self.cross_attn(modulated(tokens, shift, scale), text)
        return cast(torch.Tensor, tokens + gate_mlp * self.mlp(modulated(tokens, shift_mlp, scale_mlp)))
