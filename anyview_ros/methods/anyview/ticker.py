"""Progress and cancellation of one request."""

from __future__ import annotations

from collections.abc import Sequence

from anyview_ros.errors import SynthesisCancelled
from anyview_ros.synthesis.protocol import CancelToken, Progress


class AllSet:
    """A cancel token of several requests at once: set once all of theirs are; None is one that never is."""

    def __init__(self, cancels: Sequence[CancelToken | None]) -> None:
        self._cancels = cancels

    def is_set(self) -> bool:
        """Whether nobody wants the work any more."""
        return all(cancel is not None and cancel.is_set() for cancel in self._cancels)


class Ticker:
    """Counts evaluations of the network over all batches of the requests at hand.

    Args:
        per_batch: evaluations of a batch.
        batches: number of batches.
        progress, cancel: as given to ``synthesize``.
    """

    def __init__(
        self, per_batch: int, batches: int, progress: Progress | None, cancel: CancelToken | None
    ) -> None:
        self._per_batch = per_batch
        self._total = per_batch * batches
        self._progress, self._cancel = progress, cancel
        self._before = 0

    def check(self) -> None:
        """Stop the work if that is wanted.

        Raises:
            SynthesisCancelled: it is.
        """
        if self._cancel is not None and self._cancel.is_set():
            raise SynthesisCancelled("method 'anyview' was cancelled between two steps")

    def done(self, evaluations: int) -> None:
        """Tell that so many evaluations of the present batch are done, and :meth:`check`."""
        if evaluations and self._progress is not None:
            self._progress(self._before + evaluations, self._total)
        if evaluations == self._per_batch:
            self._before += evaluations
        self.check()
