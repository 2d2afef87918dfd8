"""Posed video: clips with stamps and poses, and the sliding window that makes them from a live stream."""

from anyview_ros.clips.clip import PosedClip

__all__ = ["PosedClip"]
