"""What real depth images get wrong, done to true ones."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

Float32 = NDArray[np.float32]


@dataclass(frozen=True)
class DepthFaults:
    """How wrong a depth image is.

    Attributes:
        noise: standard deviation of each pixel's error, as part of the depth.
        waviness: the same of errors that are smooth over the image.
        scale: factor of all depths.
        holes: part of the image that is unknown, in blobs.
        shift_px: (x, y) by which depth and colour are misregistered.
        coarseness: side of the blocks that share one depth, pixels; 1 for none.
    """

    noise: float = 0.0
    waviness: float = 0.0
    scale: float = 1.0
    holes: float = 0.0
    shift_px: tuple[float, float] = (0.0, 0.0)
    coarseness: int = 1

    def apply(self, depth: Float32, rng: np.random.Generator) -> Float32:
        """Return ``depth`` (H, W), metres, with these faults; 0 stays 0."""
        height, width = depth.shape
        faulty = depth * np.float32(self.scale)
        if self.coarseness > 1:
            small = faulty[:: self.coarseness, :: self.coarseness]
            faulty = np.repeat(np.repeat(small, self.coarseness, 0), self.coarseness, 1)[:height, :width]
        factor = 1 + self.noise * rng.standard_normal(depth.shape) + self.waviness * _smooth(rng, depth.shape)
        faulty = faulty * np.clip(factor, 0.3, 3.0)
        if any(self.shift_px):
            matrix = np.array([[1, 0, self.shift_px[0]], [0, 1, self.shift_px[1]]], np.float64)
            faulty = np.asarray(
                cv2.warpAffine(
                    faulty.astype(np.float32),
                    matrix,
                    (width, height),
                    flags=cv2.INTER_NEAREST,
                    borderValue=0.0,
                )
            )
        if self.holes > 0:
            lot = _smooth(rng, depth.shape) + 0.3 * rng.standard_normal(depth.shape)
            faulty = np.where(lot < np.quantile(lot, self.holes), 0.0, faulty)
        return np.asarray(faulty, np.float32)


def random_faults(rng: np.random.Generator) -> DepthFaults:
    """Draw faults: noise up to 10 %, scale 0.9 to 1.1, holes up to 40 %, misregistration up to 3 px, coarse blocks.

    Shifts are those of pictures a few hundred pixels wide, brought down to the networks' 64.
    """
    angle, length = rng.uniform(0, 2 * np.pi), rng.uniform(0.0, 1.0) if rng.uniform() < 0.4 else 0.0
    return DepthFaults(
        noise=float(rng.uniform(0.0, 0.06)) if rng.uniform() < 0.7 else 0.0,
        waviness=float(rng.uniform(0.02, 0.10)) if rng.uniform() < 0.5 else 0.0,
        scale=float(rng.uniform(0.9, 1.1)) if rng.uniform() < 0.4 else 1.0,
        holes=float(rng.uniform(0.0, 0.4)) if rng.uniform() < 0.6 else 0.0,
        shift_px=(float(length * np.cos(angle)), float(length * np.sin(angle))),
        coarseness=2 if rng.uniform() < 0.15 else 1,
    )


NOISY_SENSOR = DepthFaults(noise=0.03, waviness=0.03, scale=1.03, holes=0.2, shift_px=(0.5, 0.0))
"""The faults that "noisy depth" means in the reports on 64-pixel pictures."""


def _smooth(rng: np.random.Generator, shape: tuple[int, ...]) -> NDArray[np.float64]:
    """Smooth noise of mean 0 and standard deviation 1, (H, W)."""
    coarse = rng.standard_normal((6, 6)).astype(np.float32)
    field = np.asarray(cv2.resize(coarse, (shape[1], shape[0]), interpolation=cv2.INTER_CUBIC), np.float64)
    return np.asarray((field - field.mean()) / max(float(field.std()), 1e-6), np.float64)
