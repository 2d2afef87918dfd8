"""Stage 2: a video between two keyframes, drawn by a denoiser that knows one of them at a time."""
