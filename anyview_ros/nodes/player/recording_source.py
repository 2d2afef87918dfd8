"""Publishes a recording of calibrated cameras: the source as a live camera, the others as truth."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from builtin_interfaces.msg import Time
from geometry_msgs.msg import TransformStamped
from rclpy.node import Node
from rclpy.publisher import Publisher
from rclpy.qos_overriding_options import QoSOverridingOptions
from sensor_msgs.msg import CameraInfo, Image
from std_msgs.msg import Header
from tf2_ros import StaticTransformBroadcaster

from anyview_ros.errors import ReadError
from anyview_ros.nodes.conversions import depth_to_image, info_from_camera, matrix_to_transform, rgb_to_image
from anyview_ros.nodes.qos import sensor_qos
from anyview_ros.offline.playback import Instant, instants, reduced
from anyview_ros.offline.recording import RecordedCamera, RecordedFrame, Recording

WORLD_FRAME = "world"


class RecordingSource:
    """Plays a recording at a steady rate, stamped with the present, so that a loop goes on in time.

    The source is published under ``camera`` as ``image_raw``, ``camera_info`` and, where there is depth,
    ``depth/image_raw`` (32FC1); each reference camera, rectified, under ``truth/<name>`` as ``image``,
    ``camera_info`` and ``depth``. Static TF leads from ``world`` to ``camera_optical_frame`` and
    ``truth_<name>_optical_frame``.
    """

    def __init__(
        self, node: Node, recording: Recording, *, rate_hz: float, max_size: int, loop: bool
    ) -> None:
        """Begin to play on the node's executor.

        Args:
            node: publishes.
            recording: what to play.
            rate_hz: instants per second.
            max_size: longest side of every picture, pixels.
            loop: whether to begin again at the end.
        """
        self.finished = False
        self._node = node
        self._recording = reduced(recording, max_size)
        self._rate_hz = rate_hz
        self._loop = loop
        self._walk = self._instants()
        self._source = _CameraTopics(
            node, self._recording.source, "camera", "camera_optical_frame", "image_raw", "depth/image_raw"
        )
        self._references = {
            camera.name: _CameraTopics(
                node, camera, f"truth/{camera.name}", f"truth_{camera.name}_optical_frame", "image", "depth"
            )
            for camera in self._recording.references
        }
        self._tf = StaticTransformBroadcaster(node)
        self._tf.sendTransform([topics.transform() for topics in (self._source, *self._references.values())])
        self._timer = node.create_timer(1.0 / rate_hz, self._publish_next)
        node.get_logger().info(f"playing {recording.title} at {rate_hz:g} Hz")

    def _instants(self) -> Iterator[Instant]:
        """All instants, over and over if looped.

        Raises:
            ReadError: the recording has no instant that all cameras share.
        """
        while True:
            empty = True
            for instant in instants(self._recording, rate_hz=self._rate_hz):
                empty = False
                yield instant
            if empty:
                raise ReadError(f"{self._recording.title} has no instant that all its cameras show")
            if not self._loop:
                return

    def _publish_next(self) -> None:
        instant = next(self._walk, None)
        if instant is None:
            self._timer.cancel()
            self.finished = True
            return
        stamp = self._node.get_clock().now().to_msg()
        for name, frame in instant.references.items():
            self._references[name].publish(frame, stamp)
        self._source.publish(instant.source, stamp)

    def close(self) -> None:
        """Stop playing."""
        self._timer.cancel()


class _CameraTopics:
    """The topics of one camera."""

    def __init__(
        self, node: Node, recorded: RecordedCamera, base: str, frame_id: str, image: str, depth: str
    ) -> None:
        """Make the publishers; that of depth waits for the first depth, so that it promises nothing.

        Args:
            node: publishes.
            recorded: the camera.
            base: namespace of its topics.
            frame_id: its optical frame.
            image, depth: names of the picture's and the depth's topic.
        """
        self._node = node
        self._recorded = recorded
        self._frame_id = frame_id
        self._depth_topic = f"{base}/{depth}"
        self._image = self._publisher(Image, f"{base}/{image}")
        self._info = self._publisher(CameraInfo, f"{base}/camera_info")
        self._depth: Publisher | None = None

    def _publisher(self, kind: type, topic: str) -> Publisher:
        return self._node.create_publisher(
            kind,
            topic,
            sensor_qos(),
            qos_overriding_options=QoSOverridingOptions.with_default_policies(),
        )

    def transform(self) -> TransformStamped:
        """The camera's place in the world."""
        message = TransformStamped()
        message.header.stamp = self._node.get_clock().now().to_msg()
        message.header.frame_id = WORLD_FRAME
        message.child_frame_id = self._frame_id
        message.transform = matrix_to_transform(self._recorded.camera_to_world)
        return message

    def publish(self, frame: RecordedFrame, stamp: Time) -> None:
        """Publish one frame under this stamp."""
        header = Header(stamp=stamp, frame_id=self._frame_id)
        if frame.depth is not None:
            if self._depth is None:
                self._depth = self._publisher(Image, self._depth_topic)
            self._depth.publish(depth_to_image(frame.depth, header))
        self._info.publish(info_from_camera(self._recorded.camera, header))
        self._image.publish(rgb_to_image(np.ascontiguousarray(frame.image), header))
