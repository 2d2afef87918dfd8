"""The source's depth image as a target sees it: splatted, holes filled, with what each pixel is worth."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from anyview_ros.geometry import PinholeCamera
from anyview_ros.geometry.facets import DepthFacets
from anyview_ros.geometry.hole_filling import fill_confidence, fill_holes
from anyview_ros.geometry.warp import forward_warp


@dataclass(frozen=True, eq=False)
class Splat:
    """One target's picture by reprojection.

    Attributes:
        colour: uint8 (h, w, 3), RGB, holes filled.
        depth: float32 (h, w), metres; 0 in holes.
        support: float32 (h, w) in [0, 1]: 1 where seen at the source's resolution or better, less where magnified,
            falling off into holes.
    """

    colour: NDArray[np.uint8]
    depth: NDArray[np.float32]
    support: NDArray[np.float32]


def splat(
    image: NDArray[np.uint8],
    facets: DepthFacets,
    source: PinholeCamera,
    source_to_world: NDArray[np.float64],
    target: PinholeCamera,
    target_to_world: NDArray[np.float64],
) -> Splat | None:
    """Return the source (H, W, 3) as the target sees it by its depth; None if it sees nothing of it."""
    warped = forward_warp(image, facets, source, source_to_world, target, target_to_world)
    if not warped.coverage.any():
        return None
    confidence = warped.coverage / np.maximum(warped.stretch, np.float32(1))
    return Splat(
        fill_holes(warped.image, warped.coverage, warped.depth),
        warped.depth,
        fill_confidence(warped.coverage, confidence.astype(np.float32)),
    )
