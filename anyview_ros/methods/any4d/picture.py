"""Pictures of a scene as a method shows them: holes filled and said to be so."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray

from anyview_ros.geometry import PinholeCamera
from anyview_ros.geometry.hole_filling import fill_holes
from anyview_ros.methods.any4d.model import COLOURS, SUPPORT, MovingGaussians
from anyview_ros.methods.pictures import Picture
from anyview_ros.rendering.splatting import splat

_COVERED = 0.5  # alpha from which a pixel shows the scene


@torch.inference_mode()
def picture_of(
    scene: MovingGaussians,
    stamp_ns: int,
    camera: PinholeCamera,
    camera_to_world: NDArray[np.float64],
    *,
    fill: bool = True,
) -> Picture:
    """What a camera sees of the scene at an instant.

    Confidence is the share of the pixel that Gaussians cover which a real camera saw, times their support, which is
    half or less where depth was guessed. Where Gaussians cover less than half of the pixel it is a hole: its depth and
    confidence are 0, its colour that of its surroundings, or black.
    """
    drawn = splat(scene.at(stamp_ns), camera, camera_to_world)
    alpha = drawn.alpha.cpu().numpy()
    covered = alpha > _COVERED
    features = drawn.features.cpu().numpy()
    colours = features[..., COLOURS] / np.maximum(alpha, _COVERED)[..., None]
    image = np.rint(np.clip(colours, 0, 1) * 255).astype(np.uint8)
    image[~covered] = 0
    depth = np.where(covered, drawn.depth.cpu().numpy(), 0).astype(np.float32)
    if fill and covered.any():
        image = fill_holes(image, covered, depth)
    confidence = np.where(covered, features[..., SUPPORT], 0)
    return Picture(image, np.clip(confidence, 0, 1).astype(np.float32), depth)
