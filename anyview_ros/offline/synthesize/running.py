"""A film in, the views of its targets out, window after window."""

from __future__ import annotations

import json
import platform
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing
from dataclasses import asdict, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

import anyview_ros
from anyview_ros.errors import InvalidInputError
from anyview_ros.geometry import PinholeCamera
from anyview_ros.offline.posed_film import FilmFrame, PosedFilm
from anyview_ros.offline.synthesize.pieces import Piece, Report, RunSettings, plan_pieces, synthesize_pieces
from anyview_ros.offline.synthesize.targets import FilmTarget
from anyview_ros.offline.synthesize.writing import TargetWriter
from anyview_ros.offline.unfinished import made_beside
from anyview_ros.synthesis import (
    CancelToken,
    MethodDescription,
    Provenance,
    Synthesizer,
)
from anyview_ros.synthesis.request import resolve_options, told_options

INFO = "info.json"


def run(
    film: PosedFilm,
    targets: Sequence[FilmTarget],
    synthesizer: Synthesizer,
    output: Path,
    settings: RunSettings,
    *,
    about: dict[str, Any] | None = None,
    overwrite: bool = False,
    report: Report | None = None,
    cancel: CancelToken | None = None,
) -> dict[str, Any]:
    """Synthesise every target and write it to ``output``, which appears only when it is whole.

    Args:
        film: what the method is given.
        targets: from where it should be seen; the files of a single one lie in ``output``, those of several in a
            folder each.
        synthesizer: the loaded method.
        output: folder to make.
        settings: of the run.
        about: further entries of info.json.
        overwrite: replace an earlier output of this command.
        report: told of progress.
        cancel: looked at between two windows, and by the method between two steps.

    Returns:
        the content of info.json.

    Raises:
        InvalidInputError: ``output`` exists.
        SynthesisCancelled: ``cancel`` was set; nothing is left behind.
        AnyViewError: whatever is wrong with the film or the request.
    """
    check_output(output, overwrite=overwrite)
    output = output.resolve()  # what a link points to is replaced, not the link
    description = synthesizer.describe()
    options = resolve_options(settings.options, description.options_type, description.name)
    settings = replace(settings, options=options)
    pieces = plan_pieces(film, targets, description, settings)
    began = time.monotonic()
    with made_beside(output) as partial:
        folders = [partial] if len(targets) == 1 else [partial / target.name for target in targets]
        text = _marks(description.name, settings)
        with ExitStack() as opened:
            writers = [
                opened.enter_context(TargetWriter(folder, rate_hz=film.rate_hz, text=text))
                for folder in folders
            ]
            provenance = _synthesise(film, targets, pieces, synthesizer, settings, writers, report, cancel)
        info = {
            **_info(film, description, provenance, settings, pieces),
            "elapsed_s": round(time.monotonic() - began, 3),
            "targets": [
                {**_target_info(target), "folder": str(folder.relative_to(partial)), **writer.summary()}
                for target, folder, writer in zip(targets, folders, writers, strict=True)
            ],
            **(about or {}),
        }
        content = json.dumps(info, indent=2, allow_nan=False)
        (partial / INFO).write_text(content + "\n", encoding="utf-8")
        _publish(partial, output)
    return info


def _publish(partial: Path, output: Path) -> None:
    """Give a whole folder the output's name; an earlier output is there until then, and again if that fails."""
    if not output.exists():
        partial.rename(output)
        return
    with TemporaryDirectory(dir=output.parent, prefix=f".{output.name}.") as aside:
        earlier = Path(aside) / output.name
        output.rename(earlier)
        try:
            partial.rename(output)
        except OSError:
            earlier.rename(output)
            raise


def check_output(output: Path, *, overwrite: bool) -> None:
    """Check that :func:`run` may write here, before what takes long.

    Raises:
        InvalidInputError: something is there that may not be replaced.
    """
    if not output.exists():
        return
    if not overwrite:
        raise InvalidInputError(
            f"{output} exists; name another folder, or give --overwrite (overwrite=True) to replace it"
        )
    if not (output / INFO).is_file():
        raise InvalidInputError(f"{output} is no earlier output, since it has no {INFO}; name another folder")


def _synthesise(
    film: PosedFilm,
    targets: Sequence[FilmTarget],
    pieces: Sequence[Piece],
    synthesizer: Synthesizer,
    settings: RunSettings,
    writers: Sequence[TargetWriter],
    report: Report | None,
    cancel: CancelToken | None,
) -> Provenance:
    truths = [_truth_frames(target, film, settings) for target in targets]
    provenance: Provenance | None = None
    work = synthesize_pieces(film, targets, pieces, synthesizer, settings, report=report, cancel=cancel)
    with closing(work):
        for made in work:
            provenance = made.provenance
            for index, view in made.views:
                for each in range(len(view)):
                    truth = next(truths[index]) if targets[index].truth is not None else None
                    writers[index].add(view, each, made.clip, truth)
    assert provenance is not None  # noqa: S101 - there is at least one piece
    return provenance


def _truth_frames(target: FilmTarget, film: PosedFilm, settings: RunSettings) -> Iterator[FilmFrame]:
    if target.truth is None:
        return iter(())
    frozen = settings.frozen_index
    return target.truth.frames(range(len(film)) if frozen is None else range(frozen, frozen + 1))


def _marks(method: str, settings: RunSettings) -> dict[str, str]:
    """Text that every picture carries."""
    return {
        "Software": f"anyview_ros {anyview_ros.__version__}",
        "Comment": f"Synthesised by the method {method}: computed, not seen by a camera.",
        "Synthesised": "true",
        "Seed": str(settings.seed),
    }


def _info(
    film: PosedFilm,
    description: MethodDescription,
    provenance: Provenance,
    settings: RunSettings,
    pieces: Sequence[Piece],
) -> dict[str, Any]:
    options = settings.options
    lengths = sorted({len(piece.window) for piece in pieces})
    return {
        "synthesised": True,
        **provenance.as_entries(),
        "generative": description.generative,
        "options": told_options(options),
        "source": {
            "camera": film.name,
            "frames": len(film),
            "rate_hz": film.rate_hz,
            "depth": film.has_depth,
            "metric": film.metric,
            "intrinsics": _intrinsics(film.camera),
            "stamps_ns": film.stamps_ns.tolist(),
            "camera_to_world": film.camera_to_world.tolist(),
        },
        "requests": len(pieces),
        "frames_per_request": lengths,
        "limits": list(description.limits),
        "notes": list(film.notes),
        "versions": _versions(),
    }


def _target_info(target: FilmTarget) -> dict[str, Any]:
    stamps = target.trajectory.stamps_ns
    return {
        "name": target.name,
        "truth": None if target.truth is None else target.truth.name,
        "intrinsics": _intrinsics(target.trajectory.camera),
        "stamps_ns": None if stamps is None else stamps.tolist(),
        "camera_to_world": target.trajectory.camera_to_world.tolist(),
    }


def _intrinsics(camera: PinholeCamera) -> dict[str, float]:
    return asdict(camera)


def _versions() -> dict[str, str]:
    """Of this package, Python, NumPy and, where the method uses it, PyTorch."""
    found = {
        "anyview_ros": anyview_ros.__version__,
        "python": platform.python_version(),
        "numpy": np.__version__,
    }
    if "torch" in sys.modules:
        found["torch"] = str(sys.modules["torch"].__version__)
    return found
