"""Which frames of a run of stamps make a clip. Stamps are ascending lists of nanoseconds."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence

from anyview_ros.clips.window_settings import WindowSettings
from anyview_ros.errors import ClipNotReadyError


def select(
    stamps: Sequence[int],
    end: int,
    frames: int | None,
    settings: WindowSettings,
    *,
    gone_ns: int | None = None,
) -> list[int]:
    """Indices of the clip that ends at index ``end``.

    Args:
        stamps: all stamps held.
        end: index of the clip's last frame.
        frames: frames of the clip; None for the window's length.
        settings: of the window.
        gone_ns: stamp of the frame evicted last, the one before ``stamps[0]``; None if none was.

    Raises:
        ClipNotReadyError: the clip cannot be had; the message says what is missing.
    """
    start = run_start(stamps, end, settings.max_gap_ns)
    since = ""
    if start > 0:
        gap_s = (stamps[start] - stamps[start - 1]) / 1e9
        since = f" since a gap of {gap_s:.2f} s (max_gap_s is {settings.max_gap_ns / 1e9:g})"
    count = settings.length_frames if frames is None else frames
    if count is None:
        return _span(stamps, start, end, settings, since=since, gone_ns=gone_ns if start == 0 else None)
    if settings.period_ns is None:
        return newest_frames(start, end, count, since=since)
    return evenly_spaced(
        stamps,
        start,
        end,
        count,
        period_ns=settings.period_ns,
        tolerance_ns=settings.tolerance_ns,
        since=since,
    )


def _span(
    stamps: Sequence[int],
    start: int,
    end: int,
    settings: WindowSettings,
    *,
    since: str,
    gone_ns: int | None,
) -> list[int]:
    """Indices of every frame of the window's length in seconds, up to index ``end``."""
    oldest_ns = stamps[end] - settings.length_ns
    # A frame evicted without a gap before the first one held shows that nothing was missed between the two.
    joined = gone_ns is not None and stamps[start] - gone_ns <= settings.max_gap_ns
    from_ns = gone_ns if gone_ns is not None and joined else stamps[start]
    full = joined and end - start + 1 == settings.capacity
    if from_ns > oldest_ns and not full:
        held_s, wanted_s = (stamps[end] - from_ns) / 1e9, settings.length_ns / 1e9
        raise ClipNotReadyError(
            f"{held_s:.2f} of {wanted_s:g} s{since}; {wanted_s - held_s:.2f} s more needed"
        )
    return list(range(max(start, bisect_right(stamps, oldest_ns)), end + 1))


def run_start(stamps: Sequence[int], end: int, max_gap_ns: int) -> int:
    """Index of the first frame of the run up to index ``end`` that has no gap above ``max_gap_ns``."""
    start = end
    while start > 0 and stamps[start] - stamps[start - 1] <= max_gap_ns:
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
    stamps: Sequence[int],
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
        stamps: all stamps.
        start, end, count, since: as in :func:`newest_frames`.
        period_ns: time between two ideal instants.
        tolerance_ns: how far from its ideal instant a frame may be, the newest too.

    Raises:
        ClipNotReadyError: the run is too short, or has no frame near enough to one of the instants.
    """
    chosen = [end]
    last_ns = stamps[end] + _shift(stamps, start, end, count, period_ns=period_ns, tolerance_ns=tolerance_ns)
    rate = f"{1e9 / period_ns:g} Hz"
    while len(chosen) < count:
        ideal = last_ns - len(chosen) * period_ns
        nearest = _nearest(stamps, start, chosen[-1], ideal)
        if nearest is not None and abs(stamps[nearest] - ideal) <= tolerance_ns:
            chosen.append(nearest)
        elif nearest is None or stamps[start] > ideal + tolerance_ns:
            held, missing = len(chosen), count - len(chosen)
            raise ClipNotReadyError(f"{held} of {count} frames{since}; {missing} more at {rate}")
        else:
            raise ClipNotReadyError(
                f"no frame within {tolerance_ns / 1e6:.0f} ms of the instant "
                f"{(stamps[end] - ideal) / 1e6:.0f} ms before the newest, {len(chosen)} of {count} frames at "
                f"{rate}; frames come at {_rate(stamps, start, end):.1f} Hz: lower rate_hz, raise tolerance, "
                "or see why frames are lost"
            )
    return chosen[::-1]


def _shift(
    stamps: Sequence[int], start: int, end: int, count: int, *, period_ns: int, tolerance_ns: int
) -> int:
    """By how much the instants are laid off the newest frame: as little as leaves none of them without a frame.

    0 if no shift does that.
    """
    # Shifts, ends not included, that lay an instant where no frame is near enough: the oldest before the first frame, …
    oldest = stamps[end] - (count - 1) * period_ns
    bare = [(-count * period_ns, stamps[start] - tolerance_ns - oldest)]
    for older, newer in zip(stamps[start:end], stamps[start + 1 : end + 1], strict=True):
        if newer - older <= 2 * tolerance_ns:
            continue
        # … and of those that some shift lays between two frames:
        nearest = max(1, (stamps[end] - newer) // period_ns)
        furthest = min(count - 1, -((older - stamps[end]) // period_ns))
        for back in range(nearest, furthest + 1):
            unshifted = stamps[end] - back * period_ns
            bare.append((older + tolerance_ns - unshifted, newer - tolerance_ns - unshifted))
    up = down = 0
    for low, high in sorted(bare):
        if low < up < high:
            up = high
    for low, high in sorted(bare, key=lambda zone: zone[1], reverse=True):
        if low < down < high:
            down = low
    shift = min(up, down, key=abs)
    return shift if abs(shift) <= tolerance_ns else 0


def _nearest(stamps: Sequence[int], start: int, before: int, ideal: int) -> int | None:
    """Index in [start, before) nearest to ``ideal``; the older of two as near; None if the range is empty."""
    if start >= before:
        return None
    at = bisect_left(stamps, ideal, start, before)
    candidates = [index for index in (at - 1, at) if start <= index < before]
    return min(candidates, key=lambda index: abs(stamps[index] - ideal))


def _rate(stamps: Sequence[int], start: int, end: int) -> float:
    span = stamps[end] - stamps[start]
    return (end - start) * 1e9 / span if span else 0.0
