"""The parent's side of a stream: a SynthesisStream whose work is done by a child process."""

from __future__ import annotations

import itertools
from collections.abc import Sequence, Set
from types import TracebackType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from anyview_ros.errors import EngineClosedError, SynthesisError
from anyview_ros.synthesis.by_products import ByProduct, ByProducts
from anyview_ros.synthesis.child_process.calls import Calls
from anyview_ros.synthesis.result import Provenance, SynthesizedView

_NAMES = itertools.count()


class ChildStream:
    """A stream in the child. If the child was replaced, it is opened anew there and remembers nothing.

    Args:
        calls: to the child.
        settings: source, targets, steps, seed and options, as of ``Synthesizer.open_stream``.
        longest_push_s: a child that takes longer over a frame is killed.
    """

    def __init__(self, calls: Calls, settings: tuple[Any, ...], *, longest_push_s: float) -> None:
        """Open it; see the class for the arguments."""
        self._calls = calls
        self._settings = settings
        self._longest_push_s = longest_push_s
        self._name = next(_NAMES)
        self._closed = False
        self._generation = -1
        self.provenance: Provenance = self._open()

    def _open(self) -> Provenance:
        generation = self._calls.generation  # of before: the child may be replaced just as it answers
        provenance: Provenance = self._call("open_stream", *self._settings)
        self._generation = generation
        return provenance

    def _call(self, name: str, *arguments: Any) -> Any:
        return self._calls.call(name, self._name, *arguments, limit_s=self._longest_push_s)

    def push(
        self,
        frame: NDArray[np.uint8],
        camera_to_world: NDArray[np.float64],
        *,
        target_camera_to_world: Sequence[NDArray[np.float64] | None],
        stamp_ns: int,
        depth: NDArray[np.float32] | None = None,
    ) -> tuple[SynthesizedView | None, ...]:
        """Give the next source frame and get the same instant from every target.

        Raises:
            EngineClosedError: the stream has been closed.
            SynthesisError: the child died; the next push is answered by a new one.
            AnyViewError: as the method's own.
        """
        if self._closed:
            raise EngineClosedError("the stream has been closed; open another")
        if self._generation != self._calls.generation:
            self._open()
        named = {
            "target_camera_to_world": tuple(target_camera_to_world),
            "stamp_ns": stamp_ns,
            "depth": depth,
        }
        views: tuple[SynthesizedView | None, ...]
        views, self.provenance = self._call("push", (frame, camera_to_world), named)
        return views

    def by_products(self, wanted: Set[ByProduct]) -> ByProducts:
        """Make those of the wanted that the method's stream can, of the frame that was pushed last.

        Raises:
            EngineClosedError: the stream has been closed.
            SynthesisError: the child died, or has been replaced since the last push; push again.
            AnyViewError: as the method's own.
        """
        if self._closed:
            raise EngineClosedError("the stream has been closed; open another")
        if self._generation != self._calls.generation:
            raise SynthesisError("the process of the method was replaced since the last frame; push another")
        told: ByProducts = self._call("by_products", frozenset(wanted))
        return told

    def close(self) -> None:
        """Free what the child holds of the stream. Closing twice is harmless."""
        if self._closed:
            return
        self._closed = True
        if self._generation == self._calls.generation:
            try:
                self._call("close_stream")
            except (SynthesisError, EngineClosedError):
                return  # it died, or was closed: what it held is gone

    def __enter__(self) -> ChildStream:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None, /
    ) -> None:
        self.close()
