"""Why there is no view: one sentence per stage between the camera and the published picture."""

from __future__ import annotations

import threading
from enum import IntEnum


class Stage(IntEnum):
    """Stages in the order in which a frame passes them; the first with a problem explains those after it."""

    CLOCK = 0
    IMAGE = 1
    CAMERA_INFO = 2
    SYNC = 3
    PICTURE = 4
    TF = 5
    ENGINE = 6
    STREAM = 7
    FRAME = 8


class ProblemBoard:
    """The present problem of each stage, for a node or for one virtual camera. Safe between threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._texts: dict[Stage, str] = {}

    def set(self, stage: Stage, text: str) -> None:
        """State the problem of a stage; an empty text clears it."""
        with self._lock:
            if text:
                self._texts[stage] = text
            else:
                self._texts.pop(stage, None)

    def clear(self, *stages: Stage) -> None:
        """Clear these stages, or all if none is named."""
        with self._lock:
            for stage in stages or tuple(self._texts):
                self._texts.pop(stage, None)

    def at(self, stage: Stage) -> str:
        """The problem of a stage, or ""."""
        with self._lock:
            return self._texts.get(stage, "")

    def first(self) -> str:
        """The problem of the earliest stage that has one, or ""."""
        with self._lock:
            return self._texts[min(self._texts)] if self._texts else ""
