"""What a bag shows of cameras and poses."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from anyview_ros.diagnosis import Evidence, Origin
from anyview_ros.errors import ReadError
from anyview_ros.offline.bag_items import INFO, TF, BagTopic
from anyview_ros.offline.bags import Bag, BagCamera, find_cameras, read_bag
from anyview_ros.offline.gathering import CameraGatherer, TransformGatherer, gathered

Take = Callable[[Any, int], None]

_OURS = ("confidence", "provenance")


def bag_evidence(
    path: str | Path, *, image: str = "", fixed_frame: str = "", duration_s: float | None = None
) -> Evidence:
    """Read a bag once and gather what the checks need; memory stays bounded.

    Args:
        path: a folder, or a single .mcap or .db3 file.
        image: topic of the pictures; "" for every camera.
        fixed_frame: TF frame that stands still; "" for the root above each camera.
        duration_s: read only the first seconds; None for all.

    Raises:
        ReadError: no such bag, an empty one, or one without that topic.
    """
    with Bag(path) as bag:
        cameras_to_look_at(bag.topics, image)  # which is no damage that reading from the start would mend
    return read_bag(path, partial(_evidence, image=image, fixed_frame=fixed_frame, duration_s=duration_s))


def _evidence(bag: Bag, *, image: str, fixed_frame: str, duration_s: float | None) -> Evidence:
    cameras = cameras_to_look_at(bag.topics, image)
    gatherers = {camera.image: gatherer_of(camera) for camera in cameras}
    transforms = TransformGatherer()
    takers = make_takers(bag.topics, cameras, gatherers, transforms)
    began_ns, ended_ns = bag.span_ns
    if duration_s is not None:
        ended_ns = min(ended_ns, began_ns + round(duration_s * 1e9))
    for message in bag.messages(set(takers)):
        if message.log_ns > ended_ns:
            break
        decoded = bag.decode(message)
        for take in takers[message.topic]:
            take(decoded, message.log_ns)
    return gathered(
        Origin.BAG,
        str(bag.path),
        gatherers.values(),
        transforms,
        fixed_frame=fixed_frame.removeprefix("/"),
        span_ns=(began_ns, ended_ns),
        losses=bag.losses,
    )


def cameras_to_look_at(topics: Collection[BagTopic], image: str = "") -> tuple[BagCamera, ...]:
    """The real cameras among topics, each once: views that were synthesised are left out, raw pictures go first.

    Raises:
        ReadError: no pictures on the topic that was asked for.
    """
    found = find_cameras(topics, calibrated=False)
    if image:
        chosen = tuple(camera for camera in found if camera.image == image)
        if not chosen:
            there = ", ".join(camera.image for camera in found) or "no pictures at all"
            raise ReadError(f"no pictures on {image}; there are {there}")
        return chosen
    names = {topic.name for topic in topics}
    raw = {camera.image for camera in found if not camera.is_compressed}
    return tuple(
        camera
        for camera in found
        if not (camera.is_compressed and camera.image.removesuffix("/compressed") in raw)
        and not any(
            f"{camera.image.removesuffix('/compressed').rpartition('/')[0]}/{own}" in names for own in _OURS
        )
        and camera.image.rpartition("/")[2] not in _OURS
    )


def gatherer_of(camera: BagCamera) -> CameraGatherer:
    """What gathers a camera."""
    return CameraGatherer(camera.image, camera.camera_info, camera.depth)


def depth_info_topic(camera: BagCamera) -> str:
    """The CameraInfo that would belong to a camera's depth alone; "" if it is the camera's own."""
    return camera.depth_info if camera.depth_info != camera.camera_info else ""


def make_takers(
    topics: Collection[BagTopic],
    cameras: Collection[BagCamera],
    gatherers: Mapping[str, CameraGatherer],
    transforms: TransformGatherer,
) -> dict[str, list[Take]]:
    """What to do with the messages of each topic: called with the message and its receipt, nanoseconds."""
    takers: dict[str, list[Take]] = {}
    infos = {topic.name for topic in topics if topic.type == INFO}
    for camera in cameras:
        gatherer = gatherers[camera.image]
        wanted = {
            camera.image: gatherer.take_image,
            camera.camera_info: gatherer.take_info,
            camera.depth: gatherer.take_depth,
        }
        if depth_info_topic(camera) in infos:
            wanted[depth_info_topic(camera)] = gatherer.take_depth_info
        for name, take in wanted.items():
            if name:
                takers.setdefault(name, []).append(take)
    for topic in topics:
        if topic.type == TF:
            static = topic.name.endswith("tf_static")
            takers.setdefault(topic.name, []).append(partial(transforms.take, static=static))
    return takers
