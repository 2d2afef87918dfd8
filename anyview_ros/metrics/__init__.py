"""How alike images and videos are, on what part of them that was measured, and whether views fit their poses."""

from anyview_ros.metrics.consistency import (
    PairConsistency,
    PosedImage,
    image_pair_consistency,
    mtsed,
    pair_consistency,
    sequence_consistency,
    tsed,
)
from anyview_ros.metrics.correspondences import (
    Correspondences,
    correspondences_from_depth,
    refined_correspondences,
    sift_correspondences,
)
from anyview_ros.metrics.coverage import coverage
from anyview_ros.metrics.epipolar import TwoViewGeometry, symmetric_epipolar_distances_px
from anyview_ros.metrics.psnr import finite_or_none, psnr_db
from anyview_ros.metrics.ssim import ssim, ssim_map

__all__ = [
    "Correspondences",
    "PairConsistency",
    "PosedImage",
    "TwoViewGeometry",
    "correspondences_from_depth",
    "coverage",
    "finite_or_none",
    "image_pair_consistency",
    "mtsed",
    "pair_consistency",
    "psnr_db",
    "refined_correspondences",
    "sequence_consistency",
    "sift_correspondences",
    "ssim",
    "ssim_map",
    "symmetric_epipolar_distances_px",
    "tsed",
]
