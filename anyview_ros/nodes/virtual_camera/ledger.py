"""Every source frame accounted for: received == pushed + held + dropped."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Account:
    """A consistent reading of the ledger: ``received == pushed + held + sum(dropped.values())``."""

    received: int
    pushed: int
    held: int
    dropped: Mapping[str, int]


class Ledger:
    """Counts frames on their way from the subscription to the window. Safe between threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._received = 0
        self._pushed = 0
        self._dropped: Counter[str] = Counter()

    def receive(self) -> None:
        """A frame has arrived; until it is pushed or dropped it counts as held."""
        with self._lock:
            self._received += 1

    def push(self) -> None:
        """A frame has entered the window."""
        with self._lock:
            self._pushed += 1

    def drop(self, reason: str, count: int = 1) -> None:
        """``count`` frames went no further."""
        if count:
            with self._lock:
                self._dropped[reason] += count

    def read(self) -> Account:
        """The counts at this instant."""
        with self._lock:
            dropped = dict(sorted(self._dropped.items()))
            held = self._received - self._pushed - sum(dropped.values())
            return Account(self._received, self._pushed, held, dropped)
