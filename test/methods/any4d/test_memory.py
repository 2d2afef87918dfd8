from __future__ import annotations

import gc
import resource
import time
from pathlib import Path

import numpy as np
import pytest
from sliding_box import CAMERA, aside, sliding_box

from anyview_ros.clips import PosedClip
from anyview_ros.methods.any4d import Any4DFitter, Any4DOptions
from anyview_ros.methods.any4d.live import LiveScene
from anyview_ros.methods.any4d.optimisation import Optimisation
from anyview_ros.scenes import render_clip
from anyview_ros.synthesis.fitting import FitBudget

MEBIBYTE = 2**20


def resident_mib() -> float:
    """Memory of this process that is resident now."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize() / MEBIBYTE


def fitting(clip: PosedClip, budget: FitBudget, every: int) -> list[float]:
    """Memory each ``every`` steps of a fit, and at its end."""
    seen: list[float] = []
    step = Optimisation.step

    def look(self: Optimisation) -> float:
        if self.step_count % every == every - 1:
            gc.collect()
            seen.append(resident_mib())
        return step(self)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Optimisation, "step", look)
        Any4DFitter(device="cpu").fit([clip], budget=budget, options={"gaussians": 2000})
    return seen


def test_a_fit_takes_no_more_memory_as_it_goes_on(clip: PosedClip) -> None:
    seen = fitting(clip, FitBudget(100), 20)
    assert len(seen) >= 3
    assert seen[-1] - seen[0] < 20


@pytest.mark.long
@pytest.mark.timeout(900)
def test_ten_minutes_of_fitting_take_no_more_memory_than_one(clip: PosedClip) -> None:
    seen = fitting(clip, FitBudget(10**9, 600.0), 100)
    assert len(seen) > 20
    assert max(seen[len(seen) // 2 :]) - seen[0] < 50


@pytest.mark.long
@pytest.mark.timeout(900)
def test_a_stream_of_ten_minutes_does_not_grow() -> None:
    world = sliding_box(speed=0.2)
    times = 0.5 + 0.1 * np.sin(np.arange(40) / 4)
    clip = render_clip(world, CAMERA, aside(0.0), np.sort(times) + 1e-3 * np.arange(40))
    live = LiveScene(CAMERA, Any4DOptions(gaussians=2000, budget_ms=100), 0, "cpu")
    sizes, memory, begun, stamp = [], [], time.monotonic(), 0
    while time.monotonic() - begun < 600:
        frame = live.pushed % len(clip)
        stamp += 10**8
        assert clip.depth is not None
        live.push(
            PosedClip(
                clip.frames[frame][None],
                CAMERA,
                clip.camera_to_world[frame][None],
                np.array([stamp]),
                clip.depth[frame][None],
            )
        )
        sizes.append(live.state_bytes)
        memory.append(resident_mib())
    # A busy machine may take many frames until the first step, which makes the optimiser's part.
    half = len(sizes) // 2
    assert max(sizes[half:]) <= max(sizes[:half])
    assert max(memory[half:]) - memory[100] < 50
