"""The parent's side: a Synthesizer whose work is done by a child process."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

from anyview_ros.geometry import PinholeCamera
from anyview_ros.synthesis.child_process.calls import Calls
from anyview_ros.synthesis.child_process.messages import Begin
from anyview_ros.synthesis.child_process.stream import ChildStream
from anyview_ros.synthesis.child_process.supervisor import Supervisor
from anyview_ros.synthesis.description import MethodDescription
from anyview_ros.synthesis.protocol import CancelToken, Progress
from anyview_ros.synthesis.request import SynthesisRequest
from anyview_ros.synthesis.result import SynthesisResult

_LOAD = "anyview_ros.synthesis.registry:load_synthesizer"


class ChildSynthesizer:
    """A method in a process of its own, behind the same face as one in this process.

    If the child dies, the call under way raises a SynthesisError, and a new child is begun at once; calls made
    meanwhile wait until it has loaded. Streams go on in the new child, without what the old one remembered. A child
    that was told to stop and does not is killed, so that a driver that hangs does not hold the engine; its call raises
    SynthesisCancelled. So is one that loads for too long, or that no longer reads what it is sent. Where new children
    cannot load, or die before they have made a single view, pauses grow between them; see Supervisor. Like every
    Synthesizer it is used by one thread at a time; ``restarts`` and ``process_id`` may be read by any.

    Pictures cross a pipe, which costs a copy each way. It is a WholeFilmSynthesizer if the method is. It serves one
    request at a time: the child's method is not asked to serve several together, whether it could or not.

    Args:
        name: of the method; None for the default.
        patience_s: how long a child that was told to stop may go on.
        longest_load_s: a child that has not loaded the method after so long is killed.
        longest_push_s: a frame of a stream that takes longer is taken for a hang, and the child is killed.
        factory: "module:callable" that gives the Synthesizer in the child.
        arguments: of the factory, such as ``device`` and ``weights`` of ``load_synthesizer``.

    Raises:
        AnyViewError: what loading raised in the child.
        EngineUnavailableError: the child ended while it loaded, or took too long.
    """

    def __init__(
        self,
        name: str | None = None,
        *,
        patience_s: float = 10.0,
        longest_load_s: float = 600.0,
        longest_push_s: float = 300.0,
        factory: str = _LOAD,
        **arguments: Any,
    ) -> None:
        """Begin a child and wait until it has loaded the method."""
        given = {key: value for key, value in arguments.items() if value is not None}
        if name is not None:
            given["name"] = name
        self._supervisor = Supervisor(Begin(factory, given), longest_load_s=longest_load_s)
        self._calls = Calls(self._supervisor, patience_s=patience_s)
        self._longest_push_s = longest_push_s
        self._loaded = self._supervisor.loaded
        if self._loaded.whole_film:  # what makes it a WholeFilmSynthesizer, where the method is one
            self.options_for_film = partial(self._calls.call, "options_for_film")

    @property
    def restarts(self) -> int:
        """How many children have died and been replaced."""
        return self._supervisor.restarts

    @property
    def process_id(self) -> int:
        """Of the child as it is now; 0 if there is none."""
        return self._supervisor.process_id

    @property
    def weights_hash(self) -> str:
        """sha256 (hex) of the weights that the child has loaded, or ""."""
        return self._loaded.weights_hash

    @property
    def device(self) -> str:
        """Torch device that the child works on."""
        return self._loaded.device

    def describe(self) -> MethodDescription:
        """Tell sizes, clip lengths, sources and limits."""
        return self._loaded.description

    def synthesize(
        self,
        request: SynthesisRequest,
        *,
        progress: Progress | None = None,
        cancel: CancelToken | None = None,
    ) -> SynthesisResult:
        """Synthesise every target of the request.

        Raises:
            SynthesisCancelled: ``cancel`` was set; if the child did not stop in time it has been replaced.
            SynthesisError: the child died; the message says so. Ask again.
            AnyViewError: as the method's own.
        """
        result: SynthesisResult = self._calls.call("synthesize", request, progress=progress, cancel=cancel)
        return result

    def open_stream(
        self,
        source: PinholeCamera,
        targets: Sequence[PinholeCamera],
        *,
        steps: int | None = None,
        seed: int = 0,
        options: Any = None,
    ) -> ChildStream:
        """Open a stream from one source camera to virtual cameras with these intrinsics."""
        settings = (source, tuple(targets), steps, seed, options)
        return ChildStream(self._calls, settings, longest_push_s=self._longest_push_s)

    def close(self) -> None:
        """End the child. Closing twice is harmless."""
        self._supervisor.close()
