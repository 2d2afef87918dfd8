"""The base of all filters: something that calls back with messages."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


class SimpleFilter:
    """Calls every registered callback with each message, or set of messages, that it lets through."""

    def __init__(self) -> None:
        self.callbacks: dict[int, tuple[Callable[..., None], tuple[Any, ...]]] = {}

    def registerCallback(self, cb: Callable[..., None], *args: Any) -> int:
        """Call cb(*messages, *args) at each output; returns the number of the connection."""
        connection = len(self.callbacks)
        self.callbacks[connection] = (cb, args)
        return connection

    def signalMessage(self, *messages: Any) -> None:
        """Pass messages on to the callbacks, in the order in which these were registered."""
        for callback, args in list(self.callbacks.values()):
            callback(*messages, *args)
