"""Drawing a surface of facets in another camera.

To first order a facet appears there as a parallelogram. It covers the pixels whose centres it holds, and the nearest
facet wins; where noise in the depth tears neighbours apart, the seam is closed. What is drawn is not a colour but the
place in the source image that each pixel sees, so that colours can be sampled once, and well.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from anyview_ros.geometry.facets import ABOVE, BELOW, LEFT, RIGHT, SAME_SURFACE, DepthFacets
from anyview_ros.geometry.pixel_transfer import PixelTransfer

Float32 = NDArray[np.float32]
Bool = NDArray[np.bool_]
Int64 = NDArray[np.int64]

_HALF = np.float32(0.65)  # half a facet's side in source pixels: 0.5, and some overlap to close seams
_BAND_PIXELS = 32768  # source pixels worked on at once: their arrays stay in the cache
_LARGEST_FOOTPRINT = 24  # target pixels along one axis that one facet may cover
_SEAM_REACH = np.float32(3)  # source pixels between what the pixels on both sides of a seam see, at most


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
    a, b = (_at(seen, axis, subset, i, j) for axis in (0, 1))
    held = np.flatnonzero((np.abs(a) <= _HALF) & (np.abs(b) <= _HALF))
    facet = held if subset is None else subset.take(held)
    inverse_depth = _at(seen, 2, facet, i, j)
    pixel = seen.pixel.take(facet) + (j * canvas.width + i)
    np.maximum.at(canvas.inverse_depth, pixel, inverse_depth)
    won = np.flatnonzero(canvas.inverse_depth.take(pixel) == inverse_depth)
    pixel, held, facet = pixel.take(won), held.take(won), facet.take(won)
    canvas.source[pixel] = seen.index.take(facet)
    canvas.place[0][pixel] = a.take(held)
    canvas.place[1][pixel] = b.take(held)
    canvas.stretch[pixel] = seen.stretch.take(facet)


def _at(seen: _Seen, axis: int, subset: Int64 | None, i: int, j: int) -> Float32:
    """Place in the facet (axis 0, 1) or inverse depth (2) at column i, row j of the boxes of a subset (None: all)."""
    values: Float32 = seen.start[axis] if subset is None else seen.start[axis].take(subset)
    for offset, change in ((i, seen.per_column[axis]), (j, seen.per_row[axis])):
        if offset:
            values = values + np.float32(offset) * (change if subset is None else change.take(subset))
    return values


def _image(facets: DepthFacets, canvas: _Canvas) -> FacetImage:
    seen = np.flatnonzero(canvas.source >= 0)
    source = canvas.source.take(seen)
    row, column = np.divmod(source, np.int32(facets.inverse_depth.shape[1]))
    joined = facets.joined.ravel().take(source)
    x = np.full(canvas.source.shape, -1, np.float32)
    y = np.full(canvas.source.shape, -1, np.float32)
    x[seen] = column + _within_surface(canvas.place[0].take(seen), joined & LEFT, joined & RIGHT)
    y[seen] = row + _within_surface(canvas.place[1].take(seen), joined & ABOVE, joined & BELOW)
    _close_seams(facets, canvas, x, y)
    covered = canvas.inverse_depth > 0
    depth = np.divide(np.float32(1), canvas.inverse_depth, out=np.zeros_like(x), where=covered)
    shape = (canvas.height, canvas.width)
    return FacetImage(
        covered.reshape(shape),
        depth.reshape(shape),
        x.reshape(shape),
        y.reshape(shape),
        canvas.stretch.reshape(shape),
    )


def _within_surface(offset: Float32, before: NDArray[np.uint8], after: NDArray[np.uint8]) -> Float32:
    """Offsets in a facet, but none towards a neighbour on another surface, whose colour would bleed in."""
    joined = np.where(offset > 0, after, before) > 0
    return offset * joined


def _close_seams(facets: DepthFacets, canvas: _Canvas, x: Float32, y: Float32) -> None:
    """Give pixels that see nothing, or something behind, between two that see one surface, what lies between.

    ``x`` and ``y`` (h * w,) are the places in the source image that are seen; they are changed in place, as is the
    canvas.
    """
    inverse = canvas.inverse_depth.reshape(canvas.height, canvas.width)
    for step, centre, before, after in (
        (1, inverse[:, 1:-1], inverse[:, :-2], inverse[:, 2:]),
        (canvas.width, inverse[1:-1], inverse[:-2], inverse[2:]),
    ):
        row, column = np.nonzero(centre < np.minimum(before, after) * np.float32(1 - SAME_SURFACE))
        pixel = (row + (step > 1)) * canvas.width + column + (step == 1)
        one, other = pixel - step, pixel + step
        close = (np.abs(x[one] - x[other]) <= _SEAM_REACH) & (np.abs(y[one] - y[other]) <= _SEAM_REACH)
        pixel, one, other = pixel[close], one[close], other[close]
        middle_x, middle_y = (x[one] + x[other]) / 2, (y[one] + y[other]) / 2
        there, here, beyond = (
            facets.inverse_depth[np.rint(v).astype(np.int64), np.rint(u).astype(np.int64)]
            for u, v in ((middle_x, middle_y), (x[one], y[one]), (x[other], y[other]))
        )
        whole = np.maximum(np.abs(there - here), np.abs(there - beyond)) <= SAME_SURFACE * there
        pixel, one, other = pixel[whole], one[whole], other[whole]
        x[pixel], y[pixel] = middle_x[whole], middle_y[whole]
        canvas.inverse_depth[pixel] = (canvas.inverse_depth[one] + canvas.inverse_depth[other]) / 2
        canvas.stretch[pixel] = np.maximum(canvas.stretch[one], canvas.stretch[other])
