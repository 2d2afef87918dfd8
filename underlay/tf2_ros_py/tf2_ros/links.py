"""What is known of one child frame: its parent and its transform, over time or for ever.

Stamps are nanoseconds; the instant 0 means "the latest".
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from typing import NamedTuple

from .exceptions import ExtrapolationException
from .rigid import Rigid


class Sample(NamedTuple):
    """The parent of a frame, and child_to_parent, at one instant."""

    stamp_ns: int
    parent: str
    child_to_parent: Rigid


def seconds(stamp_ns: int) -> str:
    """Write a stamp as seconds with all its digits."""
    sign = "-" if stamp_ns < 0 else ""
    whole, fraction = divmod(abs(stamp_ns), 1_000_000_000)
    return f"{sign}{whole}.{fraction:09d}"


class StaticLink:
    """A link that never moves."""

    def __init__(self) -> None:
        self._sample: Sample | None = None

    def insert(self, sample: Sample) -> bool:
        """Replace the transform; always accepted."""
        self._sample = sample
        return True

    def at(self, stamp_ns: int) -> Sample | None:
        """Return the transform, whatever the instant."""
        return None if self._sample is None else self._sample._replace(stamp_ns=stamp_ns)

    def latest(self) -> Sample | None:
        """Return the transform with stamp 0: it holds at any instant."""
        return self.at(0)

    def clear(self) -> None:
        """Keep the transform: what is static outlives a jump of the clock."""

    def span_ns(self) -> tuple[int, int]:
        """Return the oldest and the latest stamp: none for a static link."""
        return 0, 0

    def __len__(self) -> int:
        return 1


class MovingLink:
    """The samples of a moving link, in order of time, for at most cache_time_ns.

    Old samples go when the next one comes.
    """

    def __init__(self, cache_time_ns: int) -> None:
        self._cache_time_ns = cache_time_ns
        self._stamps: list[int] = []
        self._samples: list[Sample] = []

    def insert(self, sample: Sample) -> bool:
        """Add a sample in its place; False if the cache does not reach so far back. Repeats are dropped."""
        if self._stamps:
            horizon_ns = self._stamps[-1] - self._cache_time_ns
            expired = bisect_left(self._stamps, horizon_ns)
            del self._stamps[:expired]
            del self._samples[:expired]
            if sample.stamp_ns < horizon_ns:
                return False
        first = bisect_left(self._stamps, sample.stamp_ns)
        place = bisect_right(self._stamps, sample.stamp_ns)
        if sample not in self._samples[first:place]:
            self._stamps.insert(place, sample.stamp_ns)
            self._samples.insert(place, sample)
        return True

    def at(self, stamp_ns: int) -> Sample | None:
        """Return the interpolated sample at an instant (0: the latest), None if there is no sample at all.

        Raises ExtrapolationException outside the span of the samples. Where the parent changes between two
        samples, the earlier one holds until the later.
        """
        if not self._samples:
            return None
        if stamp_ns in (0, self._stamps[-1]):
            return self._samples[-1]
        if stamp_ns == self._stamps[0]:
            return self._samples[0]
        self._check_span(stamp_ns)
        place = bisect_right(self._stamps, stamp_ns)
        before, after = self._samples[place - 1], self._samples[place]
        if before.parent != after.parent:
            return before
        ratio = (stamp_ns - before.stamp_ns) / (after.stamp_ns - before.stamp_ns)
        return Sample(
            stamp_ns, before.parent, before.child_to_parent.interpolate(after.child_to_parent, ratio)
        )

    def latest(self) -> Sample | None:
        """Return the newest sample, if any."""
        return self._samples[-1] if self._samples else None

    def clear(self) -> None:
        """Forget every sample."""
        self._stamps.clear()
        self._samples.clear()

    def span_ns(self) -> tuple[int, int]:
        """Return the oldest and the latest stamp; zeros when empty."""
        return (self._stamps[0], self._stamps[-1]) if self._stamps else (0, 0)

    def __len__(self) -> int:
        return len(self._samples)

    def _check_span(self, stamp_ns: int) -> None:
        oldest_ns, latest_ns = self.span_ns()
        asked = seconds(stamp_ns)
        if len(self._samples) == 1:
            raise ExtrapolationException(
                f"Lookup would require extrapolation at time {asked}, "
                f"but only time {seconds(latest_ns)} is in the buffer"
            )
        if stamp_ns > latest_ns:
            raise ExtrapolationException(
                f"Lookup would require extrapolation into the future: time {asked} was requested, "
                f"but the latest data is at time {seconds(latest_ns)}"
            )
        if stamp_ns < oldest_ns:
            raise ExtrapolationException(
                f"Lookup would require extrapolation into the past: time {asked} was requested, "
                f"but the earliest data is at time {seconds(oldest_ns)}"
            )


Link = StaticLink | MovingLink
