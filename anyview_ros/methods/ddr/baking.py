"""A field at one instant, looked up once at all corners of its finest grid: what rays are then cast through."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from anyview_ros.methods.ddr.field import DdrField
from anyview_ros.rendering.grids import decoded, summed_grids

_STRIDE = 2  # every other corner along each axis is looked at for motion
_CELL_M = 0.05  # thickness by which density counts there
_CHANGES = 0.04  # change of opacity, or of opacity times colour, that counts as motion
_SHOWN = 4


class Baker:
    """Looks a field up at the corners of its finest grid.

    Args:
        field: must not change while this is used.
    """

    @torch.no_grad()
    def __init__(self, field: DdrField) -> None:
        """Add up what stands still, and find where something moves."""
        self._field = field
        self._shape = _corners(field)
        device = field.grids[0].device
        self._still = still_values(field)
        self._moving: Tensor | None = None
        if field.head is not None:
            self._moving = moving_corners(field, self._still, self._shape)
            self._base = self._still[:, self._moving]
            every = torch.arange(self._still.shape[1], device=device)
            middle = (field.shape.instants - 1) / 2
            self._still += corner_motion(field, every, self._shape, middle).T

    @property
    def moving_share(self) -> float:
        """Part of the corners where something moves."""
        return 0.0 if self._moving is None else len(self._moving) / self._still.shape[1]

    @torch.no_grad()
    def at(self, place: float) -> Tensor:
        """The values (1, 4, Z, Y, X) at a place of the time axis."""
        values = self._still
        if self._moving is not None:
            values = values.clone()
            values[:, self._moving] = (
                self._base + corner_motion(self._field, self._moving, self._shape, place).T
            )
        return values.view(1, -1, *self._shape)


@torch.no_grad()
def baked(field: DdrField, place: float) -> Tensor:
    """All values (1, 4, Z, Y, X) of a field at a place of its time axis; for a field that changes between two looks."""
    shape, values = _corners(field), still_values(field)
    if field.head is not None:
        every = torch.arange(values.shape[1], device=values.device)
        values = values + corner_motion(field, every, shape, place).T
    return values.view(1, -1, *shape)


def still_values(field: DdrField) -> Tensor:
    """What stands still at the corners of the finest grid, (4, Z·Y·X)."""
    return summed_grids(field.grids)[0].flatten(1)


def _corners(field: DdrField) -> tuple[int, int, int]:
    z, y, x = field.grids[-1].shape[2:]
    return int(z), int(y), int(x)


def corner_motion(field: DdrField, index: Tensor, shape: tuple[int, int, int], place: float) -> Tensor:
    """``field.motion`` at corners of its finest grid, (N, 4), without interpolating in space.

    Args:
        field: with motion.
        index: int64 (N,), of corners, counted as in a tensor of ``shape``.
        shape: (z, y, x) of the finest grid.
        place: on the time axis.
    """
    assert field.head is not None  # noqa: S101 - for the type checker: callers have looked
    _, height, width = shape
    x, y, z = index % width, (index // width) % height, index // (width * height)
    xy, xz, yz = (plane[0].flatten(1) for plane in field.space_planes)
    product = xy[:, y * width + x] * xz[:, z * width + x] * yz[:, z * height + y]
    last = field.shape.instants - 1
    before = min(int(place), last - 1)
    share = place - before
    for plane, where in zip(field.time_planes, (x, y, z), strict=True):
        column = torch.lerp(plane[0, :, before], plane[0, :, before + 1], share)
        product = product * column[:, where]
    values: Tensor = field.head(product.T)
    return values


def moving_corners(field: DdrField, still: Tensor, shape: tuple[int, int, int]) -> Tensor:
    """Numbers of the corners around which what is seen ever changes, int64 (N,); every other corner is looked at.

    Args:
        field: with motion.
        still: (4, Z·Y·X), what stands still at the corners.
        shape: (z, y, x) of the finest grid.
    """
    device = still.device
    axes = [torch.arange(0, count, _STRIDE, device=device) for count in shape]
    z, y, x = torch.meshgrid(*axes, indexing="ij")
    index = ((z * shape[1] + y) * shape[2] + x).flatten()
    low = torch.full((len(index), _SHOWN), torch.inf, device=device)
    high = -low
    for place in range(field.shape.instants):
        values = still[:, index].T + corner_motion(field, index, shape, float(place))
        density, colour = decoded(values)
        opacity = 1 - torch.exp(-density * _CELL_M)
        shown = torch.cat([opacity[:, None], opacity[:, None] * colour], -1)
        low, high = torch.minimum(low, shown), torch.maximum(high, shown)
    moves = ((high - low).amax(-1) > _CHANGES).float().view(1, 1, *z.shape)
    moves = functional.max_pool3d(moves, 3, stride=1, padding=1)
    fine = functional.interpolate(moves, size=shape, mode="nearest")
    return torch.nonzero(fine.flatten() > 0)[:, 0]
