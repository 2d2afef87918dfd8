"""Images between ROS messages and OpenCV arrays."""

from .core import CvBridge
from .errors import CvBridgeError

__all__ = ["CvBridge", "CvBridgeError"]
