"""The real camera: subscriptions, and images joined with their calibration and depth."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from message_filters import ApproximateTimeSynchronizer, SimpleFilter, TimeSynchronizer
from rclpy.callback_groups import MutuallyExclusiveCallbackGroup
from rclpy.event_handler import SubscriptionEventCallbacks
from rclpy.node import Node
from rclpy.qos import QoSProfile, ReliabilityPolicy
from rclpy.qos_overriding_options import QoSOverridingOptions
from sensor_msgs.msg import CameraInfo, CompressedImage, Image

from anyview_ros.nodes.conversions import time_to_ns
from anyview_ros.nodes.virtual_camera.ledger import Ledger
from anyview_ros.nodes.virtual_camera.parameters import SourceSettings
from anyview_ros.nodes.virtual_camera.problems import ProblemBoard, Stage
from anyview_ros.wording import counted

_UNMATCHED_BEFORE_WARNING = 5
_QUEUE = 5
_REWIND_NS = 1_000_000_000


@dataclass(frozen=True, eq=False)
class Arrival:
    """An image with all that belongs to it.

    Attributes:
        stamp_ns: of the image.
        frame: its optical TF frame.
        image, info, depth: the messages; depth is None where it is not used.
        arrived_s: when it arrived, on the monotonic clock.
    """

    stamp_ns: int
    frame: str
    image: Image | CompressedImage
    info: CameraInfo
    depth: Image | None
    arrived_s: float = field(default_factory=time.monotonic)


class CameraSource:
    """Subscribes a camera for as long as it lives, and hands on what can be used.

    Every image is entered in the ledger; those that go no further are dropped there with their reason.

    Args:
        node: the node that subscribes ``image`` (or ``image/compressed``), ``camera_info`` and ``depth``.
        settings: which of them, and how they are joined.
        ledger, problems: where frames and troubles are accounted for.
        on_arrival: called from the executor with each complete image; must return at once.
        on_rewind: called when stamps have gone back by more than a second (a bag that starts over).
        camera_timeout_s: gives the seconds without an image after which the camera counts as stopped.
        newest_ns: newest stamp of the images that an earlier source of this camera saw; 0: none.
    """

    def __init__(
        self,
        node: Node,
        settings: SourceSettings,
        *,
        ledger: Ledger,
        problems: ProblemBoard,
        on_arrival: Callable[[Arrival], None],
        on_rewind: Callable[[], None],
        camera_timeout_s: Callable[[], float],
        newest_ns: int = 0,
    ) -> None:
        self._node = node
        self._settings = settings
        self._ledger = ledger
        self._problems = problems
        self._on_arrival = on_arrival
        self._on_rewind = on_rewind
        self._camera_timeout_s = camera_timeout_s
        self._newest_ns = newest_ns
        self._info: CameraInfo | None = None
        self._last_image_s: float | None = None
        self._opened_s = time.monotonic()
        self._lock = threading.RLock()
        self._awaiting: set[int] = set()
        self._depths = self._matches = self._unmatched = 0
        self._unmatched_in_row = 0
        self._connect()
        group = MutuallyExclusiveCallbackGroup()
        compressed = settings.image_transport == "compressed"
        self._subscriptions = [
            self._subscribe(CameraInfo, "camera_info", self._take_info, group),
            self._subscribe(
                CompressedImage if compressed else Image,
                # As image_transport does: beside the image, wherever that is remapped to.
                f"{node.resolve_topic_name('image')}/compressed" if compressed else "image",
                self._take_image,
                group,
            ),
        ]
        if settings.use_depth:
            self._subscriptions.append(self._subscribe(Image, "depth", self._take_depth, group))
        self.topic = self._subscriptions[1].topic_name

    def _subscribe(
        self,
        kind: type[Any],
        topic: str,
        callback: Callable[[Any], None],
        group: MutuallyExclusiveCallbackGroup,
    ) -> Any:
        def incompatible(event: Any) -> None:
            self._node.get_logger().warning(
                f"a publisher of {self._node.resolve_topic_name(topic)} offers a quality of service that does not "
                f"match ours ({event.total_count} so far); set the parameters qos_overrides.<topic>.subscription.*"
            )

        return self._node.create_subscription(
            kind,
            topic,
            callback,
            # A new profile each time: overrides are written into it.
            QoSProfile(depth=_QUEUE, reliability=ReliabilityPolicy.BEST_EFFORT),
            callback_group=group,
            event_callbacks=SubscriptionEventCallbacks(incompatible_qos=incompatible),
            qos_overriding_options=QoSOverridingOptions.with_default_policies(),
        )

    def _connect(self) -> None:
        """Make new synchroniser inputs; the queues of the old ones go with them."""
        self._image_input, self._depth_input = SimpleFilter(), SimpleFilter()
        if not self._settings.use_depth:
            return
        inputs, queue = [self._image_input, self._depth_input], self._settings.sync_queue
        if self._settings.depth_slop_s > 0:
            self._synchroniser = ApproximateTimeSynchronizer(inputs, queue, self._settings.depth_slop_s)
        else:
            self._synchroniser = TimeSynchronizer(inputs, queue)
        self._synchroniser.registerCallback(self._take_pair)

    def _take_info(self, info: CameraInfo) -> None:
        self._info = info

    def _take_image(self, image: Image | CompressedImage) -> None:
        self._last_image_s = time.monotonic()
        self._ledger.receive()
        self._problems.clear(Stage.IMAGE)
        stamp_ns = time_to_ns(image.header.stamp)
        if stamp_ns <= 0:
            self._refuse(
                "zero_stamp", Stage.IMAGE, f"images on {self.topic} have no stamp; make the driver set it"
            )
            return
        if stamp_ns < self._newest_ns - _REWIND_NS:
            self._on_rewind()
        self._newest_ns = max(self._newest_ns, stamp_ns)
        if not image.header.frame_id:
            self._refuse(
                "no_frame_id", Stage.IMAGE, f"images on {self.topic} have no frame_id; make the driver set it"
            )
        elif self._settings.use_depth:
            self._await_depth(image)
        else:
            self._hand_on(image, None)

    def _take_depth(self, depth: Image) -> None:
        with self._lock:
            self._depths += 1
            self._depth_input.signalMessage(depth)

    def _await_depth(self, image: Image | CompressedImage) -> None:
        """Hand an image to the synchroniser, keeping the same queue of stamps to know what it loses."""
        with self._lock:
            stamp_ns = time_to_ns(image.header.stamp)
            if stamp_ns in self._awaiting:
                self._ledger.drop("duplicate")
                return
            self._awaiting.add(stamp_ns)
            # As the synchroniser does: the earliest stamp gives way, then a partner is sought.
            while len(self._awaiting) > self._settings.sync_queue:
                self._awaiting.remove(min(self._awaiting))
                self._lose_unmatched()
            self._image_input.signalMessage(image)

    def _lose_unmatched(self) -> None:
        self._ledger.drop("no_matching_depth")
        self._unmatched += 1
        self._unmatched_in_row += 1
        if self._unmatched_in_row >= _UNMATCHED_BEFORE_WARNING:
            self._problems.set(
                Stage.SYNC,
                f"no depth matches the images: {self._unmatched} images lost, {self._depths} depths, "
                f"{self._matches} matches; compare their stamps, raise depth_slop_s "
                f"(now {self._settings.depth_slop_s:g} s), or set use_depth to false",
            )

    def _take_pair(self, image: Image | CompressedImage, depth: Image) -> None:
        with self._lock:
            stamp_ns = time_to_ns(image.header.stamp)
            if stamp_ns not in self._awaiting:
                return
            self._awaiting.remove(stamp_ns)
            self._matches += 1
            self._unmatched_in_row = 0
        self._problems.clear(Stage.SYNC)
        self._hand_on(image, depth)

    def _hand_on(self, image: Image | CompressedImage, depth: Image | None) -> None:
        info = self._info
        if info is None:
            topic = self._subscriptions[0].topic_name
            self._refuse(
                "no_camera_info",
                Stage.CAMERA_INFO,
                f"no camera_info on {topic} yet; make the driver publish it, or remap camera_info",
            )
            return
        self._problems.clear(Stage.CAMERA_INFO)
        frame = image.header.frame_id.lstrip("/")
        self._on_arrival(Arrival(time_to_ns(image.header.stamp), frame, image, info, depth))

    def _refuse(self, reason: str, stage: Stage, text: str) -> None:
        self._ledger.drop(reason)
        self._problems.set(stage, text)

    @property
    def newest_ns(self) -> int:
        """The newest stamp of an image since the clock last went back; 0 before the first."""
        return self._newest_ns

    def watch(self) -> None:
        """State the problem if no image arrives; called now and then."""
        now = time.monotonic()
        silent_s = now - (self._last_image_s if self._last_image_s is not None else self._opened_s)
        if self._last_image_s is None:
            publishers = self._node.count_publishers(self.topic)
            self._problems.set(
                Stage.IMAGE,
                f"no image on {self.topic} yet ({counted(publishers, 'publisher')}); start the camera, or remap image",
            )
        elif silent_s > self._camera_timeout_s():
            self._problems.set(
                Stage.IMAGE, f"no image on {self.topic} for {silent_s:.1f} s; has the camera stopped?"
            )

    def reset(self) -> None:
        """Forget images and depths that wait for each other, as after a jump of the clock."""
        with self._lock:
            self._ledger.drop("clock_jump", len(self._awaiting))
            self._awaiting.clear()
            self._unmatched_in_row = 0
            self._newest_ns = 0
            self._connect()

    def close(self) -> None:
        """End the subscriptions; images that still wait for their depth are dropped."""
        for subscription in self._subscriptions:
            self._node.destroy_subscription(subscription)
        with self._lock:
            self._ledger.drop("deactivated", len(self._awaiting))
            self._awaiting.clear()
