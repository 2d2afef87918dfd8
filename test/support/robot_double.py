"""A robot for graph tests: one camera, TF and a moving tool, each of which can be made to fail; and what it is told."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Any

import numpy as np
import rclpy
from geometry_msgs.msg import TransformStamped
from rclpy.executors import SingleThreadedExecutor
from rclpy.qos import DurabilityPolicy, QoSProfile, ReliabilityPolicy
from sensor_msgs.msg import CameraInfo, CompressedImage, Image
from std_msgs.msg import Header
from tf2_ros import TransformBroadcaster

from anyview_ros.geometry import PinholeCamera
from anyview_ros.msg import Provenance, Status
from anyview_ros.nodes.conversions import (
    depth_to_image,
    info_from_camera,
    ns_to_time,
    rgb_to_compressed,
    rgb_to_image,
    time_to_ns,
)

CAMERA = PinholeCamera.from_fov(160, 120, horizontal_fov_deg=60.0)
DEPTH_M = 2.0
LATCHED = QoSProfile(depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL)
KINDS = {
    "image": Image,
    "image/compressed": CompressedImage,
    "camera_info": CameraInfo,
    "confidence": Image,
    "depth": Image,
    "provenance": Provenance,
}


def ramp() -> np.ndarray:
    """A picture whose grey value is its column: uint8 (120, 160, 3)."""
    grey = np.arange(CAMERA.width, dtype=np.uint8)
    return np.ascontiguousarray(np.broadcast_to(grey[None, :, None], (CAMERA.height, CAMERA.width, 3)))


def tool_x_m(stamp_ns: int) -> float:
    """Where the tool is in base, x: to and fro between -0.3 and 0.3 m at 0.6 m/s."""
    phase = (stamp_ns / 1e9) % 2.0
    return 0.6 * (phase if phase < 1 else 2 - phase) - 0.3


class RobotDouble:
    """Publishes at `rate_hz` from a thread of its own, for as long as it is open.

    Every attribute may be set at any time; `alter_*` get a message just before it is sent and may return None to keep
    it back.
    """

    def __init__(
        self,
        *,
        namespace: str = "",
        compressed: bool = False,
        depth: bool = False,
        rate_hz: float = 20,
        reliable: bool = True,
    ) -> None:
        self.node = rclpy.create_node("robot_double", namespace=namespace or None)
        self.pictures: Callable[[int], np.ndarray] = lambda _: ramp()
        self.alter_image: Callable[[Any], Any] = lambda message: message
        self.alter_info: Callable[[Any], Any] = lambda message: message
        self.alter_depth: Callable[[Any], Any] = lambda message: message
        self.alter_tf: Callable[[Any], Any] = lambda message: message
        self.shift_ns = 0
        self.running = True
        self.sent = 0
        self.statuses: deque[Status] = deque(maxlen=500)
        self.views: dict[str, deque[Any]] = {}
        self._compressed = compressed
        self._reliability = ReliabilityPolicy.RELIABLE if reliable else ReliabilityPolicy.BEST_EFFORT
        self._period_s = 1 / rate_hz
        kind, topic = (CompressedImage, "image/compressed") if compressed else (Image, "image")
        self._image = self.node.create_publisher(kind, topic, 5)
        self._info = self.node.create_publisher(CameraInfo, "camera_info", 5)
        self._depth = self.node.create_publisher(Image, "depth", 5) if depth else None
        self._tf = TransformBroadcaster(self.node)
        self.node.create_subscription(Status, "status", self._keep_status, LATCHED)
        self._executor = SingleThreadedExecutor()
        self._executor.add_node(self.node)
        self._closed = threading.Event()
        self._threads = [threading.Thread(target=work) for work in (self._spin, self._publish)]
        for thread in self._threads:
            thread.start()

    def _keep_status(self, status: Status) -> None:
        self.statuses.append(status)

    def close(self) -> None:
        self._closed.set()
        for thread in self._threads:
            thread.join()
        self._executor.shutdown()
        self.node.destroy_node()

    def _spin(self) -> None:
        while not self._closed.is_set():
            self._executor.spin_once(timeout_sec=0.1)

    def _publish(self) -> None:
        while not self._closed.wait(self._period_s):
            if self.running:
                self.tick()

    def tick(self) -> int:
        """Send one frame with all that belongs to it; return its stamp."""
        stamp_ns = time.time_ns() + self.shift_ns
        half_ns = int(self._period_s * 5e8)
        for offset_ns in (-half_ns, half_ns):
            self._send_tf("tool0", tool_x_m(stamp_ns + offset_ns), stamp_ns + offset_ns)
        self._send_tf("camera_optical_frame", 0.0, stamp_ns)

        def header() -> Header:
            return Header(stamp=ns_to_time(stamp_ns), frame_id="camera_optical_frame")

        picture = self.pictures(stamp_ns)
        self._send(self._info, self.alter_info(info_from_camera(CAMERA, header())))
        if self._depth is not None:
            depth = np.full((CAMERA.height, CAMERA.width), DEPTH_M, np.float32)
            self._send(self._depth, self.alter_depth(depth_to_image(depth, header())))
        make = rgb_to_compressed if self._compressed else rgb_to_image
        message = self.alter_image(make(picture, header()))
        if message is not None:
            self.sent += 1
            self._send(self._image, message)
        return stamp_ns

    def _send_tf(self, frame: str, x: float, stamp_ns: int) -> None:
        transform = TransformStamped()
        transform.header = Header(stamp=ns_to_time(stamp_ns), frame_id="base")
        transform.child_frame_id = frame
        transform.transform.translation.x = x
        transform.transform.rotation.w = 1.0
        altered = self.alter_tf(transform)
        if altered is not None:
            self._tf.sendTransform(altered)

    @staticmethod
    def _send(publisher: Any, message: Any) -> None:
        if message is not None:
            publisher.publish(message)

    def watch(self, camera: str, *topics: str) -> Callable[[], None]:
        """Subscribe topics of a virtual camera into `views`; call the result to stop."""
        made = []
        for topic in topics or ("image",):
            name = f"{camera}/{topic}"
            kept = self.views.setdefault(name, deque(maxlen=1000))
            kept.clear()
            # rclpy looks at the signature of a callback, and a built-in method has none.
            made.append(
                self.node.create_subscription(
                    KINDS[topic],
                    name,
                    lambda view, kept=kept: kept.append(view),
                    QoSProfile(depth=10, reliability=self._reliability),
                )
            )

        def stop() -> None:
            for subscription in made:
                self.node.destroy_subscription(subscription)

        return stop

    def note_sent(self) -> list[int]:
        """The stamps of the frames that are sent from now on, in place of other pictures."""
        sent: list[int] = []

        def note(stamp_ns: int) -> np.ndarray:
            sent.append(stamp_ns)
            return ramp()

        self.pictures = note
        return sent

    def repair(self) -> None:
        """Undo every fault."""
        self.pictures = lambda _: ramp()
        for name in ("image", "info", "depth", "tf"):
            setattr(self, f"alter_{name}", lambda message: message)
        self.running = True

    def wait(self, what: str, condition: Callable[[], Any], *, timeout_s: float = 15.0) -> Any:
        """Return what the condition returns once that is true; AssertionError with the last status otherwise."""
        deadline = time.monotonic() + timeout_s
        while time.monotonic() < deadline:
            answer = condition()
            if answer:
                return answer
            time.sleep(0.02)
        last = self.statuses[-1] if self.statuses else None
        message = f"not within {timeout_s} s: {what}; last status: {last}"
        raise AssertionError(message)

    def wait_for_reason(self, text: str, *, timeout_s: float = 15.0) -> Status:
        """The first status from now on in whose summary and camera reasons the text occurs."""
        self.statuses.clear()

        def told() -> Status | None:
            for status in list(self.statuses):
                if any(
                    text in said for said in (status.summary, *(camera.reason for camera in status.cameras))
                ):
                    return status
            return None

        found: Status = self.wait(f"a status that says {text!r}", told, timeout_s=timeout_s)
        return found

    def wait_for_views(
        self, camera: str, count: int = 2, *, topic: str = "image", timeout_s: float = 15.0
    ) -> list[Any]:
        """That many messages of a watched topic, from now on."""
        kept = self.views[f"{camera}/{topic}"]
        kept.clear()
        self.wait(f"{count} messages on {camera}/{topic}", lambda: len(kept) >= count, timeout_s=timeout_s)
        return list(kept)

    def wait_for_silence(self, camera: str, *, quiet_s: float = 1.0, timeout_s: float = 10.0) -> None:
        """Return once no view has come for `quiet_s`."""
        kept = self.views[f"{camera}/image"]

        def quiet() -> bool:
            kept.clear()
            time.sleep(quiet_s)
            return not kept

        self.wait(f"no more views of {camera}", quiet, timeout_s=timeout_s)

    def call(self, kind: Any, name: str, request: Any, *, timeout_s: float = 15.0) -> Any:
        """Ask a service."""
        client = self.node.create_client(kind, name)
        try:
            assert client.wait_for_service(timeout_s), f"no service {name}"
            future = client.call_async(request)
            self.wait(f"an answer of {name}", future.done, timeout_s=timeout_s)
            return future.result()
        finally:
            self.node.destroy_client(client)


def stamps_ns(messages: list[Any]) -> list[int]:
    return [time_to_ns(message.header.stamp) for message in messages]
