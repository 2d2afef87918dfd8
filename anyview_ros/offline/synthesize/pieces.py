"""The work on a film cut into requests that a method can serve, and done: views that are final, window after window."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from anyview_ros.clips import PosedClip
from anyview_ros.errors import InvalidRequestError, SynthesisCancelled
from anyview_ros.geometry import CameraTrajectory
from anyview_ros.offline.overlapped import read_ahead
from anyview_ros.offline.posed_film import FilmFrame, PosedFilm
from anyview_ros.offline.synthesize.crossfade import Crossfade
from anyview_ros.offline.synthesize.targets import FilmTarget
from anyview_ros.offline.synthesize.whole_film import options_for_film
from anyview_ros.offline.synthesize.windows import (
    DEFAULT_OVERLAP,
    LONGEST_WINDOW,
    Window,
    plan_windows,
    read_windows,
    window_at,
)
from anyview_ros.synthesis import (
    CancelToken,
    MethodDescription,
    Provenance,
    SynthesisRequest,
    SynthesizedView,
    Synthesizer,
)
from anyview_ros.synthesis.failures import synthesized

_VIEWS_AT_ONCE = 16  # of an instant at which time stands still


@dataclass(frozen=True)
class RunSettings:
    """How to synthesise.

    Attributes:
        steps, seed, options: as in SynthesisRequest; the same for every window.
        longest_window: frames given to the method at once, at most.
        overlap: frames over which the windows of methods that imagine are blended.
        frozen_index: index of the frame at which time stands still; None if it runs.
    """

    steps: int | None = None
    seed: int = 0
    options: Any = None
    longest_window: int = LONGEST_WINDOW
    overlap: int = DEFAULT_OVERLAP
    frozen_index: int | None = None


Report = Callable[[float, int], None]
"""Called after each step with the views done, those under way in part, and the views in all."""


@dataclass(frozen=True)
class Piece:
    """One request.

    Attributes:
        window: of the film.
        parts: of each target named, the views from a start to a stop: (target, start, stop).
        blended: how many of the first views of each part the piece before has made too.
        kept: how many of the last views of each part the piece after makes too.
    """

    window: Window
    parts: tuple[tuple[int, int, int], ...]
    blended: int = 0
    kept: int = 0

    @property
    def views(self) -> int:
        """How many views it asks for that no piece before has made."""
        return sum(stop - start - self.blended for _, start, stop in self.parts)


@dataclass(frozen=True, eq=False)
class MadePiece:
    """What a request gave.

    Attributes:
        clip: what the method was given.
        views: by index of the target, those views that are final: all, in order, over all pieces.
        provenance: of them.
    """

    clip: PosedClip
    views: tuple[tuple[int, SynthesizedView], ...]
    provenance: Provenance


def check_targets(film: PosedFilm, targets: Sequence[FilmTarget], description: MethodDescription) -> None:
    """Check that a method can make views of these sizes of this film.

    Raises:
        InvalidRequestError: a target's size is not the method's, or depth is missing.
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


def plan_pieces(
    film: PosedFilm, targets: Sequence[FilmTarget], description: MethodDescription, settings: RunSettings
) -> list[Piece]:
    """Cut the work into requests that the method can serve.

    Raises:
        InvalidRequestError: the film is too short, the targets' size is not the method's, or depth is missing.
    """
    check_targets(film, targets, description)
    if settings.frozen_index is None:
        windows = plan_windows(len(film), description, settings.longest_window, settings.overlap)
        kept = [window.blended for window in windows[1:]] + [0]
        return [
            Piece(
                window,
                tuple((index, window.made, window.stop) for index in range(len(targets))),
                window.blended,
                behind,
            )
            for window, behind in zip(windows, kept, strict=True)
        ]
    window = window_at(settings.frozen_index, len(film), description, settings.longest_window)
    return [
        Piece(window, ((index, start, min(start + _VIEWS_AT_ONCE, len(target.trajectory))),))
        for index, target in enumerate(targets)
        for start in range(0, len(target.trajectory), _VIEWS_AT_ONCE)
    ]


def synthesize_pieces(
    film: PosedFilm,
    targets: Sequence[FilmTarget],
    pieces: Sequence[Piece],
    synthesizer: Synthesizer,
    settings: RunSettings,
    *,
    report: Report | None = None,
    cancel: CancelToken | None = None,
) -> Generator[MadePiece, None, None]:
    """Do the work piece by piece; frames are read ahead, and no more than a window and its overlap is held.

    Of several pieces each rests on what the method takes from the whole film, such as a scale.

    Close it when it is left early (``contextlib.closing``): that ends the thread which reads.

    Raises:
        SynthesisCancelled: ``cancel`` was set.
        AnyViewError: whatever is wrong with the film or the request.
    """
    if len(pieces) > 1:
        options = options_for_film(film, targets, synthesizer, settings.options, settings.frozen_index)
        settings = replace(settings, options=options)
    crossfades = [Crossfade() for _ in targets]
    done, total = 0, sum(piece.views for piece in pieces)
    first, stop = pieces[0].window.first, max(piece.window.stop for piece in pieces)
    with read_ahead(film.frames(range(first, stop))) as frames:
        for piece, clip in zip(pieces, _clips(film, pieces, settings, frames), strict=True):
            if cancel is not None and cancel.is_set():
                raise SynthesisCancelled("the work was cancelled between two windows")
            wanted = tuple(_part(targets[index].trajectory, start, end) for index, start, end in piece.parts)
            request = SynthesisRequest(
                (clip,), wanted, steps=settings.steps, seed=settings.seed, options=settings.options
            )
            tell = None if report is None else _overall(report, done, piece.views, total)
            result = synthesized(synthesizer, request, progress=tell, cancel=cancel)
            final = tuple(
                (index, crossfades[index].add(view, piece.blended, piece.kept))
                for (index, _, _), view in zip(piece.parts, result.views, strict=True)
            )
            yield MadePiece(clip, final, result.provenance)
            done += piece.views


def _overall(report: Report, done: int, views: int, total: int) -> Callable[[int, int], None]:
    return lambda step, steps: report(done + views * step / steps, total)


def _clips(
    film: PosedFilm, pieces: Sequence[Piece], settings: RunSettings, frames: Iterator[FilmFrame]
) -> Iterator[PosedClip]:
    if settings.frozen_index is None:
        yield from read_windows(film, [piece.window for piece in pieces], frames)
        return
    clip = next(read_windows(film, [pieces[0].window], frames))
    for _ in pieces:
        yield clip


def _part(trajectory: CameraTrajectory, start: int, stop: int) -> CameraTrajectory:
    assert trajectory.stamps_ns is not None  # noqa: S101 - targets of a film have stamps
    return CameraTrajectory(
        trajectory.camera, trajectory.camera_to_world[start:stop], trajectory.stamps_ns[start:stop]
    )
