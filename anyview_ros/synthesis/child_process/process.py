"""The process of a child, and the pipe to it."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from contextlib import suppress
from multiprocessing import Pipe
from typing import Any

from anyview_ros.errors import EngineUnavailableError
from anyview_ros.synthesis.child_process.messages import Answer, Begin, Call, Cancel, Loaded

POLL_S = 0.05
"""Between two looks at the process, the cancel token and the time."""


class ChildProcess:
    """One process and the pipe to it.

    Args:
        begin: what it is to load.
    """

    def __init__(self, begin: Begin) -> None:
        """Begin it; it loads meanwhile."""
        self._pipe, theirs = Pipe()
        command = [
            sys.executable,
            "-P",
            "-m",
            "anyview_ros.synthesis.child_process.worker",
            str(theirs.fileno()),
        ]
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(path or os.curdir for path in sys.path)}
        with theirs:
            self._process = subprocess.Popen(  # noqa: S603 - this interpreter, our own module
                command, pass_fds=[theirs.fileno()], env=environment, stdin=subprocess.DEVNULL
            )
        self._loaded: Loaded | None = None
        self._begun_s = time.monotonic()
        with suppress(OSError):  # one that is dead already says so when it is waited for
            self._pipe.send(begin)

    @property
    def process_id(self) -> int:
        """Of the operating system."""
        return self._process.pid

    def wait_until_loaded(self, longest_s: float) -> Loaded:
        """Wait for the method; a child that takes longer, counted from its beginning, is killed.

        Raises:
            EngineUnavailableError: it ended while it loaded, or took too long.
            AnyViewError: what loading raised in the child.
        """
        if self._loaded is None:
            try:
                if not self._answers_by(self._begun_s + longest_s):
                    self.kill()
                    raise EngineUnavailableError(
                        f"the process of the method had not loaded it after {longest_s:g} s and was ended; see its "
                        "output, and where loading takes longer give more as longest_load_s (a node: "
                        "child_load_timeout_s)"
                    )
                answer: Answer = self._pipe.recv()
            except (EOFError, OSError) as error:
                raise EngineUnavailableError(
                    f"the process of the method {self.told_end()} while it loaded; see its output for the reason"
                ) from error
            if answer.failure is not None:
                raise answer.failure.exception()
            self._loaded = answer.value
        assert self._loaded is not None  # noqa: S101 - just answered
        return self._loaded

    def _answers_by(self, stop_by: float) -> bool:
        """Wait for a message; False if none has come by then."""
        while not self.poll():
            if time.monotonic() > stop_by:
                return False
        return True

    def send(self, message: Call | Cancel) -> None:
        """Tell the child something.

        Raises:
            OSError: it has ended.
        """
        self._pipe.send(message)

    def poll(self) -> bool:
        """Wait a moment for a message; False if none has come.

        Raises:
            EOFError: the process has ended without one, though others that it began may hold its end of the pipe open.
        """
        ended = self._process.poll() is not None
        waits = self._pipe.poll(POLL_S)
        if ended and not waits:
            raise EOFError
        return waits

    def receive(self) -> Any:
        """The next message; waits for it.

        Raises:
            EOFError, OSError: the process has ended.
        """
        return self._pipe.recv()

    def kill(self) -> None:
        """End it, and whatever is waited for at its pipe, though others that it began may hold its end open."""
        self._process.kill()
        with suppress(OSError), socket.socket(fileno=os.dup(self._pipe.fileno())) as both:
            both.shutdown(socket.SHUT_RDWR)

    def told_end(self) -> str:
        """How it ended, for people."""
        try:
            code = self._process.wait(5.0)
        except subprocess.TimeoutExpired:
            return "closed its pipe"
        if code < 0:
            return f"was ended by {signal.Signals(-code).name}"
        return f"ended with code {code}"

    def close(self) -> None:
        """The child ends by itself when its pipe does; one that does not is killed."""
        self._pipe.close()
        try:
            self._process.wait(5.0)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
