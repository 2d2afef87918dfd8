"""Bringing monocular depth to metres: a scale and a shift per frame, from points whose depth is known."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import ArrayLike, NDArray

from anyview_ros.clips import PosedClip
from anyview_ros.errors import InvalidInputError, InvalidRequestError
from anyview_ros.methods.ddr.triangulation import TrackedDepth

_ROUNDS = 20
_LEAST_POINTS = 8


@dataclass(frozen=True)
class ScaleShift:
    """``metres = scale * estimate + shift``, or one over that of inverse depth."""

    scale: float
    shift: float


def solve_scale_shift(estimate: ArrayLike, reference: ArrayLike) -> ScaleShift:
    """The scale and the shift that bring an estimate nearest to a reference, in parts of the reference.

    Least absolute residuals by reweighted least squares, so that a fair share of outliers does no harm.

    Args:
        estimate, reference: (N,), finite, reference positive.

    Raises:
        InvalidInputError: fewer than two points, values that are not finite, or an estimate without any change.
    """
    x, y = np.asarray(estimate, np.float64).ravel(), np.asarray(reference, np.float64).ravel()
    if x.shape != y.shape or len(x) < 2:
        raise InvalidInputError(
            f"estimate and reference have {len(x)} and {len(y)} points; give at least two, as many of each"
        )
    if not (np.isfinite(x).all() and np.isfinite(y).all() and (y > 0).all()):
        raise InvalidInputError(
            "estimate and reference must be finite, the reference positive; leave unknown points out"
        )
    if np.ptp(x) <= 1e-9 * max(1.0, float(np.abs(x).max())):
        raise InvalidInputError(
            f"the estimate is {x[0]} everywhere, so no scale fits it; give points of other depths"
        )
    design = np.stack([x, np.ones_like(x)], -1) / y[:, None]  # residuals as parts of the reference
    weight = np.ones_like(x)
    solution: NDArray[np.float64] = np.zeros(2)
    for _ in range(_ROUNDS):
        root = np.sqrt(weight)
        solution = np.asarray(np.linalg.lstsq(design * root[:, None], root, rcond=None)[0], np.float64)
        residual = np.abs(design @ solution - 1)
        weight = 1 / np.maximum(residual, 1e-4)
    return ScaleShift(float(solution[0]), float(solution[1]))


def aligned_clip(
    clip: PosedClip, references: Sequence[TrackedDepth], *, inverse: bool = False
) -> tuple[NDArray[np.float32], tuple[ScaleShift, ...]]:
    """Depth of a clip in metres, and what each frame was aligned by.

    A frame with fewer than 8 usable points takes over the fit of the nearest frame that has them.

    Args:
        clip: with depth that is known up to a scale and a shift per frame.
        references: points of known depth.
        inverse: the clip's depth is one over a depth.

    Returns:
        float32 (T, H, W), 0 where unknown, and one fit per frame.

    Raises:
        InvalidRequestError: no frame has enough points, or the fits make no sense.
    """
    assert clip.depth is not None  # noqa: S101 - callers have looked
    solved: dict[int, ScaleShift] = {}
    for reference in references:
        estimate = _sampled(clip.depth[reference.frame], reference.pixels)
        known = estimate > 0
        if known.sum() < _LEAST_POINTS:
            continue
        truth = 1 / reference.depth if inverse else reference.depth
        try:
            fit = solve_scale_shift(estimate[known], truth[known])
        except InvalidInputError:
            continue  # no scale fits a frame that is flat; its neighbours' will do
        if fit.scale > 0:
            solved[reference.frame] = fit
    if not solved:
        raise InvalidRequestError(
            "monocular depth cannot be brought to metres: no frame has 8 tracked points that agree with it; give more "
            "frames with camera motion, or depth in metres"
        )
    have = np.array(sorted(solved))
    fits = tuple(solved[int(have[np.abs(have - index).argmin()])] for index in range(len(clip)))
    return np.stack(
        [_applied(depth, fit, inverse) for depth, fit in zip(clip.depth, fits, strict=True)]
    ), fits


def _applied(estimate: NDArray[np.float32], fit: ScaleShift, inverse: bool) -> NDArray[np.float32]:
    depth = fit.scale * estimate.astype(np.float64) + fit.shift
    usable = (estimate > 0) & (depth > 1e-6)
    safe = np.where(usable, depth, 1.0)
    return np.where(usable, 1 / safe if inverse else safe, 0).astype(np.float32)


def _sampled(depth: NDArray[np.float32], pixels: NDArray[np.float64]) -> NDArray[np.float32]:
    """Depth at pixels (N, 2), of the nearest pixel: between two depths there is often none."""
    where = pixels.astype(np.float32)
    found = cv2.remap(depth, where[:, :1], where[:, 1:], cv2.INTER_NEAREST, borderMode=cv2.BORDER_CONSTANT)
    return np.asarray(found[:, 0], np.float32)
