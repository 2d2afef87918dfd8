"""Posed video: clips with stamps and poses, and the sliding window that makes them from a live stream."""

from anyview_ros.clips.clip import PosedClip
from anyview_ros.clips.outcomes import AddOutcome, DropReason, RestartReason, WindowStatistics
from anyview_ros.clips.window import SlidingWindow

__all__ = ["AddOutcome", "DropReason", "PosedClip", "RestartReason", "SlidingWindow", "WindowStatistics"]
