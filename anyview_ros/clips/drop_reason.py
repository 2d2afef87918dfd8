"""Why a sliding window did not take a frame."""

from __future__ import annotations

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
    """Older than all that the window still holds."""
    MISMATCHED = "mismatched"
    """A late frame of another size or other intrinsics than those held."""
    CLOSED = "closed"
    """The window had been closed."""
