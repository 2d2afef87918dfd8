"""A depth image as a surface of small planar facets, one per pixel.

Each pixel is a square patch of a plane in space: inverse depth is linear in pixels on planes, so the patch is its
inverse depth and two slopes. Slopes are taken only from neighbours on the same surface, so that nothing is
stretched between an object and what lies behind it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Float32 = NDArray[np.float32]
Bool = NDArray[np.bool_]

SAME_SURFACE = 0.02
"""Neighbours whose inverse depths differ by less than this part are on one surface."""

# So are those that go on evenly, as on a plane seen at a grazing angle, by steps of less than this part.
_STEEPEST = 4 * SAME_SURFACE

LEFT, RIGHT, ABOVE, BELOW = (np.uint8(1 << bit) for bit in range(4))


@dataclass(frozen=True, eq=False)
class DepthFacets:
    """Facets of one depth image (H, W).

    Attributes:
        inverse_depth: float32, 1/metre; 0 where unknown.
        slope_x, slope_y: float32, change of inverse depth per pixel to the right and down.
        joined: uint8, which neighbours are on the same surface: the sum of LEFT, RIGHT, ABOVE and BELOW.
    """

    inverse_depth: Float32
    slope_x: Float32
    slope_y: Float32
    joined: NDArray[np.uint8]

    @classmethod
    def from_depth(cls, depth: Float32) -> DepthFacets:
        """Make facets of a depth image: float32 (H, W), metres; 0, negative, nan or inf where unknown.

        Pixels that float between two surfaces, as depth cameras see them at edges, are left out: those all of
            whose
        neighbours are known and none is on the same surface.
        """
        depth = np.asarray(depth, np.float32)
        known = (depth > 0) & np.isfinite(depth)
        inverse = np.divide(np.float32(1), depth, out=np.zeros_like(depth), where=known)
        slope_x, joined_right = _slope(inverse)
        slope_y, joined_down = _slope(inverse.T)
        joined = np.zeros(depth.shape, np.uint8)
        joined[:, 1:] |= joined_right * LEFT
        joined[:, :-1] |= joined_right * RIGHT
        joined[1:] |= joined_down.T * ABOVE
        joined[:-1] |= joined_down.T * BELOW
        inverse[(joined == 0) & _surrounded(known)] = 0
        return cls(inverse, slope_x, np.ascontiguousarray(slope_y.T), joined)


def _slope(inverse: Float32) -> tuple[Float32, Bool]:
    """Slope along the last axis, from neighbours on the same surface; and which (H, W - 1) those are."""
    left, right = inverse[:, :-1], inverse[:, 1:]
    step = right - left
    size = np.abs(step)
    smaller = np.minimum(left, right)  # 0 where either is unknown
    joined = (size <= SAME_SURFACE * smaller) & (smaller > 0)
    steep = (size <= _STEEPEST * smaller) & (smaller > 0)
    even = np.abs(np.diff(step)) <= SAME_SURFACE * inverse[:, 1:-1]
    even &= steep[:, 1:] & steep[:, :-1]
    joined[:, 1:] |= even
    joined[:, :-1] |= even
    total: Float32 = np.zeros(inverse.shape, np.float32)
    count = np.zeros(inverse.shape, np.float32)
    step *= joined
    total[:, :-1] += step
    total[:, 1:] += step
    count[:, :-1] += joined
    count[:, 1:] += joined
    total /= np.maximum(count, np.float32(1))
    return total, joined


def _surrounded(known: Bool) -> Bool:
    """Known pixels whose four neighbours, as far as the image goes, are known too."""
    surrounded = known.copy()
    surrounded[:, :-1] &= known[:, 1:]
    surrounded[:, 1:] &= known[:, :-1]
    surrounded[:-1] &= known[1:]
    surrounded[1:] &= known[:-1]
    return surrounded
