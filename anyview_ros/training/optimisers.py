"""Muon for matrices, AdamW for the rest, one learning rate for both."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from anyview_ros.errors import InvalidInputError, MissingDependencyError
from anyview_ros.methods.setting_checks import check_shares


@dataclass(frozen=True)
class OptimiserConfig:
    """How weights move.

    Attributes:
        rate: learning rate after the warm-up.
        warm_up: steps until then.
        decay_share: share of the steps, at the end, over which the rate falls to zero.
        weight_decay: of matrices and convolutions.
        muon: optimise the matrices by Muon (torch 2.9 or later) and the rest by AdamW; otherwise all by AdamW.
        clip: largest norm of the gradient.
        ema: decay of the average of the weights, which is what is shipped.

    Raises:
        InvalidInputError: a number out of range.
    """

    rate: float = 1.5e-3
    warm_up: int = 50
    decay_share: float = 0.3
    weight_decay: float = 0.01
    muon: bool = True
    clip: float = 1.0
    ema: float = 0.995

    def __post_init__(self) -> None:
        for name in ("rate", "clip"):
            if not 0 < getattr(self, name) < math.inf:
                raise InvalidInputError(f"{name} is {getattr(self, name)}; give a positive number")
        for name in ("warm_up", "weight_decay"):
            if not 0 <= getattr(self, name) < math.inf:
                raise InvalidInputError(f"{name} is {getattr(self, name)}; give 0 or more")
        check_shares(self, "decay_share", "ema")


def make_optimisers(network: nn.Module, config: OptimiserConfig) -> list[torch.optim.Optimizer]:
    """Return the optimisers of a network's weights, which between them hold each that is not frozen once.

    Raises:
        MissingDependencyError: Muon is asked for and this PyTorch has none.
    """
    free = [p for p in network.parameters() if p.requires_grad]
    matrices = [p for p in free if p.ndim == 2 and min(p.shape) > 8 and config.muon]
    chosen = {id(p) for p in matrices}
    decayed = [p for p in free if id(p) not in chosen and p.ndim > 1]
    plain = [p for p in free if id(p) not in chosen and p.ndim <= 1]
    groups = [
        {"params": decayed, "weight_decay": config.weight_decay},
        {"params": plain, "weight_decay": 0.0},
    ]
    optimisers: list[torch.optim.Optimizer] = [
        torch.optim.AdamW([g for g in groups if g["params"]], lr=config.rate, betas=(0.9, 0.98))
    ]
    if matrices:
        if not hasattr(torch.optim, "Muon"):
            raise MissingDependencyError(
                f"PyTorch {torch.__version__} has no Muon, which came with 2.9; set optimiser.muon to false"
            )
        muon: Any = torch.optim.Muon
        optimisers.append(
            muon(matrices, lr=config.rate, weight_decay=config.weight_decay, adjust_lr_fn="match_rms_adamw")
        )
    return optimisers


def rate_share(config: OptimiserConfig, step: int, steps: int) -> float:
    """The learning rate at ``step``, as part of the full one: up evenly, level, then evenly down to zero."""
    decay = max(config.decay_share * steps, 1.0)
    return max(0.0, min(1.0, (step + 1) / max(config.warm_up, 1), (steps - step) / decay))
