"""As many sampling steps as the rate asked for leaves time for."""

from __future__ import annotations

from anyview_ros.errors import InvalidRequestError

_SHARE = 0.85
"""Of the time between two views that may be spent; the rest is for what comes and goes beside the method."""

_WEIGHT = 0.3
"""Of the newest measurement in the running estimate."""

_MORE = 1.2
"""Steps are raised only where this many times more would fit, so that their number does not swing."""


class StepBudget:
    """Chooses the steps of each view from what steps have cost so far.

    The first view gets the most steps; when they prove too slow for the rate, the next ones get fewer, and more again
    when there is time. The cost of a view is taken to be proportional to its steps.

    Args:
        rate_hz: views per second that are asked for.
        most: steps where time allows; the method's default.

    Raises:
        InvalidRequestError: a rate that is not positive, or less than one step at most.
    """

    def __init__(self, rate_hz: float, most: int) -> None:
        """Begin with the most steps."""
        if not 0 < rate_hz < float("inf"):
            raise InvalidRequestError(f"rate_hz is {rate_hz}; give a positive number of views per second")
        if most < 1:
            raise InvalidRequestError(f"steps are {most} at most; give 1 or more")
        self._limit_s = _SHARE / rate_hz
        self._most = most
        self._steps = most
        self._step_s = 0.0

    @property
    def steps(self) -> int:
        """Steps for the next view."""
        return self._steps

    def spent(self, seconds: float) -> None:
        """Tell how long the view took that was just made with ``steps`` steps."""
        step_s = seconds / self._steps
        self._step_s = step_s if not self._step_s else _WEIGHT * step_s + (1 - _WEIGHT) * self._step_s
        affordable = self._limit_s / max(self._step_s, 1e-9)
        if affordable < self._steps or affordable >= _MORE * (self._steps + 1):
            self._steps = int(min(max(affordable + 1e-6, 1), self._most))
