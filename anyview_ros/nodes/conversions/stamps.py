"""Messages of time and nanoseconds."""

from __future__ import annotations

from builtin_interfaces.msg import Duration, Time

from anyview_ros.errors import InvalidInputError

_NS_PER_S = 1_000_000_000
_MAX_SECONDS = 2**31 - 1


def time_to_ns(stamp: Time) -> int:
    """Nanoseconds since the epoch of the stamp's clock."""
    return int(stamp.sec) * _NS_PER_S + int(stamp.nanosec)


def ns_to_time(stamp_ns: int) -> Time:
    """The stamp of ``stamp_ns``.

    Raises:
        InvalidInputError: negative, or beyond what the message holds (the year 2038).
    """
    seconds, nanoseconds = divmod(int(stamp_ns), _NS_PER_S)
    if not 0 <= seconds <= _MAX_SECONDS:
        raise InvalidInputError(
            f"stamp_ns is {stamp_ns}; a stamp holds 0 to {_MAX_SECONDS} whole seconds, in nanoseconds"
        )
    return Time(sec=seconds, nanosec=nanoseconds)


def duration_to_ns(duration: Duration) -> int:
    """Nanoseconds of a duration, which may be negative."""
    return int(duration.sec) * _NS_PER_S + int(duration.nanosec)


def ns_to_duration(duration_ns: int) -> Duration:
    """The duration of ``duration_ns``, clamped to what the message holds (68 years)."""
    limit = _MAX_SECONDS * _NS_PER_S
    seconds, nanoseconds = divmod(min(max(int(duration_ns), -limit), limit), _NS_PER_S)
    return Duration(sec=seconds, nanosec=nanoseconds)
