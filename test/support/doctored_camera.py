"""A process that publishes a small camera with depth, TF and the status of two virtual cameras.

Faults are named on its command line: uncalibrated, body_frame, tf_behind, volatile_static, greedy_subscriber, waiting.
"""

from __future__ import annotations

import sys
from typing import Any

import numpy as np
import rclpy
from geometry_msgs.msg import TransformStamped
from rclpy.executors import ExternalShutdownException
from rclpy.node import Node
from rclpy.qos import DurabilityPolicy, QoSProfile, ReliabilityPolicy
from sensor_msgs.msg import CameraInfo, Image
from std_msgs.msg import Header
from tf2_msgs.msg import TFMessage

from anyview_ros.geometry import BODY_FROM_OPTICAL, PinholeCamera
from anyview_ros.msg import CameraStatus, Status
from anyview_ros.nodes.conversions import matrix_to_transform, ns_to_time
from anyview_ros.nodes.conversions.camera_info import info_from_camera
from anyview_ros.nodes.conversions.depth import depth_to_image
from anyview_ros.nodes.conversions.images import rgb_to_image

_PINHOLE = PinholeCamera.from_fov(64, 48, horizontal_fov_deg=60)
_LATCHED = QoSProfile(
    depth=1, reliability=ReliabilityPolicy.RELIABLE, durability=DurabilityPolicy.TRANSIENT_LOCAL
)
_BEHIND_NS = 5_000_000_000


class DoctoredCamera(Node):
    """Publishes at 20 Hz; TF at 50 Hz."""

    def __init__(self, faults: set[str]) -> None:
        super().__init__("doctored_camera")
        self._faults = faults
        best_effort = QoSProfile(depth=5, reliability=ReliabilityPolicy.BEST_EFFORT)
        self._image = self.create_publisher(Image, "/camera/image_raw", best_effort)
        self._info = self.create_publisher(CameraInfo, "/camera/camera_info", best_effort)
        self._depth = self.create_publisher(Image, "/camera/depth/image_raw", best_effort)
        self._tf = self.create_publisher(TFMessage, "/tf", 100)
        self._static = self.create_publisher(
            TFMessage, "/tf_static", 10 if "volatile_static" in faults else _LATCHED
        )
        self._status = self.create_publisher(Status, "/anyview/status", _LATCHED)
        self._views = [
            self.create_publisher(Image, f"/anyview/wrist/{part}", 1) for part in ("image", "confidence")
        ]
        if "greedy_subscriber" in faults:
            self.create_subscription(Image, "/camera/image_raw", lambda _: None, 10)
        rng = np.random.default_rng(0)
        self._pixels = rng.integers(0, 256, (48, 64, 3), dtype=np.uint8)
        self._static.publish(
            TFMessage(
                transforms=[
                    self._stamped("base_link", "camera_link", np.eye(4), 0),
                    self._stamped("camera_link", "camera_optical_frame", BODY_FROM_OPTICAL, 0),
                ]
            )
        )
        self._status.publish(self._state())
        self.create_timer(0.05, self._see)
        self.create_timer(0.02, self._move)
        self.get_logger().info("publishing")

    def _now_ns(self) -> int:
        return int(self.get_clock().now().nanoseconds)

    def _stamped(self, parent: str, child: str, pose: Any, stamp_ns: int) -> TransformStamped:
        header = Header(stamp=ns_to_time(stamp_ns), frame_id=parent)
        return TransformStamped(header=header, child_frame_id=child, transform=matrix_to_transform(pose))

    def _state(self) -> Status:
        waiting = "waiting" in self._faults
        wrist = CameraStatus(name="wrist", state=CameraStatus.STREAMING, rate_hz=5.0)
        if waiting:
            wrist.state, wrist.reason = CameraStatus.WAITING, "waiting for TF map → camera: no such frame"
        cameras = [wrist, CameraStatus(name="overhead")] if waiting else [wrist]
        return Status(summary="test", server="local", server_available=True, cameras=cameras)

    def _see(self) -> None:
        frame = "camera_link" if "body_frame" in self._faults else "camera_optical_frame"
        header = Header(stamp=ns_to_time(self._now_ns()), frame_id=frame)
        info = info_from_camera(_PINHOLE, header)
        if "uncalibrated" in self._faults:
            info.k, info.p = np.zeros(9), np.zeros(12)
        self._image.publish(rgb_to_image(self._pixels, header))
        self._info.publish(info)
        self._depth.publish(depth_to_image(np.full((48, 64), 2, np.float32), header))

    def _move(self) -> None:
        stamp_ns = self._now_ns() - (_BEHIND_NS if "tf_behind" in self._faults else 0)
        self._tf.publish(TFMessage(transforms=[self._stamped("map", "base_link", np.eye(4), stamp_ns)]))


def main() -> None:
    """Publish until told to stop."""
    rclpy.init()
    try:
        rclpy.spin(DoctoredCamera(set(sys.argv[1:])))
    except (KeyboardInterrupt, ExternalShutdownException):
        pass
    finally:
        rclpy.try_shutdown()


if __name__ == "__main__":
    main()
