"""What is filmed for training, in files: made once, some scenes to a file, and read again as one."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from multiprocessing import get_context
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from anyview_ros.errors import InvalidInputError, ReadError

SCENES_PER_FILE = 50

Films = Mapping[str, NDArray[Any]]
"""Arrays by name, each with the scenes along its first axis."""

Filming = Callable[[int, int], Films]
"""Films scenes ``first`` to ``first + count``, each as its number alone says."""

FilmReport = Callable[[str, int, int], None]
"""Is told a folder's name, and how many of its scenes are filmed of how many; those that were there before count."""


def untold(what: str, done: int, total: int) -> None:
    """Tell nobody."""


def film_to_files(
    folder: Path,
    stem: str,
    count: int,
    film: Filming,
    settings: Mapping[str, Any],
    *,
    workers: int = 1,
    report: FilmReport = untold,
) -> list[Path]:
    """Film scenes 0 to ``count`` into files of ``folder``; files that are there already are kept.

    Args:
        folder: made if it is not there.
        stem: what the files' names begin with; the numbers of their scenes follow.
        count: of scenes.
        film: see :data:`Filming`; with several workers it has to be picklable.
        settings: what the pictures depend on, as JSON can say it; ``stem``.json keeps it beside them. ``device`` is
            left out: it changes no picture that one could see.
        workers: processes that film.
        report: is called with the folder's name at the beginning and after each file, unless all files are there.

    Returns:
        the files, in order of the scenes.

    Raises:
        InvalidInputError: the folder holds what was filmed with other settings.
        ReadError: what it says of them cannot be read.
    """
    folder.mkdir(parents=True, exist_ok=True)
    _check_settings(folder, stem, settings)
    spans = [(first, min(first + SCENES_PER_FILE, count)) for first in range(0, count, SCENES_PER_FILE)]
    paths = [folder / f"{stem}_{first:06d}_to_{last:06d}.npz" for first, last in spans]
    missing = [(span, path) for span, path in zip(spans, paths, strict=True) if not path.exists()]
    if missing:
        done = count - sum(last - first for (first, last), _ in missing)
        report(folder.name, done, count)
        for written in _filmed(film, missing, workers):
            done += written
            report(folder.name, done, count)
    return paths


def _filmed(film: Filming, missing: Sequence[tuple[tuple[int, int], Path]], workers: int) -> Iterator[int]:
    """Film into each file, and give the number of its scenes when it is there."""
    if workers <= 1:
        for span, path in missing:
            yield _write(film, span, path)
        return
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        jobs: list[Future[int]] = [pool.submit(_write_alone, film, span, path) for span, path in missing]
        try:
            for job in as_completed(jobs):
                yield job.result()
        finally:
            # so that an error is told when those under way are done
            pool.shutdown(wait=False, cancel_futures=True)


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
        raise ReadError(f"no files of filmed {what} were given; film some with film_to()")
    parts: list[dict[str, NDArray[Any]]] = []
    for path in paths:
        try:
            with np.load(path) as file:
                parts.append({name: file[name] for name in names})
        except (OSError, EOFError, KeyError, ValueError, BadZipFile) as error:
            raise ReadError(f"{path} holds no filmed {what} ({error}); delete it and film again") from error
    try:
        return {name: np.concatenate([part[name] for part in parts]) for name in names}
    except ValueError as error:
        raise ReadError(
            f"{paths[0].parent} holds {what} filmed at different sizes ({error}); film into another folder"
        ) from error


def _check_settings(folder: Path, stem: str, settings: Mapping[str, Any]) -> None:
    """Hold the settings to those of the films that are there, or note them where there are none."""
    note = folder / f"{stem}.json"
    wanted = json.loads(json.dumps({name: value for name, value in settings.items() if name != "device"}))
    if not any(folder.glob(f"{stem}_*.npz")):
        unfinished = note.with_suffix(".part")
        unfinished.write_text(json.dumps(wanted), encoding="utf-8")
        unfinished.replace(note)
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


def _write_alone(film: Filming, span: tuple[int, int], path: Path) -> int:
    """In a process that shares the machine with others."""
    import torch

    torch.set_num_threads(1)
    return _write(film, span, path)


def _write(film: Filming, span: tuple[int, int], path: Path) -> int:
    films: dict[str, Any] = dict(film(span[0], span[1] - span[0]))
    unfinished = path.with_suffix(".part")
    with unfinished.open("wb") as file:
        np.savez(file, **films)
    unfinished.replace(path)
    return span[1] - span[0]
