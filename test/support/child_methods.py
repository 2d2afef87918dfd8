"""Methods for a child process: fakes that do what real ones do only when a driver fails."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import numpy as np

from anyview_ros.errors import InvalidRequestError, SynthesisCancelled, WeightsError
from anyview_ros.methods.copy_source import CopySource
from anyview_ros.synthesis import SynthesisResult
from anyview_ros.synthesis.by_products import ByProducts, PointCloud


class Faulty(CopySource):
    """Copies the source; what goes wrong is told by the request's seed, or by a stream's frame's first pixel."""

    def synthesize(self, request, *, progress=None, cancel=None) -> SynthesisResult:
        for step in range(3):
            if progress is not None:
                progress(step + 1, 3)
        misbehave(request.seed, cancel)
        return super().synthesize(request, cancel=cancel)

    def open_stream(self, *args, **kwargs):
        return _FaultyStream(super().open_stream(*args, **kwargs))


class OfAFilm(Faulty):
    """Takes options from a film as a whole."""

    def options_for_film(self, first, paths, options=None):
        return {"frames": len(first), "paths": len(paths), "given": options}


class _FaultyStream:
    def __init__(self, inner):
        self._inner = inner
        self.pushes = 0

    @property
    def provenance(self):
        return self._inner.provenance

    def push(self, frame, *args, **kwargs):
        misbehave(int(frame[0, 0, 0]))
        self.pushes += 1
        views = self._inner.push(frame, *args, **kwargs)
        views[0].frames[..., 0] = self.pushes  # what the stream remembers can be seen
        return views

    def by_products(self, wanted):
        point = np.full((1, 3), self.pushes, np.float32)
        return ByProducts(points=PointCloud(point, np.zeros((1, 3), np.uint8), 1) if wanted else None)

    def close(self):
        self._inner.close()


KILLED, EXITS, HANGS, REFUSES, NO_MEMORY, BREAKS, WAITS, FORKS, DAWDLES = range(201, 210)


def misbehave(what: int, cancel=None) -> None:
    if what == KILLED:
        os.kill(os.getpid(), signal.SIGKILL)
    if what == EXITS:
        os._exit(7)
    if what == FORKS:
        dies_before_its_own_child()
    while what == HANGS:
        time.sleep(0.05)
    if what == DAWDLES:
        time.sleep(1.0)
    if what == REFUSES:
        raise InvalidRequestError("seed is 204; give another")
    if what == NO_MEMORY:
        raise MemoryError("no room")
    if what == BREAKS:
        raise ZeroDivisionError("by zero")
    while what == WAITS:
        if cancel.is_set():
            raise SynthesisCancelled("stopped between two steps")
        time.sleep(0.01)


def dies_before_its_own_child() -> None:
    own = os.fork()
    if own == 0:
        time.sleep(60)  # holds the pipe, until the test kills it
        os._exit(0)
    Path(os.environ["FORKED"]).write_text(str(own))
    os._exit(8)


def refuses_to_load(**_):
    raise WeightsError("no weights at nowhere; fetch them")


def dies_while_loading(**_):
    os._exit(9)


def hangs_while_loading(marker: str):
    """Tells its process in a file, which is whole when it appears, and loads for ever."""
    told = Path(f"{marker}.new")
    told.write_text(str(os.getpid()))
    told.rename(marker)
    while True:
        time.sleep(0.05)


def hangs_the_second_time(marker: str):
    """Loads the first time; a second process finds the marker and loads for ever."""
    try:
        with Path(marker).open("x"):
            return Faulty()
    except FileExistsError:
        while True:
            time.sleep(0.05)


def loads_once(marker: str):
    """Loads the first time; a second process finds the marker and dies."""
    try:
        with Path(marker).open("x"):
            return Faulty()
    except FileExistsError:
        os._exit(9)


def echo_arguments(**arguments):
    method = Faulty()
    method.weights_hash = str(sorted(arguments.items()))
    assert isinstance(np.zeros(1), np.ndarray)
    return method
