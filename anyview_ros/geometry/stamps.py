"""Time stamps of frames and poses: int64 nanoseconds in order."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from anyview_ros.errors import InvalidClipError


def check_stamps(stamps_ns: NDArray[np.int64], count: int, *, strict: bool = True) -> NDArray[np.int64]:
    """Return ``stamps_ns`` as int64 (count,).

    Args:
        stamps_ns: integers (count,), nanoseconds.
        count: the number of stamps expected.
        strict: whether equal neighbours are an error too (they are for a video, not for a target trajectory).

    Raises:
        InvalidClipError: another shape, stamps that are no integers, or stamps that do not increase.
    """
    stamps = np.asarray(stamps_ns)
    if stamps.shape != (count,) or not np.issubdtype(stamps.dtype, np.integer):
        raise InvalidClipError(
            f"stamps_ns must be int64 ({count},), one per frame, got {stamps.dtype} {stamps.shape}"
        )
    stamps = stamps.astype(np.int64)
    wrong = stamps[1:] <= stamps[:-1] if strict else stamps[1:] < stamps[:-1]
    if wrong.any():
        where = int(np.argmax(wrong))
        raise InvalidClipError(
            f"stamps_ns must {'increase' if strict else 'not decrease'}, but stamps_ns[{where + 1}] = "
            f"{stamps[where + 1]} follows {stamps[where]}; sort the frames by stamp and drop duplicates"
        )
    return stamps
