"""Processes of a benchmark: started, watched from outside through the kernel's own counts, and always ended."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

NAMESPACE = "/benchmark"
_GRACE_S = 10.0
_PATIENCE_S = 60.0
_REALTIME = ("chrt", "--rr", "1")


class Watched:
    """A Python module that runs in a process of its own and writes a file of its times when it ends.

    Args:
        module: run with the path of that file as its first argument.
        arguments: those after it.
        folder: gets the file and the process's output.
        realtime: run it before all ordinary processes of the machine.

    Attributes:
        rows: what it wrote, integers; empty before :meth:`end`.
    """

    def __init__(self, module: str, arguments: list[str], folder: Path, *, realtime: bool) -> None:
        self.rows: list[tuple[int, ...]] = []
        self._times = folder / f"{module.rpartition('.')[2]}.csv"
        self._log = (folder / f"{module.rpartition('.')[2]}.log").open("w+", encoding="utf-8")
        self._process = subprocess.Popen(  # noqa: S603 - our own modules
            [*(_REALTIME if realtime else ()), sys.executable, "-m", module, str(self._times), *arguments],
            stdin=subprocess.DEVNULL,
            stdout=self._log,
            stderr=subprocess.STDOUT,
            env={**os.environ, "OMP_NUM_THREADS": "1"},
            start_new_session=True,
        )

    def wait_for_first_row(self) -> None:
        """Return once it has got its first image.

        Raises:
            TimeoutError: it has got none in a minute.
        """
        deadline_s = time.monotonic() + _PATIENCE_S
        while not self._times.exists():
            self.check()
            if time.monotonic() > deadline_s:
                message = f"{self._process.args!r} has got no image within {_PATIENCE_S:g} s"
                raise TimeoutError(message)
            time.sleep(0.05)

    def cpu_s(self) -> float:
        """CPU seconds of all its threads so far, those that have ended included."""
        self.check()
        # The CPU clock of another process, as clock_getcpuclockid(3) makes it.
        return time.clock_gettime((~self._process.pid << 3) | 2)

    def page_faults(self) -> int:
        """Pages that the kernel had to give it so far, without reading them from a disk."""
        self.check()
        text = Path(f"/proc/{self._process.pid}/stat").read_text(encoding="utf-8")
        return int(text.rpartition(")")[2].split()[7])

    def rss_bytes(self) -> int:
        """Resident memory now, shared pages included."""
        return self._memory("VmRSS")

    def private_bytes(self) -> int:
        """Resident memory of its own now: without files and shared memory."""
        return self._memory("RssAnon")

    def _memory(self, field: str) -> int:
        self.check()
        lines = Path(f"/proc/{self._process.pid}/status").read_text(encoding="utf-8").splitlines()
        return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(f"{field}:"))

    def check(self) -> None:
        """Raise RuntimeError with what the process said if it has ended."""
        if self._process.poll() is not None:
            self._log.seek(0)
            message = f"{self._process.args!r} ended with {self._process.returncode}:\n{self._log.read()}"
            raise RuntimeError(message)

    def end(self) -> None:
        """Interrupt it, wait and read what it wrote; kill it if that takes too long."""
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGINT)
            try:
                self._process.wait(_GRACE_S)
            except subprocess.TimeoutExpired:
                os.killpg(self._process.pid, signal.SIGKILL)
                self._process.wait()
        self._log.close()
        if self._times.exists():
            lines = self._times.read_text(encoding="utf-8").splitlines()
            self.rows = [tuple(int(cell) for cell in line.split(",")) for line in lines]


@contextmanager
def watched(
    module: str, *arguments: str, parameters: Mapping[str, object] | None = None, realtime: bool = False
) -> Iterator[Watched]:
    """Run ``module`` in the benchmark's namespace until the end of the block; see :class:`Watched`."""
    ros = ["--ros-args", "-r", f"__ns:={NAMESPACE}", "--log-level", "warn"]
    for name, value in (parameters or {}).items():
        ros += ["-p", f"{name}:={value}"]
    with tempfile.TemporaryDirectory(prefix="anyview_benchmark_") as folder:
        process = Watched(module, [*arguments, *ros], Path(folder), realtime=realtime)
        try:
            yield process
        finally:
            process.end()
