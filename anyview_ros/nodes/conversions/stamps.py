"""Nanoseconds as messages of time."""

from __future__ import annotations

from builtin_interfaces.msg import Duration, Time

from anyview_ros.errors import InvalidInputError
from anyview_ros.messages.stamps import NS_PER_S

_MAX_SECONDS = 2**31 - 1


def ns_to_time(stamp_ns: int) -> Time:
    """The stamp of ``stamp_ns``.

    Raises:
        InvalidInputError: negative, or beyond what the message holds (the year 2038).
    """
    seconds, nanoseconds = divmod(int(stamp_ns), NS_PER_S)
    if not 0 <= seconds <= _MAX_SECONDS:
        raise InvalidInputError(
            f"stamp_ns is {stamp_ns}; a stamp holds 0 to {_MAX_SECONDS} whole seconds, in nanoseconds"
        )
    return Time(sec=seconds, nanosec=nanoseconds)


def ns_to_duration(duration_ns: int) -> Duration:
    """The duration of ``duration_ns``, clamped to what the message holds (68 years)."""
    limit = _MAX_SECONDS * NS_PER_S
    seconds, nanoseconds = divmod(min(max(int(duration_ns), -limit), limit), NS_PER_S)
    return Duration(sec=seconds, nanosec=nanoseconds)
