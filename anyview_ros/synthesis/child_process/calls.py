"""Calls to a child that is replaced when it dies."""

from __future__ import annotations

import itertools
from typing import Any

from anyview_ros.errors import SynthesisCancelled
from anyview_ros.synthesis.child_process.messages import Answer, Call, Cancel, Progressed
from anyview_ros.synthesis.child_process.process import ChildProcess
from anyview_ros.synthesis.child_process.supervisor import Supervisor
from anyview_ros.synthesis.child_process.watchdog import Watchdog
from anyview_ros.synthesis.protocol import CancelToken, Progress

_MAKES_VIEWS = frozenset({"synthesize", "push"})


class Calls:
    """Has the child of a supervisor do things, one at a time.

    Args:
        supervisor: of the child.
        patience_s: how long a child that was told to stop may go on.
    """

    def __init__(self, supervisor: Supervisor, *, patience_s: float) -> None:
        """Call nothing yet; see the class for the arguments."""
        self._supervisor, self._patience_s = supervisor, patience_s
        self._numbers = itertools.count()

    @property
    def generation(self) -> int:
        """Changes when a child is given up: what it remembered is gone."""
        return self._supervisor.generation

    def call(
        self,
        name: str,
        *arguments: Any,
        progress: Progress | None = None,
        cancel: CancelToken | None = None,
        limit_s: float | None = None,
    ) -> Any:
        """Have the child do something and wait for the answer.

        Args:
            name: of what to do.
            arguments: of it.
            progress: told after each step.
            cancel: looked at while waiting.
            limit_s: after so long the child is killed.

        Raises:
            EngineClosedError: closed.
            EngineUnavailableError: the new child ended while it loaded or took too long, or it is too early to begin
                another.
            SynthesisCancelled: ``cancel`` was set, and the child did not stop in time.
            SynthesisError: the child died meanwhile.
            AnyViewError: as the method's own.
        """
        child = self._supervisor.living()
        number = next(self._numbers)
        watchdog = Watchdog(child, cancel, patience_s=self._patience_s, limit_s=limit_s)
        try:
            with watchdog:
                child.send(Call(number, name, arguments))
                answer = _answer(child, number, progress, cancel)
        except (EOFError, OSError) as error:
            if watchdog.cancelled:
                self._supervisor.replace_killed(child)
                raise SynthesisCancelled(
                    "the work was cancelled, and the process of the method, which did not stop within "
                    f"{self._patience_s:g} s, was replaced"
                ) from error
            raise self._supervisor.replace_dead(child, f"while it did '{name}'") from error
        if watchdog.killed:
            self._supervisor.replace_killed(child)  # just as the answer came
        if answer.failure is not None:
            raise answer.failure.exception()
        if name in _MAKES_VIEWS:
            self._supervisor.made_views()
        return answer.value


def _answer(
    child: ChildProcess, number: int, progress: Progress | None, cancel: CancelToken | None
) -> Answer:
    """Wait for the answer to the call with that number; tell the child when ``cancel`` is set."""
    cancelled = False
    while True:
        if cancel is not None and not cancelled and cancel.is_set():
            cancelled = True
            child.send(Cancel(number))
        if not child.poll():
            continue
        message = child.receive()
        if message.number != number:
            continue  # of an earlier call, whose caller's progress raised
        if isinstance(message, Answer):
            return message
        if isinstance(message, Progressed) and progress is not None:
            progress(message.step, message.total)
