"""Which frames of a source are kept at a target rate, decided as they come. Stamps are nanoseconds."""

from __future__ import annotations

CLOSEST = 0.5
"""Of a period: the least time between two frames kept."""
LEAST_WHOLE = 0.75
"""Of a period: the frames of a source less than this apart are thinned for certain."""

_MOST_THINNED = 0.8  # of a period: a source whose frames are further apart is kept whole for certain
_LEARNING = 0.2  # how much the newest interval counts in the source's period


class Thinning:
    """Keeps frames of a source at a target rate, so that clips of frames one period apart can be had of them.

    Of a fast source those nearest to the instants of a grid that stays as it is: the mean rate is the target's, and
    none is further from its instant than half the source's period. A source little faster than the target, up to four
    thirds, is kept whole instead: to leave out one frame now and then would tear gaps of nearly two periods. Jitter of
    the stamps decides nothing, since the source's period is learned from many of them.

    Args:
        period_ns: time between two frames at the target rate.
    """

    def __init__(self, period_ns: int) -> None:
        """Begin with the next stamp."""
        self._period_ns = period_ns
        self.reset()

    def reset(self) -> None:
        """Begin anew, as after a jump of the clock."""
        self._seen_ns: int | None = None  # the newest stamp, whether it was kept or not
        self._kept_ns: int | None = None
        self._due_ns = 0
        self._source_ns: float | None = None  # between two frames of the source, at most a period
        self._whole = True

    def is_due(self, stamp_ns: int) -> bool:
        """Tell whether a frame should be kept.

        To be asked of every frame of the source, since its period is learned from that.
        """
        self._learn(stamp_ns)
        if self._kept_ns is None:
            return True
        if stamp_ns < self._kept_ns + CLOSEST * self._period_ns:
            return False
        return self._whole or stamp_ns >= self._due_ns - (self._source_ns or 0.0) / 2

    def keep(self, stamp_ns: int) -> None:
        """Note that a frame is kept."""
        in_step = not self._whole and self._kept_ns is not None and stamp_ns <= self._due_ns + self._period_ns
        self._due_ns = (self._due_ns if in_step else stamp_ns) + self._period_ns
        self._kept_ns = stamp_ns
        self._learn(stamp_ns)

    def _learn(self, stamp_ns: int) -> None:
        seen_ns = self._seen_ns
        if seen_ns is not None and stamp_ns <= seen_ns:
            return
        self._seen_ns = stamp_ns
        if seen_ns is None:
            return
        interval_ns = min(stamp_ns - seen_ns, self._period_ns)
        if self._source_ns is None:
            self._source_ns = float(interval_ns)
        self._source_ns += _LEARNING * (interval_ns - self._source_ns)
        # Between the two bounds it stays as it was, so that it does not go to and fro.
        bound = LEAST_WHOLE if self._whole else _MOST_THINNED
        self._whole = self._source_ns >= bound * self._period_ns
