"""Attention between frames of different cameras, which enter only as seen from each other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

_BASE = 100.0  # of the rotary frequencies; token grids are about ten patches wide


@dataclass(frozen=True, eq=False)
class KeysValues:
    """Keys and values of one frame's tokens in one block, in that frame's own terms: (B, heads, N, channels)."""

    keys: Tensor
    values: Tensor

    def repeated(self, times: int) -> KeysValues:
        """Those of each sample ``times`` times in a row."""
        return KeysValues(self.keys.repeat_interleave(times, 0), self.values.repeat_interleave(times, 0))


def rotary_table(height: int, width: int, channels: int, device: torch.device) -> tuple[Tensor, Tensor]:
    """Cosines and sines (N, channels/2) of the places of a grid's tokens; half for rows, half for columns."""
    frequencies = _BASE ** -torch.linspace(0, 1, channels // 4, device=device)
    rows, columns = torch.meshgrid(
        torch.arange(height, device=device), torch.arange(width, device=device), indexing="ij"
    )
    angles = torch.cat([rows.reshape(-1, 1) * frequencies, columns.reshape(-1, 1) * frequencies], 1)
    return angles.cos(), angles.sin()


def _rotated(values: Tensor, table: tuple[Tensor, Tensor]) -> Tensor:
    cosine, sine = table
    first, second = values.chunk(2, -1)
    return torch.cat([first * cosine - second * sine, first * sine + second * cosine], -1)


def _transformed(values: Tensor, matrices: Tensor) -> Tensor:
    """The first half of the channels, in groups of four, as row vectors times (B, 4, 4); the rest as it is."""
    batch, heads, tokens, channels = values.shape
    half = channels // 2
    groups = values[..., :half].reshape(batch, -1, 4) @ matrices
    return torch.cat([groups.reshape(batch, heads, tokens, half), values[..., half:]], -1)


class Block(nn.Module):
    """Attention to the own frame and others, then a perceptron; both added to what came in.

    Half of each head's channels is multiplied by the cameras' projections (PRoPE), the other half is turned by the
    token's place in its image (2-D RoPE). Keys and values are kept untransformed, so they stay valid while the
    camera moves on.
    """

    def __init__(self, width: int, heads: int, mlp_ratio: int) -> None:
        """Make a block of ``width`` channels."""
        super().__init__()
        self.heads = heads
        self.norm_attention = nn.LayerNorm(width)
        self.to_queries_keys_values = nn.Linear(width, 3 * width, bias=False)
        self.norm_queries = nn.RMSNorm(width // heads, eps=1e-6)
        self.norm_keys = nn.RMSNorm(width // heads, eps=1e-6)
        self.to_out = nn.Linear(width, width, bias=False)
        self.norm_mlp = nn.LayerNorm(width)
        self.up = nn.Linear(width, mlp_ratio * width)
        self.down = nn.Linear(mlp_ratio * width, width)
        nn.init.zeros_(self.to_out.weight)
        nn.init.zeros_(self.down.weight)
        nn.init.zeros_(self.down.bias)

    def forward(
        self,
        tokens: Tensor,
        projection: Tensor,
        inverse: Tensor,
        table: tuple[Tensor, Tensor],
        others: Sequence[tuple[KeysValues, Tensor]],
    ) -> tuple[Tensor, KeysValues]:
        """Return the tokens (B, N, C) one block further on, and their own keys and values.

        Args:
            tokens: of one frame.
            projection, inverse: (B, 4, 4), of that frame's camera in the gauge of the moment.
            table: rotary table of the frame's grid.
            others: keys and values of other frames with their cameras' inverse projections in the same gauge.
        """
        batch, count, width = tokens.shape
        mixed = self.to_queries_keys_values(self.norm_attention(tokens))
        queries, keys, values = mixed.reshape(batch, count, 3, self.heads, -1).permute(2, 0, 3, 1, 4)
        half = queries.shape[-1] // 2
        queries, keys = self.norm_queries(queries.float()), self.norm_keys(keys.float())
        queries = torch.cat([queries[..., :half], _rotated(queries[..., half:], table)], -1)
        keys = torch.cat([keys[..., :half], _rotated(keys[..., half:], table)], -1)
        own = KeysValues(keys, values)
        seen = [*others, (own, inverse)]
        all_keys = torch.cat([_transformed(kv.keys, inv.mT.to(keys.dtype)) for kv, inv in seen], 2)
        all_values = torch.cat([_transformed(kv.values, inv.mT.to(keys.dtype)) for kv, inv in seen], 2)
        asked = _transformed(queries, projection.to(keys.dtype))
        read = functional.scaled_dot_product_attention(asked, all_keys, all_values)
        read = _transformed(read, projection.mT.to(read.dtype))
        tokens = tokens + self.to_out(read.transpose(1, 2).reshape(batch, count, width))
        return tokens + self.down(functional.gelu(self.up(self.norm_mlp(tokens)))), own
