"""How the rest of the house asks an engine for views, wherever that engine runs.

Two forms exist: ``LocalEngineClient`` (an engine in this process) and the ROS form in ``anyview_ros.nodes``. Nothing
here blocks: requests give a job with a future, streams answer through a callback, on a thread of the client's own.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from anyview_ros.geometry import PinholeCamera
from anyview_ros.synthesis.by_products import ByProduct, ByProducts
from anyview_ros.synthesis.description import MethodDescription
from anyview_ros.synthesis.protocol import Progress
from anyview_ros.synthesis.request import SynthesisRequest
from anyview_ros.synthesis.result import Provenance, SynthesisResult, SynthesizedView


@dataclass(frozen=True)
class EngineDescription:
    """What an engine has loaded and how busy it is.

    Attributes:
        method: what the loaded method can do.
        server: name of the engine for people: a node's name, or "local".
        device: torch device the method runs on.
        weights_hash: sha256 (hex) of its weights, or "".
        queued, queue_limit: requests waiting, and how many may.
        streams, stream_limit: streams open, and how many may.
        max_request_bytes: most that the pictures of one request may weigh; 0: no limit.
    """

    method: MethodDescription
    server: str
    device: str
    weights_hash: str
    queued: int
    queue_limit: int
    streams: int
    stream_limit: int
    max_request_bytes: int = 0


@dataclass(frozen=True)
class StreamSpec:
    """A live stream to open.

    Attributes:
        source: intrinsics of the source camera; constant over the stream.
        targets: every virtual camera the stream may ask for, by name.
        source_has_depth: whether frames will carry depth.
        steps, seed, options: as in SynthesisRequest.
        client: who asks, for fairness and diagnostics.
        rate_hz: views per second that are wanted; where ``steps`` is None, a method that works on clips takes fewer
            steps than its default if it could not keep this rate otherwise. None: no rate is asked for.
    """

    source: PinholeCamera
    targets: Mapping[str, PinholeCamera]
    source_has_depth: bool = False
    steps: int | None = None
    seed: int = 0
    options: Any = None
    client: str = ""
    rate_hz: float | None = None


@dataclass(frozen=True, eq=False)
class StreamFrame:
    """One instant of the source camera and the target poses wanted for it.

    Attributes:
        frame: uint8 (H, W, 3), RGB.
        camera_to_world: float64 (4, 4), metres, OpenCV axes.
        stamp_ns: later than that of the frame before.
        targets: camera_to_world (4, 4) by name; a subset of the stream's targets.
        depth: float32 (H, W), metres, 0 = unknown; or None.
        by_products: what is wanted besides views; engines elsewhere and most methods make none. If the frame gives way
            to a newer one, the newer one is asked instead.
    """

    frame: NDArray[np.uint8]
    camera_to_world: NDArray[np.float64]
    stamp_ns: int
    targets: Mapping[str, NDArray[np.float64]]
    depth: NDArray[np.float32] | None = None
    by_products: frozenset[ByProduct] = frozenset()


@dataclass(frozen=True, eq=False)
class StreamOutcome:
    """What became of one StreamFrame: views, or an error that says why there are none.

    Attributes:
        sequence: as returned by the push answered; -1 if the outcome concerns the stream as a whole.
        stamp_ns: of the source frame; 0 if it concerns the stream as a whole.
        views: single-frame views by target name; empty on error.
        provenance: of all views; None on error.
        synthesis_ms: time that the method spent.
        dropped: frames replaced by newer ones before they were begun, since the stream opened.
        error: "" or the reason, with the remedy.
        asked: what was wanted besides views.
        by_products: those of it that were made.
        by_products_error: "" or why making them failed, which costs no views.
        rested: whether the stream was ended because it got no frames for long, which is no fault; ``error`` tells it.
    """

    sequence: int
    stamp_ns: int
    views: Mapping[str, SynthesizedView] = field(default_factory=dict)
    provenance: Provenance | None = None
    synthesis_ms: float = 0.0
    dropped: int = 0
    error: str = ""
    asked: frozenset[ByProduct] = frozenset()
    by_products: ByProducts = field(default_factory=ByProducts)
    by_products_error: str = ""
    rested: bool = False


class StreamHandle(Protocol):
    """A stream being opened, or open."""

    def problem(self) -> str:
        """Why no frames can be pushed (still opening, refused, lost, closed); "" if they can."""
        ...

    def push(self, frame: StreamFrame) -> int:
        """Hand over a frame without waiting and return its sequence number; the newest waiting frame wins.

        A method that slides a window over the frames takes those without targets, and those that gave way, into its
        later clips; frames without targets need no answer.

        Raises:
            EngineClosedError, EngineUnavailableError: ``problem()`` is not empty.
            InvalidRequestError: an unknown target, a size or type that is not the stream's, or a stamp that does not
                increase.
            InvalidPoseError: a pose of the source that is not a finite rigid transform.
        """
        ...

    def close(self) -> None:
        """End the stream; no outcome follows. Closing twice is harmless."""
        ...


class SynthesisJob(Protocol):
    """A request that waits, runs or has ended."""

    @property
    def future(self) -> Future[SynthesisResult]:
        """Ends with the result, or with an AnyViewError. Its callbacks run on a thread of the client."""
        ...

    @property
    def position(self) -> int:
        """Requests ahead of this one in the queue; 0 once it runs."""
        ...

    @property
    def queue_ms(self) -> float:
        """Time spent waiting in the queue so far, or in all once begun."""
        ...

    @property
    def synthesis_ms(self) -> float:
        """Time spent by the method so far, or in all once ended."""
        ...

    def cancel(self) -> None:
        """Ask for the end: at once if it waits, between two steps if it runs. Harmless once ended."""
        ...


class EngineClient(Protocol):
    """The way to an engine."""

    def problem(self) -> str:
        """Why the engine takes no work, for people; "" if it does."""
        ...

    def description(self) -> EngineDescription | None:
        """What the engine last said of itself; None before it said anything."""
        ...

    def submit(
        self,
        request: SynthesisRequest,
        *,
        client: str = "",
        timeout_s: float | None = None,
        progress: Progress | None = None,
    ) -> SynthesisJob:
        """Queue a request. The time limit counts from now, waiting included.

        Raises:
            EngineBusyError: the queue is full.
            EngineUnavailableError, EngineClosedError: ``problem()`` is not empty.
        """
        ...

    def open_stream(self, spec: StreamSpec, on_outcome: Callable[[StreamOutcome], None]) -> StreamHandle:
        """Open a live stream; ``on_outcome`` is called for each frame answered and for each loss of the stream.

        Raises:
            EngineBusyError: too many streams.
            EngineUnavailableError, EngineClosedError: ``problem()`` is not empty.
        """
        ...

    def close(self) -> None:
        """Cancel what was asked through this client and free it."""
        ...
