"""What a method answers: synthesised views, marked as such."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from anyview_ros.geometry import PinholeCamera


@dataclass(frozen=True)
class Provenance:
    """Where a synthesised picture comes from, so that it is never passed off as seen.

    Attributes:
        method: registered name of the method.
        weights_hash: sha256 (hex) that names the weights, or "" for a method that has none: of their file or, of a
            fitted scene, of the scene's. Weights in several files, or of several stages as ``look_beyond``'s, have
            one of the hex digests of each; Stable Video Diffusion's is of the names, sizes and last MiB of its files,
            not of all their content.
        seed: the seed used.
        steps: the sampling steps done; 0 for a method without steps.
        scale_m: metres that translations were measured in, of a method that takes a scale from the scene; else None.
        scale_origin: where the scale comes from: "told", "depth", "look-at" (a guess from where the cameras look),
            "assumed", or "not needed" (cameras that only turn); "" without a scale.
    """

    method: str
    weights_hash: str = ""
    seed: int = 0
    steps: int = 0
    scale_m: float | None = None
    scale_origin: str = ""

    def as_entries(self) -> dict[str, Any]:
        """As plain values by name, for what is written beside pictures; the scale where there is one."""
        told: dict[str, Any] = {
            "method": self.method,
            "weights_hash": self.weights_hash,
            "seed": self.seed,
            "steps": self.steps,
        }
        return (
            told
            if self.scale_m is None
            else told | {"scale_m": self.scale_m, "scale_origin": self.scale_origin}
        )


@dataclass(frozen=True, eq=False)
class SynthesizedView:
    """One virtual camera's video.

    Attributes:
        frames: uint8 (N, h, w, 3), RGB.
        camera: intrinsics, size (h, w).
        camera_to_world: float64 (N, 4, 4), metres, OpenCV axes.
        stamps_ns: int64 (N,), the instants shown.
        confidence: float32 (N, h, w) in [0, 1]: how far the pixel is supported by what was seen.
        depth: float32 (N, h, w), metres, 0 where unknown; or None.
    """

    frames: NDArray[np.uint8]
    camera: PinholeCamera
    camera_to_world: NDArray[np.float64]
    stamps_ns: NDArray[np.int64]
    confidence: NDArray[np.float32]
    depth: NDArray[np.float32] | None = None

    def __len__(self) -> int:
        return len(self.frames)


@dataclass(frozen=True, eq=False)
class SynthesisResult:
    """The views of one request, in the order of its targets, with their provenance."""

    views: tuple[SynthesizedView, ...]
    provenance: Provenance
