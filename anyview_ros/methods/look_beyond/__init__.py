"""Look Beyond: one picture becomes a panorama, and keyframes of it become a video along any path (arXiv 2509.00843)."""

from anyview_ros.methods.look_beyond.method import LookBeyond
from anyview_ros.methods.look_beyond.options import LookBeyondOptions

__all__ = ["LookBeyond", "LookBeyondOptions"]
