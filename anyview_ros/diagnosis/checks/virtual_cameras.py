"""Declared virtual cameras are published."""

from __future__ import annotations

from collections.abc import Iterator

from anyview_ros.diagnosis.evidence import Evidence, VirtualCamerasState, VirtualCameraState
from anyview_ros.diagnosis.finding import Finding, error, fine, warning

_DROPPED = 0.2  # of the frames received


def check_virtual_cameras(evidence: Evidence) -> Iterator[Finding]:
    """What virtual_camera nodes say, against the topics that are there."""
    for node in evidence.virtual_cameras:
        yield from _node(node)
        for camera in node.cameras:
            yield _camera(node, camera)


def _node(node: VirtualCamerasState) -> Iterator[Finding]:
    if not node.cameras:
        yield warning(
            "virtual_cameras.none",
            node.topic,
            f"declares none ({node.summary})",
            "set the parameter virtual_cameras",
        )
    if not node.server_available:
        server = node.server or "the synthesis server"
        yield error(
            "virtual_cameras.no_server",
            node.topic,
            f"{server} does not answer",
            "start and activate synthesis_server; check ROS_DOMAIN_ID and its namespace",
        )
    if not node.drops or not node.received:
        return
    reason, count = max(node.drops.items(), key=lambda item: item[1])
    if count > _DROPPED * node.received:
        yield warning(
            "virtual_cameras.drops",
            node.topic,
            f"{count} of {node.received} frames dropped: {reason}",
            "see what the findings above say of images, TF and depth",
        )


def _camera(node: VirtualCamerasState, camera: VirtualCameraState) -> Finding:
    thing = f"{node.topic.rpartition('/')[0]}/{camera.name}"
    if not camera.is_published:
        return error(
            "virtual_cameras.no_topic",
            thing,
            "declared, but nobody publishes its image",
            "configure and activate the virtual_camera node",
        )
    if camera.state == "waiting":
        return error("virtual_cameras.waiting", thing, camera.reason, "remove what it waits for, as it says")
    if camera.state == "fallback":
        return warning("virtual_cameras.fallback", thing, camera.reason, "bring the synthesis server back")
    return fine("virtual_cameras", thing, camera.state)
