"""ZeroNVS (arXiv 2310.17994): one picture, any camera, by an image-conditioned diffusion model."""
