"""A fake of a method that imagines: each of its requests is off by a grey of its own, as if it imagined anew."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from anyview_ros.errors import SynthesisCancelled
from anyview_ros.synthesis import (
    MethodDescription,
    Provenance,
    SynthesisRequest,
    SynthesisResult,
    SynthesizedView,
)


class ImaginingFake:
    """Shows the source's grey, plus an offset that goes through ``offsets`` request by request.

    Attributes:
        clips: number of frames of each request.
        seeds: of each request.
    """

    def __init__(
        self,
        offsets: Sequence[int] = (0, 60),
        *,
        clip_frames: tuple[int, int] = (5, 17),
        step: int = 4,
        generative: bool = True,
        before: Callable[[int], object] | None = None,
    ) -> None:
        self._offsets, self._clip_frames, self._step = tuple(offsets), clip_frames, step
        self._generative, self._before = generative, before
        self.clips: list[int] = []
        self.seeds: list[int] = []

    def describe(self) -> MethodDescription:
        return MethodDescription(
            name="imagining_fake",
            summary="A fake for tests: another grey in every request.",
            generative=self._generative,
            clip_frames=self._clip_frames,
            clip_frames_step=self._step,
            default_steps=2,
        )

    def synthesize(
        self, request: SynthesisRequest, *, progress: Any = None, cancel: Any = None
    ) -> SynthesisResult:
        source = request.sources[0]
        if self._before is not None:
            self._before(len(self.clips))
        if cancel is not None and cancel.is_set():
            raise SynthesisCancelled("the fake was cancelled")
        offset = self._offsets[len(self.clips) % len(self._offsets)]
        self.clips.append(len(source))
        self.seeds.append(request.seed)
        if progress is not None:
            progress(2, 2)
        return SynthesisResult(
            tuple(_painted(source, target, offset) for target in request.targets),
            Provenance("imagining_fake", "f" * 64, request.seed, 2),
        )

    def open_stream(self, *arguments: Any, **settings: Any) -> Any:
        raise AssertionError("a method that does not stream is not asked to")

    def close(self) -> None:
        pass


def _painted(source: Any, target: Any, offset: int) -> SynthesizedView:
    index = np.searchsorted(source.stamps_ns, target.stamps_ns)
    greys = source.frames[index, 0, 0, 0].astype(int) + offset
    count, height, width = len(target), target.camera.height, target.camera.width
    frames = np.broadcast_to(greys.reshape(-1, 1, 1, 1), (count, height, width, 3)).astype(np.uint8)
    confidence = np.full((count, height, width), 0.5, np.float32)
    return SynthesizedView(frames, target.camera, target.camera_to_world, target.stamps_ns, confidence)
