"""Plays real recordings as a live camera: bags, calibrated videos, stereo pairs and sample data."""

from anyview_ros.nodes.player.node import main

__all__ = ["main"]
