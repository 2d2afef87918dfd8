"""Low-rank changes of a frozen network (LoRA, arXiv 2106.09685)."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional

from anyview_ros.errors import InvalidInputError


class LoraLinear(nn.Module):
    """A frozen linear layer plus ``up @ down``, which is zero at first.

    Args:
        base: the layer; it is kept and not trained.
        rank: of the change.
        generator: of the first values of ``down``.
    """

    def __init__(self, base: nn.Linear, rank: int, generator: torch.Generator) -> None:
        super().__init__()
        self.base = base.requires_grad_(False)
        weight = base.weight
        first = torch.randn((rank, base.in_features), generator=generator) / math.sqrt(base.in_features)
        self.down = nn.Parameter(first.to(weight.device))
        self.up = nn.Parameter(torch.zeros(base.out_features, rank, device=weight.device))

    def forward(self, features: Tensor) -> Tensor:
        """Map (..., in_features) to (..., out_features)."""
        low = functional.linear(features, self.down.to(features.dtype))
        changed: Tensor = self.base(features) + functional.linear(low, self.up.to(features.dtype))
        return changed

    def merged(self) -> nn.Linear:
        """The layer with its change added in; it is the base layer, changed in place."""
        with torch.no_grad():
            change = self.up.float() @ self.down.float()
            self.base.weight.copy_((self.base.weight.float() + change).to(self.base.weight.dtype))
        return self.base


def add_lora(network: nn.Module, rank: int, wanted: Callable[[str], bool], seed: int) -> list[str]:
    """Replace linear layers by LoraLinear ones.

    Args:
        network: is changed.
        rank: of the changes, 1 or more.
        wanted: tells by a layer's name whether to replace it.
        seed: of the first values.

    Returns:
        the names of the layers replaced.

    Raises:
        InvalidInputError: a rank below 1, or no layer to replace.
    """
    if rank < 1:
        raise InvalidInputError(f"the rank of the low-rank changes is {rank}; give 1 or more, such as 16")
    generator = torch.Generator().manual_seed(seed)
    layers = {
        name: layer
        for name, layer in network.named_modules()
        if isinstance(layer, nn.Linear) and wanted(name)
    }
    if not layers:
        raise InvalidInputError(f"no linear layer of {type(network).__name__} is among those to be changed")
    for name, layer in layers.items():
        _replace(network, name, LoraLinear(layer, rank, generator))
    return list(layers)


def merge_lora(network: nn.Module) -> None:
    """Add all changes to the layers they change, and take them away."""
    for name, layer in list(network.named_modules()):
        if isinstance(layer, LoraLinear):
            _replace(network, name, layer.merged())


def _replace(network: nn.Module, name: str, layer: nn.Module) -> None:
    parent, _, child = name.rpartition(".")
    setattr(network.get_submodule(parent), child, layer)
