"""The topics of one camera: picture, calibration and depth with one header."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rclpy.qos_overriding_options import QoSOverridingOptions
from sensor_msgs.msg import CameraInfo, Image
from std_msgs.msg import Header

from anyview_ros.nodes.conversions import depth_to_image, info_from_camera, rgb_to_image
from anyview_ros.nodes.conversions.images import fill_image
from anyview_ros.nodes.qos import sensor_qos

if TYPE_CHECKING:
    from builtin_interfaces.msg import Time
    from rclpy.node import Node

    from anyview_ros.geometry import PinholeCamera
    from anyview_ros.nodes.simulated_robot.footage import Picture


class CameraOutput:
    """Publishes what one camera sees.

    Args:
        node: makes the publishers.
        image, info, depth: topics; no depth is published where ``depth`` is None.
        camera: intrinsics.
        frame: the camera's optical frame.
    """

    def __init__(
        self, node: Node, *, image: str, info: str, depth: str | None, camera: PinholeCamera, frame: str
    ) -> None:
        def publisher(kind: type, topic: str) -> Any:
            return node.create_publisher(
                kind,
                topic,
                sensor_qos(),
                qos_overriding_options=QoSOverridingOptions.with_default_policies(),
            )

        self._image, self._info = publisher(Image, image), publisher(CameraInfo, info)
        self._depth = publisher(Image, depth) if depth is not None else None
        self._camera, self._frame = camera, frame

    @property
    def wanted(self) -> bool:
        """Whether anybody listens to picture or depth."""
        image = self._image.get_subscription_count() > 0
        return image or (self._depth is not None and self._depth.get_subscription_count() > 0)

    def publish(self, picture: Picture, stamp: Time) -> None:
        """Publish a picture with its calibration and depth."""
        header = Header(stamp=stamp, frame_id=self._frame)
        self._info.publish(info_from_camera(self._camera, header))
        self._image.publish(rgb_to_image(picture.image, header))
        if self._depth is not None and picture.depth is not None:
            millimetres = picture.depth.dtype.kind == "u"
            message = (
                fill_image(picture.depth, header, "16UC1")
                if millimetres
                else depth_to_image(picture.depth, header)
            )
            self._depth.publish(message)
