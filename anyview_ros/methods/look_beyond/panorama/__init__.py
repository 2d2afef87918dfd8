"""Stage 1: one picture becomes a panorama of colour and distance, drawn by a diffusion transformer."""
