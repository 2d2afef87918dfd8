"""Ctrl-C, and the end that a job scheduler asks for: work ends between two steps, and what is whole stays."""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

INTERRUPTED = 130
"""Exit code of what was interrupted."""


@contextmanager
def interruptible() -> Iterator[threading.Event]:
    """A token that the first SIGINT or SIGTERM sets; a second one interrupts at once."""
    cancel = threading.Event()

    def on_signal(number: int, frame: FrameType | None) -> None:
        del number, frame
        if cancel.is_set():
            raise KeyboardInterrupt
        cancel.set()
        print("\nending after this step; press Ctrl-C again to end at once", file=sys.stderr)

    before = {number: signal.signal(number, on_signal) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield cancel
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
