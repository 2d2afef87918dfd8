"""The floor that every method must beat: the source's picture, as it is."""

from anyview_ros.methods.copy_source.method import CopySource

__all__ = ["CopySource"]
