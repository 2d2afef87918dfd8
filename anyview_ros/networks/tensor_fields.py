"""Dataclasses whose fields are tensors, handled as one: moved, changed and joined all together."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Self

import torch
from torch import Tensor


@dataclass(frozen=True, eq=False)
class TensorFields:
    """A base of frozen dataclasses of which every field is a tensor, or another such dataclass."""

    def each(self, change: Callable[[Tensor], Tensor]) -> Self:
        """The same with every tensor changed."""
        return type(self)(
            **{
                name: value.each(change) if isinstance(value, TensorFields) else change(value)
                for name, value in vars(self).items()
            }
        )

    def to(self, device: torch.device | str) -> Self:
        """The same on ``device``; a GPU takes what is in pinned memory while the CPU goes on."""
        to_gpu = torch.device(device).type == "cuda"
        return self.each(lambda tensor: tensor.to(device, non_blocking=to_gpu))

    def pin_memory(self) -> Self:
        """The same in memory from which a GPU takes it while the CPU goes on; torch's loaders ask for it."""
        return self.each(Tensor.pin_memory)

    @classmethod
    def joined(cls, parts: Sequence[Self]) -> Self:
        """Several as one, along the first axis of every tensor."""
        return cls(**{name: _joined([vars(part)[name] for part in parts]) for name in vars(parts[0])})


def _joined(values: Sequence[Any]) -> Any:
    return type(values[0]).joined(values) if isinstance(values[0], TensorFields) else torch.cat(list(values))
