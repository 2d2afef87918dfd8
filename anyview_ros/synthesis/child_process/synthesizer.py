"""The parent's side: a Synthesizer whose work is done by a child process."""

from __future__ import annotations

import itertools
import math
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Sequence, Set
from contextlib import suppress
from functools import partial
from multiprocessing import Pipe
from types import TracebackType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from anyview_ros.errors import (
    EngineClosedError,
    EngineUnavailableError,
    SynthesisCancelled,
    SynthesisError,
)
from anyview_ros.geometry import PinholeCamera
from anyview_ros.synthesis.by_products import ByProduct, ByProducts
from anyview_ros.synthesis.child_process.messages import Answer, Begin, Call, Cancel, Loaded, Progressed
from anyview_ros.synthesis.description import MethodDescription
from anyview_ros.synthesis.protocol import CancelToken, Progress
from anyview_ros.synthesis.request import SynthesisRequest
from anyview_ros.synthesis.result import Provenance, SynthesisResult, SynthesizedView

_LOAD = "anyview_ros.synthesis.registry:load_synthesizer"
_POLL_S = 0.05  # between two looks at the cancel token, the time and the process
_FIRST_PAUSE_S = 1.0  # after a child that could not load, or crashed again; then twice as long each time
_LONGEST_PAUSE_S = 60.0


class ChildSynthesizer:
    """A method in a process of its own, behind the same face as one in this process.

    If the child dies, the call under way raises a SynthesisError, and a new child is begun at once; calls made
    meanwhile wait until it has loaded. Streams go on in the new child, without what the old one remembered. A child
    that was told to stop and does not is killed, so that a driver that hangs does not hold the engine; its call raises
    SynthesisCancelled. So is one that loads for too long, or that no longer reads what it is sent. After a new child
    that could not load, or died before it had made a single view, the next is begun by the first call a second later;
    after each further one the pause is twice as long, up to a minute, until views are made again. Like every
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
        self._begin = Begin(factory, given)
        self._patience_s, self._longest_load_s = patience_s, longest_load_s
        self.longest_push_s = longest_push_s
        self._numbers = itertools.count()
        self._lock = threading.Lock()
        self._closed = False
        self._restarts = 0
        self._generation = 0
        self._could_not_load = 0  # children in a row
        self._crashed = 0  # children in a row, none of which made a view
        self._pause_s = 0.0  # after the last of either
        self._not_before_s = 0.0
        self._reason = ""
        self._child: _Child | None = None
        self._child = _Child(self._begin)
        try:
            self._loaded = self._child.wait_until_loaded(longest_load_s)
        except BaseException:
            self._child.close()
            raise
        if self._loaded.whole_film:  # what makes it a WholeFilmSynthesizer, where the method is one
            self.options_for_film = partial(self.call, "options_for_film")

    @property
    def restarts(self) -> int:
        """How many children have died and been replaced."""
        return self._restarts

    @property
    def process_id(self) -> int:
        """Of the child as it is now."""
        with self._lock:
            return 0 if self._child is None else self._child.process_id

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
        result: SynthesisResult = self.call("synthesize", request, progress=progress, cancel=cancel)
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
        return ChildStream(self, (source, tuple(targets), steps, seed, options))

    def close(self) -> None:
        """End the child. Closing twice is harmless."""
        with self._lock:
            self._closed = True
            child, self._child = self._child, None
        if child is not None:
            child.close()

    def call(
        self,
        name: str,
        *arguments: Any,
        progress: Progress | None = None,
        cancel: CancelToken | None = None,
        limit_s: float | None = None,
    ) -> Any:
        """Have the child do something and wait for the answer; for this package's streams.

        Args:
            name: of what to do.
            arguments: of it.
            progress: told after each step.
            cancel: looked at while waiting.
            limit_s: after so long the child is killed.

        Raises:
            EngineClosedError: closed.
            EngineUnavailableError: the new child ended while it loaded or took too long, or it is too early to begin
                another.
            SynthesisCancelled: ``cancel`` was set, and the child did not stop in time.
            SynthesisError: the child died meanwhile.
            AnyViewError: as the method's own.
        """
        child = self._living()
        number = next(self._numbers)
        watchdog = _Watchdog(child, cancel, patience_s=self._patience_s, limit_s=limit_s)
        try:
            with watchdog:
                child.send(Call(number, name, arguments))
                answer = self._answer(child, number, progress, cancel)
        except (EOFError, OSError) as error:
            if watchdog.cancelled:
                raise self._stopped(child) from error
            raise self._replaced(child, f"while it did '{name}'") from error
        if watchdog.killed:
            self._stopped(child)  # just as the answer came
        if answer.failure is not None:
            raise answer.failure.exception()
        if name in _MAKES_VIEWS:
            self._crashed, self._pause_s = 0, 0.0
        return answer.value

    @property
    def generation(self) -> int:
        """Changes when a child is given up: what it remembered is gone."""
        return self._generation

    def _living(self) -> _Child:
        with self._lock:
            if self._closed:
                raise EngineClosedError("the method's process has been closed; load the method anew")
            if self._child is None:
                self._check_pause()
                self._child = _Child(self._begin)
                self._restarts += 1
            child = self._child
        try:
            child.wait_until_loaded(self._longest_load_s)
        except Exception as error:
            self._give_up(child, str(error))
            raise
        self._could_not_load = 0
        return child

    def _check_pause(self) -> None:
        left_s = self._not_before_s - time.monotonic()
        if left_s > 0:
            raise EngineUnavailableError(f"{self._reason}; it is tried again in {left_s:.0f} s")

    def _give_up(self, child: _Child, reason: str) -> None:
        """Have no child for a while, since one could not load."""
        child.close()
        with self._lock:
            if self._child is child:
                self._child = None
                self._generation += 1
            self._could_not_load += 1
            self._wait_longer(f"the method could not be loaded anew {self._could_not_load} time(s): {reason}")

    def _wait_longer(self, reason: str) -> None:
        """Begin no child before a pause that is twice the last one."""
        self._pause_s = min(max(_FIRST_PAUSE_S, 2 * self._pause_s), _LONGEST_PAUSE_S)
        self._not_before_s, self._reason = time.monotonic() + self._pause_s, reason

    def _answer(
        self,
        child: _Child,
        number: int,
        progress: Progress | None,
        cancel: CancelToken | None,
    ) -> Answer:
        cancelled = False
        while True:
            if cancel is not None and not cancelled and cancel.is_set():
                cancelled = True
                child.send(Cancel(number))
            if not child.poll():
                continue
            message = child.receive()
            if message.number != number:
                continue  # of an earlier call, whose caller's progress raised
            if isinstance(message, Answer):
                return message
            if isinstance(message, Progressed) and progress is not None:
                progress(message.step, message.total)

    def _stopped(self, killed: _Child) -> SynthesisError:
        """Begin a new child after one that was killed since it did not stop, which is no crash; returns the error."""
        killed.close()
        with self._lock:
            if not self._closed and self._child is killed:
                self._begin_anew()
        return SynthesisCancelled(
            f"the work was cancelled, and the process of the method, which did not stop within {self._patience_s:g} s, "
            "was replaced"
        )

    def _begin_anew(self) -> None:
        """Called with the lock held."""
        self._generation += 1
        self._child = _Child(self._begin)
        self._restarts += 1

    def _replaced(self, dead: _Child, when: str) -> SynthesisError:
        """Begin a new child, or have none for a while after one that crashed as the one before it did; returns the
        error that tells of the old one's end."""
        told = f"the process of the method {dead.told_end()} {when}"
        dead.close()
        with self._lock:
            if self._closed or self._child is not dead:
                return SynthesisError(f"{told}; the method has been closed")
            self._crashed += 1
            if self._crashed > 1:
                self._generation += 1
                self._child = None
                self._wait_longer(f"{told}, {self._crashed} times in a row without a view between")
                return SynthesisError(
                    f"{self._reason}; it is started again in {self._pause_s:.0f} s: ask then"
                )
            self._begin_anew()
        return SynthesisError(f"{told}; a new one is being started: ask again")


class ChildStream:
    """A stream in the child. If the child was replaced, it is opened anew there and remembers nothing."""

    def __init__(self, owner: ChildSynthesizer, settings: tuple[Any, ...]) -> None:
        """Made by :meth:`ChildSynthesizer.open_stream`."""
        self._owner = owner
        self._settings = settings
        self._name = next(_STREAM_NAMES)
        self._closed = False
        self._generation = -1
        self.provenance: Provenance = self._open()

    def _open(self) -> Provenance:
        provenance: Provenance = self._owner.call(
            "open_stream", self._name, *self._settings, limit_s=self._owner.longest_push_s
        )
        self._generation = self._owner.generation
        return provenance

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
        if self._generation != self._owner.generation:
            self._open()
        named = {
            "target_camera_to_world": tuple(target_camera_to_world),
            "stamp_ns": stamp_ns,
            "depth": depth,
        }
        views: tuple[SynthesizedView | None, ...]
        views, self.provenance = self._owner.call(
            "push", self._name, (frame, camera_to_world), named, limit_s=self._owner.longest_push_s
        )
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
        if self._generation != self._owner.generation:
            raise SynthesisError("the process of the method was replaced since the last frame; push another")
        told: ByProducts = self._owner.call(
            "by_products", self._name, frozenset(wanted), limit_s=self._owner.longest_push_s
        )
        return told

    def close(self) -> None:
        """Free what the child holds of the stream. Closing twice is harmless."""
        if self._closed:
            return
        self._closed = True
        if self._generation == self._owner.generation:
            try:
                self._owner.call("close_stream", self._name, limit_s=self._owner.longest_push_s)
            except (SynthesisError, EngineClosedError):
                return  # it died, or was closed: what it held is gone

    def __enter__(self) -> ChildStream:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None, /
    ) -> None:
        self.close()


_STREAM_NAMES = itertools.count()
_MAKES_VIEWS = frozenset({"synthesize", "push"})


class _Watchdog:
    """Kills a child that takes too long over a call, whatever the parent waits in meanwhile; a context manager.

    Args:
        child: at work while the context is entered.
        cancel: looked at meanwhile.
        patience_s: how long the child may go on once it is set.
        limit_s: how long in all; None for no limit.
    """

    def __init__(
        self, child: _Child, cancel: CancelToken | None, *, patience_s: float, limit_s: float | None
    ) -> None:
        self.killed = False
        """Whether the child was killed."""
        self.cancelled = False
        """Whether that was since it did not stop when it was told to."""
        self._child, self._cancel = child, cancel
        self._patience_s = patience_s
        self._limit_s = math.inf if limit_s is None else limit_s
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="watchdog", daemon=True)

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None, /
    ) -> None:
        self._over.set()
        self._thread.join()

    def _watch(self) -> None:
        stop_by, told = time.monotonic() + self._limit_s, False
        while not self._over.wait(_POLL_S):
            if not told and self._cancel is not None and self._cancel.is_set():
                told = True
                stop_by = min(stop_by, time.monotonic() + self._patience_s)
            if time.monotonic() > stop_by:
                self.killed, self.cancelled = True, told
                self._child.kill()
                return


class _Child:
    """One process and the pipe to it."""

    def __init__(self, begin: Begin) -> None:
        self._pipe, theirs = Pipe()
        command = [
            sys.executable,
            "-P",
            "-m",
            "anyview_ros.synthesis.child_process.worker",
            str(theirs.fileno()),
        ]
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(path or os.curdir for path in sys.path)}
        with theirs:
            self._process = subprocess.Popen(  # noqa: S603 - this interpreter, our own module
                command, pass_fds=[theirs.fileno()], env=environment, stdin=subprocess.DEVNULL
            )
        self._loaded: Loaded | None = None
        self._begun_s = time.monotonic()
        with suppress(OSError):  # one that is dead already says so when it is waited for
            self._pipe.send(begin)

    @property
    def process_id(self) -> int:
        return self._process.pid

    def wait_until_loaded(self, longest_s: float) -> Loaded:
        """Wait for the method; a child that takes longer, counted from its beginning, is killed."""
        if self._loaded is None:
            try:
                if not self._answers_by(self._begun_s + longest_s):
                    self.kill()
                    raise EngineUnavailableError(
                        f"the process of the method had not loaded it after {longest_s:g} s and was ended; see its "
                        "output, and where loading takes longer give more as longest_load_s (a node: "
                        "child_load_timeout_s)"
                    )
                answer: Answer = self._pipe.recv()
            except (EOFError, OSError) as error:
                raise EngineUnavailableError(
                    f"the process of the method {self.told_end()} while it loaded; see its output for the reason"
                ) from error
            if answer.failure is not None:
                raise answer.failure.exception()
            self._loaded = answer.value
        assert self._loaded is not None  # noqa: S101 - just answered
        return self._loaded

    def _answers_by(self, stop_by: float) -> bool:
        """Wait for a message; False if none has come by then."""
        while not self.poll():
            if time.monotonic() > stop_by:
                return False
        return True

    def send(self, message: Call | Cancel) -> None:
        self._pipe.send(message)

    def ended(self) -> bool:
        return self._process.poll() is not None

    def poll(self) -> bool:
        """Wait a moment for a message.

        Raises:
            EOFError: the process has ended without one, though others that it began may hold its end of the pipe open.
        """
        ended = self.ended()
        waits = self._pipe.poll(_POLL_S)
        if ended and not waits:
            raise EOFError
        return waits

    def receive(self) -> Any:
        return self._pipe.recv()

    def kill(self) -> None:
        """End it, and whatever is waited for at its pipe, though others that it began may hold its end open."""
        self._process.kill()
        with suppress(OSError), socket.socket(fileno=os.dup(self._pipe.fileno())) as both:
            both.shutdown(socket.SHUT_RDWR)

    def told_end(self) -> str:
        """How it ended, for people."""
        try:
            code = self._process.wait(5.0)
        except subprocess.TimeoutExpired:
            return "closed its pipe"
        if code < 0:
            return f"was ended by {signal.Signals(-code).name}"
        return f"ended with code {code}"

    def close(self) -> None:
        """The child ends by itself when its pipe does; one that does not is killed."""
        self._pipe.close()
        try:
            self._process.wait(5.0)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
