"""The tree of frames over time, and lookups in it. Knows no node and no topic."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

from geometry_msgs.msg import TransformStamped
from rclpy.duration import Duration
from rclpy.logging import get_logger
from rclpy.time import Time

from .conversions import message_from_rigid, nanoseconds, rigid_from_message
from .exceptions import ConnectivityException, ExtrapolationException, LookupException, TransformException
from .links import Link, MovingLink, Sample, StaticLink, seconds
from .rigid import IDENTITY, Rigid, normalised
from .validation import check_frame_name, fault_of, stripped

DEFAULT_CACHE_TIME = Duration(seconds=10)
MAX_DEPTH = 1000
"""A longer way to the root is a loop."""


class BufferCore:
    """Transforms between frames, kept for cache_time; safe to use from several threads.

    A lookup's result maps points of the source frame to the target frame. Time 0 means the latest instant at
    which every link on the way is known.
    """

    def __init__(self, cache_time: Duration | None = None) -> None:
        self._cache_time_ns = nanoseconds(DEFAULT_CACHE_TIME if cache_time is None else cache_time)
        self._lock = threading.RLock()
        self._frames: dict[str, Link | None] = {}
        self._authorities: dict[str, str] = {}

    def set_transform(self, transform: TransformStamped, authority: str) -> None:
        """Add a transform of a moving link. A bad or an outdated one is logged and ignored."""
        self._insert(transform, authority, static=False)

    def set_transform_static(self, transform: TransformStamped, authority: str) -> None:
        """Add a transform that holds at all times. A bad one is logged and ignored."""
        self._insert(transform, authority, static=True)

    def clear(self) -> None:
        """Forget all moving transforms; the static ones and the frames' names stay."""
        with self._lock:
            for link in self._links():
                link.clear()

    def lookup_transform_core(self, target_frame: str, source_frame: str, time: Any) -> TransformStamped:
        """Return source_to_target at an instant.

        Raises LookupException, ConnectivityException, ExtrapolationException or InvalidArgumentException.
        """
        with self._lock:
            rigid, stamp_ns = self._lookup(target_frame, source_frame, nanoseconds(time))
        return message_from_rigid(rigid, target_frame, source_frame, stamp_ns)

    def lookup_transform_full_core(
        self, target_frame: str, target_time: Any, source_frame: str, source_time: Any, fixed_frame: str
    ) -> TransformStamped:
        """Return the source frame at source_time as seen from the target frame at target_time.

        fixed_frame is the one in which the world stands still in between. Raises as lookup_transform_core.
        """
        with self._lock:
            for name, frame in (("target", target_frame), ("source", source_frame), ("fixed", fixed_frame)):
                self._check_known(frame, f"lookupTransform argument {name}_frame")
            to_fixed, _ = self._lookup(fixed_frame, source_frame, nanoseconds(source_time))
            to_target, stamp_ns = self._lookup(target_frame, fixed_frame, nanoseconds(target_time))
        return message_from_rigid(to_target.compose(to_fixed), target_frame, source_frame, stamp_ns)

    def can_transform_core(self, target_frame: str, source_frame: str, time: Any) -> tuple[bool, str]:
        """Return whether the lookup would succeed, and if not, why."""
        try:
            self.lookup_transform_core(target_frame, source_frame, time)
        except TransformException as error:
            return False, str(error)
        return True, ""

    def can_transform_full_core(
        self, target_frame: str, target_time: Any, source_frame: str, source_time: Any, fixed_frame: str
    ) -> tuple[bool, str]:
        """Return whether the lookup between two instants would succeed, and if not, why."""
        try:
            self.lookup_transform_full_core(target_frame, target_time, source_frame, source_time, fixed_frame)
        except TransformException as error:
            return False, str(error)
        return True, ""

    def get_latest_common_time(self, target_frame: str, source_frame: str) -> Time:
        """Return the latest instant at which a lookup succeeds; 0 if all links on the way are static."""
        with self._lock:
            for frame in (target_frame, source_frame):
                self._check_known(frame, "get_latest_common_time")
            return Time(nanoseconds=self._latest_common_ns(target_frame, source_frame))

    def all_frames_as_string(self) -> str:
        """List each frame that has a parent, one sentence a line."""
        with self._lock:
            return "".join(
                f"Frame {frame} exists with parent {sample.parent if sample else 'NO_PARENT'}.\n"
                for frame, link in self._frames.items()
                if link is not None
                for sample in [link.latest()]
            )

    def all_frames_as_yaml(self) -> str:
        """Describe each frame that has a parent: parent, broadcaster, rate, times."""
        with self._lock:
            entries = [
                self._yaml_of(frame, link, sample)
                for frame, link in self._frames.items()
                if link is not None
                for sample in [link.latest()]
                if sample is not None
            ]
            return "".join(entries) if self._frames else "[]"

    def _yaml_of(self, frame: str, link: Link, sample: Sample) -> str:
        oldest_ns, latest_ns = link.span_ns()
        length_ns = latest_ns - oldest_ns
        return (
            f"{frame}: \n"
            f"  parent: '{sample.parent}'\n"
            f"  broadcaster: '{self._authorities[frame]}'\n"
            f"  rate: {len(link) * 1e9 / max(length_ns, 100_000):.3f}\n"
            f"  most_recent_transform: {seconds(latest_ns)}\n"
            f"  oldest_transform: {seconds(oldest_ns)}\n"
            f"  buffer_length: {length_ns / 1e9:.3f}\n"
        )

    def _insert(self, transform: TransformStamped, authority: str, *, static: bool) -> None:
        fault = fault_of(transform)
        if fault is not None:
            get_logger("tf2_buffer").error(
                f'{fault}. Ignoring the transform of "{transform.child_frame_id}" from "{authority}".'
            )
            return
        parent, child = stripped(transform.header.frame_id), stripped(transform.child_frame_id)
        raw = rigid_from_message(transform)
        sample = Sample(
            nanoseconds(transform.header.stamp), parent, raw._replace(rotation=normalised(raw.rotation))
        )
        with self._lock:
            link = self._link_for(child, static)
            self._frames.setdefault(parent, None)
            accepted = link.insert(sample)
            if accepted:
                self._authorities[child] = authority
        if not accepted:
            get_logger("tf2_buffer").warning(
                f'TF_OLD_DATA: ignoring the transform of "{child}" at time {seconds(sample.stamp_ns)} from '
                f'"{authority}", older than the cache reaches. Did the clock go back? Do two senders differ?'
            )

    def _link_for(self, child: str, static: bool) -> Link:
        link = self._frames.get(child)
        if link is None or isinstance(link, StaticLink) is not static:
            link = StaticLink() if static else MovingLink(self._cache_time_ns)
            self._frames[child] = link
        return link

    def _links(self) -> Iterator[Link]:
        return (link for link in self._frames.values() if link is not None)

    def _check_known(self, frame: str, argument: str) -> None:
        check_frame_name(frame, argument)
        if frame not in self._frames:
            raise LookupException(f'"{frame}" passed to {argument} does not exist.')

    def _lookup(self, target: str, source: str, stamp_ns: int) -> tuple[Rigid, int]:
        """Return source_to_target and the instant it holds for."""
        if target == source:
            link = self._frames.get(target)
            return IDENTITY, link.span_ns()[1] if stamp_ns == 0 and link is not None else stamp_ns
        self._check_known(target, "lookupTransform argument target_frame")
        self._check_known(source, "lookupTransform argument source_frame")
        if stamp_ns == 0:
            stamp_ns = self._latest_common_ns(target, source)
        return self._walk(target, source, stamp_ns), stamp_ns

    def _walk(self, target: str, source: str, stamp_ns: int) -> Rigid:
        """Compose the links from the source up, then from the target up to where the first way ended."""
        top, source_to_top, failure = self._climb(source, target, stamp_ns)
        end, target_to_end, target_failure = self._climb(target, top, stamp_ns)
        if end == top:
            return target_to_end.inverse().compose(source_to_top)
        asked = f'when looking up transform from frame "{source}" to frame "{target}"'
        for reason in (target_failure, failure):
            if reason is not None:
                raise ExtrapolationException(f"{reason}, {asked}")
        raise self._unconnected(target, source)

    def _climb(self, frame: str, stop: str, stamp_ns: int) -> tuple[str, Rigid, str | None]:
        """Go up until stop, a root, or a link that is not known at the instant; say which, and why."""
        to_here = IDENTITY
        for _ in range(MAX_DEPTH + 1):
            link = self._frames[frame]
            if frame == stop or link is None:
                return frame, to_here, None
            try:
                sample = link.at(stamp_ns)
            except ExtrapolationException as error:
                return frame, to_here, str(error)
            if sample is None:
                return frame, to_here, f'No data for frame "{frame}" is in the buffer'
            to_here = sample.child_to_parent.compose(to_here)
            frame = sample.parent
        raise self._loop()

    def _latest_common_ns(self, target: str, source: str) -> int:
        """Return the earliest of the latest stamps on the way; 0 if all links are static."""
        if target == source:
            link = self._frames[source]
            return 0 if link is None else link.span_ns()[1]
        source_way = self._latest_way(source, {target})
        above_source = [source, *(sample.parent for sample in source_way)]
        target_way = self._latest_way(target, set(above_source))
        above_target = [target, *(sample.parent for sample in target_way)]
        common = next((frame for frame in above_target if frame in above_source), None)
        if common is None:
            raise self._unconnected(target, source)
        way = source_way[: above_source.index(common)] + target_way[: above_target.index(common)]
        return min((sample.stamp_ns for sample in way if sample.stamp_ns != 0), default=0)

    def _latest_way(self, frame: str, stops: set[str]) -> list[Sample]:
        """Return the newest samples from a frame up to the first of stops, or to its root."""
        way: list[Sample] = []
        while len(way) <= MAX_DEPTH:
            link = self._frames[frame]
            sample = None if link is None else link.latest()
            if sample is None or frame in stops:
                return way
            way.append(sample)
            frame = sample.parent
        raise self._loop()

    def _unconnected(self, target: str, source: str) -> ConnectivityException:
        return ConnectivityException(
            f"Could not find a connection between '{target}' and '{source}' because they are not part of the "
            "same tree. Tf has two or more unconnected trees."
        )

    def _loop(self) -> LookupException:
        return LookupException(
            f"The tf tree is invalid because it contains a loop.\n{self.all_frames_as_string()}"
        )
