"""A virtual camera that is interrupted in the midst of its first view: when it has looked at ROS, before it publishes.

The instant is chance otherwise. Only that is arranged; the signal, the node and what ROS then does are real.
"""

from __future__ import annotations

import os
import signal
import sys
import time

import rclpy
from rclpy.publisher import Publisher
from sensor_msgs.msg import Image

from anyview_ros.nodes.virtual_camera import main

_publish = Publisher.publish


def _publish_interrupted(self: Publisher, message: object) -> None:
    if isinstance(message, Image) and rclpy.ok():
        os.kill(os.getpid(), signal.SIGINT)
        while rclpy.ok():
            time.sleep(0.001)
        print("interrupted in the midst of a view", flush=True)  # noqa: T201 - the test reads it
    _publish(self, message)


if __name__ == "__main__":
    Publisher.publish = _publish_interrupted  # type: ignore[method-assign]
    sys.exit(main())
