"""A request on its way through the server."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any

from action_msgs.msg import GoalStatus

from anyview_ros import errors
from anyview_ros.errors import (
    AnyViewError,
    EngineUnavailableError,
    InvalidInputError,
    SynthesisError,
    SynthesisTimeout,
)
from anyview_ros.nodes.conversions.interfaces import provenance_from_msg, view_from_msgs
from anyview_ros.synthesis.protocol import Progress
from anyview_ros.synthesis.request import SynthesisRequest, check_timeout
from anyview_ros.synthesis.result import SynthesisResult

_GRACE_S = 1.0  # for the server to say itself that the time is up


class RemoteJob:
    """The SynthesisJob of a server elsewhere. It ends by its time limit, plus one second, whatever happens.

    Args:
        request: what was asked.
        timeout_s: time limit from now, at most a day.
        progress: told after each step, on the node's executor.
        cancel: called to ask the server for the end.
        ended: called once when the job has ended.

    Raises:
        InvalidRequestError: a time limit that is not positive, or longer than a day.
    """

    def __init__(
        self,
        request: SynthesisRequest,
        timeout_s: float,
        progress: Progress | None,
        *,
        cancel: Callable[[RemoteJob], None],
        ended: Callable[[RemoteJob], None],
    ) -> None:
        check_timeout(timeout_s, otherwise="None for the client's default")
        self._counts = [len(target) for target in request.targets]
        self._progress = progress
        self._cancel = cancel
        self._ended = ended
        self._future: Future[SynthesisResult] = Future()
        self._future.set_running_or_notify_cancel()
        self._lock = threading.Lock()
        self._done = False
        self._position = 0
        self._submitted_s = time.monotonic()
        self._begun_s: float | None = None
        self._times_ms: tuple[float, float] | None = None
        self._timer = threading.Timer(timeout_s + _GRACE_S, self._time_is_up, (timeout_s,))
        self._timer.daemon = True
        self._timer.start()

    @property
    def future(self) -> Future[SynthesisResult]:
        """Ends with the result or an AnyViewError; its callbacks run on the node's executor, or at the limit."""
        return self._future

    @property
    def position(self) -> int:
        """Requests ahead of this one in the server's queue, as it last told."""
        return self._position

    @property
    def queue_ms(self) -> float:
        """Time spent waiting so far, or in all once begun."""
        if self._times_ms is not None:
            return self._times_ms[0]
        return ((self._begun_s or time.monotonic()) - self._submitted_s) * 1e3

    @property
    def synthesis_ms(self) -> float:
        """Time spent by the method so far, or in all once ended."""
        if self._times_ms is not None:
            return self._times_ms[1]
        return 0.0 if self._begun_s is None else (time.monotonic() - self._begun_s) * 1e3

    def cancel(self) -> None:
        """Ask the server for the end. Harmless once ended."""
        if not self._done:
            self._cancel(self)

    def told(self, message: Any) -> None:
        """Take the server's feedback."""
        feedback = message.feedback
        self._position = int(feedback.position)
        if feedback.total == 0 or self._done:
            return
        if self._begun_s is None:
            self._begun_s = time.monotonic()
        if self._progress is not None:
            self._progress(int(feedback.step), int(feedback.total))

    def answered(self, response: Any) -> None:
        """Take the server's final word."""
        answer = response.result
        if response.status == GoalStatus.STATUS_UNKNOWN:
            self.fail(
                EngineUnavailableError("the server no longer knows the request; it was restarted. Ask again")
            )
            return
        self._times_ms = (float(answer.queue_ms), float(answer.synthesis_ms))
        if not answer.success:
            self.fail(
                error_of(answer.error_type, answer.error or "the server aborted the request without a reason")
            )
            return
        try:
            result = self._result(answer)
        except AnyViewError as error:
            self.fail(error)
            return
        if self._end():
            self._future.set_result(result)

    def fail(self, error: AnyViewError) -> None:
        """End with an error, unless ended already."""
        if self._end():
            self._future.set_exception(error)

    def _result(self, answer: Any) -> SynthesisResult:
        if len(answer.views) != sum(self._counts):
            raise InvalidInputError(
                f"the answer holds {len(answer.views)} pictures but {sum(self._counts)} were asked for; "
                "server and client are of different versions"
            )
        pictures = iter(answer.views)
        views = [view_from_msgs([next(pictures) for _ in range(count)]) for count in self._counts]
        return SynthesisResult(tuple(views), provenance_from_msg(answer.provenance))

    def _end(self) -> bool:
        with self._lock:
            if self._done:
                return False
            self._done = True
        self._timer.cancel()
        self._ended(self)
        return True

    def _time_is_up(self, timeout_s: float) -> None:
        self.fail(
            SynthesisTimeout(
                f"the server did not answer within {timeout_s:g} s; give more time, or see its diagnostics"
            )
        )


def error_of(kind: str, message: str) -> AnyViewError:
    """The error of this class name of ``anyview_ros.errors``; a SynthesisError if there is none."""
    found = getattr(errors, kind, None)
    if isinstance(found, type) and issubclass(found, AnyViewError):
        return found(message)
    return SynthesisError(message)
