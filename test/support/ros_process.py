"""Processes of a ROS graph under test: each in a group of its own, read line by line, never left behind."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

GRACE_S = 5.0


class ProcessTimeoutError(AssertionError):
    """A process did not print, or do, what was waited for; the message carries its output."""


def installed_executable(name: str, *, package: str = "anyview_ros") -> Path:
    """Path of an executable that colcon installed; AssertionError with the remedy if it is not there."""
    for prefix in os.environ.get("AMENT_PREFIX_PATH", "").split(os.pathsep):
        path = Path(prefix, "lib", package, name)
        if path.is_file():
            return path
    message = (
        f"{package} has no executable {name} installed: run tools/build, and pytest through tools/with_ros"
    )
    raise AssertionError(message)


def node_command(
    what: str,
    *arguments: str,
    parameters: Mapping[str, object] | None = None,
    remappings: Mapping[str, str] | None = None,
    params_file: Path | None = None,
    node_name: str | None = None,
    namespace: str | None = None,
) -> list[str]:
    """Command line of a node: a module (`anyview_ros.nodes.player`) or an installed executable (`player`)."""
    command = [sys.executable, "-m", what] if "." in what else [str(installed_executable(what))]
    ros: list[str] = []
    if node_name is not None:
        ros += ["-r", f"__node:={node_name}"]
    if namespace is not None:
        ros += ["-r", f"__ns:={namespace}"]
    if params_file is not None:
        ros += ["--params-file", str(params_file)]
    for name, value in (parameters or {}).items():
        ros += ["-p", f"{name}:={json.dumps(value)}"]
    for source, target in (remappings or {}).items():
        ros += ["-r", f"{source}:={target}"]
    return [*command, *arguments, *(["--ros-args", *ros] if ros else [])]


class RosProcess:
    """One process with its output; use it through the fixture `ros_process`, which ends it."""

    def __init__(self, command: Sequence[str], env: Mapping[str, str], *, name: str) -> None:
        self.name = name
        self.command = list(command)
        self.lines: list[str] = []
        self._changed = threading.Condition()
        self._process = subprocess.Popen(
            self.command,
            env=dict(env),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            start_new_session=True,
        )
        self._reader = threading.Thread(target=self._read, name=f"output of {name}", daemon=True)
        self._reader.start()

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def returncode(self) -> int | None:
        """Exit status, negative for a signal; None while it runs."""
        return self._process.poll()

    @property
    def output(self) -> str:
        """All that it printed so far, standard error included."""
        with self._changed:
            return "\n".join(self.lines)

    def wait_for_line(self, pattern: str, *, timeout_s: float = 30.0, start: int = 0) -> re.Match[str]:
        """First line, from number `start` on, that the regular expression is found in."""
        expression = re.compile(pattern)
        deadline = time.monotonic() + timeout_s
        seen = start
        with self._changed:
            while True:
                for line in self.lines[seen:]:
                    if (match := expression.search(line)) is not None:
                        return match
                seen = max(seen, len(self.lines))
                left = deadline - time.monotonic()
                if not self._reader.is_alive():
                    raise ProcessTimeoutError(self._report(f"ended without printing {pattern!r}"))
                if left <= 0:
                    raise ProcessTimeoutError(self._report(f"did not print {pattern!r} in {timeout_s} s"))
                self._changed.wait(min(left, 0.5))

    def wait_for_exit(self, *, timeout_s: float = 15.0) -> int:
        """Exit status of a process that is expected to end by itself."""
        try:
            status = self._process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            raise ProcessTimeoutError(self._report(f"did not end in {timeout_s} s")) from None
        self._reader.join(GRACE_S)
        return status

    def signal(self, number: signal.Signals) -> None:
        """Signal the whole process group, as a terminal does on Ctrl-C; a group that is gone is no error."""
        try:
            os.killpg(self._process.pid, number)
        except ProcessLookupError:
            return

    def interrupt(self) -> None:
        """Send SIGINT, as Ctrl-C does."""
        self.signal(signal.SIGINT)

    def kill(self) -> None:
        """End it at once, as a crash would, and wait until it is gone."""
        self.signal(signal.SIGKILL)
        self._process.wait()

    def close(self) -> None:
        """Interrupt it, and kill what is left of its group after a few seconds."""
        if self._process.poll() is None:
            self.interrupt()
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(GRACE_S)
        self.kill()
        self._reader.join(GRACE_S)
        if self._process.stdout is not None and not self._reader.is_alive():
            self._process.stdout.close()

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            with self._changed:
                self.lines.append(line.rstrip("\n"))
                self._changed.notify_all()

    def _report(self, what: str) -> str:
        last = "\n".join(f"    {line}" for line in self.lines[-40:])
        return f"{self.name} {what} (status {self._process.poll()}); its last lines:\n{last}"
