"""The time-conditioned field: dense grids for what stands still, planes of space and time for what moves."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from anyview_ros.rendering.grids import CHANNELS, GridField, decoded

_HIDDEN = 32
_SPACE_PLANES = ((0, 1), (0, 2), (1, 2))


@dataclass(frozen=True)
class FieldShape:
    """Sizes of a field.

    Attributes:
        cells: (x, y, z) of the finest grid.
        instants: places on the time axis; 1 for a field that stands still.
        features: channels of the planes.
    """

    cells: tuple[int, int, int]
    instants: int
    features: int

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {"cells": list(self.cells), "instants": self.instants, "features": self.features}

    @classmethod
    def from_dict(cls, entry: Mapping[str, Any]) -> FieldShape:
        """From what :meth:`as_dict` gave."""
        x, y, z = (int(one) for one in entry["cells"])
        return cls((x, y, z), int(entry["instants"]), int(entry["features"]))


class DdrField(GridField):
    """Density and colour at points of a space and instants.

    A value is the sum of three dense grids, each half as fine as the next, and of what a small network makes of six
    planes multiplied with each other (three of space, three of space and time; K-planes, arXiv 2301.10241). Colour
    does not depend on the direction of view: with cameras that hardly move, that freedom only hides wrong depth.
    """

    def __init__(self, shape: FieldShape, generator: torch.Generator) -> None:
        """Make a field that is nearly empty and grey."""
        super().__init__(shape.cells)
        self.shape = shape
        self.space_planes = nn.ParameterList()
        self.time_planes = nn.ParameterList()
        self.head: nn.Sequential | None = None
        if shape.instants > 1:
            self._add_motion(generator)

    def _add_motion(self, generator: torch.Generator) -> None:
        cells, features = self.shape.cells, self.shape.features
        for right, down in _SPACE_PLANES:
            plane = torch.empty(1, features, cells[down], cells[right])
            self.space_planes.append(nn.Parameter(plane.uniform_(0.3, 0.9, generator=generator)))
        for axis in range(3):
            plane = torch.empty(1, features, self.shape.instants, cells[axis])
            self.time_planes.append(nn.Parameter(plane.uniform_(0.95, 1.05, generator=generator)))
        first, last = nn.Linear(features, _HIDDEN), nn.Linear(_HIDDEN, CHANNELS)
        with torch.no_grad():
            bound = 1 / math.sqrt(features)
            first.weight.uniform_(-bound, bound, generator=generator)
            first.bias.zero_()
            last.weight.zero_()
            last.bias.zero_()
        self.head = nn.Sequential(first, nn.ReLU(), last)

    def forward(self, coordinates: Tensor, instants: Tensor) -> tuple[Tensor, Tensor]:
        """Density and colour.

        Args:
            coordinates: (N, 3) in [-1, 1], see ``Space``.
            instants: (N,), places on the time axis, 0 to ``shape.instants - 1``.

        Returns:
            density (N,) per metre, and colour (N, 3) in [0, 1].
        """
        return decoded(self.values(coordinates, instants))

    def values(self, coordinates: Tensor, instants: Tensor) -> Tensor:
        """The field before its last functions, (N, 4)."""
        still = self.still_values(coordinates)
        if self.head is None:
            return still
        return still + self.motion(coordinates, instants)

    def motion(self, coordinates: Tensor, instants: Tensor) -> Tensor:
        """What changes with time, (N, 4); to be added to what stands still."""
        if self.head is None:
            return coordinates.new_zeros(len(coordinates), CHANNELS)
        time = instants * (2 / (self.shape.instants - 1)) - 1
        product: Tensor | None = None
        for plane, (first, second) in zip(self.space_planes, _SPACE_PLANES, strict=True):
            found = _plane(plane, coordinates[:, first], coordinates[:, second])
            product = found if product is None else product * found
        for axis, plane in enumerate(self.time_planes):
            found = _plane(plane, coordinates[:, axis], time)
            product = found if product is None else product * found
        values: Tensor = self.head(product)
        return values

    def unrest(self) -> Tensor:
        """How much the planes of time differ from 1, and from instant to instant: most things stand still."""
        total: Tensor = self.grids[0].new_zeros(())
        for plane in self.time_planes:
            total = total + (plane - 1).abs().mean()
            total = total + (plane[:, :, 1:] - plane[:, :, :-1]).square().mean()
        return total


def _plane(plane: Tensor, x: Tensor, y: Tensor) -> Tensor:
    where = torch.stack([x, y], -1).view(1, 1, -1, 2)
    found = functional.grid_sample(plane, where, padding_mode="border", align_corners=True)
    values: Tensor = found[0, :, 0].T
    return values
