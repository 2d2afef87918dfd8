"""Every benchmark tells the machine and its load: see benchmarks/README.md."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest
import torch

from benchmarks import anyview_speed

FOLDER = Path(anyview_speed.__file__).parent
BENCHMARKS = sorted(path for path in FOLDER.glob("*.py") if path.name != "__init__.py")


@pytest.mark.parametrize("path", BENCHMARKS, ids=lambda path: path.stem)
def test_the_machine_is_told(path: Path) -> None:
    called = {
        node.func.id
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
    }
    assert "machine_line" in called


def test_its_load_is_told_beside_an_accelerator(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda _device: "a quick one")
    told = anyview_speed._machine(torch.device("cuda"))
    assert told.startswith("a quick one; PyTorch ")
    assert "load average" in told
