"""Processes of a graph: started together, watched, logged to files, and ended together."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType

from anyview_ros.errors import AnyViewError

_GRACE_S = 5.0
_TOLD_LINES = 12


class GraphError(AnyViewError):
    """A process of the graph did not start, or ended too early."""


class ProcessGroup:
    """A context in which processes run; leaving it ends them all, politely first."""

    def __init__(self, log_folder: Path, *, environment: Mapping[str, str]) -> None:
        """Args: where each process' output goes, as ``<name>.log``; and the environment of all."""
        self._folder = log_folder
        self._environment = dict(environment)
        self._running: dict[str, subprocess.Popen[bytes]] = {}
        log_folder.mkdir(parents=True, exist_ok=True)

    def start_module(self, name: str, module: str, arguments: Sequence[str] = ()) -> None:
        """Start ``python -m module arguments`` under a name of ours."""
        with self.log(name).open("wb") as log:
            self._running[name] = subprocess.Popen(  # noqa: S603 - our own modules, no shell
                [sys.executable, "-m", module, *arguments],
                stdout=log,
                stderr=subprocess.STDOUT,
                env=self._environment,
                start_new_session=True,
            )

    def log(self, name: str) -> Path:
        """The log file of a process."""
        return self._folder / f"{name}.log"

    def check(self) -> None:
        """See that all still run.

        Raises:
            GraphError: one has ended; with the end of its log.
        """
        for name, process in self._running.items():
            if process.poll() is not None:
                raise GraphError(
                    f"{name} ended with code {process.returncode}; the end of {self.log(name)}:\n{self._tail(name)}"
                )

    def _tail(self, name: str) -> str:
        return "\n".join(self.log(name).read_text(errors="replace").splitlines()[-_TOLD_LINES:])

    def stop(self) -> None:
        """Send SIGINT to every process group, then SIGKILL to those that do not end in time."""
        for process in self._running.values():
            _signal(process, signal.SIGINT)
        deadline = time.monotonic() + _GRACE_S
        for process in self._running.values():
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(max(0.0, deadline - time.monotonic()))
            _signal(process, signal.SIGKILL)
            process.wait()
        self._running.clear()

    def __enter__(self) -> ProcessGroup:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


def _signal(process: subprocess.Popen[bytes], number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, number)
