"""AnyView (arXiv 2601.16982): a video diffusion transformer that shows a clip from any camera."""
