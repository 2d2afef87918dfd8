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
Int64 = NDArray[np.int64]

# Neighbours are on one surface if their inverse depths differ by less than this part, or go on evenly (a
# plane seen at a grazing angle) by steps of less than four times as much.
_SAME_SURFACE = 0.02
_STEEPEST = 4 * _SAME_SURFACE
_HALF = np.float32(0.65)  # half a facet's side in source pixels: 0.5, and some overlap to close seams
_BAND_PIXELS = 16384  # source pixels worked on at once: their arrays stay in the cache
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
    canvas = _Canvas.blank(width, height)
    source_height, source_width = facets.inverse_depth.shape
    band = max(_BAND_PIXELS // source_width, 1)
    for first_row in range(0, source_height, band):
        seen = _facets_in_view(facets, transfer, slice(first_row, first_row + band), canvas)
        for j in range(int(seen.rows.max(initial=0))):
            tall = None if j == 0 else np.flatnonzero(seen.rows > j)
            columns = seen.columns if tall is None else seen.columns[tall]
            for i in range(int(columns.max(initial=0))):
                wide = np.flatnonzero(columns > i) if i else None
                subset = tall if wide is None else wide if tall is None else tall[wide]
                _draw(canvas, seen, subset, i, j)
    return _image(facets, canvas)


@dataclass(frozen=True, eq=False)
class _Canvas:
    """The target as it is drawn, flattened: (h * w,)."""

    width: int
    height: int
    inverse_depth: Float32  # of the nearest facet so far; 0 for none
    source: NDArray[np.int32]  # its index in the flattened source image; -1 for none
    place: Float32  # (2, h * w): x and y from its centre, source pixels
    stretch: Float32

    @classmethod
    def blank(cls, width: int, height: int) -> _Canvas:
        size = width * height
        return cls(
            width,
            height,
            np.zeros(size, np.float32),
            np.full(size, -1, np.int32),
            np.zeros((2, size), np.float32),
            np.zeros(size, np.float32),
        )


@dataclass(frozen=True, eq=False)
class _Seen:
    """Facets in view. Place (x, y) within the facet and inverse depth are linear in the target's pixels."""

    index: Int64  # (N,) into the flattened source
    pixel: Int64  # (N,) first pixel of the box that may be covered, in the flattened target
    columns: NDArray[np.int32]  # (N,) size of the box
    rows: NDArray[np.int32]
    start: Float32  # (3, N): x and y from the facet's centre, and inverse depth, at the first pixel
    per_column: Float32  # (3, N): how they change from column to column
    per_row: Float32
    stretch: Float32  # (N,)


def _facets_in_view(facets: DepthFacets, transfer: PixelTransfer, band: slice, canvas: _Canvas) -> _Seen:
    width, height = canvas.width, canvas.height
    u, v, inverse_depth, inverse_scale = transfer.apply(facets.inverse_depth[band], band.start)
    margin = _LARGEST_FOOTPRINT / 2
    inside = (inverse_depth > 0) & (u > -margin) & (v > -margin)
    inside &= (u < width - 1 + margin) & (v < height - 1 + margin)
    index = np.flatnonzero(inside)
    u, v, inverse_depth, inverse_scale = (
        values.ravel()[index] for values in (u, v, inverse_depth, inverse_scale)
    )
    by_x = _derivatives(transfer, 0, facets.slope_x[band].ravel()[index], u, v, inverse_depth, inverse_scale)
    by_y = _derivatives(transfer, 1, facets.slope_y[band].ravel()[index], u, v, inverse_depth, inverse_scale)
    determinant = by_x[0] * by_y[1] - by_y[0] * by_x[1]
    column, columns = _span(u, np.abs(by_x[0]) + np.abs(by_y[0]), width)
    row, rows = _span(v, np.abs(by_x[1]) + np.abs(by_y[1]), height)
    keep = np.flatnonzero((determinant > np.float32(1e-9)) & (columns > 0) & (rows > 0))
    by_x, by_y = by_x[:, keep], by_y[:, keep]
    column, row, u, v = column[keep], row[keep], u[keep], v[keep]
    reciprocal = 1 / determinant[keep]
    per_column = np.empty((3, len(keep)), np.float32)
    per_row = np.empty((3, len(keep)), np.float32)
    per_column[0], per_column[1] = by_y[1] * reciprocal, -by_x[1] * reciprocal
    per_row[0], per_row[1] = -by_y[0] * reciprocal, by_x[0] * reciprocal
    for per_pixel in (per_column, per_row):
        per_pixel[2] = by_x[2] * per_pixel[0] + by_y[2] * per_pixel[1]
    start = per_column * (column - u).astype(np.float32) + per_row * (row - v).astype(np.float32)
    start[2] += inverse_depth[keep]
    stretch = np.sqrt(np.maximum(by_x[0] ** 2 + by_x[1] ** 2, by_y[0] ** 2 + by_y[1] ** 2))
    pixel = row.astype(np.int64) * width + column
    index = index[keep] + band.start * facets.inverse_depth.shape[1]
    return _Seen(index, pixel, columns[keep], rows[keep], start, per_column, per_row, stretch)


def _derivatives(
    transfer: PixelTransfer,
    axis: int,
    slope: Float32,
    u: Float32,
    v: Float32,
    inverse_depth: Float32,
    inverse_scale: Float32,
) -> Float32:
    """Change (3, N) of the target's u, v and inverse depth per source pixel along x (axis 0) or y (axis 1)."""
    H, e = transfer.homography.astype(np.float32), transfer.epipole.astype(np.float32)
    scale = H[2, axis] + slope * e[2]
    return np.stack(
        [
            (H[0, axis] + slope * e[0] - u * scale) * inverse_scale,
            (H[1, axis] + slope * e[1] - v * scale) * inverse_scale,
            (slope - inverse_depth * scale) * inverse_scale,
        ]
    )


def _span(centre: Float32, side: Float32, size: int) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """The first pixel and the number of pixels whose centres lie in ``centre`` plus or minus half a side."""
    reach = np.minimum(side * _HALF, np.float32(_LARGEST_FOOTPRINT / 2))
    first = np.maximum(np.ceil(centre - reach), 0).astype(np.int32)
    last = np.minimum(np.floor(centre + reach), size - 1).astype(np.int32)
    return first, last - first + 1


def _draw(canvas: _Canvas, seen: _Seen, subset: Int64 | None, i: int, j: int) -> None:
    """Draw the pixels at column i, row j of the boxes of the facets in ``subset`` (None: all) that hold them."""
    chosen = slice(None) if subset is None else subset
    values = seen.start[:, chosen]
    if i:
        values = values + np.float32(i) * seen.per_column[:, chosen]
    if j:
        values = values + np.float32(j) * seen.per_row[:, chosen]
    a, b, inverse_depth = values
    held = np.flatnonzero((np.abs(a) <= _HALF) & (np.abs(b) <= _HALF) & (inverse_depth > 0))
    facet = held if subset is None else subset[held]
    pixel, inverse_depth = seen.pixel[facet] + (j * canvas.width + i), inverse_depth[held]
    np.maximum.at(canvas.inverse_depth, pixel, inverse_depth)
    won = np.flatnonzero(canvas.inverse_depth[pixel] == inverse_depth)
    pixel, held, facet = pixel[won], held[won], facet[won]
    canvas.source[pixel] = seen.index[facet]
    canvas.place[0, pixel] = a[held]
    canvas.place[1, pixel] = b[held]
    canvas.stretch[pixel] = seen.stretch[facet]


def _image(facets: DepthFacets, canvas: _Canvas) -> FacetImage:
    covered = canvas.source >= 0
    y, x = np.divmod(np.maximum(canvas.source, 0), np.int32(facets.inverse_depth.shape[1]))
    a = _within_surface(canvas.place[0], *_joined_both_sides(facets.joined_right, y, x))
    b = _within_surface(canvas.place[1], *_joined_both_sides(facets.joined_down.T, x, y))
    depth = np.divide(np.float32(1), canvas.inverse_depth, out=np.zeros_like(a), where=covered)
    nowhere = np.float32(-1)
    source_x = np.where(covered, x.astype(np.float32) + a, nowhere)
    source_y = np.where(covered, y.astype(np.float32) + b, nowhere)
    shape = (canvas.height, canvas.width)
    return FacetImage(
        covered.reshape(shape),
        depth.reshape(shape),
        source_x.reshape(shape),
        source_y.reshape(shape),
        canvas.stretch.reshape(shape),
    )


def _within_surface(offset: Float32, joined_before: Bool, joined_after: Bool) -> Float32:
    """Offsets in a facet, but none towards a neighbour on another surface, whose colour would bleed in."""
    joined = np.where(offset > 0, joined_after, joined_before)
    return np.where(joined, offset, np.float32(0))


def _joined_both_sides(
    joined: Bool, line: NDArray[np.int32], position: NDArray[np.int32]
) -> tuple[Bool, Bool]:
    padded = np.pad(joined, ((0, 0), (1, 1)))
    return padded[line, position], padded[line, position + 1]


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
