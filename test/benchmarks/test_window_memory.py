from __future__ import annotations

import tracemalloc
from collections.abc import Iterator

import pytest

from benchmarks import window_memory


@pytest.fixture(autouse=True)
def _untraced() -> Iterator[None]:
    yield
    tracemalloc.stop()


@pytest.mark.parametrize("kind", window_memory.KINDS)
def test_all_that_the_process_grew_by_is_told(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    at = iter([5_000_000, 7_000_000])
    monkeypatch.setattr(window_memory, "_private_bytes", lambda: next(at))
    found = window_memory.measure((64, 48), kind, 0.2, 30.0)
    assert found["private_bytes"] == 2_000_000
