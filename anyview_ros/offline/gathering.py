"""Gathers evidence from the messages of a bag or of a live graph; bounded, however long it goes on."""

from __future__ import annotations

import math
from array import array
from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from anyview_ros.diagnosis import (
    CameraEvidence,
    DepthEvidence,
    Edge,
    Evidence,
    Origin,
    Picture,
    Stream,
    TransformTree,
)
from anyview_ros.errors import InvalidInputError
from anyview_ros.geometry import matrix_from_quaternion
from anyview_ros.messages import (
    Calibration,
    calibration_of,
    compressed_depth_values,
    compressed_to_rgb,
    depth_in_metres,
    depth_values,
    image_to_rgb,
    time_to_ns,
)
from anyview_ros.wording import counted

_NS = 1_000_000_000
_BURST_S = (0.0, 0.2, 0.6)  # instants of each burst at which pictures are kept
_MOST_PICTURES = 24
_RECENT = 4  # depths held for the next picture, and pictures that the next depth may fit better
_DEPTHS_LOOKED_AT = 8
_REWIND_NS = _NS  # by which stamps of a transform fall back where a recording begins again
_UNIT_TOLERANCE = 0.002  # of a quaternion's length: nodes refuse what is further off


@dataclass
class StreamNotes:
    """What is noted of every message of a topic."""

    topic: str
    stamps_ns: list[int] = field(default_factory=list)
    receipts_ns: list[int] = field(default_factory=list)
    frames: dict[str, None] = field(default_factory=dict)
    sizes: dict[tuple[int, int], None] = field(default_factory=dict)
    encodings: dict[str, None] = field(default_factory=dict)
    problems: dict[str, None] = field(default_factory=dict)

    def note(self, message: Any, receipt_ns: int) -> int:
        """Note a message; returns its stamp."""
        stamp_ns = time_to_ns(message.header.stamp)
        self.stamps_ns.append(stamp_ns)
        self.receipts_ns.append(receipt_ns)
        self.frames[message.header.frame_id] = None
        return stamp_ns

    def note_form(self, message: Any) -> None:
        """Note the encoding of an Image or a CompressedImage, and the size where the message says it."""
        if _is_compressed(message):
            self.encodings[message.format] = None
        else:
            self.encodings[message.encoding] = None
            self.sizes[int(message.width), int(message.height)] = None

    def stream(self) -> Stream:
        """As evidence."""
        return Stream(
            self.topic,
            np.array(self.stamps_ns, np.int64),
            np.array(self.receipts_ns, np.int64),
            tuple(self.frames),
            tuple(self.sizes),
            tuple(self.encodings),
            tuple(self.problems),
        )


@dataclass
class _Kept:
    """A picture's message and the depth message nearest to it."""

    stamp_ns: int
    image: Any
    depth: tuple[int, Any] | None = None

    def offer(self, stamp_ns: int, depth: Any) -> None:
        if self.depth is None or abs(stamp_ns - self.stamp_ns) < abs(self.depth[0] - self.stamp_ns):
            self.depth = (stamp_ns, depth)


class _Bursts:
    """Chooses pictures in bursts, spread over a recording of any length."""

    def __init__(self) -> None:
        self.kept: list[_Kept] = []
        self._every_ns = 2 * _NS
        self._next = 0
        self._began_ns = 0
        self._slot = -1

    def wants(self, stamp_ns: int) -> bool:
        slot = stamp_ns // self._every_ns
        if slot > self._slot:
            self._slot, self._began_ns, self._next = slot, stamp_ns, 0
        if slot < self._slot or self._next == len(_BURST_S):
            return False
        if stamp_ns - self._began_ns < _BURST_S[self._next] * _NS:
            return False
        self._next += 1
        return True

    def keep(self, picture: _Kept) -> None:
        self.kept.append(picture)
        while len(self.kept) > _MOST_PICTURES:
            self._thin()

    def _thin(self) -> None:
        """Leave out every other burst, and make the bursts to come twice as rare."""
        self._every_ns *= 2
        bursts = {picture.stamp_ns // (self._every_ns // 2) for picture in self.kept}
        staying = set(sorted(bursts)[::2])
        self.kept = [p for p in self.kept if p.stamp_ns // (self._every_ns // 2) in staying]
        self._slot = self.kept[-1].stamp_ns // self._every_ns if self.kept else -1
        self._next = len(_BURST_S)


class CameraGatherer:
    """Gathers one camera.

    Args:
        image: name of the topic of its pictures.
        info: name of its CameraInfo's topic; "" if there is none.
        depth: name of its depth's topic; "" if there is none.
        rectified: whether the pictures are rectified; None to take it from the topic's name.
    """

    def __init__(self, image: str, info: str, depth: str, *, rectified: bool | None = None) -> None:
        self._images = StreamNotes(image)
        self._infos = StreamNotes(info) if info else None
        self._depths = StreamNotes(depth) if depth else None
        self._calibrations: dict[Calibration, None] = {}
        self._depth_calibration: Calibration | None = None
        self._bursts = _Bursts()
        self._recent: deque[tuple[int, Any]] = deque(maxlen=_RECENT)
        self.rectified = says_rectified(image) if rectified is None else rectified

    def take_image(self, message: Any, receipt_ns: int) -> None:
        """Note an Image or a CompressedImage."""
        stamp_ns = self._images.note(message, receipt_ns)
        self._images.note_form(message)
        instant_ns = stamp_ns if stamp_ns > 0 else receipt_ns
        if self._bursts.wants(instant_ns):
            kept = _Kept(instant_ns, message)
            for depth_ns, depth in self._recent:
                kept.offer(depth_ns, depth)
            self._bursts.keep(kept)

    def take_info(self, message: Any, receipt_ns: int) -> None:
        """Note a CameraInfo."""
        if self._infos is not None:
            self._infos.note(message, receipt_ns)
            self._calibrations[calibration_of(message)] = None

    def take_depth(self, message: Any, receipt_ns: int) -> None:
        """Note a depth image."""
        if self._depths is None:
            return
        stamp_ns = self._depths.note(message, receipt_ns)
        self._depths.note_form(message)
        instant_ns = stamp_ns if stamp_ns > 0 else receipt_ns
        self._recent.append((instant_ns, message))
        for kept in self._bursts.kept[-_RECENT:]:
            kept.offer(instant_ns, message)

    def take_depth_info(self, message: Any, receipt_ns: int) -> None:
        """Note the CameraInfo of the depth's own topic."""
        self._depth_calibration = calibration_of(message)

    def evidence(self) -> CameraEvidence:
        """All that was gathered; pictures are decoded now."""
        pictures: list[Picture] = []
        values: list[NDArray[Any]] = []
        longest_ns = self._longest_apart_ns()
        for kept in self._bursts.kept:
            try:
                rgb = (
                    compressed_to_rgb(kept.image) if _is_compressed(kept.image) else image_to_rgb(kept.image)
                )
            except InvalidInputError as error:
                self._images.problems[str(error)] = None
                continue
            self._images.sizes[rgb.shape[1], rgb.shape[0]] = None
            depth, depth_ns = None, None
            if (
                self._depths is not None
                and kept.depth is not None
                and abs(kept.depth[0] - kept.stamp_ns) <= longest_ns
            ):
                depth_ns, depth = kept.depth[0], self._decode_depth(kept.depth[1], self._depths)
            if depth is not None:
                values.append(depth)
            pictures.append(
                Picture(kept.stamp_ns, rgb, None if depth is None else depth_in_metres(depth), depth_ns)
            )
        return CameraEvidence(
            images=self._images.stream(),
            infos=None if self._infos is None else self._infos.stream(),
            calibrations=tuple(self._calibrations),
            depth=self._depth_evidence(values),
            pictures=tuple(pictures),
            rectified=self.rectified,
        )

    def _longest_apart_ns(self) -> float:
        """How far a depth may be from its picture to be taken for its own: one period of the slower."""
        periods = [self._images.stream().period_ns, 0.0]
        if self._depths is not None:
            periods.append(self._depths.stream().period_ns)
        return max(100e6, *(period for period in periods if math.isfinite(period)))

    def _decode_depth(self, message: Any, notes: StreamNotes) -> NDArray[Any] | None:
        try:
            depth = compressed_depth_values(message) if _is_compressed(message) else depth_values(message)
        except InvalidInputError as error:
            notes.problems[str(error)] = None
            return None
        notes.sizes[depth.shape[1], depth.shape[0]] = None
        return depth

    def _depth_evidence(self, values: Sequence[NDArray[Any]]) -> DepthEvidence | None:
        if self._depths is None:
            return None
        if not values and self._recent:  # no picture to pair it with
            lone = self._decode_depth(self._recent[-1][1], self._depths)
            values = [] if lone is None else [lone]
        looked_at = values[:: max(len(values) // _DEPTHS_LOOKED_AT, 1)]
        known = [depth[depth > 0] for depth in looked_at]
        medians = [float(np.median(values)) for values in known if len(values)]
        return DepthEvidence(
            self._depths.stream(),
            self._depth_calibration,
            float(np.median([len(k) / d.size for k, d in zip(known, looked_at, strict=True)]))
            if known
            else math.nan,
            float(np.median(medians)) if medians else math.nan,
        )


class TransformGatherer:
    """Gathers TF."""

    def __init__(self) -> None:
        self._edges: dict[tuple[str, str, bool], _EdgeNotes] = {}

    def take(self, message: Any, receipt_ns: int, *, static: bool) -> None:
        """Note a TFMessage of /tf or of /tf_static."""
        for stamped in message.transforms:
            parent = stamped.header.frame_id.removeprefix("/")
            child = stamped.child_frame_id.removeprefix("/")
            notes = self._edges.setdefault((parent, child, static), _EdgeNotes(moves=not static))
            notes.take(stamped, receipt_ns)

    @property
    def losses(self) -> tuple[str, ...]:
        """What is left out, one sentence; none if no stamps fell back."""
        cut = [(key, notes) for key, notes in self._edges.items() if notes.left_out]
        if not cut:
            return ()
        (parent, child, _), first = cut[0]
        others = f" and of {counted(len(cut) - 1, 'other')}" if len(cut) > 1 else ""
        count = sum(notes.left_out for _, notes in cut)
        told = (
            f"stamps of the transform {parent} → {child}{others} fall back by {first.fell_ns / _NS:.1f} s, as where a "
            f"simulation starts over; {counted(count, 'transform')} behind the newest left out; record each run "
            "alone, or cut the bag there"
        )
        return (told,)

    def tree(self) -> TransformTree:
        """All that was gathered."""
        return TransformTree(
            notes.edge(parent, child, static) for (parent, child, static), notes in self._edges.items()
        )


class _EdgeNotes:
    """What is noted of every transform from a parent to a child, less those of moving ones from where stamps fall back.

    Poses of a run that begins again would stand among those of the run before. What is newer than all before counts
    again.

    Attributes:
        left_out: number of those that lie behind.
        fell_ns: by how much at most.
    """

    def __init__(self, *, moves: bool) -> None:
        self.left_out = 0
        self.fell_ns = 0
        self._moves, self._fallen = moves, False
        self._newest_ns = 0
        self._stamps_ns = array("q")
        self._receipts_ns = array("q")
        self._values = array("d")  # seven of each transform
        self._invalid = ""

    def take(self, stamped: Any, receipt_ns: int) -> None:
        place, turn = stamped.transform.translation, stamped.transform.rotation
        values = (turn.x, turn.y, turn.z, turn.w, place.x, place.y, place.z)
        length = math.hypot(*values[:4])
        if not all(map(math.isfinite, values)):
            self._invalid = f"has values that are not finite: {values}"
        elif abs(length - 1) > _UNIT_TOLERANCE:
            self._invalid = f"has a quaternion of length {length:.3g}"
        else:
            self._note(time_to_ns(stamped.header.stamp), receipt_ns, values)

    def _note(self, stamp_ns: int, receipt_ns: int, values: Iterable[float]) -> None:
        behind_ns = self._newest_ns - stamp_ns
        self._fallen = self._moves and (behind_ns > _REWIND_NS or (self._fallen and behind_ns >= 0))
        if self._fallen:
            self.fell_ns = max(self.fell_ns, behind_ns)
            self.left_out += 1
            return
        self._newest_ns = max(self._newest_ns, stamp_ns)
        self._stamps_ns.append(stamp_ns)
        self._receipts_ns.append(receipt_ns)
        self._values.extend(values)

    def edge(self, parent: str, child: str, static: bool) -> Edge:
        """In the order of stamps, each stamp once: the last one said counts."""
        stamps, values = (
            np.array(self._stamps_ns, np.int64),
            np.array(self._values, np.float64).reshape(-1, 7),
        )
        poses = np.tile(np.eye(4), (len(stamps), 1, 1))
        if len(stamps):
            lengths = np.linalg.norm(values[:, :4], axis=1, keepdims=True)
            poses[:, :3, :3] = matrix_from_quaternion(values[:, :4] / lengths)
            poses[:, :3, 3] = values[:, 4:]
        _, last = np.unique(stamps[::-1], return_index=True)
        order = len(stamps) - 1 - last
        receipts = np.array(self._receipts_ns, np.int64)
        return Edge(parent, child, static, stamps[order], receipts[order], poses[order], self._invalid)


def gathered(
    origin: Origin,
    target: str,
    cameras: Iterable[CameraGatherer],
    transforms: TransformGatherer,
    *,
    losses: tuple[str, ...] = (),
    **rest: Any,
) -> Evidence:
    """The evidence of gatherers; further arguments are those of :class:`Evidence`."""
    seen = tuple(camera.evidence() for camera in cameras)
    return Evidence(origin, target, seen, transforms.tree(), losses=(*losses, *transforms.losses), **rest)


def _is_compressed(message: Any) -> bool:
    return not hasattr(message, "encoding")


def says_rectified(topic: str) -> bool:
    """Whether the name of a topic of pictures says that they are rectified, as image_proc's names do."""
    return bool({"rect", "rectified"} & set(topic.replace("/", "_").split("_")))
