"""The settings of a sliding window, checked and turned into nanoseconds and numbers of frames."""

from __future__ import annotations

import math
from dataclasses import dataclass

from anyview_ros.clips.thinning import LEAST_WHOLE
from anyview_ros.errors import InvalidInputError

_GAP_PERIODS = 3.0
_GAP_S = 1.0
_FASTEST_HZ = 60.0


@dataclass(frozen=True)
class WindowSettings:
    """What a sliding window goes by.

    Attributes:
        length_frames: frames of a full clip; None: as many as come in ``length_ns``.
        length_ns: time span of a full clip where ``length_frames`` is None, else 0.
        period_ns: time between two frames at the target rate; None: every frame is taken.
        tolerance_ns: how far from its instant a frame of a clip may be, and the last instant from the newest frame.
        max_gap_ns: no clip spans a larger gap.
        rewind_ns: a stamp earlier than the newest by more than this is a clock set back.
        keep_ns: frames as old as this are evicted; None: only by number.
        capacity: the most frames held.
    """

    length_frames: int | None
    length_ns: int
    period_ns: int | None
    tolerance_ns: int
    max_gap_ns: int
    rewind_ns: int
    keep_ns: int | None
    capacity: int


def resolve_settings(
    *,
    length_frames: int | None,
    length_s: float | None,
    rate_hz: float | None,
    tolerance: float,
    max_gap_s: float | None,
    rewind_s: float,
    max_frames: int | None,
) -> WindowSettings:
    """Check the arguments of ``SlidingWindow`` and resolve them.

    Raises:
        InvalidInputError: an argument out of range, or arguments that exclude each other.
    """
    _check(length_frames, length_s, rate_hz, tolerance, max_gap_s, rewind_s, max_frames)
    period_ns = None if rate_hz is None else round(1e9 / rate_hz)
    tolerance_ns = 0 if period_ns is None else int(tolerance * period_ns)
    length_ns, keep_ns = 0, None
    if length_s is not None and rate_hz is not None:
        length_frames = max(1, round(length_s * rate_hz))
    if length_frames is None:
        length_ns = keep_ns = int((length_s or 0.0) * 1e9)
        capacity = max_frames or math.ceil((length_s or 0.0) * _FASTEST_HZ) + 1
    elif period_ns is None:
        capacity = length_frames
    else:
        keep_ns = (length_frames - 1) * period_ns + 2 * tolerance_ns + 1
        capacity = math.floor((length_frames - 1 + 2 * tolerance) / LEAST_WHOLE) + 1
    return WindowSettings(
        length_frames=length_frames,
        length_ns=length_ns,
        period_ns=period_ns,
        tolerance_ns=tolerance_ns,
        max_gap_ns=_gap_ns(max_gap_s, period_ns),
        rewind_ns=int(rewind_s * 1e9),
        keep_ns=keep_ns,
        capacity=capacity,
    )


def _check(
    length_frames: int | None,
    length_s: float | None,
    rate_hz: float | None,
    tolerance: float,
    max_gap_s: float | None,
    rewind_s: float,
    max_frames: int | None,
) -> None:
    if (length_frames is None) == (length_s is None):
        raise InvalidInputError(
            f"length_frames is {length_frames} and length_s is {length_s}; give exactly one of them"
        )
    positive = {"length_s": length_s, "rate_hz": rate_hz, "max_gap_s": max_gap_s, "rewind_s": rewind_s}
    for name, value in positive.items():
        if value is not None and not (math.isfinite(value) and value > 0):
            raise InvalidInputError(f"{name} is {value}; give a positive number")
    for name, count in (("length_frames", length_frames), ("max_frames", max_frames)):
        if count is not None and count < 1:
            raise InvalidInputError(f"{name} is {count}; give 1 or more")
    if not 0 <= tolerance <= 0.5:
        raise InvalidInputError(f"tolerance is {tolerance} periods; give 0 to 0.5")
    if max_frames is not None and (length_s is None or rate_hz is not None):
        raise InvalidInputError(f"max_frames is {max_frames}; it is only for length_s without rate_hz")


def _gap_ns(max_gap_s: float | None, period_ns: int | None) -> int:
    if max_gap_s is None:
        return int(_GAP_S * 1e9) if period_ns is None else int(_GAP_PERIODS * period_ns)
    if period_ns is not None and max_gap_s * 1e9 < period_ns:
        raise InvalidInputError(
            f"max_gap_s is {max_gap_s} but frames at {1e9 / period_ns:g} Hz are {period_ns / 1e9:g} s apart; "
            "give more than that"
        )
    return int(max_gap_s * 1e9)
