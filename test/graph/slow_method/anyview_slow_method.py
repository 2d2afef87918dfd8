"""A method of another package that loads, steps and fails as it is told to."""

from __future__ import annotations

import os
import time
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from anyview_ros.errors import SynthesisCancelled, WeightsError
from anyview_ros.synthesis import (
    MethodDescription,
    Provenance,
    SynthesisRequest,
    SynthesisResult,
    SynthesizedView,
)
from anyview_ros.synthesis.request import check_request, resolve_options


@dataclass(frozen=True)
class SlowOptions:
    """How long a step takes, and how the work fails.

    Work that is to ``die`` ends the engine's thread. ``deaf`` work does not look at its token; ``misshapen`` views have
    a confidence of another size.
    """

    step_s: float = 0.0
    fail: bool = False
    die: bool = False
    deaf: bool = False
    misshapen: bool = False


class SlowSteps:
    """Shows the seed as a grey level, after as many steps as were asked for."""

    def __init__(self, device: str = "cpu", weights: str = "") -> None:
        time.sleep(float(os.environ.get("SLOW_METHOD_LOAD_S", "0")))
        if weights:
            message = f"weights '{weights}' are not there; give none"
            raise WeightsError(message)
        self.device = device

    def describe(self) -> MethodDescription:
        return MethodDescription(
            name="slow_steps",
            summary="Takes its time.",
            generative=False,
            clip_frames=(2, 8),
            default_steps=4,
            options_type=SlowOptions,
        )

    def synthesize(
        self, request: SynthesisRequest, *, progress: Any = None, cancel: Any = None
    ) -> SynthesisResult:
        check_request(request, self.describe())
        options = resolve_options(request.options, SlowOptions, "slow_steps")
        steps = request.steps or 4
        for step in range(1, steps + 1):
            if cancel is not None and cancel.is_set() and not options.deaf:
                message = f"cancelled before step {step} of {steps}"
                raise SynthesisCancelled(message)
            time.sleep(options.step_s)
            if options.fail:
                message = "the method broke"
                raise RuntimeError(message)
            if options.die:
                raise SystemExit(3)
            if progress is not None:
                progress(step, steps)
        views = tuple(self._view(request, target, options) for target in request.targets)
        return SynthesisResult(views, Provenance("slow_steps", "", request.seed, steps))

    def open_stream(self, source: Any, targets: Sequence[Any], **_: Any) -> Any:
        message = "slow_steps has no stream of its own"
        raise AssertionError(message)

    def close(self) -> None:
        return

    def _view(self, request: SynthesisRequest, target: Any, options: SlowOptions) -> SynthesizedView:
        count, camera = len(target), target.camera
        shape = (count, camera.height, camera.width)
        stamps = request.sources[0].stamps_ns[:count] if target.stamps_ns is None else target.stamps_ns
        return SynthesizedView(
            np.full((*shape, 3), request.seed % 256, np.uint8),
            camera,
            target.camera_to_world,
            stamps,
            np.ones((1, 1, 1) if options.misshapen else shape, np.float32),
        )


class SlowBatches(SlowSteps):
    """Serves any requests together; the steps in the provenance tell how many there were."""

    def batch_key(self, request: SynthesisRequest) -> Hashable | None:
        del request
        return "any"

    def synthesize_together(
        self, requests: Sequence[SynthesisRequest], *, progress: Any = None, cancels: Any = None
    ) -> list[SynthesisResult]:
        del cancels
        made = [self.synthesize(request, progress=progress) for request in requests]
        provenance = Provenance("slow_batches", "", 0, len(requests))
        return [SynthesisResult(one.views, provenance) for one in made]
