"""Publishes a recording of calibrated cameras: the source as a live camera, the others as truth."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from geometry_msgs.msg import TransformStamped
from rclpy.node import Node
from rclpy.qos import qos_profile_sensor_data
from rclpy.qos_overriding_options import QoSOverridingOptions
from sensor_msgs.msg import CameraInfo, Image
from std_msgs.msg import Header
from tf2_ros import StaticTransformBroadcaster

from anyview_ros.errors import ReadError
from anyview_ros.nodes.conversions import depth_to_image, info_from_camera, matrix_to_transform, rgb_to_image
from anyview_ros.offline.playback import Instant, instants, reduced
from anyview_ros.offline.recording import RecordedCamera, Recording

WORLD_FRAME = "world"


class RecordingSource:
    """Plays a recording at a steady rate, stamped with the present, so that a loop goes on in time.

    Topics: ``camera/image_raw``, ``camera/camera_info``, ``camera/depth/image_raw`` (32FC1, where there is depth), and
    ``truth/<name>/image``, ``truth/<name>/camera_info`` of each reference camera, rectified. Static TF from ``world``
    to ``camera_optical_frame`` and ``truth_<name>_optical_frame``.
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
        self._cameras = {"": self._recording.source} | {c.name: c for c in self._recording.references}
        self._frames = {
            name: f"truth_{name}_optical_frame" if name else "camera_optical_frame" for name in self._cameras
        }
        self._images = {
            name: self._publisher(Image, f"{self._base(name)}/{'image' if name else 'image_raw'}")
            for name in self._cameras
        }
        self._infos = {
            name: self._publisher(CameraInfo, f"{self._base(name)}/camera_info") for name in self._cameras
        }
        self._depth = self._publisher(Image, "camera/depth/image_raw")
        self._tf = StaticTransformBroadcaster(node)
        self._tf.sendTransform([self._transform(name, camera) for name, camera in self._cameras.items()])
        self._timer = node.create_timer(1.0 / rate_hz, self._publish_next)
        node.get_logger().info(f"playing {recording.title} at {rate_hz:g} Hz")

    @staticmethod
    def _base(name: str) -> str:
        return f"truth/{name}" if name else "camera"

    def _publisher(self, kind: type, topic: str):  # type: ignore[no-untyped-def]  # rclpy has no types
        return self._node.create_publisher(
            kind,
            topic,
            qos_profile_sensor_data,
            qos_overriding_options=QoSOverridingOptions.with_default_policies(),
        )

    def _transform(self, name: str, camera: RecordedCamera) -> TransformStamped:
        message = TransformStamped()
        message.header.stamp = self._node.get_clock().now().to_msg()
        message.header.frame_id = WORLD_FRAME
        message.child_frame_id = self._frames[name]
        message.transform = matrix_to_transform(camera.camera_to_world)
        return message

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
        shown = {"": instant.source, **instant.references}
        for name, frame in shown.items():
            header = Header(stamp=stamp, frame_id=self._frames[name])
            self._infos[name].publish(info_from_camera(self._cameras[name].camera, header))
            self._images[name].publish(rgb_to_image(np.ascontiguousarray(frame.image), header))
        if instant.source.depth is not None:
            self._depth.publish(
                depth_to_image(instant.source.depth, Header(stamp=stamp, frame_id=self._frames[""]))
            )

    def close(self) -> None:
        """Stop playing."""
        self._timer.cancel()
