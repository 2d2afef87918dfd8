"""Where a field lives: a box, or the frustum before a camera, and what part of a ray lies in it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from anyview_ros.errors import InvalidRequestError
from anyview_ros.geometry import check_rigid, invert_rigid

Array = NDArray[np.float64]
Kind = Literal["frustum", "box"]

_NEAREST = 0.02


@dataclass(frozen=True, eq=False)
class Space:
    """A convex part of the world with coordinates in [-1, 1].

    Natural coordinates are metres along the anchor's axes for a box, and (x/z, y/z, log z) for a frustum: there, cells
    of one size are as large as they look from the anchor, at any depth.

    Attributes:
        kind: "box" or "frustum".
        anchor_to_world: float64 (4, 4); rays and points are given in the anchor's axes, so that float32 will do.
        low, high: float64 (3,), bounds of the natural coordinates.
    """

    kind: Kind
    anchor_to_world: Array
    low: Array
    high: Array

    def __post_init__(self) -> None:
        if not np.all(np.asarray(self.low) < np.asarray(self.high)):
            raise InvalidRequestError(
                f"the scene's space is empty: {np.asarray(self.low).tolist()} to {np.asarray(self.high).tolist()}"
            )

    def coordinates(self, points: Tensor) -> Tensor:
        """Coordinates (..., 3) in [-1, 1] of points (..., 3) in the anchor's axes; beyond that outside."""
        natural = points
        if self.kind == "frustum":
            z = points[..., 2:].clamp_min(1e-6)
            natural = torch.cat([points[..., :2] / z, torch.log(z)], -1)
        low, high = self._bounds(points)
        return (natural - low) * (2 / (high - low)) - 1

    def points(self, coordinates: Tensor) -> Tensor:
        """Points (..., 3) in the anchor's axes at coordinates (..., 3) in [-1, 1]."""
        low, high = self._bounds(coordinates)
        natural = low + (coordinates + 1) * ((high - low) / 2)
        if self.kind == "box":
            return natural
        z = torch.exp(natural[..., 2:])
        return torch.cat([natural[..., :2] * z, z], -1)

    def crossing(self, origins: Tensor, directions: Tensor) -> tuple[Tensor, Tensor]:
        """Where rays (..., 3) enter and leave, in the unit of their directions.

        Returns:
            near and far (...,), far > near > 0; a ray that misses gets a far end just behind its near end.
        """
        planes = self._planes(origins)
        along = directions @ planes[:, :3].T
        ahead = origins @ planes[:, :3].T + planes[:, 3]
        parallel = along.abs() < 1e-9
        crossing = -ahead / torch.where(parallel, torch.ones_like(along), along)
        never = torch.full_like(crossing, torch.inf)
        enters = torch.where((along > 0) & ~parallel, crossing, -never)
        leaves = torch.where((along < 0) & ~parallel, crossing, never)
        near = enters.amax(-1).clamp_min(_NEAREST)
        misses = (parallel & (ahead < 0)).any(-1)
        far = torch.where(misses, torch.zeros_like(near), leaves.amin(-1))
        return near, torch.maximum(far, near * (1 + 1e-4))

    def grid_shape(self, voxels: int) -> tuple[int, int, int]:
        """Numbers of cells (x, y, z) of about one size in natural coordinates, ``voxels`` in all or a few more."""
        extent = np.asarray(self.high) - np.asarray(self.low)
        edge = float(np.prod(extent) / voxels) ** (1 / 3)
        x, y, z = (max(2, round(float(one) / edge)) for one in extent)
        return x, y, z

    def to_anchor(self, camera_to_world: Array) -> Array:
        """Poses (..., 4, 4) in the anchor's axes."""
        moved: Array = invert_rigid(self.anchor_to_world) @ camera_to_world
        return moved

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "kind": self.kind,
            "anchor_to_world": np.asarray(self.anchor_to_world).tolist(),
            "low": np.asarray(self.low).tolist(),
            "high": np.asarray(self.high).tolist(),
        }

    @classmethod
    def from_dict(cls, entry: Mapping[str, Any]) -> Space:
        """From what :meth:`as_dict` gave."""
        return cls(
            entry["kind"],
            check_rigid(entry["anchor_to_world"], name="anchor_to_world"),
            np.array(entry["low"], np.float64),
            np.array(entry["high"], np.float64),
        )

    def _bounds(self, like: Tensor) -> tuple[Tensor, Tensor]:
        return (
            torch.as_tensor(self.low, dtype=like.dtype, device=like.device),
            torch.as_tensor(self.high, dtype=like.dtype, device=like.device),
        )

    def _planes(self, like: Tensor) -> Tensor:
        """The six sides (6, 4): n·x + d >= 0 inside."""
        low, high = np.asarray(self.low), np.asarray(self.high)
        planes = np.zeros((6, 4))
        for axis in range(3):
            planes[2 * axis, axis], planes[2 * axis + 1, axis] = 1, -1
            if self.kind == "frustum" and axis < 2:
                planes[2 * axis, 2], planes[2 * axis + 1, 2] = -low[axis], high[axis]
            elif self.kind == "frustum":
                planes[2 * axis, 3], planes[2 * axis + 1, 3] = -np.exp(low[axis]), np.exp(high[axis])
            else:
                planes[2 * axis, 3], planes[2 * axis + 1, 3] = -low[axis], high[axis]
        return torch.as_tensor(planes, dtype=like.dtype, device=like.device)
