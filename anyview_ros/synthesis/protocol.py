"""The face that every method shows."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from types import TracebackType
from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from anyview_ros.clips import PosedClip
from anyview_ros.errors import AnyViewError
from anyview_ros.geometry import PinholeCamera
from anyview_ros.synthesis.description import MethodDescription
from anyview_ros.synthesis.request import SynthesisRequest
from anyview_ros.synthesis.result import Provenance, SynthesisResult, SynthesizedView


class Progress(Protocol):
    """Called after each step with the steps done and the steps in all."""

    def __call__(self, step: int, total: int, /) -> None:
        """Tell that ``step`` of ``total`` steps are done."""
        ...


class CancelToken(Protocol):
    """Anything with ``is_set``, such as a ``threading.Event``; methods look at it between steps."""

    def is_set(self) -> bool:
        """Whether the work should stop."""
        ...


@runtime_checkable
class TimedToken(CancelToken, Protocol):
    """A CancelToken that knows how much time is left, for whoever has the work done elsewhere and can say so there."""

    def remaining_s(self) -> float:
        """Seconds until the work's time is up; infinite without a limit."""
        ...


class SynthesisStream(Protocol):
    """A live source camera, one instant at a time, seen from fixed virtual cameras that may move."""

    @property
    def provenance(self) -> Provenance:
        """What the views of this stream were made by."""
        ...

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

        Args:
            frame: uint8 (H, W, 3), RGB, of the stream's source camera.
            camera_to_world: float64 (4, 4), metres, OpenCV axes.
            target_camera_to_world: one pose (4, 4) per target of the stream; None skips that target this time.
            stamp_ns: later than the stamp of the push before.
            depth: float32 (H, W), metres, 0 = unknown; or None.

        Returns:
            One view of a single frame per target, None where it was skipped.

        Raises:
            InvalidRequestError: another number of targets, a stamp that does not increase, or a frame that lacks what
                the method needs, such as depth.
            InvalidClipError: a frame or depth of another size or type than the stream's.
            InvalidPoseError: a pose that is not a finite rigid transform.
            ClipNotReadyError: the method needs more frames yet; this one is kept.
            EngineClosedError: the stream has been closed.
        """
        ...

    def close(self) -> None:
        """Free what the stream holds. Closing twice is harmless."""
        ...

    def __enter__(self) -> SynthesisStream: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None, /
    ) -> None: ...


@runtime_checkable
class Synthesizer(Protocol):
    """A loaded method. It is used by one thread at a time; the engine sees to that.

    Whoever loads or runs it also reads, where it is there:

    - ``device: str``, the torch device it works on, told in descriptions and errors; else the engine tells its own
      ``device``, "cpu" unless given;
    - ``weights_hash: str``, the sha256 (hex) of its weights, told in descriptions and provenance, by which jobs know
      their results; else "";
    - ``restarts: int``, how often a process that it stands before was begun again; else 0;
    - ``load_arguments: frozenset[str]``, of the class or function that loads it: which of "device", "weights" and
      "scene" that takes; else all three.

    They are no members of this protocol, so that a method without them is one too.
    """

    def describe(self) -> MethodDescription:
        """Tell sizes, clip lengths, sources and limits."""
        ...

    def synthesize(
        self,
        request: SynthesisRequest,
        *,
        progress: Progress | None = None,
        cancel: CancelToken | None = None,
    ) -> SynthesisResult:
        """Synthesise every target of the request.

        Raises:
            InvalidRequestError: the method cannot serve this request.
            SynthesisCancelled: ``cancel`` was set; checked between steps.
        """
        ...

    def open_stream(
        self,
        source: PinholeCamera,
        targets: Sequence[PinholeCamera],
        *,
        steps: int | None = None,
        seed: int = 0,
        options: Any = None,
    ) -> SynthesisStream:
        """Open a stream from one source camera to virtual cameras with these intrinsics."""
        ...

    def close(self) -> None:
        """Free the device. Closing twice is harmless."""
        ...


@runtime_checkable
class WholeFilmSynthesizer(Synthesizer, Protocol):
    """A Synthesizer that takes something, such as a scale, from a film as a whole before it is given it in parts.

    It is an offer: whoever knows all paths beforehand makes use of it if the method has it, and gives the parts alone
    otherwise. So does the engine before it cuts a request for want of memory.
    """

    def options_for_film(
        self,
        first: PosedClip,
        paths: Sequence[tuple[NDArray[np.float64], NDArray[np.float64]]],
        options: Any = None,
    ) -> Any:
        """Give the options with which requests and streams of parts of a film rest on the same.

        Args:
            first: the film's first frame.
            paths: of each target, the source's poses at its instants and its own, both (N, 4, 4), metres, OpenCV axes.
            options: of the method, as they would be without; what an earlier call gave is given back.

        Raises:
            InvalidRequestError: the film tells not enough, or options that the method does not have.
        """
        ...


@runtime_checkable
class BatchingSynthesizer(Synthesizer, Protocol):
    """A Synthesizer that can serve requests of several callers at once, where their shapes agree.

    It is an offer: the engine makes use of it if the method has it, and asks one request at a time otherwise.
    """

    def batch_key(self, request: SynthesisRequest) -> Hashable | None:
        """Tell with which others a request may share a batch: those of an equal key; None for none.

        It is quick, since callers wait for the lock meanwhile, and raises nothing: a request that cannot be served
        goes alone and is refused then.
        """
        ...

    def synthesize_together(
        self,
        requests: Sequence[SynthesisRequest],
        *,
        progress: Progress | None = None,
        cancels: Sequence[CancelToken] | None = None,
    ) -> list[SynthesisResult | AnyViewError]:
        """Synthesise several requests of one key; each result is as if it had been asked alone, within one grey level.

        Args:
            requests: of equal keys, none of them None.
            progress: told after each step of the work for all.
            cancels: one per request. The work stops once all are set; of a request whose own is set the outcome may
                be anything.

        Returns:
            for each request its result, or the error that ends it alone.

        Raises:
            SynthesisCancelled: all of ``cancels`` are set; checked between steps.
            Exception: anything that ends the work as a whole, memory that ran out above all. Whoever asked then
                asks for one request at a time.
        """
        ...
