"""How alike two images are, and on what part of them that was measured."""

from anyview_ros.metrics.coverage import coverage
from anyview_ros.metrics.psnr import finite_or_none, psnr_db
from anyview_ros.metrics.ssim import ssim, ssim_map

__all__ = ["coverage", "finite_or_none", "psnr_db", "ssim", "ssim_map"]
