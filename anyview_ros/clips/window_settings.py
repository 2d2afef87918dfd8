"""The settings of a sliding window, checked and turned into nanoseconds and numbers of frames."""

from __future__ import annotations

import math
from dataclasses import dataclass

from anyview_ros.clips.thinning import LEAST_WHOLE
from anyview_ros.errors import InvalidInputError

_GAP_PERIODS = 3.0
_GAP_S = 1.0


@dataclass(frozen=True)
class WindowSettings:
    """What a sliding window goes by.

    Attributes:
        length_frames: frames of a full clip.
        period_ns: time between two frames at the target rate; None: every frame is taken.
        tolerance_ns: how far from its instant a frame of a clip may be, and the last instant from the newest frame.
        max_gap_ns: no clip spans a larger gap.
        keep_ns: frames as old as this are evicted; None: only by number.
        capacity: the most frames held.
    """

    length_frames: int
    period_ns: int | None
    tolerance_ns: int
    max_gap_ns: int
    keep_ns: int | None
    capacity: int


def resolve_settings(
    *,
    length_frames: int | None,
    length_s: float | None,
    rate_hz: float | None,
    max_gap_s: float | None,
) -> WindowSettings:
    """Check the arguments of ``SlidingWindow`` and resolve them.

    Raises:
        InvalidInputError: an argument out of range, or arguments that exclude each other.
    """
    for name, value in (("length_s", length_s), ("rate_hz", rate_hz), ("max_gap_s", max_gap_s)):
        if value is not None and not (math.isfinite(value) and value > 0):
            raise InvalidInputError(f"{name} is {value}; give a positive number")
    length = _length(length_frames, length_s, rate_hz)
    if rate_hz is None:
        return WindowSettings(length, None, 0, _gap_ns(max_gap_s, None), None, length)
    period_ns = round(1e9 / rate_hz)
    tolerance_ns = period_ns // 2
    return WindowSettings(
        length_frames=length,
        period_ns=period_ns,
        tolerance_ns=tolerance_ns,
        max_gap_ns=_gap_ns(max_gap_s, period_ns),
        keep_ns=(length - 1) * period_ns + 2 * tolerance_ns + 1,
        capacity=math.floor(length / LEAST_WHOLE) + 1,
    )


def _length(length_frames: int | None, length_s: float | None, rate_hz: float | None) -> int:
    if (length_frames is None) == (length_s is None):
        raise InvalidInputError(
            f"length_frames is {length_frames} and length_s is {length_s}; give exactly one of them"
        )
    if length_frames is None:
        if rate_hz is None:
            raise InvalidInputError(
                f"length_s is {length_s} but there is no rate_hz; give both, or length_frames"
            )
        return max(1, round((length_s or 0.0) * rate_hz))
    if length_frames < 1:
        raise InvalidInputError(f"length_frames is {length_frames}; give 1 or more")
    return length_frames


def _gap_ns(max_gap_s: float | None, period_ns: int | None) -> int:
    if max_gap_s is None:
        return int(_GAP_S * 1e9) if period_ns is None else int(_GAP_PERIODS * period_ns)
    if period_ns is not None and max_gap_s * 1e9 < period_ns:
        raise InvalidInputError(
            f"max_gap_s is {max_gap_s} but frames at {1e9 / period_ns:g} Hz are {period_ns / 1e9:g} s apart; "
            "give more than that"
        )
    return int(max_gap_s * 1e9)
