"""A depth image as a surface of small planar facets, one per pixel, and its drawing from another camera.

Each pixel is a square patch of a plane in space: inverse depth is linear in pixels on planes, so the patch is
its inverse depth and two slopes. Slopes are taken only from neighbours on the same surface, so that nothing
is stretched between an object and what lies behind it. Drawn in another camera a facet is, to first order, a
parallelogram: it covers the pixels whose centres it holds, the nearest facet wins, and colours are then
sampled from the source image at the very place that each pixel sees.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from anyview_ros.geometry.pixel_transfer import PixelTransfer

Float32 = NDArray[np.float32]
Bool = NDArray[np.bool_]

# Neighbours are on one surface if their inverse depths differ by less than this part, or go on evenly (a
# plane seen at a grazing angle) by steps of less than four times as much.
_SAME_SURFACE = 0.02
_STEEPEST = 4 * _SAME_SURFACE
_HALF = np.float32(0.65)  # half a facet's side in source pixels: 0.5, and some overlap to close seams
_LARGEST_FOOTPRINT = 24  # target pixels along one axis that one facet may cover


@dataclass(frozen=True, eq=False)
class DepthFacets:
    """Facets of one depth image (H, W).

    Attributes:
        inverse_depth: float32, 1/metre; 0 where unknown.
        slope_x, slope_y: float32, change of inverse depth per pixel to the right and down.
        joined_right: bool (H, W - 1), whether a pixel and the one to its right are on one surface.
        joined_down: bool (H - 1, W), the same for the one below.
    """

    inverse_depth: Float32
    slope_x: Float32
    slope_y: Float32
    joined_right: Bool
    joined_down: Bool

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
        inverse[_floating(known, joined_right, joined_down.T)] = 0
        return cls(inverse, slope_x, np.ascontiguousarray(slope_y.T), joined_right, joined_down.T)


@dataclass(frozen=True, eq=False)
class FacetImage:
    """What a target camera (h, w) sees of a facet surface.

    Attributes:
        covered: bool, whether a facet is seen.
        depth: float32, metres along the target's optical axis; 0 where nothing is seen.
        source_x, source_y: float32, the place in the source image that is seen; -1 where nothing is seen.
        stretch: float32, the larger side of a source pixel as it is seen, in target pixels; 0 where nothing
        is seen.
    """

    covered: Bool
    depth: Float32
    source_x: Float32
    source_y: Float32
    stretch: Float32


def draw_facets(facets: DepthFacets, transfer: PixelTransfer, width: int, height: int) -> FacetImage:
    """Draw facets in the target camera of ``transfer``, whose image is (height, width).

    Facets behind the camera or seen from their back are left out. One facet covers at most 24 pixels along an
    axis; from nearer than that, gaps stay open.
    """
    seen = _facets_in_view(facets, transfer, width, height)
    nearest = np.zeros(width * height, np.float32)
    winner = np.full(width * height, -1, np.int64)
    offset_x = np.zeros(width * height, np.float32)
    offset_y = np.zeros(width * height, np.float32)
    rows = np.arange(len(seen.index))
    for j in range(int(seen.rows.max(initial=0))):
        tall = rows if j == 0 else np.flatnonzero(seen.rows > j)
        for i in range(int(seen.columns[tall].max(initial=0))):
            subset = tall if i == 0 else tall[seen.columns[tall] > i]
            pixel, inverse_depth, a, b, subset = _candidates(seen, subset, i, j, width)
            np.maximum.at(nearest, pixel, inverse_depth)
            won = np.flatnonzero(nearest[pixel] == inverse_depth)
            pixel = pixel[won]
            winner[pixel] = subset[won]
            offset_x[pixel] = a[won]
            offset_y[pixel] = b[won]
    return _image(facets, seen, nearest, winner, offset_x, offset_y, (height, width))


@dataclass(frozen=True, eq=False)
class _Seen:
    """Facets in view, as columns of one length, with the inverse of the Jacobian d(u, v)/d(x, y)."""

    index: NDArray[np.int64]  # into the flattened source
    u: Float32
    v: Float32
    inverse_depth: Float32
    slope_x: Float32  # of the target's inverse depth per source pixel
    slope_y: Float32
    a_u: Float32
    a_v: Float32
    b_u: Float32
    b_v: Float32
    stretch: Float32
    column: NDArray[np.int32]  # first pixel column and row covered, and how many
    row: NDArray[np.int32]
    columns: NDArray[np.int32]
    rows: NDArray[np.int32]


def _facets_in_view(facets: DepthFacets, transfer: PixelTransfer, width: int, height: int) -> _Seen:
    w = facets.inverse_depth
    H, e = transfer.homography.astype(np.float32), transfer.epipole.astype(np.float32)
    u, v, inverse_depth, inverse_scale = transfer.apply(w)
    margin = _LARGEST_FOOTPRINT / 2
    inside = (inverse_depth > 0) & (w > 0)
    inside &= (u > -margin) & (u < width - 1 + margin) & (v > -margin) & (v < height - 1 + margin)
    index = np.flatnonzero(inside)
    u, v, inverse_depth, inverse_scale = (
        values.ravel()[index] for values in (u, v, inverse_depth, inverse_scale)
    )
    gx, gy = facets.slope_x.ravel()[index], facets.slope_y.ravel()[index]
    scale_x, scale_y = H[2, 0] + gx * e[2], H[2, 1] + gy * e[2]
    u_x = (H[0, 0] + gx * e[0] - u * scale_x) * inverse_scale
    u_y = (H[0, 1] + gy * e[0] - u * scale_y) * inverse_scale
    v_x = (H[1, 0] + gx * e[1] - v * scale_x) * inverse_scale
    v_y = (H[1, 1] + gy * e[1] - v * scale_y) * inverse_scale
    determinant = u_x * v_y - u_y * v_x
    facing = determinant > np.float32(1e-9)
    reciprocal = np.divide(np.float32(1), determinant, out=np.zeros_like(determinant), where=facing)
    column, columns = _span(u, np.abs(u_x) + np.abs(u_y), width)
    row, rows = _span(v, np.abs(v_x) + np.abs(v_y), height)
    keep = np.flatnonzero(facing & (columns > 0) & (rows > 0))
    stretch = np.sqrt(np.maximum(u_x * u_x + v_x * v_x, u_y * u_y + v_y * v_y))
    slope_x = (gx - inverse_depth * scale_x) * inverse_scale
    slope_y = (gy - inverse_depth * scale_y) * inverse_scale
    return _Seen(
        index=index[keep],
        u=u[keep],
        v=v[keep],
        inverse_depth=inverse_depth[keep],
        slope_x=slope_x[keep],
        slope_y=slope_y[keep],
        a_u=(v_y * reciprocal)[keep],
        a_v=(-u_y * reciprocal)[keep],
        b_u=(-v_x * reciprocal)[keep],
        b_v=(u_x * reciprocal)[keep],
        stretch=stretch[keep],
        column=column[keep],
        row=row[keep],
        columns=columns[keep],
        rows=rows[keep],
    )


def _span(centre: Float32, side: Float32, size: int) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """The first pixel and the number of pixels whose centres lie in ``centre`` plus or minus half a side."""
    reach = np.minimum(side * _HALF, np.float32(_LARGEST_FOOTPRINT / 2))
    first = np.maximum(np.ceil(centre - reach), 0).astype(np.int32)
    last = np.minimum(np.floor(centre + reach), size - 1).astype(np.int32)
    return first, last - first + 1


def _candidates(
    seen: _Seen, subset: NDArray[np.int64], i: int, j: int, width: int
) -> tuple[NDArray[np.int64], Float32, Float32, Float32, NDArray[np.int64]]:
    """Pixels at column i, row j of each facet's box that it holds: pixel, inverse depth, place, facet."""
    column, row = seen.column[subset] + i, seen.row[subset] + j
    du, dv = column - seen.u[subset], row - seen.v[subset]
    a = (seen.a_u[subset] * du + seen.a_v[subset] * dv).astype(np.float32)
    b = (seen.b_u[subset] * du + seen.b_v[subset] * dv).astype(np.float32)
    inverse_depth = seen.inverse_depth[subset] + seen.slope_x[subset] * a + seen.slope_y[subset] * b
    held = np.flatnonzero((np.abs(a) <= _HALF) & (np.abs(b) <= _HALF) & (inverse_depth > 0))
    pixel = row[held].astype(np.int64) * width + column[held]
    return pixel, inverse_depth[held], a[held], b[held], subset[held]


def _image(
    facets: DepthFacets,
    seen: _Seen,
    nearest: Float32,
    winner: NDArray[np.int64],
    offset_x: Float32,
    offset_y: Float32,
    shape: tuple[int, int],
) -> FacetImage:
    covered = winner >= 0
    pixel = np.flatnonzero(covered)
    facet = winner[pixel]
    source = seen.index[facet]
    y, x = np.divmod(source, facets.inverse_depth.shape[1])
    a = _within_surface(offset_x[pixel], *_joined_both_sides(facets.joined_right, y, x))
    b = _within_surface(offset_y[pixel], *_joined_both_sides(facets.joined_down.T, x, y))

    def spread(values: NDArray[np.floating], background: float) -> Float32:
        image = np.full(covered.shape, background, np.float32)
        image[pixel] = values
        return image.reshape(shape)

    return FacetImage(
        covered.reshape(shape),
        spread(1 / nearest[pixel], 0),
        spread(x + a, -1),
        spread(y + b, -1),
        spread(seen.stretch[facet], 0),
    )


def _within_surface(offset: Float32, joined_before: Bool, joined_after: Bool) -> Float32:
    """Offsets in a facet, but none towards a neighbour on another surface, whose colour would bleed in."""
    joined = np.where(offset > 0, joined_after, joined_before)
    return np.where(joined, offset, np.float32(0))


def _joined_both_sides(joined: Bool, line: NDArray[np.int64], place: NDArray[np.int64]) -> tuple[Bool, Bool]:
    padded = np.pad(joined, ((0, 0), (1, 1)))
    return padded[line, place], padded[line, place + 1]


def _slope(inverse: Float32) -> tuple[Float32, Bool]:
    """Slope along the last axis, from neighbours on the same surface; and which (H, W - 1) those are."""
    left, right = inverse[:, :-1], inverse[:, 1:]
    step = right - left
    size = np.abs(step)
    smaller = np.minimum(left, right)  # 0 where either is unknown
    joined = (size <= _SAME_SURFACE * smaller) & (smaller > 0)
    steep = (size <= _STEEPEST * smaller) & (smaller > 0)
    even = np.abs(np.diff(step)) <= _SAME_SURFACE * inverse[:, 1:-1]
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


def _floating(known: Bool, joined_right: Bool, joined_down: Bool) -> Bool:
    alone = known.copy()
    alone[:, :-1] &= ~joined_right & known[:, 1:]
    alone[:, 1:] &= ~joined_right & known[:, :-1]
    alone[:-1] &= ~joined_down & known[1:]
    alone[1:] &= ~joined_down & known[:-1]
    return alone
