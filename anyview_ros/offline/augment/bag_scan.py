"""One walk through a bag: what it holds of pictures, calibrations and poses, but none of the pictures themselves."""

from __future__ import annotations

from array import array
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from anyview_ros.diagnosis import TransformTree
from anyview_ros.errors import InvalidInputError, ReadError
from anyview_ros.messages import Calibration, calibration_of, image_to_array, image_to_rgb, time_to_ns
from anyview_ros.messages.packed import check_packed_layout, is_packed
from anyview_ros.offline.bag_items import TF, BagTopic
from anyview_ros.offline.bags import Bag, BagCamera
from anyview_ros.offline.gathering import TransformGatherer


@dataclass
class Track:
    """What is noted of every picture of a topic, in the order of log times.

    Attributes:
        topic: its name.
        stamps: of the headers, nanoseconds.
        logs: log times, nanoseconds.
        forms: index in ``known_forms`` of each, or -1 where it cannot be read.
        known_forms: (width, height, encoding) that were seen; of a CompressedImage the size is (0, 0).
        frames: TF frames of the headers.
        problems: why pictures cannot be read, and how many of them.
    """

    topic: str
    stamps: array[int] = field(default_factory=lambda: array("q"))
    logs: array[int] = field(default_factory=lambda: array("q"))
    forms: array[int] = field(default_factory=lambda: array("i"))
    known_forms: dict[tuple[int, int, str], int] = field(default_factory=dict)
    frames: Counter[str] = field(default_factory=Counter)
    problems: Counter[str] = field(default_factory=Counter)

    def __len__(self) -> int:
        return len(self.logs)

    def note(self, message: Any, log_ns: int) -> None:
        """Note an Image or a CompressedImage."""
        self.stamps.append(time_to_ns(message.header.stamp))
        self.logs.append(log_ns)
        self.frames[str(message.header.frame_id).removeprefix("/")] += 1
        if not hasattr(message, "encoding"):
            self.forms.append(self._form((0, 0, str(message.format))))
            return
        form = (int(message.width), int(message.height), str(message.encoding))
        try:
            _check_layout(message, known=form in self.known_forms)
        except InvalidInputError as error:
            self.note_problem(str(error))
            self.forms.append(-1)
            return
        self.forms.append(self._form(form))

    def note_unreadable(self, log_ns: int, why: str) -> None:
        """Note a message that is no picture at all."""
        self.stamps.append(0)
        self.logs.append(log_ns)
        self.forms.append(-1)
        self.note_problem(why)

    def note_problem(self, why: str) -> None:
        """Count a reason why a picture cannot be read."""
        self.problems[why] += 1

    def _form(self, form: tuple[int, int, str]) -> int:
        return self.known_forms.setdefault(form, len(self.known_forms))

    @property
    def readable(self) -> NDArray[np.bool_]:
        """Which pictures can be read, as far as can be told without decoding them, (N,)."""
        return np.array(self.forms, np.int32) >= 0

    @property
    def has_stamps(self) -> bool:
        """Whether headers say when pictures were taken; some drivers leave zeros."""
        stamps = np.array(self.stamps, np.int64)[self.readable]
        return bool(np.count_nonzero(stamps > 0) * 2 > len(stamps))

    @property
    def instants_ns(self) -> NDArray[np.int64]:
        """When the pictures were taken (N,): their stamps, or log times where these are zeros."""
        return np.array(self.stamps if self.has_stamps else self.logs, np.int64)

    @property
    def size(self) -> tuple[int, int] | None:
        """(width, height) of most pictures; None if they do not tell it, being compressed or not readable."""
        forms = np.array(self.forms, np.int32)
        counts = {form: int(np.count_nonzero(forms == index)) for form, index in self.known_forms.items()}
        most = max(counts, key=lambda form: counts[form], default=(0, 0, ""))
        return most[:2] if most[0] else None

    @property
    def frame(self) -> str:
        """The TF frame that most headers name; "" if none does."""
        return self.frames.most_common(1)[0][0] if self.frames else ""


def _check_layout(message: Any, *, known: bool) -> None:
    """Refuse pictures that cannot be read; of forms that are known only the layout is looked at."""
    if not known and "C1" not in message.encoding:
        image_to_rgb(message)
    elif is_packed(message.encoding):
        check_packed_layout(message)
    else:
        image_to_array(message)


@dataclass
class CameraScan:
    """What a bag holds of a camera.

    Attributes:
        camera: its topics.
        pictures, depths: what is noted of them; no depths if the camera has none.
        calibrations: those of its CameraInfo, and how often each was sent.
    """

    camera: BagCamera
    pictures: Track
    depths: Track | None
    calibrations: Counter[Calibration] = field(default_factory=Counter)


@dataclass
class BagScan:
    """What a walk through a bag found.

    Attributes:
        topics: all topics.
        span_ns: log times of the first and the last message.
        cameras: by the topic of the pictures.
        transforms: TF.
        losses: what could not be read, one sentence each.
        from_start: whether the bag can only be read from its start, since its index is missing or wrong.
        content_bytes: size of all messages, not compressed.
    """

    topics: tuple[BagTopic, ...]
    span_ns: tuple[int, int]
    cameras: dict[str, CameraScan]
    transforms: TransformTree
    losses: tuple[str, ...]
    from_start: bool
    content_bytes: int


def scan_bag(bag: Bag, cameras: tuple[BagCamera, ...]) -> BagScan:
    """Walk through a bag; memory grows by some dozens of bytes for each picture and each transform.

    Raises:
        ReadError: a part of the bag is damaged.
    """
    names = {name for camera in cameras for name in (camera.image, camera.depth) if name}
    tracks = {name: Track(name) for name in names}  # cameras may share one
    scans = {
        camera.image: CameraScan(camera, tracks[camera.image], tracks.get(camera.depth)) for camera in cameras
    }
    infos: dict[str, list[CameraScan]] = {}
    for scan in scans.values():
        if scan.camera.camera_info:
            infos.setdefault(scan.camera.camera_info, []).append(scan)
    tf = {topic.name for topic in bag.topics if topic.type == TF}
    gatherer = TransformGatherer()
    unreadable: Counter[str] = Counter()
    wanted = {*tracks, *infos, *tf}
    count = content_bytes = 0
    for (
        message
    ) in bag.messages():  # all of them, so that damage anywhere is found now and not when it is too late
        count += 1
        content_bytes += len(message.cdr)
        if message.topic not in wanted:
            continue
        try:
            content = bag.decode(message)
        except ReadError as error:
            if message.topic in tracks:
                tracks[message.topic].note_unreadable(message.log_ns, str(error))
            else:
                unreadable[message.topic] += 1
            continue
        if message.topic in tracks:
            tracks[message.topic].note(content, message.log_ns)
        elif message.topic in infos:
            calibration = calibration_of(content)
            for scan in infos[message.topic]:
                scan.calibrations[calibration] += 1
        else:
            static = message.topic.endswith("tf_static")
            gatherer.take(content, message.log_ns, static=static)
    told = sum(topic.count for topic in bag.topics)
    if count != told:
        raise ReadError(f"bag {bag.path} tells of {told} messages but holds {count}")
    losses = tuple(
        f"{lost} messages on {topic} cannot be decoded" for topic, lost in sorted(unreadable.items())
    )
    losses = (*bag.losses, *losses, *gatherer.losses)
    return BagScan(bag.topics, bag.span_ns, scans, gatherer.tree(), losses, bag.from_start, content_bytes)
