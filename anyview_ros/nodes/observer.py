"""Watches a running graph and joins source, view and truth by stamp, for the live report."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rclpy.node import Node
from rclpy.qos import qos_profile_sensor_data
from rclpy.time import Time
from sensor_msgs.msg import CameraInfo, CompressedImage, Image
from tf2_ros import Buffer, TransformException, TransformListener

from anyview_ros.errors import AnyViewError
from anyview_ros.evaluation.live import LiveSample
from anyview_ros.geometry import PinholeCamera
from anyview_ros.geometry.warp import co_visible
from anyview_ros.msg import Provenance, Status
from anyview_ros.nodes.conversions import (
    camera_from_info,
    compressed_to_rgb,
    depth_to_metres,
    image_to_array,
    image_to_rgb,
    time_to_ns,
    transform_to_matrix,
)
from anyview_ros.nodes.qos import latched_qos

_MAX_SAMPLES = 240
_PENDING = 64  # instants of a camera that wait for their other messages
_NO_POSE = "no TF for a view's stamp; co-visibility unknown"


@dataclass(frozen=True)
class ObservedTopics:
    """Where the graph's pictures are.

    Attributes:
        source: topic of the real camera's picture.
        source_type: "raw" or "compressed".
        source_info, source_depth: its CameraInfo and aligned depth; "" if there is none.
        views: namespace of the virtual cameras' topics, such as "/anyview".
        truth: namespace of the true cameras' topics; "" if there are none.
        status: topic of the virtual_camera node's status.
    """

    source: str
    source_type: str
    source_info: str
    source_depth: str
    views: str
    truth: str
    status: str


@dataclass(eq=False)
class _Gathering:
    """Messages of one instant, as they arrive."""

    messages: dict[str, Any] = field(default_factory=dict)
    arrived: float = 0.0
    age_ms: float = 0.0


class Observer(Node):
    """Subscribes views and truths, which makes the virtual cameras work, and keeps what it saw.

    Memory is bounded: 240 samples per camera, then every second one is let go and the pace of keeping halves.
    """

    def __init__(self, cameras: Sequence[str], topics: ObservedTopics, *, fixed_frame: str) -> None:
        """Subscribe.

        Args:
            cameras: names of the virtual cameras.
            topics: where the pictures are.
            fixed_frame: TF frame in which poses are compared.
        """
        super().__init__("anyview_observer")
        self.samples: dict[str, list[LiveSample]] = {name: [] for name in cameras}
        self.status: Status | None = None
        self.provenance: Provenance | None = None
        self.problems: set[str] = set()
        self._began = time.monotonic()
        self._topics = topics
        self._fixed_frame = fixed_frame
        self._stride = dict.fromkeys(cameras, 1)
        self._seen = dict.fromkeys(cameras, 0)
        self._sources: OrderedDict[int, _Gathering] = OrderedDict()
        self._gathered: dict[str, OrderedDict[int, _Gathering]] = {name: OrderedDict() for name in cameras}
        self._tf = Buffer(node=self)
        self._listener = TransformListener(self._tf, self)
        self._subscribe(cameras)

    def _subscribe(self, cameras: Sequence[str]) -> None:
        topics = self._topics
        kind = CompressedImage if topics.source_type == "compressed" else Image
        self._watch(kind, topics.source, partial(self._on_source, "image"))
        if topics.source_info:
            self._watch(CameraInfo, topics.source_info, partial(self._on_source, "camera_info"))
        if topics.source_depth:
            self._watch(Image, topics.source_depth, partial(self._on_source, "depth"))
        for name in cameras:
            for part, part_kind in (("image", Image), ("confidence", Image), ("provenance", Provenance)):
                self._watch(part_kind, f"{topics.views}/{name}/{part}", partial(self._on_view, name, part))
            if topics.truth:
                for part, part_kind in (("image", Image), ("camera_info", CameraInfo), ("depth", Image)):
                    self._watch(
                        part_kind,
                        f"{topics.truth}/{name}/{part}",
                        partial(self._on_view, name, f"truth {part}"),
                    )
        self.create_subscription(Status, topics.status, self._on_status, latched_qos())

    def _watch(self, kind: type, topic: str, callback: Callable[[Any], None]) -> None:
        self.create_subscription(kind, topic, callback, qos_profile_sensor_data)

    def restart(self) -> None:
        """Forget what was seen so far and begin anew."""
        self._began = time.monotonic()
        for name in self.samples:
            self.samples[name].clear()
            self._stride[name], self._seen[name] = 1, 0

    @property
    def elapsed_s(self) -> float:
        """Seconds since the observation began."""
        return time.monotonic() - self._began

    def _on_status(self, message: Status) -> None:
        self.status = message

    def _on_source(self, part: str, message: Any) -> None:
        gathering = _gather(self._sources, message)
        gathering.messages[part] = message
        if part == "image":
            gathering.arrived = time.monotonic()

    def _on_view(self, name: str, part: str, message: Any) -> None:
        stamp_ns = time_to_ns(message.header.stamp)
        gathering = _gather(self._gathered[name], message)
        gathering.messages[part] = message
        if part == "image":
            gathering.arrived = time.monotonic()
            gathering.age_ms = (self.get_clock().now().nanoseconds - stamp_ns) / 1e6
        if part == "provenance":
            self.provenance = message
        if self._complete(name, gathering, stamp_ns):
            del self._gathered[name][stamp_ns]
            self._keep(name, stamp_ns, gathering)

    def _complete(self, name: str, gathering: _Gathering, stamp_ns: int) -> bool:
        wanted = {"image", "confidence"}
        if self._topics.truth:
            wanted.add("truth image")
            if self._topics.source_depth and self.count_publishers(f"{self._topics.truth}/{name}/depth"):
                wanted |= {"truth depth", "truth camera_info"}
        source = self._sources.get(stamp_ns)
        return wanted <= set(gathering.messages) and source is not None and "image" in source.messages

    def _keep(self, name: str, stamp_ns: int, gathering: _Gathering) -> None:
        index = self._seen[name]
        self._seen[name] += 1
        if index % self._stride[name]:
            return
        try:
            sample = self._sample(stamp_ns, gathering)
        except AnyViewError as error:
            self.problems.add(str(error))
            return
        self.samples[name].append(sample)
        if len(self.samples[name]) >= _MAX_SAMPLES:
            self.samples[name] = self.samples[name][::2]
            self._stride[name] *= 2

    def _sample(self, stamp_ns: int, gathering: _Gathering) -> LiveSample:
        source, parts = self._sources[stamp_ns], gathering.messages
        picture = source.messages["image"]
        compressed = self._topics.source_type == "compressed"
        truth = parts.get("truth image")
        return LiveSample(
            source=np.array(compressed_to_rgb(picture) if compressed else image_to_rgb(picture)),
            view=np.array(image_to_rgb(parts["image"])),
            confidence=np.array(image_to_array(parts["confidence"])),
            truth=None if truth is None else np.array(image_to_rgb(truth)),
            co_visible=self._co_visible(stamp_ns, source, parts),
            latency_ms=(gathering.arrived - source.arrived) * 1e3,
            age_ms=gathering.age_ms,
            elapsed_s=gathering.arrived - self._began,
        )

    def _co_visible(
        self, stamp_ns: int, source: _Gathering, parts: dict[str, Any]
    ) -> NDArray[np.bool_] | None:
        if not {"depth", "camera_info"} <= set(source.messages) or not {
            "truth depth",
            "truth camera_info",
        } <= set(parts):
            return None
        source_pose = self._pose(source.messages["image"].header.frame_id, stamp_ns)
        target_pose = self._pose(parts["image"].header.frame_id, stamp_ns)
        if source_pose is None or target_pose is None:
            self.problems.add(_NO_POSE)
            return None
        return co_visible(
            depth_to_metres(parts["truth depth"]),
            _pinhole(parts["truth camera_info"]),
            target_pose,
            depth_to_metres(source.messages["depth"]),
            _pinhole(source.messages["camera_info"]),
            source_pose,
        )

    def _pose(self, frame: str, stamp_ns: int) -> NDArray[np.float64] | None:
        try:
            found = self._tf.lookup_transform(self._fixed_frame, frame, Time(nanoseconds=stamp_ns))
        except TransformException:
            return None
        return transform_to_matrix(found.transform)


def _gather(pending: OrderedDict[int, _Gathering], message: Any) -> _Gathering:
    """The gathering of the message's instant; the oldest is let go if too many wait."""
    stamp_ns = time_to_ns(message.header.stamp)
    if stamp_ns not in pending:
        pending[stamp_ns] = _Gathering()
        while len(pending) > _PENDING:
            pending.popitem(last=False)
    return pending[stamp_ns]


def _pinhole(info: CameraInfo) -> PinholeCamera:
    return camera_from_info(info, rectified=False).rectified
