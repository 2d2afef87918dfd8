"""One line on stderr that says how far a benchmark is."""

from __future__ import annotations

import sys
import time


class Progress:
    """Counts steps up to ``total`` and says what is being done and how long the rest will take."""

    def __init__(self, total: int) -> None:
        self._total = total
        self._done = 0
        self._begun_s = time.monotonic()

    def step(self, what: str) -> None:
        """Say that the next step, ``what``, begins."""
        spent_s = time.monotonic() - self._begun_s
        left = f", {spent_s / self._done * (self._total - self._done):.0f} s left" if self._done else ""
        filled = round(24 * self._done / self._total)
        self._write(f"[{'#' * filled}{'.' * (24 - filled)}] {self._done}/{self._total} {what}{left}")
        self._done += 1

    def end(self) -> None:
        """Wipe the line, or end it where stderr is a file."""
        self._write("")

    @staticmethod
    def _write(text: str) -> None:
        if sys.stderr.isatty():
            sys.stderr.write(f"\r\x1b[K{text}")
        elif text:
            sys.stderr.write(f"{text}\n")
        sys.stderr.flush()
