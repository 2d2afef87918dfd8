"""Views of a whole episode, made: read ahead, synthesised, and spooled to disk, each in a thread of its own."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

import anyview_ros
from anyview_ros.errors import SynthesisCancelled
from anyview_ros.offline.augment.settings import AugmentSettings
from anyview_ros.offline.augment.source_samples import SAMPLES, SampleWriter
from anyview_ros.offline.augment.spool import SpooledView, SpoolWriter, ViewFrame
from anyview_ros.offline.augment.view_sampling import DrawnView
from anyview_ros.offline.overlapped import read_ahead, write_behind
from anyview_ros.offline.posed_film import FilmFrame, PosedFilm
from anyview_ros.offline.synthesize.option_values import parse_options
from anyview_ros.offline.synthesize.pieces import (
    Report,
    RunSettings,
    check_targets,
    plan_pieces,
    synthesize_pieces,
)
from anyview_ros.offline.synthesize.whole_film import options_for_film
from anyview_ros.offline.synthesize.windows import goes_on
from anyview_ros.synthesis import CancelToken, MethodDescription, Provenance, SynthesizedView, Synthesizer
from anyview_ros.synthesis.request import resolve_options, told_options

Made = tuple[int, SynthesizedView]
"""Index of a target, and some of its views, final, in order."""


def spool_views(
    film: PosedFilm,
    drawn: Sequence[DrawnView],
    synthesizer: Synthesizer,
    settings: AugmentSettings,
    folder: Path,
    *,
    progress: Report | None = None,
    cancel: CancelToken | None = None,
) -> list[SpooledView]:
    """Synthesise views of a whole film, one for each of its frames and at its stamps.

    A method that streams is given one frame after the other and goes on by its own memory. Any other is given windows
    of ``settings.longest_window`` frames at most; those of methods that imagine, or fit a scene to each window, overlap
    by ``settings.overlap`` frames and fade into each other. Frames are read ahead in one thread and spooled in
    another. What is held is a window, its overlap and a few frames.

    All windows have the same seed: ``settings.seed``, or for views drawn again that of their attempt
    (:attr:`DrawnView.synthesis_seed`). Views of one attempt are made together, in one pass over the film.

    Args:
        film: the source camera's.
        drawn: what to make.
        synthesizer: the loaded method.
        settings: of the run: steps, options, windows.
        folder: to spool into: a folder for each view, by its name, and one for what the guard looks at.
        progress: told of the views (pictures) done and in all.
        cancel: looked at between two frames or windows, and by the method between two steps.

    Returns:
        one view for each drawn, in that order.

    Raises:
        SynthesisCancelled: ``cancel`` was set. Nothing is left in the folder, as after any other error.
        AnyViewError: whatever is wrong with the film, the views or the options.
    """
    description = synthesizer.describe()
    options = parse_options(settings.options, description.options_type, description.name)
    options = resolve_options(options, description.options_type, description.name)
    check_targets(film, [view.target for view in drawn], description)
    made: dict[str, Provenance] = {}
    total = len(film) * len(drawn)
    try:
        for seed in dict.fromkeys(view.synthesis_seed for view in drawn):
            group = [view for view in drawn if view.synthesis_seed == seed]
            run = RunSettings(settings.steps, seed, options, settings.longest_window, settings.overlap)
            tell = None if progress is None else _offset(progress, len(made) * len(film), total)
            provenance = _spool_group(film, group, synthesizer, run, folder, tell, cancel)
            made.update(dict.fromkeys((view.name for view in group), provenance))
    except BaseException:
        for view in drawn:
            shutil.rmtree(folder / view.name, ignore_errors=True)
        shutil.rmtree(folder / SAMPLES, ignore_errors=True)
        raise
    return [_spooled(film, view, made[view.name], description, options, folder) for view in drawn]


def _spool_group(
    film: PosedFilm,
    drawn: Sequence[DrawnView],
    synthesizer: Synthesizer,
    run: RunSettings,
    folder: Path,
    report: Report | None,
    cancel: CancelToken | None,
) -> Provenance:
    """Make views that share a seed."""
    description = synthesizer.describe()
    targets = [view.target for view in drawn]
    if goes_on(description):
        run = replace(run, options=options_for_film(film, targets, synthesizer, run.options))
    with ExitStack() as opened:
        writers = [opened.enter_context(SpoolWriter(folder / view.name)) for view in drawn]
        samples = opened.enter_context(SampleWriter(folder / SAMPLES, film))
        put = opened.enter_context(write_behind(_into(writers)))
        seen = _sampling(film, samples)
        if goes_on(description):
            with_depth = description.needs_depth or description.uses_depth
            return _stream(seen, drawn, synthesizer, run, put, report, cancel, with_depth=with_depth)
        pieces = plan_pieces(seen, targets, description, run)
        provenance = Provenance(description.name)
        work = synthesize_pieces(seen, targets, pieces, synthesizer, run, report=report, cancel=cancel)
        for piece in opened.enter_context(closing(work)):
            provenance = piece.provenance
            for made in piece.views:
                put(made)
        return provenance


def _stream(
    film: PosedFilm,
    drawn: Sequence[DrawnView],
    synthesizer: Synthesizer,
    run: RunSettings,
    put: Callable[[Made], None],
    report: Report | None,
    cancel: CancelToken | None,
    *,
    with_depth: bool,
) -> Provenance:
    paths = [view.target.trajectory for view in drawn]
    total = len(film) * len(drawn)
    with (
        read_ahead(film.frames(range(len(film)))) as frames,
        synthesizer.open_stream(
            film.camera, [path.camera for path in paths], steps=run.steps, seed=run.seed, options=run.options
        ) as stream,
    ):
        for index, frame in enumerate(frames):
            if cancel is not None and cancel.is_set():
                raise SynthesisCancelled(f"the work was cancelled before frame {index}")
            views = stream.push(
                frame.image,
                film.camera_to_world[index],
                target_camera_to_world=[path.camera_to_world[index] for path in paths],
                stamp_ns=int(film.stamps_ns[index]),
                depth=frame.depth if with_depth else None,
            )
            for number, view in enumerate(views):
                assert view is not None  # noqa: S101 - no target was skipped
                put((number, view))
            if report is not None:
                report((index + 1) * len(drawn), total)
        return stream.provenance


def _sampling(film: PosedFilm, samples: SampleWriter) -> PosedFilm:
    """The film, whose frames leave samples for the guard on their way."""

    def read(wanted: range) -> Iterator[FilmFrame]:
        return samples.watched(wanted, film.read(wanted))

    return replace(film, read=read)


def _into(writers: Sequence[SpoolWriter]) -> Callable[[Made], None]:
    def write(made: Made) -> None:
        index, view = made
        for image, confidence in zip(view.frames, view.confidence, strict=True):
            writers[index].add(ViewFrame(image, quantised(confidence)))

    return write


def quantised(confidence: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Confidence (h, w) in [0, 1] as uint8, 255 = 1, rounded."""
    return np.asarray(cv2.convertScaleAbs(np.ascontiguousarray(confidence), alpha=255.0), np.uint8)


def _offset(progress: Report, before: int, total: int) -> Report:
    return lambda done, _: progress(before + done, total)


def _spooled(
    film: PosedFilm,
    view: DrawnView,
    provenance: Provenance,
    description: MethodDescription,
    options: Any,
    folder: Path,
) -> SpooledView:
    path = view.target.trajectory
    return SpooledView(
        name=view.name,
        source=film.name,
        camera=path.camera,
        camera_to_world=path.camera_to_world,
        stamps_ns=film.stamps_ns,
        fixed=bool((path.camera_to_world == path.camera_to_world[:1]).all()),
        provenance={
            "synthesised": True,
            "software": f"anyview_ros {anyview_ros.__version__}",
            **provenance.as_entries(),
            "generative": description.generative,
            "options": told_options(options),
            "source": film.name,
            "sampler": view.sampler,
        },
        folder=folder / view.name,
    )
