"""What a sliding window did with a frame, and what it has done so far."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum


class DropReason(Enum):
    """Why a frame did not enter the window."""

    INVALID = "invalid"
    """Frame, depth, camera or pose that cannot be used; ``add`` raised as well."""
    ZERO_STAMP = "zero_stamp"
    """Stamped zero or below: the driver does not fill in ``header.stamp``."""
    DUPLICATE = "duplicate"
    """The window holds a frame of this very stamp."""
    TOO_SOON = "too_soon"
    """Above the target rate: a neighbour in time is already held."""
    LATE = "late"
    """Older than all that the window still holds, or older than what ``next`` has already handed out."""
    MISMATCHED = "mismatched"
    """A late frame of another size or other intrinsics than those held."""
    CLOSED = "closed"
    """The window had been closed."""


class RestartReason(Enum):
    """Why the window forgot its frames and began anew."""

    SIZE_CHANGED = "size_changed"
    INTRINSICS_CHANGED = "intrinsics_changed"
    CLOCK_WENT_BACK = "clock_went_back"


@dataclass(frozen=True)
class AddOutcome:
    """What became of one frame.

    Attributes:
        dropped: why the frame was dropped, or None if the window took it.
        restarted: why the window forgot its earlier frames to take this one, or None.
        gap_s: the gap that this frame left open behind it, if larger than the window's ``max_gap_s``; else 0.
    """

    dropped: DropReason | None = None
    restarted: RestartReason | None = None
    gap_s: float = 0.0

    @property
    def accepted(self) -> bool:
        """Whether the window took the frame."""
        return self.dropped is None


@dataclass(frozen=True)
class WindowStatistics:
    """Every frame accounted for: ``received == held + evicted + cleared + sum(dropped.values())``.

    Attributes:
        received: calls of ``add``.
        held: frames in the window now.
        evicted: frames that grew too old or gave way to newer ones.
        cleared: frames forgotten by a restart, ``clear`` or ``close``.
        dropped: frames that never entered, by reason; every reason is a key.
        restarts: restarts by reason; every reason is a key.
        gaps: gaps larger than ``max_gap_s`` seen at the newest end.
        nbytes: bytes of the frames, depths and poses held.
    """

    received: int
    held: int
    evicted: int
    cleared: int
    dropped: Mapping[DropReason, int]
    restarts: Mapping[RestartReason, int]
    gaps: int
    nbytes: int
