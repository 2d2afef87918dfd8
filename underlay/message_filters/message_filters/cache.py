"""The last messages of a filter, to be asked by time."""

from __future__ import annotations

from collections import deque
from typing import Any

from rclpy.time import Time

from .simple_filter import SimpleFilter
from .stamps import time_of


class Cache(SimpleFilter):
    """Keeps the last cache_size messages in the order of their arrival, and passes each on."""

    def __init__(self, f: SimpleFilter, cache_size: int = 1, allow_headerless: bool = False) -> None:
        super().__init__()
        self.cache_size = cache_size
        self.allow_headerless = allow_headerless
        self._entries: deque[tuple[Time, Any]] = deque(maxlen=cache_size)
        self.connectInput(f)

    def connectInput(self, f: SimpleFilter) -> None:
        """Listen to a filter."""
        self.incoming_connection = f.registerCallback(self.add)

    def add(self, msg: Any) -> None:
        """Keep a message and pass it on; one without a stamp is dropped unless allow_headerless."""
        time = time_of(msg, allow_headerless=self.allow_headerless, logger="message_filters_cache")
        if time is not None:
            self._entries.append((time, msg))
            self.signalMessage(msg)

    def getInterval(self, from_stamp: Time, to_stamp: Time) -> list[Any]:
        """Return the messages with from_stamp <= stamp <= to_stamp."""
        return [message for time, message in self._entries if from_stamp <= time <= to_stamp]

    def getElemAfterTime(self, stamp: Time) -> Any | None:
        """Return the first message at or after an instant, if any."""
        return next((message for time, message in self._entries if time >= stamp), None)

    def getElemBeforeTime(self, stamp: Time) -> Any | None:
        """Return the last message at or before an instant, if any."""
        return next((message for time, message in reversed(self._entries) if time <= stamp), None)

    def getLastestTime(self) -> Time | None:
        """Return the stamp of the last message, if any. The name is upstream's."""
        return self._entries[-1][0] if self._entries else None

    def getOldestTime(self) -> Time | None:
        """Return the stamp of the first message that is kept, if any."""
        return self._entries[0][0] if self._entries else None

    def getLast(self) -> Any | None:
        """Return the first message that is not older than the last one: with stamps in order, the last."""
        latest = self.getLastestTime()
        return None if latest is None else self.getElemAfterTime(latest)
