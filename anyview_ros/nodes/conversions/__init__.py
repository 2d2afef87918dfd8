"""The only place where messages are made, and the readers of :mod:`anyview_ros.messages` beside what makes them."""

from anyview_ros.messages import (
    camera_from_info,
    compressed_depth_to_metres,
    compressed_to_rgb,
    depth_to_metres,
    image_to_array,
    time_to_ns,
)
from anyview_ros.nodes.conversions.camera_info import info_from_camera
from anyview_ros.nodes.conversions.compressed import rgb_to_compressed
from anyview_ros.nodes.conversions.depth import depth_to_image
from anyview_ros.nodes.conversions.images import image_to_rgb, mono_to_image, rgb_to_image
from anyview_ros.nodes.conversions.poses import (
    matrix_to_pose,
    matrix_to_transform,
    pose_to_matrix,
    transform_to_matrix,
)
from anyview_ros.nodes.conversions.stamps import ns_to_duration, ns_to_time

__all__ = [
    "camera_from_info",
    "compressed_depth_to_metres",
    "compressed_to_rgb",
    "depth_to_image",
    "depth_to_metres",
    "image_to_array",
    "image_to_rgb",
    "info_from_camera",
    "matrix_to_pose",
    "matrix_to_transform",
    "mono_to_image",
    "ns_to_duration",
    "ns_to_time",
    "pose_to_matrix",
    "rgb_to_compressed",
    "rgb_to_image",
    "time_to_ns",
    "transform_to_matrix",
]
