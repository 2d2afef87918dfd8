"""A scene at an instant for other programs: PLY of its Gaussians, and coloured points."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from anyview_ros.methods.any4d.model import COLOURS, MovingGaussians
from anyview_ros.rendering.gaussian_ply import write_gaussian_ply
from anyview_ros.synthesis.by_products import PointCloud


@torch.inference_mode()
def write_ply(path: Path, scene: MovingGaussians, stamp_ns: int) -> None:
    """Write the Gaussians at an instant to a PLY file; see ``write_gaussian_ply``."""
    write_gaussian_ply(path, scene.at(stamp_ns), stamp_ns)


@torch.inference_mode()
def point_cloud(scene: MovingGaussians, stamp_ns: int, *, least_opacity: float = 0.5) -> PointCloud:
    """The centres of Gaussians at an instant, without those that are fainter than ``least_opacity``."""
    gaussians = scene.at(stamp_ns)
    chosen = gaussians.opacities >= least_opacity
    colours = np.rint(gaussians.features[chosen][:, COLOURS].cpu().numpy() * 255).astype(np.uint8)
    points = gaussians.means[chosen].cpu().numpy().astype(np.float32)
    return PointCloud(points, colours, stamp_ns)
