"""The topics of a synthesised camera in a bag: their names, and the messages that follow each picture of its source."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from anyview_ros.errors import InvalidInputError
from anyview_ros.offline.augment.bag_episode import BagEpisode
from anyview_ros.offline.augment.outputs.marks import provenance_of
from anyview_ros.offline.augment.outputs.view_messages import (
    TEXT,
    CompressedMaker,
    ImageMaker,
    Parts,
    camera_info,
    stamped,
    text,
    transform,
)
from anyview_ros.offline.augment.spool import SpooledView
from anyview_ros.offline.bag_items import COMPRESSED, IMAGE, INFO, BagConnection
from anyview_ros.offline.bag_profiles import LATCHED, RELIABLE
from anyview_ros.offline.bag_writer import BagWriter, connection_of


@dataclass(frozen=True)
class ViewTopics:
    """Names of a camera's topics and of its optical frame.

    Attributes:
        namespace: of the camera.
        image: of the pictures.
        image_type: Image or CompressedImage.
        camera_info, confidence, provenance: of what goes with them.
        frame: optical frame.
    """

    namespace: str
    image: str
    image_type: str
    camera_info: str
    confidence: str
    provenance: str
    frame: str

    @classmethod
    def added(
        cls, name: str, taken: Collection[str], frames: Collection[str], *, compressed: bool
    ) -> ViewTopics:
        """Those of a camera that is added; one that is there already is not touched: the new one gets a number."""
        for number in range(1, len(taken) + len(frames) + 3):
            own = name if number == 1 else f"{name}_{number}"
            namespace, frame = f"/{own}", f"{own}_optical_frame"
            if frame not in frames and not any(
                t == namespace or t.startswith(f"{namespace}/") for t in taken
            ):
                break
        image = f"{namespace}/image/compressed" if compressed else f"{namespace}/image"
        return cls._of(
            namespace, image, COMPRESSED if compressed else IMAGE, f"{namespace}/camera_info", frame
        )

    @classmethod
    def instead(cls, image: str, image_type: str, info: str, frame: str) -> ViewTopics:
        """Those of a camera that takes the place of its source."""
        namespace = image.removesuffix("/compressed").rpartition("/")[0]
        return cls._of(namespace, image, image_type, info or f"{namespace}/camera_info", frame)

    @classmethod
    def _of(cls, namespace: str, image: str, image_type: str, info: str, frame: str) -> ViewTopics:
        return cls(
            namespace,
            image,
            image_type,
            info,
            f"{namespace}/confidence",
            f"{namespace}/provenance",
            frame,
        )


class AddedCamera:
    """Writes a view's messages into a bag, picture by picture.

    Args:
        writer: of the bag.
        view: the view.
        topics: where to.
        episode: that it was made of.
        tf, tf_static: how TF was recorded, or how it would be.
        codec: of compressed pictures.
        confidence: whether confidence is written.

    Raises:
        InvalidInputError: a view with stamps that its source's film lacks.
    """

    def __init__(
        self,
        writer: BagWriter,
        view: SpooledView,
        topics: ViewTopics,
        episode: BagEpisode,
        *,
        tf: BagConnection,
        tf_static: BagConnection,
        codec: str,
        confidence: bool,
    ) -> None:
        self.view, self.topics = view, topics
        self.world_frame = episode.world_frame_of(view.source)
        self._numbers = _numbers(view, episode)
        self._frames = view.frames()
        self._next = 0
        self._writer = writer
        width, height = view.camera.size
        compressed = topics.image_type == COMPRESSED
        self._picture = (
            CompressedMaker("png" if codec == "raw" else codec, topics.frame)
            if compressed
            else ImageMaker(width, height, "rgb8", topics.frame)
        )
        self._sure = ImageMaker(width, height, "mono8", topics.frame) if confidence else None
        self._info = camera_info(view.camera, topics.frame)
        kinds = {topics.image: topics.image_type, topics.camera_info: INFO}
        if confidence:
            kinds[topics.confidence] = IMAGE
        self._channels = {
            topic: writer.add_connection(connection_of(topic, kind, RELIABLE))
            for topic, kind in kinds.items()
        }
        self._provenance = writer.add_connection(connection_of(topics.provenance, TEXT, LATCHED))
        self._tf = writer.add_connection(tf_static if view.fixed else tf)

    @property
    def told(self) -> dict[str, Any]:
        """What is to know of the camera, in plain values."""
        return {
            "name": self.view.name,
            "image": self.topics.image,
            "camera_info": self.topics.camera_info,
            "frame": self.topics.frame,
            "parent_frame": self.world_frame,
            "fixed": self.view.fixed,
            "pictures": len(self.view),
            **provenance_of(self.view),
        }

    def begin(self, log_ns: int) -> None:
        """Write what comes before the bag's first message, which has this log time: how the view was made and, of a
        camera that stands still, where it is.
        """
        self._writer.write(self._provenance, log_ns, text(self.told))
        if self.view.fixed:
            self._writer.write(self._tf, log_ns, self._transform(0, log_ns))

    def follow(self, number: int, log_ns: int) -> None:
        """Write what goes with a picture of the source, if the view shows its instant.

        Args:
            number: of the picture among those of its topic.
            log_ns: its log time.
        """
        if self._next < len(self._numbers) and number == self._numbers[self._next]:
            for channel, parts in self._messages(self._next):
                self._writer.write(channel, log_ns, *parts)
            self._next += 1

    def check_whole(self) -> None:
        """Refuse to end before all pictures were written.

        Raises:
            InvalidInputError: the bag holds fewer pictures than before.
        """
        if self._next != len(self._numbers):
            raise InvalidInputError(
                f"{self._next} of {len(self._numbers)} pictures of {self.view.name} found their source; the bag changed"
            )

    def _messages(self, index: int) -> Iterator[tuple[int, Parts]]:
        frame = next(self._frames)
        stamp_ns = int(self.view.stamps_ns[index])
        if not self.view.fixed:
            yield self._tf, (self._transform(index, stamp_ns),)
        yield self._channels[self.topics.image], self._picture(frame.image, stamp_ns)
        yield self._channels[self.topics.camera_info], (stamped(self._info, stamp_ns),)
        if self._sure is not None:
            yield self._channels[self.topics.confidence], self._sure(frame.confidence, stamp_ns)

    def _transform(self, index: int, stamp_ns: int) -> bytes:
        return transform(self.world_frame, self.topics.frame, self.view.camera_to_world[index], stamp_ns)


def _numbers(view: SpooledView, episode: BagEpisode) -> list[int]:
    """Which picture of its source each picture of a view belongs to."""
    plan = episode.plan(view.source)
    places = np.searchsorted(plan.stamps_ns, view.stamps_ns)
    found = places < len(plan.stamps_ns)
    found[found] = plan.stamps_ns[places[found]] == view.stamps_ns[found]
    if not found.all():
        raise InvalidInputError(
            f"view {view.name} has {np.count_nonzero(~found)} stamps that {view.source} lacks; make it of this episode"
        )
    return [int(number) for number in plan.pictures.chosen[places]]
