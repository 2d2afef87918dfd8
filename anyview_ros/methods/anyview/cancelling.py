"""Cancellation of requests that are served together."""

from __future__ import annotations

from collections.abc import Sequence

from anyview_ros.synthesis.protocol import CancelToken


class AllSet:
    """A cancel token of several requests at once: set once all of theirs are; None is one that never is."""

    def __init__(self, cancels: Sequence[CancelToken | None]) -> None:
        self._cancels = cancels

    def is_set(self) -> bool:
        """Whether nobody wants the work any more."""
        return all(cancel is not None and cancel.is_set() for cancel in self._cancels)
