"""Subscribes one topic of images and does nothing with it.

``python -m benchmarks.support.view_subscriber TIMES_FILE TOPIC``. When interrupted, it writes one row per image: its
stamp and, on the monotonic clock, when it arrived; nanoseconds.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import Any

import rclpy
from rclpy.qos import QoSProfile, ReliabilityPolicy
from rclpy.utilities import remove_ros_args
from sensor_msgs.msg import Image

from anyview_ros.nodes.conversions import time_to_ns
from benchmarks.support.times import TimesFile, written_at_the_end


def main() -> None:
    """Subscribe until interrupted, then write the times."""
    path, topic = remove_ros_args(sys.argv)[1:]
    times = TimesFile(Path(path))

    def take(image: Any) -> None:
        times.add(time_to_ns(image.header.stamp), time.monotonic_ns())

    rclpy.init()
    node = rclpy.create_node("view_subscriber")
    node.create_subscription(
        Image, topic, take, QoSProfile(depth=5, reliability=ReliabilityPolicy.BEST_EFFORT)
    )
    with written_at_the_end(times):
        rclpy.spin(node)


if __name__ == "__main__":
    main()
