"""What is filmed for training, in files: made once, some scenes to a file, and read again as one."""

from __future__ import annotations

import json
import math
import re
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from multiprocessing import get_context
from pathlib import Path
from typing import Any
from zipfile import BadZipFile, ZipFile

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from anyview_ros.errors import FilmingTimeout, InvalidInputError, ReadError
from anyview_ros.files import written_whole
from anyview_ros.methods.devices import torch_device

SCENES_PER_FILE = 20
"""Few, so that processes end at about the same time; as many as share their drawn textures."""

Films = Mapping[str, NDArray[Any]]
"""Arrays by name, each with the scenes along its first axis."""

Filming = Callable[[int, int], Films]
"""Films scenes ``first`` to ``first + count``, each as its number alone says."""

FilmReport = Callable[[str, int, int], None]
"""Is told a folder's name, and how many of its scenes are filmed of how many; those that were there before count."""

Span = tuple[int, int]
"""The scenes of a file: the first, and the one after the last."""


def untold(what: str, done: int, total: int) -> None:
    """Tell nobody."""


@dataclass(frozen=True)
class FilmOrder:
    """Scenes 0 to ``count``, to be filmed into files of one folder.

    Attributes:
        folder: made if it is not there.
        stem: what the files' names begin with; the numbers of their scenes follow.
        count: of scenes.
        film: see :data:`Filming`; with several workers it has to be picklable.
        settings: what the pictures depend on, as JSON can say it; ``stem``.json keeps it beside them. ``device`` is
            left out: it changes no picture that one could see.
    """

    folder: Path
    stem: str
    count: int
    film: Filming
    settings: Mapping[str, Any]

    def path(self, span: Span) -> Path:
        """The file of these scenes."""
        return self.folder / f"{self.stem}_{span[0]:06d}_to_{span[1]:06d}.npz"

    def spans(self) -> list[Span]:
        """The scenes of each file: files that are there as they are, however many scenes each holds, and new ones."""
        there: dict[int, int] = {}
        for path in self.folder.glob(f"{self.stem}_*.npz"):
            numbers = re.fullmatch(r"(\d+)_to_(\d+)", path.stem.removeprefix(f"{self.stem}_"))
            if numbers:
                first, last = (int(number) for number in numbers.groups())
                if first < last <= self.count:
                    there[first] = max(last, there.get(first, 0))
        spans, first = [], 0
        while first < self.count:
            beyond = (other for other in there if other > first)
            last = there.get(first) or min(first + SCENES_PER_FILE, self.count, *beyond)
            spans.append((first, last))
            first = last
        return spans


def film_to_files(
    *orders: FilmOrder, workers: int = 1, report: FilmReport = untold, until_s: float = math.inf
) -> list[Path]:
    """Film what is ordered and not there yet, the last order first, by processes that all orders share.

    Args:
        orders: in the order in which their scenes are wanted.
        workers: processes that film.
        report: is called with a folder's name when its turn comes and after each file, unless all its files are there.
        until_s: when no further file is begun, on the clock of ``time.monotonic``.

    Returns:
        the files, in order of the orders and their scenes.

    Raises:
        InvalidInputError: a folder holds what was filmed with other settings, or the device cannot be used.
        ReadError: what it says of them cannot be read.
        FilmingTimeout: time was up before all was filmed; what was filmed stays.
    """
    paths: list[Path] = []
    missing: list[list[Span]] = []
    for order in orders:
        order.folder.mkdir(parents=True, exist_ok=True)
        _check_settings(order.folder, order.stem, order.settings)
        spans = order.spans()
        paths += [order.path(span) for span in spans]
        missing.append([span for span in spans if not order.path(span).exists()])
        if missing[-1] and "device" in order.settings:
            torch_device(order.settings["device"])  # which says what is wrong with it
    total = sum(order.count for order in orders)
    done = [
        order.count - sum(last - first for first, last in spans)
        for order, spans in zip(orders, missing, strict=True)
    ]

    def handed_out() -> Iterator[tuple[int, Span]]:
        for index in reversed(range(len(orders))):
            for number, span in enumerate(missing[index]):
                if time.monotonic() >= until_s:
                    return
                if number == 0:
                    report(orders[index].folder.name, done[index], orders[index].count)
                yield index, span

    for index, (first, last) in _filmed(orders, handed_out(), min(workers, sum(map(len, missing)))):
        done[index] += last - first
        report(orders[index].folder.name, done[index], orders[index].count)
    if sum(done) < total:
        raise FilmingTimeout(f"time was up with {sum(done)} of {total} scenes filmed")
    return paths


def _filmed(
    orders: Sequence[FilmOrder], waiting: Iterator[tuple[int, Span]], workers: int
) -> Iterator[tuple[int, Span]]:
    """Film what waits, each an order's index and a file's scenes, and give it back when the file is there."""
    if workers <= 1:
        for index, span in waiting:
            _write(orders[index].film, span, orders[index].path(span))
            yield index, span
        return
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        jobs: dict[Future[None], tuple[int, Span]] = {}
        while True:
            # never more than there are processes, so that none is begun when time is up, or after an error
            for index, span in islice(waiting, workers - len(jobs)):
                order = orders[index]
                jobs[pool.submit(_write_alone, order.film, span, order.path(span))] = (index, span)
            if not jobs:
                return
            for job in wait(jobs, return_when=FIRST_COMPLETED).done:
                filmed = jobs.pop(job)
                job.result()
                yield filmed


def read_files(paths: Sequence[Path], names: Sequence[str], what: str) -> dict[str, NDArray[Any]]:
    """Read what was filmed, in order.

    Args:
        paths: of the files.
        names: of the arrays that each must hold.
        what: was filmed, for messages: "rooms".

    Raises:
        ReadError: no file, one that does not hold these arrays, or files of different sizes.
    """
    if not paths:
        raise ReadError(f"no files of filmed {what} were given; film some first")
    forms: list[dict[str, _Form]] = []
    for path in paths:
        with _named(path, what):
            forms.append(_forms(path, names))
    # laid out as a whole before any is read: joined afterwards, they would be in memory twice
    arrays = {name: _room_for([form[name] for form in forms], paths[0].parent, what) for name in names}
    filled = dict.fromkeys(names, 0)
    for path in paths:
        with _named(path, what), np.load(path) as file:
            for name, array in arrays.items():
                part = file[name]
                array[filled[name] : filled[name] + len(part)] = part
                filled[name] += len(part)
    return arrays


@contextmanager
def _named(path: Path, what: str) -> Iterator[None]:
    """Name the file that cannot be read."""
    try:
        yield
    except (OSError, EOFError, KeyError, ValueError, BadZipFile) as error:
        raise ReadError(f"{path} holds no filmed {what} ({error}); delete it and film again") from error


@dataclass(frozen=True)
class _Form:
    """An array of a file: how many scenes, and the shape and type of what there is of each."""

    count: int
    shape: tuple[int, ...]
    dtype: np.dtype[Any]


def _forms(path: Path, names: Sequence[str]) -> dict[str, _Form]:
    """What a file says of its arrays, which are not read."""
    forms = {}
    with ZipFile(path) as archive:
        for name in names:
            with archive.open(f"{name}.npy") as file:
                first = npy.read_magic(file) == (1, 0)
                (count, *shape), _, dtype = (
                    npy.read_array_header_1_0(file) if first else npy.read_array_header_2_0(file)
                )
                forms[name] = _Form(count, tuple(shape), dtype)
    return forms


def _room_for(forms: Sequence[_Form], folder: Path, what: str) -> NDArray[Any]:
    shapes = sorted({form.shape for form in forms})
    if len(shapes) > 1:
        raise ReadError(
            f"{folder} holds {what} filmed at different sizes, {shapes[0]} and {shapes[1]}; film into another folder"
        )
    dtype = np.result_type(*(form.dtype for form in forms))
    return np.empty((sum(form.count for form in forms), *shapes[0]), dtype)


def _check_settings(folder: Path, stem: str, settings: Mapping[str, Any]) -> None:
    """Hold the settings to those of the films that are there, or note them where there are none."""
    note = folder / f"{stem}.json"
    wanted = json.loads(json.dumps({name: value for name, value in settings.items() if name != "device"}))
    if not any(folder.glob(f"{stem}_*.npz")):
        with written_whole(note) as unfinished:
            unfinished.write_text(json.dumps(wanted), encoding="utf-8")
    elif note.exists():
        differing = _differing(note, wanted)
        if differing:
            raise InvalidInputError(
                f"{folder} holds {stem} filmed with other settings of {', '.join(differing)}; use another folder"
            )


def _differing(note: Path, wanted: Mapping[str, Any]) -> list[str]:
    try:
        found = dict(json.loads(note.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError) as error:
        raise ReadError(f"{note} cannot be read ({error}); delete it and the films beside it") from error
    # a switch that is not mentioned was not there yet, and is off
    return sorted(
        name for name in wanted.keys() | found.keys() if wanted.get(name, False) != found.get(name, False)
    )


def _write_alone(film: Filming, span: Span, path: Path) -> None:
    """In a process that shares the machine with others."""
    import torch

    torch.set_num_threads(1)
    _write(film, span, path)


def _write(film: Filming, span: Span, path: Path) -> None:
    films: dict[str, Any] = dict(film(span[0], span[1] - span[0]))
    with written_whole(path) as unfinished, unfinished.open("wb") as file:
        np.savez(file, **films)
