"""The picture tower of CLIP (arXiv 2103.00020): a vision transformer whose first token becomes the embedding.

Parameters bear the names of OpenAI's files after ``visual.``.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional

MEAN = (0.48145466, 0.4578275, 0.40821073)
SPREAD = (0.26862954, 0.26130258, 0.27577711)
"""Of CLIP's training pictures, of colours in [0, 1]."""

_HEAD_WIDTH = 64


class PictureTower(nn.Module):
    """Embeddings of pictures.

    Args:
        width: of a token, a multiple of 64; each attention head is 64 wide.
        layers: blocks.
        patch: edge length of a token's pixels.
        grid: tokens along an edge of the picture.
        embedding: numbers of the embedding.
    """

    def __init__(self, width: int, layers: int, patch: int, grid: int, embedding: int) -> None:
        super().__init__()
        self.side = patch * grid
        self.conv1 = nn.Conv2d(3, width, patch, patch, bias=False)
        self.class_embedding = nn.Parameter(torch.zeros(width))
        self.positional_embedding = nn.Parameter(torch.zeros(grid * grid + 1, width))
        self.ln_pre = nn.LayerNorm(width)
        self.transformer = nn.Module()
        self.transformer.resblocks = nn.ModuleList(_Block(width) for _ in range(layers))
        self.ln_post = nn.LayerNorm(width)
        self.proj = nn.Parameter(torch.zeros(width, embedding))

    def forward(self, pictures: Tensor) -> Tensor:
        """Embeddings (B, embedding), not of length one, of pictures (B, 3, H, W) in [-1, 1], of any size.

        They are brought to the tower's size by bicubic interpolation with corners on corners, and no filter before,
        as in the published code; then to [0, 1], and by mean and spread of CLIP's pictures.
        """
        seen = functional.interpolate(pictures, (self.side, self.side), mode="bicubic", align_corners=True)
        mean, spread = (seen.new_tensor(numbers)[:, None, None] for numbers in (MEAN, SPREAD))
        seen = ((seen + 1) / 2 - mean) / spread
        patches = self.conv1(seen.to(self.conv1.weight.dtype)).flatten(2).transpose(1, 2)
        first = self.class_embedding.expand(len(patches), 1, -1)
        tokens = self.ln_pre(torch.cat([first, patches], 1) + self.positional_embedding)
        for block in cast(nn.ModuleList, self.transformer.resblocks):
            tokens = block(tokens)
        embedding: Tensor = self.ln_post(tokens[:, 0]) @ self.proj
        return embedding


class _Block(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.ln_1 = nn.LayerNorm(width)
        self.attn = nn.MultiheadAttention(width, width // _HEAD_WIDTH, batch_first=True)
        self.ln_2 = nn.LayerNorm(width)
        hidden, out = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)
        self.mlp = nn.Sequential(OrderedDict(c_fc=hidden, gelu=_QuickGelu(), c_proj=out))

    def forward(self, tokens: Tensor) -> Tensor:
        normed = self.ln_1(tokens)
        tokens = tokens + self.attn(normed, normed, normed, need_weights=False)[0]
        return cast(Tensor, tokens + self.mlp(self.ln_2(tokens)))


class _QuickGelu(nn.Module):
    """x sigmoid(1.702 x), which CLIP was trained with."""

    def forward(self, x: Tensor) -> Tensor:
        return x * torch.sigmoid(1.702 * x)
