"""ZeroNVS (arXiv 2310.17994): one picture, any camera, by an image-conditioned diffusion model."""

from anyview_ros.methods.zeronvs.method import ZeroNVS

__all__ = ["ZeroNVS"]
