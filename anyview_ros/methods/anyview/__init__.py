"""AnyView (arXiv 2601.16982): a video diffusion transformer that shows a clip from any camera."""

from anyview_ros.methods.anyview.method import AnyView
from anyview_ros.methods.anyview.options import DEFAULT_STEPS, FAST_STEPS, SCALES, AnyViewOptions

__all__ = ["DEFAULT_STEPS", "FAST_STEPS", "SCALES", "AnyView", "AnyViewOptions"]
