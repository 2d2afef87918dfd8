"""Steps of a request: how many may be asked for, how many are done, and whether to stop between two."""

from __future__ import annotations

from anyview_ros.errors import InvalidRequestError, SynthesisCancelled
from anyview_ros.synthesis.protocol import CancelToken, Progress

MOST_STEPS = 1000
"""Sampling steps of methods whose networks know as many levels of noise."""


def check_most_steps(steps: int | None, method: str) -> None:
    """Check the sampling steps that a method is asked for; None leaves them to it.

    Raises:
        InvalidRequestError: more than there are levels of noise.
    """
    if steps is not None and steps > MOST_STEPS:
        raise InvalidRequestError(f"steps is {steps}; method '{method}' takes 1 to {MOST_STEPS}")


def check_cancel(cancel: CancelToken | None, method: str) -> None:
    """Stop the work of a method if that is wanted.

    Raises:
        SynthesisCancelled: ``cancel`` was set.
    """
    if cancel is not None and cancel.is_set():
        raise SynthesisCancelled(f"method '{method}' was cancelled between two steps")


class StepCount:
    """Progress and cancellation of one request.

    Args:
        method: whose it is, by name.
        total: steps in all.
        progress, cancel: as given to ``synthesize``.
    """

    def __init__(
        self, method: str, total: int, progress: Progress | None, cancel: CancelToken | None
    ) -> None:
        self._method, self._total, self._done = method, total, 0
        self._progress, self._cancel = progress, cancel

    def check(self) -> None:
        """Stop the work if that is wanted.

        Raises:
            SynthesisCancelled: it is.
        """
        check_cancel(self._cancel, self._method)

    def count(self) -> None:
        """Tell that one step more is done."""
        self.reach(self._done + 1)

    def step(self) -> None:
        """Stop the work if that is wanted, else tell that one step more is done; see :meth:`check`."""
        self.check()
        self.count()

    def finish(self) -> None:
        """Tell that all steps are done; nothing is told where they were before."""
        self.reach(self._total)

    def reach(self, done: int) -> None:
        """Tell that so many steps are done, at most all; nothing is told where as many were before."""
        done = min(done, self._total)
        if done > self._done:
            self._done = done
            if self._progress is not None:
                self._progress(done, self._total)
