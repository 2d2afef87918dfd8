"""A camera's pictures in a bag, by index: only the part of the bag where they lie is read."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from anyview_ros.errors import InvalidInputError, ReadError
from anyview_ros.messages import (
    compressed_depth_to_metres,
    compressed_to_rgb,
    depth_to_metres,
    image_to_rgb,
)
from anyview_ros.offline.bags import Bag
from anyview_ros.offline.posed_film import FilmFrame


@dataclass(frozen=True, eq=False)
class TopicTimes:
    """A topic and the log times (N,) of all its messages, in their order."""

    topic: str
    log_ns: NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class BagPictures:
    """Frames of a film, read from a bag; see ``posed_film.ReadFrames``.

    Attributes:
        path, from_start: as for :class:`~anyview_ros.offline.bags.Bag`.
        pictures: where they are.
        chosen: int64 (T,), which message of the topic each frame is; ascending.
        depths: where the depths are; None for a film without.
        chosen_depths: int64 (T,), the same of its depth; ascending, -1 for a frame without.
        size: (width, height) of the pictures.
    """

    path: Path
    from_start: bool
    pictures: TopicTimes
    chosen: NDArray[np.int64]
    depths: TopicTimes | None
    chosen_depths: NDArray[np.int64]
    size: tuple[int, int]

    def __call__(self, wanted: range) -> Iterator[FilmFrame]:
        """The frames of an ascending range of indices.

        Raises:
            ReadError: the bag changed since it was looked through.
        """
        if not wanted:
            return
        images = self.chosen[list(wanted)]
        depths = self.chosen_depths[list(wanted)]
        needed = {self.pictures.topic: set(images.tolist())}
        if self.depths is not None:
            needed[self.depths.topic] = set(depths[depths >= 0].tolist())
        with Bag(self.path, from_start=self.from_start) as bag:
            ready: dict[str, dict[int, Any]] = {topic: {} for topic in needed}
            found = self._find(bag, needed)
            for image, depth in zip(images.tolist(), depths.tolist(), strict=True):
                yield self._frame(image, depth, ready, found)
                for topic, passed in zip(needed, (image, depth - 1), strict=False):
                    for index in [index for index in ready[topic] if index <= passed]:
                        del ready[topic][index]

    def _frame(
        self, image: int, depth: int, ready: dict[str, dict[int, Any]], found: Iterator[tuple[str, int, Any]]
    ) -> FilmFrame:
        def taken(topic: str, index: int) -> Any:
            while index not in ready[topic]:
                try:
                    where, which, pixels = next(found)
                except StopIteration:
                    raise ReadError(
                        f"bag {self.path} has no message {index} on {topic}; it has changed"
                    ) from None
                ready[where][which] = pixels
            return ready[topic][index]

        pixels = taken(self.pictures.topic, image)
        if self.depths is None:
            return FilmFrame(pixels)
        if depth < 0:
            return FilmFrame(pixels, np.zeros(pixels.shape[:2], np.float32))
        return FilmFrame(pixels, taken(self.depths.topic, depth))

    def _find(self, bag: Bag, needed: dict[str, set[int]]) -> Iterator[tuple[str, int, Any]]:
        """The messages that are needed: topic, number and pixels, in the order of log times."""
        times = {each.topic: each.log_ns for each in (self.pictures, self.depths) if each is not None}
        span_ns = _span_ns(times, needed)
        numbers = {
            topic: 0 if span_ns is None else int(np.searchsorted(log_ns, span_ns[0]))
            for topic, log_ns in times.items()
        }
        for message in bag.messages(set(needed), span_ns):
            number = numbers[message.topic]
            numbers[message.topic] += 1
            if number in needed[message.topic]:
                is_depth = self.depths is not None and message.topic == self.depths.topic
                pixels = decoded(bag.decode(message), depth=is_depth)
                yield message.topic, number, pixels


def _span_ns(
    times: Mapping[str, NDArray[np.int64]], needed: Mapping[str, set[int]]
) -> tuple[int, int] | None:
    """Log times between which all needed messages lie; None if the parts of the bag do not follow each other."""
    if any((np.diff(log_ns) < 0).any() for log_ns in times.values()):
        return None
    ends = [times[topic][end(wanted)] for topic, wanted in needed.items() if wanted for end in (min, max)]
    return int(min(ends)), int(max(ends))


def decoded(message: Any, *, depth: bool = False) -> NDArray[Any]:
    """The pixels of an Image or a CompressedImage: RGB (H, W, 3), or depth (H, W) in metres.

    Raises:
        ReadError: they cannot be read.
    """
    try:
        if hasattr(message, "encoding"):
            return depth_to_metres(message) if depth else image_to_rgb(message)
        return compressed_depth_to_metres(message) if depth else compressed_to_rgb(message)
    except InvalidInputError as error:
        raise ReadError(str(error)) from error


def nearest(instants_ns: NDArray[np.int64], others_ns: NDArray[np.int64]) -> NDArray[np.int64]:
    """Index of the nearest of ``others_ns`` (M,), ascending and at least one, to each of ``instants_ns`` (N,)."""
    after = np.clip(np.searchsorted(others_ns, instants_ns), 1, max(len(others_ns) - 1, 1))
    before = after - 1
    after = np.minimum(after, len(others_ns) - 1)
    nearer_after = np.abs(others_ns[after] - instants_ns) < np.abs(others_ns[before] - instants_ns)
    return np.where(nearer_after, after, before).astype(np.int64)


def advancing(instants_ns: NDArray[np.int64], usable: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Which of some usable instants (N,) lie after all usable ones before them."""
    so_far = np.iinfo(np.int64).min
    kept = np.zeros(len(instants_ns), bool)
    for index in np.flatnonzero(usable):
        if instants_ns[index] > so_far:
            so_far = instants_ns[index]
            kept[index] = True
    return kept


def spans_told(indices: Sequence[int], *, most: int = 4) -> str:
    """Numbers for people, from 1: "3", "4 to 9 and 12", or "1 to 3, 7, 9, 12 and 5 more"."""
    runs: list[list[int]] = []
    for index in indices:
        if runs and index == runs[-1][1] + 1:
            runs[-1][1] = index
        else:
            runs.append([index, index])
    told = [f"{a + 1}" if a == b else f"{a + 1} to {b + 1}" for a, b in runs[:most]]
    left = sum(b - a + 1 for a, b in runs[most:])
    if left:
        return f"{', '.join(told)} and {left} more"
    return " and ".join(([", ".join(told[:-1])] if len(told) > 1 else []) + told[-1:])
