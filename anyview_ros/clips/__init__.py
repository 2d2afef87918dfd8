"""Posed video: clips with stamps and poses, and the sliding window that makes them from a live stream."""

from anyview_ros.clips.clip import PosedClip
from anyview_ros.clips.drop_reason import DropReason
from anyview_ros.clips.window import SlidingWindow

__all__ = ["DropReason", "PosedClip", "SlidingWindow"]
