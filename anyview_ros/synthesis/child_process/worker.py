"""The child: loads a method and does what it is told until the pipe ends."""

from __future__ import annotations

import importlib
import os
import queue
import signal
import sys
import threading
import traceback
from collections.abc import Callable, Sequence, Set
from multiprocessing.connection import Connection
from typing import Any

from anyview_ros.geometry import PinholeCamera
from anyview_ros.synthesis.by_products import ByProduct, ByProducts, ByProductStream
from anyview_ros.synthesis.child_process.messages import (
    Answer,
    Begin,
    Call,
    Cancel,
    Failure,
    Loaded,
    Progressed,
)
from anyview_ros.synthesis.protocol import SynthesisStream, Synthesizer, WholeFilmSynthesizer
from anyview_ros.synthesis.request import SynthesisRequest
from anyview_ros.synthesis.result import Provenance, SynthesisResult, SynthesizedView


class Worker:
    """Serves one parent: calls run one after the other on the thread that calls :meth:`run`."""

    def __init__(self, pipe: Connection) -> None:
        """Serve the parent at the other end of ``pipe``."""
        self._pipe = pipe
        self._calls: queue.SimpleQueue[Call] = queue.SimpleQueue()
        self._cancel = threading.Event()
        self._number = -1  # of the call under way
        self._cancelled = -1  # number of the call that was cancelled last, perhaps before it was begun
        self._lock = threading.Lock()
        self._streams: dict[int, SynthesisStream] = {}

    def run(self) -> None:
        """Load, then serve; never returns but by the end of the process."""
        begin: Begin = self._pipe.recv()
        threading.Thread(target=self._listen, name="pipe", daemon=True).start()
        try:
            synthesizer = _resolve(begin.factory)(**begin.arguments)
            loaded = Loaded(
                synthesizer.describe(),
                str(getattr(synthesizer, "weights_hash", "")),
                str(getattr(synthesizer, "device", begin.arguments.get("device") or "cpu")),
                isinstance(synthesizer, WholeFilmSynthesizer),
            )
        except Exception as error:  # noqa: BLE001 - told to the parent, which raises it
            self._pipe.send(Answer(failure=Failure.of(error)))
            return
        self._pipe.send(Answer(value=loaded))
        while True:
            self._serve(synthesizer, self._calls.get())

    def _listen(self) -> None:
        try:
            while True:
                message = self._pipe.recv()
                if isinstance(message, Call):
                    self._calls.put(message)
                elif isinstance(message, Cancel):
                    with self._lock:
                        self._cancelled = message.number
                        if message.number == self._number:
                            self._cancel.set()
        except (EOFError, OSError):
            os._exit(0)  # the parent has closed the pipe, or died: nobody wants what is under way
        except BaseException:  # noqa: BLE001 - such as options of a class that this process cannot import
            traceback.print_exc()
            os._exit(1)  # or else the parent would wait for ever

    def _serve(self, synthesizer: Synthesizer, call: Call) -> None:
        with self._lock:
            self._number = call.number
            self._cancel.clear()
            if self._cancelled == call.number:
                self._cancel.set()
        doing: dict[str, Callable[..., Any]] = {
            "synthesize": self._synthesize,
            "options_for_film": self._options_for_film,
            "open_stream": self._open_stream,
            "push": self._push,
            "by_products": self._by_products,
            "close_stream": self._close_stream,
        }
        try:
            answer = Answer(call.number, doing[call.name](synthesizer, *call.arguments))
        except Exception as error:  # noqa: BLE001 - told to the parent, which raises it
            answer = Answer(call.number, failure=Failure.of(error))
        with self._lock:
            self._number = -1
        self._pipe.send(answer)

    def _synthesize(self, synthesizer: Synthesizer, request: SynthesisRequest) -> SynthesisResult:
        return synthesizer.synthesize(request, progress=self._progress, cancel=self._cancel)

    def _progress(self, step: int, total: int) -> None:
        self._pipe.send(Progressed(self._number, step, total))

    def _options_for_film(self, synthesizer: Synthesizer, *arguments: Any) -> Any:
        assert isinstance(synthesizer, WholeFilmSynthesizer)  # noqa: S101 - the parent has been told
        return synthesizer.options_for_film(*arguments)

    def _open_stream(
        self,
        synthesizer: Synthesizer,
        name: int,
        source: PinholeCamera,
        targets: Sequence[PinholeCamera],
        steps: int | None,
        seed: int,
        options: Any,
    ) -> Provenance:
        stream = synthesizer.open_stream(source, targets, steps=steps, seed=seed, options=options)
        self._streams[name] = stream
        return stream.provenance

    def _push(
        self, _: Synthesizer, name: int, positional: tuple[Any, ...], named: dict[str, Any]
    ) -> tuple[tuple[SynthesizedView | None, ...], Provenance]:
        stream = self._streams[name]
        return stream.push(*positional, **named), stream.provenance

    def _by_products(self, _: Synthesizer, name: int, wanted: Set[ByProduct]) -> ByProducts:
        stream = self._streams[name]
        return stream.by_products(wanted) if isinstance(stream, ByProductStream) else ByProducts()

    def _close_stream(self, _: Synthesizer, name: int) -> None:
        stream = self._streams.pop(name, None)
        if stream is not None:
            stream.close()


def _resolve(factory: str) -> Callable[..., Synthesizer]:
    module, _, attribute = factory.partition(":")
    resolved: Callable[..., Synthesizer] = getattr(importlib.import_module(module), attribute)
    return resolved


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the parent, which then closes the pipe
    Worker(Connection(int(sys.argv[1]))).run()
