"""Transformer blocks that a vector steers, as a diffusion transformer's do (DiT, arXiv 2212.09748)."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional

from anyview_ros.errors import InvalidInputError
from anyview_ros.networks.rotary import rotate


class ConditionedBlock(nn.Module):
    """Self-attention, attention to a context, a perceptron: each adds to the tokens what it finds.

    The condition shifts and scales what goes into each part and scales what comes out of it (adaLN-zero): a new block
    changes nothing.

    Args:
        width: channels of a token, a multiple of ``heads``.
        heads: of attention.
        condition_width: length of the condition.
        context_width: channels of a context token; None for a block that sees no context.
        mlp_ratio: how many times wider the perceptron is inside.

    Raises:
        InvalidInputError: a width that the heads do not divide.
    """

    def __init__(
        self,
        width: int,
        heads: int,
        *,
        condition_width: int,
        context_width: int | None = None,
        mlp_ratio: int = 4,
    ) -> None:
        super().__init__()
        if width % heads:
            raise InvalidInputError(f"width is {width} and heads {heads}; give a width that is a multiple")
        self.attention = _Attention(width, heads, width)
        self.reading = None if context_width is None else _Attention(width, heads, context_width)
        self.norm = nn.LayerNorm(width, elementwise_affine=False, eps=1e-6)
        self.up = nn.Linear(width, mlp_ratio * width)
        self.down = nn.Linear(mlp_ratio * width, width)
        self._parts = 2 if context_width is None else 3
        self.modulation = nn.Linear(condition_width, 3 * self._parts * width)
        nn.init.zeros_(self.modulation.weight)
        nn.init.zeros_(self.modulation.bias)

    def forward(
        self,
        tokens: torch.Tensor,
        condition: torch.Tensor,
        *,
        angles: torch.Tensor | None = None,
        context: torch.Tensor | None = None,
    ) -> torch.Tensor:
        """The tokens one block further on.

        Args:
            tokens: (B, N, width).
            condition: (B, condition_width).
            angles: rotary angles of the tokens' places, (N, width / heads / 2), as of
                :func:`~anyview_ros.networks.rotary.rotary_angles`; None for tokens without places.
            context: (B, M, context_width); needed exactly if the block has a context.

        Returns:
            (B, N, width).

        Raises:
            InvalidInputError: a context too many or too few.
        """
        if (context is None) != (self.reading is None):
            missing = "needs" if context is None else "has no place for"
            raise InvalidInputError(f"this block {missing} a context; see its context_width")
        steering = self.modulation(functional.silu(condition))[:, None].chunk(3 * self._parts, -1)
        first, last = steering[:3], steering[-3:]
        placed = self._steered(tokens, first)
        tokens = tokens + first[2] * self.attention(placed, placed, angles)
        if self.reading is not None and context is not None:
            middle = steering[3:6]
            tokens = tokens + middle[2] * self.reading(self._steered(tokens, middle), context, None)
        inner = functional.gelu(self.up(self._steered(tokens, last)), approximate="tanh")
        further: torch.Tensor = tokens + last[2] * self.down(inner)
        return further

    def _steered(self, tokens: torch.Tensor, steering: tuple[torch.Tensor, ...]) -> torch.Tensor:
        normal: torch.Tensor = self.norm(tokens)
        return normal * (1 + steering[1]) + steering[0]


class _Attention(nn.Module):
    """Attention of tokens to others, with normalised queries and keys."""

    def __init__(self, width: int, heads: int, read_width: int) -> None:
        super().__init__()
        self.heads = heads
        self.to_queries = nn.Linear(width, width, bias=False)
        self.to_keys_values = nn.Linear(read_width, 2 * width, bias=False)
        self.norm_queries = nn.RMSNorm(width // heads, eps=1e-6)
        self.norm_keys = nn.RMSNorm(width // heads, eps=1e-6)
        self.to_out = nn.Linear(width, width)

    def forward(self, tokens: torch.Tensor, read: torch.Tensor, angles: torch.Tensor | None) -> torch.Tensor:
        """(B, N, width) of what the tokens (B, N, width) find in ``read`` (B, M, read_width)."""
        queries = self.norm_queries(self.to_queries(tokens).unflatten(-1, (self.heads, -1)))
        keys, values = self.to_keys_values(read).unflatten(-1, (2, self.heads, -1)).unbind(2)
        keys = self.norm_keys(keys)
        if angles is not None:
            queries, keys = rotate(queries, angles), rotate(keys, angles)
        found = functional.scaled_dot_product_attention(
            queries.transpose(1, 2), keys.transpose(1, 2), values.transpose(1, 2)
        )
        out: torch.Tensor = self.to_out(found.transpose(1, 2).flatten(2))
        return out
