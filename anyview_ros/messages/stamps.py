"""Stamps of messages."""

from __future__ import annotations

from anyview_ros.messages.fields import StampFields

NS_PER_S = 1_000_000_000


def time_to_ns(stamp: StampFields) -> int:
    """Nanoseconds since the epoch of the stamp's clock; of a duration its length, which may be negative."""
    return int(stamp.sec) * NS_PER_S + int(stamp.nanosec)
