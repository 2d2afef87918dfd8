"""One bag, written: every message of the source as it was, and the messages of synthesised cameras among them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import anyview_ros
from anyview_ros.offline.augment.bag_episode import BagEpisode
from anyview_ros.offline.augment.outputs.bag_topics import AddedCamera, ViewTopics
from anyview_ros.offline.augment.settings import AugmentSettings
from anyview_ros.offline.augment.spool import SpooledView
from anyview_ros.offline.bag_items import TF, BagConnection
from anyview_ros.offline.bag_profiles import LATCHED, RELIABLE
from anyview_ros.offline.bag_writer import BagWriter, connection_of
from anyview_ros.offline.bags import Bag, BagCamera

CUSTOM_KEY = "anyview_ros"
"""Key of the bag's custom data under which stands what was done, as JSON."""


def write_bag(
    episode: BagEpisode,
    views: Sequence[SpooledView],
    folder: Path,
    name: str,
    settings: AugmentSettings,
    *,
    instead: bool = False,
) -> None:
    """Write a bag.

    Args:
        episode: whose messages are copied.
        views: that are added.
        folder: of the bag; it is made.
        name: of the bag's file, without suffix.
        settings: of the run.
        instead: whether the one view takes the place of its source camera.

    Raises:
        ReadError: the episode's bag is broken.
        InvalidInputError: views that were not made of it.
    """
    replaced = [episode.camera_topics(view.source) for view in views] if instead else []
    left_out = {topic for view in views for topic in episode.shown_by(view.source)} if instead else set()
    with Bag(episode.path, from_start=episode.scan.from_start) as bag, BagWriter(folder, name) as writer:
        channels = [
            -1 if connection.topic in left_out else writer.add_connection(connection)
            for connection in bag.connections
        ]
        cameras = _cameras(writer, episode, views, settings, replaced, bag)
        _copy(bag, writer, channels, episode, cameras)
        told = {
            "software": f"anyview_ros {anyview_ros.__version__}",
            "source": {"name": episode.path.resolve().name, "fingerprint": episode.fingerprint()},
            "lost": list(episode.losses),
            "replaced": [view.source for view in views] if instead else [],
            "left_out": sorted(left_out),
            "cameras": [camera.told for camera in cameras],
        }
        custom = dict(bag.custom_data)
        if CUSTOM_KEY in custom:
            told["before"] = custom[CUSTOM_KEY]
        custom[CUSTOM_KEY] = json.dumps(told, sort_keys=True)
        writer.finish(custom, bag.distribution)


def _cameras(
    writer: BagWriter,
    episode: BagEpisode,
    views: Sequence[SpooledView],
    settings: AugmentSettings,
    replaced: Sequence[BagCamera],
    bag: Bag,
) -> list[AddedCamera]:
    taken = {topic.name for topic in episode.topics}
    frames = set(episode.scan.transforms.frames)
    tf, tf_static = (connection_of_tf(bag, static=static) for static in (False, True))
    cameras = []
    for index, view in enumerate(views):
        topics = ViewTopics.added(view.name, taken, frames, compressed=settings.codec != "raw")
        if replaced:
            camera = replaced[index]
            topics = ViewTopics.instead(camera.image, camera.image_type, camera.camera_info, topics.frame)
        taken |= {topics.image, topics.camera_info}
        frames.add(topics.frame)
        cameras.append(
            AddedCamera(
                writer,
                view,
                topics,
                episode,
                tf=tf,
                tf_static=tf_static,
                codec=settings.codec,
                confidence=settings.confidence,
            )
        )
    return cameras


def _copy(
    bag: Bag,
    writer: BagWriter,
    channels: Sequence[int],
    episode: BagEpisode,
    cameras: Sequence[AddedCamera],
) -> None:
    by_source: dict[str, list[AddedCamera]] = {}
    for camera in cameras:
        by_source.setdefault(episode.camera_topics(camera.view.source).image, []).append(camera)
    numbers = dict.fromkeys(by_source, 0)
    begun = False
    for message in bag.messages():
        if not begun:
            for camera in cameras:
                camera.begin(message.log_ns)
            begun = True
        channel = channels[message.connection]
        if channel >= 0:
            writer.write(
                channel,
                message.log_ns,
                message.cdr,
                published_ns=message.published_ns,
                sequence=message.sequence,
            )
        followers = by_source.get(message.topic)
        if followers is not None:
            for camera in followers:
                camera.follow(numbers[message.topic], message.log_ns)
            numbers[message.topic] += 1
    for camera in cameras:
        camera.check_whole()


def connection_of_tf(bag: Bag, *, static: bool) -> BagConnection:
    """How the bag's TF was recorded, or how it would be."""
    topic = "/tf_static" if static else "/tf"
    for connection in bag.connections:
        if connection.topic == topic and connection.type == TF:
            return connection
    return connection_of(topic, TF, LATCHED if static else RELIABLE)
