"""Who is due at which stamp: thinning a stream of stamps to a rate."""

from __future__ import annotations


class DueClock:
    """Picks stamps at a target rate.

    Dues are laid on a grid so that the mean rate holds where the source's rate is no multiple of the target's; a
    tenth of a period of jitter is forgiven. After a pause the grid begins anew at the next stamp.
    """

    def __init__(self, rate_hz: float) -> None:
        self._period_ns = max(1, round(1e9 / rate_hz))
        self._next_ns: int | None = None

    def is_due(self, stamp_ns: int) -> bool:
        """Tell whether ``stamp_ns`` should be taken; asking changes nothing."""
        return self._next_ns is None or stamp_ns + self._period_ns // 10 >= self._next_ns

    def take(self, stamp_ns: int) -> None:
        """Note that ``stamp_ns`` was taken."""
        period = self._period_ns
        grid = stamp_ns if self._next_ns is None else self._next_ns
        if not stamp_ns - period <= grid <= stamp_ns + period:
            grid = stamp_ns
        self._next_ns = grid + period

    def reset(self) -> None:
        """Forget the grid, as after a jump of the clock."""
        self._next_ns = None
