"""A camera that replays frames made beforehand, with TF.

``python -m benchmarks.support.replay TIMES_FILE --size 640x480``. Images are stamped with the instants at which a
camera of that rate would have taken them and sent as soon as those have come. The camera stands still (``base`` to
``camera_optical_frame`` is static) beside an arm whose tool moves on TF. When interrupted, it writes one row per image:
its stamp and, on the monotonic clock, when it was handed to ROS; nanoseconds.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import rclpy
from geometry_msgs.msg import TransformStamped
from numpy.typing import NDArray
from rclpy.node import Node
from rclpy.qos import QoSProfile, ReliabilityPolicy
from rclpy.utilities import remove_ros_args
from sensor_msgs.msg import CameraInfo, Image
from std_msgs.msg import Header
from tf2_ros import StaticTransformBroadcaster, TransformBroadcaster

from anyview_ros.cli.arguments import picture_size
from anyview_ros.geometry import PinholeCamera
from anyview_ros.nodes.conversions import info_from_camera, ns_to_time, rgb_to_image
from benchmarks.support.times import TimesFile, written_at_the_end

FRAMES = 8
FRAME_ID = "camera_optical_frame"
DISTORTION = [-0.28, 0.07, 0.0002, 0.0001, 0.0]  # of a common wide lens, plumb_bob


class Replay:
    """Publishes until ``count`` images are out, or for ever if that is 0."""

    def __init__(
        self,
        node: Node,
        times: TimesFile,
        size: tuple[int, int],
        rate_hz: float,
        tf_hz: float,
        *,
        distorted: bool,
    ) -> None:
        camera = PinholeCamera.from_fov(*size, horizontal_fov_deg=65.0)
        self._period_ns, self._tf_period_ns = round(1e9 / rate_hz), round(1e9 / tf_hz)
        self._images = [rgb_to_image(frame, Header(frame_id=FRAME_ID)) for frame in make_frames(size)]
        self._info = info_from_camera(camera, Header(frame_id=FRAME_ID))
        if distorted:
            self._info.d = DISTORTION
        qos = QoSProfile(depth=5, reliability=ReliabilityPolicy.BEST_EFFORT)
        self._image = node.create_publisher(Image, "image", qos)
        self._camera_info = node.create_publisher(CameraInfo, "camera_info", qos)
        self._tf = TransformBroadcaster(node)
        self._static = StaticTransformBroadcaster(node)
        self._static.sendTransform(_transform(FRAME_ID, 0.0, 0))
        self._times = times

    def subscribers(self) -> int:
        """How many subscribe the images."""
        return int(self._image.get_subscription_count())

    def run(self, count: int) -> None:
        """Publish images and TF, each when its time has come; a late one follows at once, none is left out."""
        begin_ns, begin_monotonic_ns = time.time_ns(), time.monotonic_ns()
        images = transforms = 0
        while rclpy.ok() and (not count or images < count):
            image_ns, tf_ns = images * self._period_ns, transforms * self._tf_period_ns
            wait_ns = begin_monotonic_ns + min(image_ns, tf_ns) - time.monotonic_ns()
            if wait_ns > 0:
                time.sleep(wait_ns / 1e9)
            if tf_ns <= image_ns:
                self._tf.sendTransform(_transform("tool0", 0.1 * np.sin(tf_ns / 1e9), begin_ns + tf_ns))
                transforms += 1
            else:
                self._publish(images, begin_ns + image_ns)
                images += 1

    def _publish(self, number: int, stamp_ns: int) -> None:
        image, stamp = self._images[number % FRAMES], ns_to_time(stamp_ns)
        image.header.stamp = self._info.header.stamp = stamp
        self._camera_info.publish(self._info)
        self._times.add(stamp_ns, time.monotonic_ns())
        self._image.publish(image)


def make_frames(size: tuple[int, int]) -> list[NDArray[np.uint8]]:
    """Pictures with large and small structure, each moved on from the one before: uint8 (H, W, 3)."""
    width, height = size
    random = np.random.default_rng(0)
    picture = np.zeros((height, width + 16 * FRAMES, 3), np.float32)
    for cell in (64, 16, 4):
        noise = random.uniform(0, 85, (height // cell + 2, picture.shape[1] // cell + 2, 3)).astype(
            np.float32
        )
        picture += cv2.resize(noise, (picture.shape[1], height), interpolation=cv2.INTER_CUBIC)
    pixels = np.clip(picture, 0, 255).astype(np.uint8)
    return [np.ascontiguousarray(pixels[:, 16 * index : 16 * index + width]) for index in range(FRAMES)]


def _transform(frame: str, x_m: float, stamp_ns: int) -> TransformStamped:
    transform: Any = TransformStamped(
        header=Header(stamp=ns_to_time(stamp_ns), frame_id="base"), child_frame_id=frame
    )
    transform.transform.translation.x = float(x_m)
    transform.transform.rotation.w = 1.0
    return transform


def main() -> None:
    """Replay until interrupted, then write the times."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("times", type=Path, help="file that gets the times")
    parser.add_argument("--size", type=picture_size, default="640x480", help="pixels, WIDTHxHEIGHT")
    parser.add_argument("--rate-hz", type=float, default=30.0, help="images per second")
    parser.add_argument("--tf-hz", type=float, default=50.0, help="transforms of the tool per second")
    parser.add_argument(
        "--count", type=int, default=0, help="images to send once somebody subscribes; 0: no end"
    )
    parser.add_argument("--distorted", action="store_true", help="say that a wide lens took the pictures")
    arguments = parser.parse_args(remove_ros_args(sys.argv)[1:])
    rclpy.init()
    node, times = rclpy.create_node("replay"), TimesFile(arguments.times)
    replay = Replay(
        node, times, arguments.size, arguments.rate_hz, arguments.tf_hz, distorted=arguments.distorted
    )
    with written_at_the_end(times):
        while arguments.count and not replay.subscribers():
            time.sleep(0.05)
        if arguments.count:
            time.sleep(1.0)  # until all its topics have found each other
        replay.run(arguments.count)
        while arguments.count and rclpy.ok():
            time.sleep(0.1)


if __name__ == "__main__":
    main()
