"""Several sources' warps of one target put together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Float32 = NDArray[np.float32]
Bool = NDArray[np.bool_]

_SAME_SURFACE = np.float32(0.02)  # part of the depth by which two sources' views of one surface may differ


@dataclass(frozen=True, eq=False)
class Layer:
    """One source as the target (h, w) sees it, or several put together.

    Attributes:
        image: uint8 (h, w, 3), RGB.
        depth: float32 (h, w), metres; 0 where not covered.
        covered: bool (h, w).
        confidence: float32 (h, w) in [0, 1]; 0 where not covered.
        measured: bool (h, w), where the depth comes from a depth image.
    """

    image: NDArray[np.uint8]
    depth: Float32
    covered: Bool
    confidence: Float32
    measured: Bool


def merge_layers(layers: Sequence[Layer]) -> Layer:
    """Keep for each pixel the nearest surface, and of the sources that see it the one that sees it best.

    Of equally confident sources the earlier is kept.
    """
    if len(layers) == 1:
        return layers[0]
    depths = np.stack([np.where(layer.covered, layer.depth, np.float32(np.inf)) for layer in layers])
    on_nearest = depths <= depths.min(axis=0) * (1 + _SAME_SURFACE)
    score = np.stack([layer.confidence for layer in layers])
    best = np.argmax(np.where(on_nearest, score, np.float32(-1)), axis=0)

    image, depth = layers[0].image.copy(), layers[0].depth.copy()
    confidence, measured = layers[0].confidence.copy(), layers[0].measured.copy()
    for index, layer in enumerate(layers[1:], start=1):
        chosen = best == index
        image[chosen] = layer.image[chosen]
        depth[chosen] = layer.depth[chosen]
        confidence[chosen] = layer.confidence[chosen]
        measured[chosen] = layer.measured[chosen]
    covered = np.any([layer.covered for layer in layers], axis=0)
    return Layer(image, depth, covered, confidence, measured)
