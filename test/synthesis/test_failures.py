from __future__ import annotations

import pytest
from fake_synthesizers import STEPS, FakeSynthesizer, request

from anyview_ros.errors import SynthesisCancelled, SynthesisError
from anyview_ros.synthesis.failures import is_out_of_memory, synthesized


@pytest.mark.parametrize(
    ("error", "ran_out"),
    [
        (MemoryError(), True),
        (type("OutOfMemoryError", (Exception,), {})("no room"), True),
        (RuntimeError("CUDA out of memory. Tried to allocate 2.00 GiB"), True),
        (RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried to"), True),
        (RuntimeError("shapes (2, 3) and (4, 5) not aligned"), False),
        (ValueError("out of memory"), False),
    ],
)
def test_memory_that_ran_out_is_told_from_other_failures(error: BaseException, *, ran_out: bool) -> None:
    assert is_out_of_memory(error) is ran_out


def test_without_an_engine_progress_and_cancellation_reach_the_method_and_failures_are_ours() -> None:
    steps: list[tuple[int, int]] = []
    fake = FakeSynthesizer(raises={2: ValueError("odd tensor")})
    synthesized(fake, request(1), progress=lambda *step: steps.append(step))
    assert steps == [(step, STEPS) for step in range(1, STEPS + 1)]
    token = type("Set", (), {"is_set": lambda self: True})()
    with pytest.raises(SynthesisCancelled):
        synthesized(fake, request(1), cancel=token)
    with pytest.raises(SynthesisError, match=r"1 frames of 8x4 into 1 views of 8x4: ValueError: odd tensor"):
        synthesized(fake, request(2))
