"""Which instants of a loop are due, and their stamps: a loop that repeats, on a clock that goes on."""

from __future__ import annotations

import math
from dataclasses import dataclass

from anyview_ros.errors import InvalidInputError

_BEHIND_NS = 1_000_000_000


@dataclass(frozen=True)
class Grid:
    """Instants of a loop, evenly spaced: images, and TF in between.

    Attributes:
        images: images per loop.
        ticks: TF messages per image, the one at the image's instant included.
        step_ns: nanoseconds from one tick to the next.
    """

    images: int
    ticks: int
    step_ns: int

    @classmethod
    def of(cls, *, loop_s: float, rate_hz: float, tf_rate_hz: float) -> Grid:
        """Return the grid whose image rate is nearest to ``rate_hz`` with whole images per loop.

        Raises:
            InvalidInputError: a loop too short for one image.
        """
        images = round(loop_s * rate_hz)
        if images < 1:
            raise InvalidInputError(
                f"loop_s is {loop_s:g} and rate_hz {rate_hz:g}: not one image per loop; make either larger"
            )
        ticks = max(1, math.ceil(tf_rate_hz * loop_s / images - 1e-9))
        return cls(images, ticks, max(1, round(loop_s * 1e9 / (images * ticks))))

    @property
    def rate_hz(self) -> float:
        """Images per second."""
        return 1e9 / (self.step_ns * self.ticks)


class Timeline:
    """Counts the ticks since a start on a clock of nanoseconds.

    Args:
        step_ns: nanoseconds from tick to tick.
        start_ns: when tick 0 is.
    """

    def __init__(self, step_ns: int, start_ns: int) -> None:
        self._step_ns, self._start_ns = step_ns, start_ns
        self._next = 0
        self._first = 0

    def stamp_ns(self, tick: int) -> int:
        """When a tick is."""
        return self._start_ns + (tick - self._first) * self._step_ns

    def due(self, now_ns: int) -> range:
        """Return the ticks that have come since the last call.

        After a pause of more than a second only the latest tick is due; after a clock that jumped back by more than
        a second the ticks go on from where they were, with stamps from there.
        """
        if now_ns < self.stamp_ns(self._next) - _BEHIND_NS - self._step_ns:
            self._start_ns, self._first = now_ns, self._next
        newest = self._first + (now_ns - self._start_ns) // self._step_ns
        oldest = self._next
        if newest - oldest > max(1, _BEHIND_NS // self._step_ns):
            oldest = newest
        ticks = range(oldest, newest + 1)
        self._next = max(self._next, newest + 1)
        return ticks
