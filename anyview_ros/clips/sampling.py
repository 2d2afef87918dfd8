"""Which frames of a run of stamps make a clip. Stamps are ascending lists of nanoseconds."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence

from anyview_ros.clips.window_settings import WindowSettings
from anyview_ros.errors import ClipNotReadyError


def select(stamps_ns: Sequence[int], count: int, settings: WindowSettings) -> list[int]:
    """Indices of the clip that ends at the newest frame.

    Args:
        stamps_ns: all stamps held, at least one.
        count: frames of the clip.
        settings: of the window.

    Raises:
        ClipNotReadyError: the clip cannot be had; the message says what is missing.
    """
    start, end = run_start(stamps_ns, settings.max_gap_ns), len(stamps_ns) - 1
    since = ""
    if start > 0:
        gap_s = (stamps_ns[start] - stamps_ns[start - 1]) / 1e9
        since = f" since a gap of {gap_s:.2f} s (max_gap_s is {settings.max_gap_ns / 1e9:g})"
    if settings.period_ns is None:
        return newest_frames(start, end, count, since=since)
    return evenly_spaced(
        stamps_ns,
        start,
        end,
        count,
        period_ns=settings.period_ns,
        tolerance_ns=settings.tolerance_ns,
        since=since,
    )


def run_start(stamps_ns: Sequence[int], max_gap_ns: int) -> int:
    """Index of the first frame of the run up to the newest that has no gap above ``max_gap_ns``; 0 if none is held."""
    start = max(len(stamps_ns) - 1, 0)
    while start > 0 and stamps_ns[start] - stamps_ns[start - 1] <= max_gap_ns:
        start -= 1
    return start


def newest_frames(start: int, end: int, count: int, *, since: str) -> list[int]:
    """Indices of the ``count`` consecutive frames that end at ``end``.

    Args:
        start: first index that may be used.
        end: last index, always used.
        count: frames wanted.
        since: for the message, what the run began with: "" or for instance " since a gap of 0.8 s".

    Raises:
        ClipNotReadyError: fewer frames are there.
    """
    held = end - start + 1
    if held < count:
        raise ClipNotReadyError(f"{held} of {count} frames{since}; {count - held} more needed")
    return list(range(end - count + 1, end + 1))


def evenly_spaced(
    stamps_ns: Sequence[int],
    start: int,
    end: int,
    count: int,
    *,
    period_ns: int,
    tolerance_ns: int,
    since: str,
) -> list[int]:
    """Indices of ``count`` frames one period apart, ending at ``end``: each the nearest to its ideal instant.

    The instants are one period apart, so frames never run away from them however long the clip. The last of them is the
    newest frame's stamp if every other then has a frame, else as near to it as that is so: of a source that is no whole
    number of times as fast, the newest frame may be the one that is furthest from its instant.

    Args:
        stamps_ns: all stamps.
        start, end, count, since: as in :func:`newest_frames`.
        period_ns: time between two ideal instants.
        tolerance_ns: how far from its ideal instant a frame may be, the newest too.

    Raises:
        ClipNotReadyError: the run is too short, or has no frame near enough to one of the instants.
    """
    chosen = [end]
    last_ns = stamps_ns[end] + _shift_ns(
        stamps_ns, start, end, count, period_ns=period_ns, tolerance_ns=tolerance_ns
    )
    rate = f"{1e9 / period_ns:g} Hz"
    while len(chosen) < count:
        ideal_ns = last_ns - len(chosen) * period_ns
        nearest = _nearest(stamps_ns, start, chosen[-1], ideal_ns)
        if nearest is not None and abs(stamps_ns[nearest] - ideal_ns) <= tolerance_ns:
            chosen.append(nearest)
        elif nearest is None or stamps_ns[start] > ideal_ns + tolerance_ns:
            held, missing = len(chosen), count - len(chosen)
            raise ClipNotReadyError(f"{held} of {count} frames{since}; {missing} more at {rate}")
        else:
            raise ClipNotReadyError(
                f"no frame within {tolerance_ns / 1e6:.0f} ms of the instant "
                f"{(stamps_ns[end] - ideal_ns) / 1e6:.0f} ms before the newest, {len(chosen)} of {count} frames at "
                f"{rate}; frames come at {_rate(stamps_ns, start, end):.1f} Hz: lower rate_hz, or see why frames are "
                "lost"
            )
    return chosen[::-1]


def _shift_ns(
    stamps_ns: Sequence[int], start: int, end: int, count: int, *, period_ns: int, tolerance_ns: int
) -> int:
    """By how much the instants are laid off the newest frame: as little as leaves none of them without a frame.

    0 if no shift does that.
    """
    # Shifts, ends not included, that lay an instant where no frame is near enough: the oldest before the first frame, …
    oldest_ns = stamps_ns[end] - (count - 1) * period_ns
    bare = [(-count * period_ns, stamps_ns[start] - tolerance_ns - oldest_ns)]
    for older_ns, newer_ns in zip(stamps_ns[start:end], stamps_ns[start + 1 : end + 1], strict=True):
        if newer_ns - older_ns <= 2 * tolerance_ns:
            continue
        # … and of those that some shift lays between two frames:
        nearest = max(1, (stamps_ns[end] - newer_ns) // period_ns)
        furthest = min(count - 1, -((older_ns - stamps_ns[end]) // period_ns))
        for back in range(nearest, furthest + 1):
            unshifted_ns = stamps_ns[end] - back * period_ns
            bare.append((older_ns + tolerance_ns - unshifted_ns, newer_ns - tolerance_ns - unshifted_ns))
    up = down = 0
    for low, high in sorted(bare):
        if low < up < high:
            up = high
    for low, high in sorted(bare, key=lambda zone: zone[1], reverse=True):
        if low < down < high:
            down = low
    shift_ns = min(up, down, key=abs)
    return shift_ns if abs(shift_ns) <= tolerance_ns else 0


def _nearest(stamps_ns: Sequence[int], start: int, before: int, ideal_ns: int) -> int | None:
    """Index in [start, before) nearest to ``ideal_ns``; the older of two as near; None if the range is empty."""
    if start >= before:
        return None
    at = bisect_left(stamps_ns, ideal_ns, start, before)
    candidates = [index for index in (at - 1, at) if start <= index < before]
    return min(candidates, key=lambda index: abs(stamps_ns[index] - ideal_ns))


def _rate(stamps_ns: Sequence[int], start: int, end: int) -> float:
    span_ns = stamps_ns[end] - stamps_ns[start]
    return (end - start) * 1e9 / span_ns if span_ns else 0.0
