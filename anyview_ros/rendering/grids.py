"""Fields of density and colour on dense grids, coarse to fine."""

from __future__ import annotations

import math
from collections.abc import Iterable

import torch
from torch import Tensor, nn
from torch.nn import functional

CHANNELS = 4  # logarithm of the density, then red, green and blue before the sigmoid
MOST_LOG_DENSITY = 9.0

_LEVELS = 3


class GridField(nn.Module):
    """Density and colour at points of a space: the sum of three dense grids, each half as fine as the next.

    Args:
        cells: (x, y, z) of the finest grid.
    """

    def __init__(self, cells: tuple[int, int, int]) -> None:
        """Make a field that is nearly empty and grey."""
        super().__init__()
        self.grids = nn.ParameterList()
        for level in range(_LEVELS):
            x, y, z = (max(2, math.ceil(one / 2 ** (_LEVELS - 1 - level))) for one in cells)
            self.grids.append(nn.Parameter(torch.zeros(1, CHANNELS, z, y, x)))
        with torch.no_grad():
            self.grids[0][:, 0] = -1.0

    def still_values(self, coordinates: Tensor) -> Tensor:
        """What the grids hold (N, 4), before :func:`decoded`, at coordinates (N, 3) in [-1, 1]."""
        return sum_of_grids(self.grids, coordinates)

    def roughness(self) -> Tensor:
        """Mean squared difference of neighbours in the two coarser grids, whose cells need not be seen to be filled."""
        total: Tensor = self.grids[0].new_zeros(())
        for grid in list(self.grids)[:-1]:
            for axis in (2, 3, 4):
                total = total + grid.diff(dim=axis).square().mean()
        return total


def decoded(values: Tensor) -> tuple[Tensor, Tensor]:
    """Density (N,) per metre and colour (N, 3) of values (N, 4)."""
    return values[..., 0].clamp(max=MOST_LOG_DENSITY).exp(), torch.sigmoid(values[..., 1:])


def sum_of_grids(grids: nn.ParameterList | list[Tensor], coordinates: Tensor) -> Tensor:
    """Trilinear values (N, C) of grids (1, C, Z, Y, X), corners at -1 and 1, summed."""
    where = coordinates.view(1, 1, 1, -1, 3)
    total: Tensor | None = None
    for grid in grids:
        found: Tensor = functional.grid_sample(grid, where, padding_mode="border", align_corners=True)[
            0, :, 0, 0
        ]
        total = found if total is None else total + found
    assert total is not None  # noqa: S101 - for the type checker: there is always a grid
    values: Tensor = total.T
    return values


@torch.no_grad()
def summed_grids(grids: Iterable[Tensor]) -> Tensor:
    """The sum (1, C, Z, Y, X) of grids (1, C, z, y, x) at the corners of the last and finest one."""
    *coarse, finest = grids
    total: Tensor = finest.detach().clone()
    for grid in coarse:
        total += functional.interpolate(
            grid.detach(), size=total.shape[2:], mode="trilinear", align_corners=True
        )
    return total


def corner_coordinates(shape: tuple[int, int, int], device: torch.device) -> Tensor:
    """Coordinates (Z·Y·X, 3) in [-1, 1] of the corners of a grid (z, y, x)."""
    axes = [torch.linspace(-1, 1, count, device=device) for count in shape]
    z, y, x = torch.meshgrid(*axes, indexing="ij")
    return torch.stack([x, y, z], -1).reshape(-1, 3)
