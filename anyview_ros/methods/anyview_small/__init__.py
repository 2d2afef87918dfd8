"""A small network of our own: views at once, on any machine, with or without depth images."""

from anyview_ros.methods.anyview_small.config import SmallConfig
from anyview_ros.methods.anyview_small.method import AnyViewSmall

__all__ = ["AnyViewSmall", "SmallConfig"]
