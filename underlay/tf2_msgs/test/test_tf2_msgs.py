"""The interfaces have the fields, types and constants that every ROS node expects on the wire."""

from __future__ import annotations

from geometry_msgs.msg import TransformStamped
from rclpy.serialization import deserialize_message, serialize_message
from tf2_msgs.action import LookupTransform
from tf2_msgs.msg import TF2Error, TFMessage
from tf2_msgs.srv import FrameGraph


def test_fields_and_types_are_those_of_tf() -> None:
    assert TFMessage.get_fields_and_field_types() == {
        "transforms": "sequence<geometry_msgs/TransformStamped>",
    }
    assert TF2Error.get_fields_and_field_types() == {"error": "uint8", "error_string": "string"}
    assert FrameGraph.Request.get_fields_and_field_types() == {}
    assert FrameGraph.Response.get_fields_and_field_types() == {"frame_yaml": "string"}
    assert LookupTransform.Goal.get_fields_and_field_types() == {
        "target_frame": "string",
        "source_frame": "string",
        "source_time": "builtin_interfaces/Time",
        "timeout": "builtin_interfaces/Duration",
        "target_time": "builtin_interfaces/Time",
        "fixed_frame": "string",
        "advanced": "boolean",
    }
    assert LookupTransform.Result.get_fields_and_field_types() == {
        "transform": "geometry_msgs/TransformStamped",
        "error": "tf2_msgs/TF2Error",
    }
    assert LookupTransform.Feedback.get_fields_and_field_types() == {}


def test_error_constants_are_those_of_tf() -> None:
    names = ["NO", "LOOKUP", "CONNECTIVITY", "EXTRAPOLATION", "INVALID_ARGUMENT", "TIMEOUT", "TRANSFORM"]
    assert [getattr(TF2Error, f"{name}_ERROR") for name in names] == list(range(7))


def test_a_message_survives_the_wire() -> None:
    transform = TransformStamped(child_frame_id="camera")
    transform.header.frame_id = "base"
    transform.transform.translation.x = 1.5
    message = TFMessage(transforms=[transform])
    assert deserialize_message(serialize_message(message), TFMessage) == message
