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
from anyview_ros.metrics.reliability import Reliability, brier_score, good_pixels
from anyview_ros.metrics.ssim import ssim, ssim_map
from anyview_ros.metrics.temporal import Flicker, Seam, flicker, frame_changes, seam
from anyview_ros.metrics.video_distance import frechet_distance, sliced_wasserstein

__all__ = [
    "Correspondences",
    "Flicker",
    "PairConsistency",
    "PosedImage",
    "Reliability",
    "Seam",
    "TwoViewGeometry",
    "brier_score",
    "correspondences_from_depth",
    "coverage",
    "finite_or_none",
    "flicker",
    "frame_changes",
    "frechet_distance",
    "good_pixels",
    "image_pair_consistency",
    "mtsed",
    "pair_consistency",
    "psnr_db",
    "refined_correspondences",
    "seam",
    "sequence_consistency",
    "sift_correspondences",
    "sliced_wasserstein",
    "ssim",
    "ssim_map",
    "symmetric_epipolar_distances_px",
    "tsed",
]
