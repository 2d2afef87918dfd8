"""What is published of one virtual camera: pictures, calibration, confidence, depth, provenance; and TF frames."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from geometry_msgs.msg import TransformStamped
from numpy.typing import NDArray
from rclpy.exceptions import InvalidHandle
from rclpy.qos_overriding_options import QoSOverridingOptions
from sensor_msgs.msg import CameraInfo, CompressedImage, Image
from std_msgs.msg import Header
from tf2_msgs.msg import TFMessage

from anyview_ros.geometry import PinholeCamera
from anyview_ros.geometry.letterbox import Letterbox
from anyview_ros.msg import Provenance as ProvenanceMsg
from anyview_ros.nodes.conversions import (
    depth_to_image,
    info_from_camera,
    matrix_to_transform,
    mono_to_image,
    ns_to_duration,
    ns_to_time,
    rgb_to_compressed,
    rgb_to_image,
    time_to_ns,
)
from anyview_ros.nodes.conversions.interfaces import provenance_to_msg
from anyview_ros.nodes.declared_camera import VirtualCamera
from anyview_ros.nodes.qos import latched_qos, view_qos
from anyview_ros.synthesis.imagined import stripe_imagined
from anyview_ros.synthesis.result import Provenance, SynthesizedView

if TYPE_CHECKING:
    from anyview_ros.nodes.virtual_camera.node import VirtualCameraNode

_KINDS: dict[str, type[Any]] = {
    "image": Image,
    "image/compressed": CompressedImage,
    "camera_info": CameraInfo,
    "confidence": Image,
    "depth": Image,
    "provenance": ProvenanceMsg,
}


@dataclass(frozen=True, eq=False)
class Shown:
    """One picture as it is published.

    Attributes:
        camera: intrinsics.
        frame: uint8 (h, w, 3), RGB.
        confidence: float32 (h, w) in [0, 1].
        depth: float32 (h, w), metres, 0 where unknown; or None.
        stamp_ns: the instant shown.
    """

    camera: PinholeCamera
    frame: NDArray[np.uint8]
    confidence: NDArray[np.float32]
    depth: NDArray[np.float32] | None
    stamp_ns: int


def cut(view: SynthesizedView, fit: Letterbox, stamp_ns: int) -> Shown:
    """The picture wanted, out of the last frame of the view that was asked for in its place."""
    depth = None if view.depth is None else np.ascontiguousarray(fit.undo(view.depth[-1], nearest=True))
    return Shown(fit.source, fit.undo(view.frames[-1]), fit.undo(view.confidence[-1]), depth, stamp_ns)


def confidence_to_image(confidence: NDArray[np.float32], header: Header) -> Image:
    """A mono8 image of confidence (h, w) in [0, 1]; 255 = fully supported by what was seen."""
    return mono_to_image(np.rint(np.clip(confidence, 0, 1) * 255).astype(np.uint8), header)


def fill_provenance(
    provenance: Provenance, header: Header, *, age_ns: int, server: str, fallback: bool = False
) -> ProvenanceMsg:
    """The provenance of a picture that shows the instant ``header.stamp`` and is ``age_ns`` old."""
    message = provenance_to_msg(provenance, server=server, source_stamp_ns=time_to_ns(header.stamp))
    message.header = header
    message.age = ns_to_duration(age_ns)
    message.fallback = fallback
    return message


class CameraOutputs:
    """The publishers of one virtual camera. What nobody subscribes is not computed.

    No lock is held while a message is sent: a middleware that blocks must not keep others from asking what is wanted.
    """

    def __init__(self, node: VirtualCameraNode, name: str) -> None:
        self._node = node
        self._publishers = {
            topic: node.create_lifecycle_publisher(
                kind,
                f"{name}/{topic}",
                view_qos(),
                qos_overriding_options=QoSOverridingOptions.with_default_policies(),
            )
            for topic, kind in _KINDS.items()
        }

    def wanted(self) -> bool:
        """Whether anybody subscribes to any of the topics."""
        try:
            return any(publisher.get_subscription_count() > 0 for publisher in self._publishers.values())
        except InvalidHandle:  # closed by another thread in the meantime
            return False

    def publish(
        self,
        camera: VirtualCamera,
        shown: Shown,
        provenance: Provenance,
        *,
        age_ns: int,
        server: str,
        fallback: bool,
        jpeg_quality: int,
        imagined_below: float,
    ) -> None:
        """Publish a picture under one header on every topic that has a subscriber."""
        header = Header(stamp=ns_to_time(shown.stamp_ns), frame_id=camera.optical_frame)
        frame = stripe_imagined(shown.frame, shown.confidence, imagined_below)
        makers = {
            "image": lambda: rgb_to_image(frame, header),
            "image/compressed": lambda: rgb_to_compressed(frame, header, jpeg_quality),
            "camera_info": lambda: info_from_camera(shown.camera, header),
            "confidence": lambda: confidence_to_image(shown.confidence, header),
            "depth": lambda: None if shown.depth is None else depth_to_image(shown.depth, header),
            "provenance": lambda: fill_provenance(
                provenance, header, age_ns=age_ns, server=server, fallback=fallback
            ),
        }
        try:
            for topic, publisher in self._publishers.items():
                message = makers[topic]() if publisher.get_subscription_count() > 0 else None
                if message is not None:
                    publisher.publish(message)
        except InvalidHandle:
            self._node.get_logger().debug(f"a view of {camera.name} came after its publishers were destroyed")

    def close(self) -> None:
        """Destroy the publishers."""
        publishers, self._publishers = self._publishers, {}
        for publisher in publishers.values():
            self._node.destroy_lifecycle_publisher(publisher)


class FrameBroadcaster:
    """Tells TF where the optical frames of virtual cameras are in their parents.

    It publishes /tf_static itself, because ``tf2_ros.StaticTransformBroadcaster`` never changes a frame once sent, and
    virtual cameras move.
    """

    def __init__(self, node: VirtualCameraNode) -> None:
        self._node = node
        self._publisher = node.create_publisher(TFMessage, "/tf_static", latched_qos())

    def send(self, cameras: Sequence[VirtualCamera]) -> None:
        """Broadcast these cameras and no others; one that has moved since replaces its old place."""
        stamp = self._node.get_clock().now().to_msg()
        message = TFMessage()
        for camera in cameras:
            transform = TransformStamped()
            transform.header.stamp = stamp
            transform.header.frame_id = camera.parent_frame
            transform.child_frame_id = camera.optical_frame
            transform.transform = matrix_to_transform(camera.camera_to_parent)
            message.transforms.append(transform)
        try:
            self._publisher.publish(message)
        except InvalidHandle:
            self._node.get_logger().debug("a virtual camera moved after its broadcaster was closed")

    def close(self) -> None:
        """Send no more."""
        self._node.destroy_publisher(self._publisher)
