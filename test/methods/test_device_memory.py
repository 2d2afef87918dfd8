"""Free memory, as the kernel tells it of the machine and of a container."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from anyview_ros.methods import device_memory
from anyview_ros.methods.device_memory import free_bytes

CPU = torch.device("cpu")
MIB = 2**20


@pytest.fixture
def kernel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of what the kernel tells: a machine with 800 MiB free, and no container yet."""
    monkeypatch.setattr(device_memory, "_MEMINFO", tmp_path / "meminfo")
    monkeypatch.setattr(device_memory, "_CGROUP", tmp_path)
    (tmp_path / "meminfo").write_text(f"MemTotal: {2000 * 1024} kB\nMemAvailable: {800 * 1024} kB\n")
    return tmp_path


def contained(kernel: Path, most: str, used: int) -> None:
    (kernel / "memory.max").write_text(f"{most}\n")
    (kernel / "memory.current").write_text(f"{used}\n")


def test_the_tighter_of_machine_and_container_counts(kernel: Path) -> None:
    assert free_bytes(CPU) == 800 * MIB
    contained(kernel, "max", 300 * MIB)
    assert free_bytes(CPU) == 800 * MIB
    contained(kernel, str(500 * MIB), 300 * MIB)
    assert free_bytes(CPU) == 200 * MIB
    contained(kernel, str(500 * MIB), 600 * MIB)
    assert free_bytes(CPU) == 0


def test_pages_of_files_that_a_container_has_read_are_free(kernel: Path) -> None:
    contained(kernel, str(500 * MIB), 450 * MIB)
    (kernel / "memory.stat").write_text(
        f"anon {100 * MIB}\nfile {320 * MIB}\nshmem {20 * MIB}\n"
        f"inactive_file {180 * MIB}\nactive_file {120 * MIB}\n"
    )
    assert free_bytes(CPU) == 350 * MIB


def test_a_machine_that_tells_nothing_is_not_guessed_at(kernel: Path) -> None:
    (kernel / "meminfo").unlink()
    assert free_bytes(CPU) is None
    assert free_bytes(torch.device("meta")) is None
