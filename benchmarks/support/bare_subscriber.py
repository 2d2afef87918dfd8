"""A plain rclpy process that subscribes what a virtual camera subscribes, and does nothing with it.

``python -m benchmarks.support.bare_subscriber TIMES_FILE``. When interrupted, it writes one row per image: its stamp
and, on the monotonic clock, when the callback began; nanoseconds.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import Any

import rclpy
from rclpy.qos import DurabilityPolicy, QoSProfile, ReliabilityPolicy
from rclpy.utilities import remove_ros_args
from sensor_msgs.msg import CameraInfo, Image
from tf2_msgs.msg import TFMessage

from anyview_ros.nodes.conversions import time_to_ns
from benchmarks.support.times import TimesFile, written_at_the_end


def main() -> None:
    """Subscribe until interrupted, then write the times."""
    times = TimesFile(Path(remove_ros_args(sys.argv)[1]))

    def take_image(image: Any) -> None:
        times.add(time_to_ns(image.header.stamp), time.monotonic_ns())

    def ignore(_: Any) -> None:
        pass

    rclpy.init()
    node = rclpy.create_node("bare_subscriber")
    sensor = QoSProfile(depth=5, reliability=ReliabilityPolicy.BEST_EFFORT)
    latched = QoSProfile(depth=100, durability=DurabilityPolicy.TRANSIENT_LOCAL)
    node.create_subscription(Image, "image", take_image, sensor)
    node.create_subscription(CameraInfo, "camera_info", ignore, sensor)
    node.create_subscription(TFMessage, "/tf", ignore, QoSProfile(depth=100))
    node.create_subscription(TFMessage, "/tf_static", ignore, latched)
    with written_at_the_end(times):
        rclpy.spin(node)


if __name__ == "__main__":
    main()
