"""A film in, the views of its targets out, window after window."""

from __future__ import annotations

import json
import platform
import shutil
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass, is_dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

import anyview_ros
from anyview_ros.clips import PosedClip
from anyview_ros.errors import InvalidInputError, InvalidRequestError, SynthesisCancelled
from anyview_ros.geometry import CameraTrajectory, PinholeCamera
from anyview_ros.offline.posed_film import FilmFrame, PosedFilm
from anyview_ros.offline.synthesize.targets import FilmTarget
from anyview_ros.offline.synthesize.windows import (
    LONGEST_WINDOW,
    Window,
    plan_windows,
    read_windows,
    window_at,
)
from anyview_ros.offline.synthesize.writing import TargetWriter
from anyview_ros.synthesis import (
    CancelToken,
    MethodDescription,
    Provenance,
    SynthesisRequest,
    Synthesizer,
)
from anyview_ros.synthesis.request import resolve_options

_VIEWS_AT_ONCE = 16  # of an instant at which time stands still
INFO = "info.json"


@dataclass(frozen=True)
class RunSettings:
    """How to synthesise.

    Attributes:
        steps, seed, options: as in SynthesisRequest.
        longest_window: frames given to the method at once, at most.
        frozen_index: index of the frame at which time stands still; None if it runs.
    """

    steps: int | None = None
    seed: int = 0
    options: Any = None
    longest_window: int = LONGEST_WINDOW
    frozen_index: int | None = None


Report = Callable[[float, int], None]
"""Called after each step with the views done, those under way in part, and the views in all."""


@dataclass(frozen=True)
class Piece:
    """One request: a window of the film, and of each target named the views from ``start`` to ``stop``."""

    window: Window
    parts: tuple[tuple[int, int, int], ...]

    @property
    def views(self) -> int:
        """How many views it asks for."""
        return sum(stop - start for _, start, stop in self.parts)


def plan_pieces(
    film: PosedFilm, targets: Sequence[FilmTarget], description: MethodDescription, settings: RunSettings
) -> list[Piece]:
    """Cut the work into requests that the method can serve.

    Raises:
        InvalidRequestError: the film is too short, the targets' size is not the method's, or depth is missing.
    """
    for target in targets:
        size = target.trajectory.camera.size
        if description.sizes and size not in description.sizes:
            known = ", ".join(f"{width}x{height}" for width, height in description.sizes)
            raise InvalidRequestError(
                f"views of {target.name} are {size[0]}x{size[1]} but method '{description.name}' makes {known}; give "
                "size and fov"
            )
    if description.needs_depth and not film.has_depth:
        raise InvalidRequestError(
            f"the source has no depth and method '{description.name}' needs it; choose another method"
        )
    if settings.frozen_index is None:
        windows = plan_windows(len(film), description, settings.longest_window)
        return [
            Piece(window, tuple((index, window.shown, window.stop) for index in range(len(targets))))
            for window in windows
        ]
    window = window_at(settings.frozen_index, len(film), description, settings.longest_window)
    return [
        Piece(window, ((index, start, min(start + _VIEWS_AT_ONCE, len(target.trajectory))),))
        for index, target in enumerate(targets)
        for start in range(0, len(target.trajectory), _VIEWS_AT_ONCE)
    ]


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
    _check_output(output, overwrite=overwrite)
    description = synthesizer.describe()
    options = resolve_options(settings.options, description.options_type, description.name)
    settings = replace(settings, options=options)
    pieces = plan_pieces(film, targets, description, settings)
    partial = output.with_name(output.name + ".partial")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    began = time.monotonic()
    try:
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
        if output.exists():
            shutil.rmtree(output)
        partial.rename(output)
    except BaseException:
        shutil.rmtree(partial, ignore_errors=True)
        raise
    return info


def _check_output(output: Path, *, overwrite: bool) -> None:
    if not output.exists():
        return
    if not overwrite:
        raise InvalidInputError(f"{output} exists; name another folder, or say that it may be overwritten")
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
    done, total = 0, sum(piece.views for piece in pieces)
    for piece, clip in zip(pieces, _clips(film, pieces, settings), strict=True):
        if cancel is not None and cancel.is_set():
            raise SynthesisCancelled("the work was cancelled between two windows")
        wanted = tuple(_part(targets[index].trajectory, start, stop) for index, start, stop in piece.parts)
        request = SynthesisRequest(
            (clip,), wanted, steps=settings.steps, seed=settings.seed, options=settings.options
        )
        tell = None if report is None else _overall(report, done, piece.views, total)
        result = synthesizer.synthesize(request, progress=tell, cancel=cancel)
        provenance = result.provenance
        for (index, _, _), view in zip(piece.parts, result.views, strict=True):
            for each in range(len(view)):
                truth = next(truths[index]) if targets[index].truth is not None else None
                writers[index].add(view, each, clip, truth)
        done += piece.views
    assert provenance is not None  # noqa: S101 - there is at least one piece
    return provenance


def _overall(report: Report, done: int, views: int, total: int) -> Callable[[int, int], None]:
    return lambda step, steps: report(done + views * step / steps, total)


def _clips(film: PosedFilm, pieces: Sequence[Piece], settings: RunSettings) -> Iterator[PosedClip]:
    if settings.frozen_index is None:
        yield from read_windows(film, [piece.window for piece in pieces])
        return
    clip = next(read_windows(film, [pieces[0].window]))
    for _ in pieces:
        yield clip


def _truth_frames(target: FilmTarget, film: PosedFilm, settings: RunSettings) -> Iterator[FilmFrame]:
    if target.truth is None:
        return iter(())
    frozen = settings.frozen_index
    return target.truth.frames(range(len(film)) if frozen is None else range(frozen, frozen + 1))


def _part(trajectory: CameraTrajectory, start: int, stop: int) -> CameraTrajectory:
    assert trajectory.stamps_ns is not None  # noqa: S101 - targets of a film have stamps
    return CameraTrajectory(
        trajectory.camera, trajectory.camera_to_world[start:stop], trajectory.stamps_ns[start:stop]
    )


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
        "method": provenance.method,
        "generative": description.generative,
        "weights_hash": provenance.weights_hash,
        "seed": provenance.seed,
        "steps": provenance.steps,
        "options": asdict(options) if is_dataclass(options) and not isinstance(options, type) else {},
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
