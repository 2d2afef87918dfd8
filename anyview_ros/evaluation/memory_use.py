"""How much memory a piece of work adds at its highest."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

_STATUS, _CLEAR = Path("/proc/self/status"), Path("/proc/self/clear_refs")
_RESET_PEAK = "5"


@dataclass(frozen=True)
class MemoryUse:
    """Bytes at the highest point above those at the start; None where the system does not tell.

    Attributes:
        process_bytes: of main memory, by the whole process.
        device_bytes: of an accelerator, by PyTorch.
    """

    process_bytes: int | None
    device_bytes: int | None


@contextmanager
def measured_memory() -> Iterator[Callable[[], MemoryUse]]:
    """Watch a piece of work; call what it gives afterwards."""
    before = _begin_process()
    device_before = _begin_device()
    yield lambda: MemoryUse(_added(before, _status("VmHWM")), _added(device_before, _device_peak()))


def _added(before: int | None, peak: int | None) -> int | None:
    return None if before is None or peak is None else max(0, peak - before)


def _begin_process() -> int | None:
    """Set the process's peak back to what it holds now (Linux), and return that; None where this is not possible."""
    try:
        _CLEAR.write_text(_RESET_PEAK, encoding="ascii")
    except OSError:
        return None
    return _status("VmRSS")


def _status(name: str) -> int | None:
    try:
        lines = _STATUS.read_text(encoding="ascii").splitlines()
    except OSError:
        return None
    found = [line.split() for line in lines if line.startswith(f"{name}:")]
    return int(found[0][1]) * 1024 if found else None


def _begin_device() -> int | None:
    torch = sys.modules.get("torch")
    if torch is None or not torch.cuda.is_available():
        return None
    torch.cuda.reset_peak_memory_stats()
    return int(torch.cuda.memory_allocated())


def _device_peak() -> int | None:
    torch = sys.modules.get("torch")
    return int(torch.cuda.max_memory_allocated()) if torch is not None and torch.cuda.is_available() else None
