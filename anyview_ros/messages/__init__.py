"""What messages of sensor_msgs say, read without ROS.

Readers take anything with the fields of the message, from whichever library: rclpy's messages, or those that a bag's
reader makes. Only :mod:`anyview_ros.nodes.conversions` makes messages.
"""

from anyview_ros.messages.calibration import (
    Calibration,
    calibration_of,
    camera_from_calibration,
    camera_from_info,
)
from anyview_ros.messages.compressed import compressed_to_rgb
from anyview_ros.messages.depth import (
    compressed_depth_to_metres,
    compressed_depth_values,
    depth_in_metres,
    depth_in_millimetres,
    depth_to_metres,
    depth_values,
)
from anyview_ros.messages.images import image_to_array, image_to_rgb
from anyview_ros.messages.packed import packed_to_rgb
from anyview_ros.messages.stamps import time_to_ns

__all__ = [
    "Calibration",
    "calibration_of",
    "camera_from_calibration",
    "camera_from_info",
    "compressed_depth_to_metres",
    "compressed_depth_values",
    "compressed_to_rgb",
    "depth_in_metres",
    "depth_in_millimetres",
    "depth_to_metres",
    "depth_values",
    "image_to_array",
    "image_to_rgb",
    "packed_to_rgb",
    "time_to_ns",
]
