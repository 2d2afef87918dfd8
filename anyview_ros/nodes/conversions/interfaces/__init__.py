"""Our own messages, and the requests, views and descriptions that they carry."""

from anyview_ros.nodes.conversions.interfaces.clips import (
    clip_from_msg,
    clip_to_msg,
    posed_image_from_msg,
    posed_image_to_msg,
)
from anyview_ros.nodes.conversions.interfaces.descriptions import (
    engine_from_response,
    fill_engine,
    method_from_msg,
    method_to_msg,
)
from anyview_ros.nodes.conversions.interfaces.intrinsics import camera_from_intrinsics, intrinsics_from_camera
from anyview_ros.nodes.conversions.interfaces.requests import (
    answer_bytes,
    fill_request,
    request_bytes,
    request_from_msg,
    stream_answer_bytes,
    stream_frame_bytes,
    trajectory_from_msg,
    trajectory_to_msg,
)
from anyview_ros.nodes.conversions.interfaces.views import (
    provenance_from_msg,
    provenance_to_msg,
    view_from_msgs,
    view_to_msgs,
)

__all__ = [
    "answer_bytes",
    "camera_from_intrinsics",
    "clip_from_msg",
    "clip_to_msg",
    "engine_from_response",
    "fill_engine",
    "fill_request",
    "intrinsics_from_camera",
    "method_from_msg",
    "method_to_msg",
    "posed_image_from_msg",
    "posed_image_to_msg",
    "provenance_from_msg",
    "provenance_to_msg",
    "request_bytes",
    "request_from_msg",
    "stream_answer_bytes",
    "stream_frame_bytes",
    "trajectory_from_msg",
    "trajectory_to_msg",
    "view_from_msgs",
    "view_to_msgs",
]
