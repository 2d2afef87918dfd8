"""How much memory a device has left."""

from __future__ import annotations

from pathlib import Path

import torch

_MEMINFO = Path("/proc/meminfo")
_CGROUP = Path("/sys/fs/cgroup")
_CACHES = ("active_file", "inactive_file")  # pages of files that were read: given up when memory is wanted


def free_bytes(device: torch.device) -> int | None:
    """Memory that can still be taken on a device; None if it does not tell."""
    if device.type == "cuda":
        unused = torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)
        return int(torch.cuda.mem_get_info(device)[0]) + int(unused)
    if device.type != "cpu":
        return None
    limits = [value for value in (_system_bytes(), _container_bytes()) if value is not None]
    return min(limits, default=None)


def _system_bytes() -> int | None:
    if not _MEMINFO.exists():
        return None
    fields = dict(line.split(":", 1) for line in _MEMINFO.read_text().splitlines())
    return int(fields["MemAvailable"].split()[0]) * 1024 if "MemAvailable" in fields else None


def _container_bytes() -> int | None:
    most, used = _CGROUP / "memory.max", _CGROUP / "memory.current"
    if not (most.exists() and used.exists()) or not most.read_text().strip().isdigit():
        return None
    statistics = _CGROUP / "memory.stat"
    fields = dict(line.split() for line in statistics.read_text().splitlines()) if statistics.exists() else {}
    cached = sum(int(fields.get(name, 0)) for name in _CACHES)
    return max(0, int(most.read_text()) - max(0, int(used.read_text()) - cached))
