"""The networks that LPIPS looks through, as their papers lay them out, numbered as in torchvision's checkpoints.

VGG-16 (Simonyan and Zisserman, 2014), AlexNet (Krizhevsky, 2014, "One weird trick") and SqueezeNet 1.1 (Iandola et
al., 2016). Features are taken at the end of each stage.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from anyview_ros.errors import WeightsError

if TYPE_CHECKING:
    import torch

    Tensors = Mapping[str, torch.Tensor]


@dataclass(frozen=True)
class Convolution:
    """A convolution and what keeps its positive part."""

    name: str
    stride: int = 1
    padding: int = 0

    def apply(self, x: torch.Tensor, tensors: Tensors) -> torch.Tensor:
        """Features (C, H, W) to features."""
        from torch.nn import functional

        weight, bias = tensors[f"{self.name}.weight"], tensors[f"{self.name}.bias"]
        return functional.relu(functional.conv2d(x[None], weight, bias, self.stride, self.padding))[0]

    @property
    def names(self) -> tuple[str, ...]:
        """Of its tensors."""
        return f"{self.name}.weight", f"{self.name}.bias"


@dataclass(frozen=True)
class Halving:
    """The largest of each window, every other one."""

    size: int
    ceil: bool = False

    def apply(self, x: torch.Tensor, tensors: Tensors) -> torch.Tensor:
        """Features (C, H, W) to features."""
        from torch.nn import functional

        del tensors  # it has none
        return functional.max_pool2d(x[None], self.size, 2, ceil_mode=self.ceil)[0]

    @property
    def names(self) -> tuple[str, ...]:
        """Of its tensors: none."""
        return ()


@dataclass(frozen=True)
class Fire:
    """SqueezeNet's module: a squeeze, then two expansions side by side."""

    name: str

    def apply(self, x: torch.Tensor, tensors: Tensors) -> torch.Tensor:
        """Features (C, H, W) to features."""
        import torch

        squeezed = self._parts[0].apply(x, tensors)
        return torch.cat([part.apply(squeezed, tensors) for part in self._parts[1:]])

    @property
    def _parts(self) -> tuple[Convolution, Convolution, Convolution]:
        return (
            Convolution(f"{self.name}.squeeze"),
            Convolution(f"{self.name}.expand1x1"),
            Convolution(f"{self.name}.expand3x3", padding=1),
        )

    @property
    def names(self) -> tuple[str, ...]:
        """Of its tensors."""
        return tuple(name for part in self._parts for name in part.names)


Step = Convolution | Halving | Fire


@dataclass(frozen=True)
class Backbone:
    """A network.

    Attributes:
        name: as the lpips package calls it.
        stages: steps; features are taken after the last of each.
        least_side: pixels of the smallest picture that it can look at.
    """

    name: str
    stages: tuple[tuple[Step, ...], ...]
    least_side: int

    @property
    def names(self) -> tuple[str, ...]:
        """Of all its tensors."""
        return tuple(name for stage in self.stages for step in stage for name in step.names)


def _vgg_stage(*numbers: int, first: bool = False) -> tuple[Step, ...]:
    halving: tuple[Step, ...] = () if first else (Halving(2),)
    return (*halving, *(Convolution(f"features.{number}", padding=1) for number in numbers))


VGG = Backbone(
    "vgg",
    (
        _vgg_stage(0, 2, first=True),
        _vgg_stage(5, 7),
        _vgg_stage(10, 12, 14),
        _vgg_stage(17, 19, 21),
        _vgg_stage(24, 26, 28),
    ),
    16,
)
ALEX = Backbone(
    "alex",
    (
        (Convolution("features.0", 4, 2),),
        (Halving(3), Convolution("features.3", padding=2)),
        (Halving(3), Convolution("features.6", padding=1)),
        (Convolution("features.8", padding=1),),
        (Convolution("features.10", padding=1),),
    ),
    31,
)
SQUEEZE = Backbone(
    "squeeze",
    (
        (Convolution("features.0", 2),),
        (Halving(3, ceil=True), Fire("features.3"), Fire("features.4")),
        (Halving(3, ceil=True), Fire("features.6"), Fire("features.7")),
        (Halving(3, ceil=True), Fire("features.9")),
        (Fire("features.10"),),
        (Fire("features.11"),),
        (Fire("features.12"),),
    ),
    17,
)


def plain_names(tensors: Tensors) -> dict[str, torch.Tensor]:
    """Tensors under torchvision's and the lpips package's own names, also of a whole saved ``lpips.LPIPS``."""
    renamed = {re.sub(r"^net\.slice\d+\.", "features.", name): value for name, value in tensors.items()}
    return {re.sub(r"^lins\.(\d+)\.", r"lin\1.", name): value for name, value in renamed.items()}


def backbone_of(tensors: Tensors) -> Backbone:
    """Which network weights are of, by what only it has.

    Raises:
        WeightsError: of none of them.
    """
    first = tensors.get("features.0.weight")
    if "features.3.squeeze.weight" in tensors:
        return SQUEEZE
    if first is not None and tuple(first.shape[2:]) == (11, 11):
        return ALEX
    if first is not None and tuple(first.shape[2:]) == (3, 3):
        return VGG
    raise WeightsError(
        "the LPIPS weights are of no network known here; give torchvision's vgg16, alexnet or squeezenet1_1 "
        "checkpoint, and the lpips package's vgg.pth, alex.pth or squeeze.pth for it"
    )
