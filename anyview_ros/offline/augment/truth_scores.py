"""A synthesised view beside what a camera at its place recorded: the score of a held-out camera."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from anyview_ros.offline.augment.spool import SpooledView, ViewFrame
from anyview_ros.offline.posed_film import FilmFrame, PosedFilm
from anyview_ros.offline.synthesize.scoring import ComparedView, RunningScores, comparison_of

_MOST_FRAMES = 60


def truth_scores(
    view: SpooledView, truth: PosedFilm, film: PosedFilm, *, most_frames: int = _MOST_FRAMES
) -> dict[str, float | None]:
    """Mean scores of a view against the truth.

    Args:
        view: made of ``film``.
        truth: what it should show, frame for frame.
        film: the source; what it saw too, by both cameras' depth, is "co-visible".
        most_frames: scored frames at most; of longer films, every k-th.

    Returns:
        ``frames`` scored; ``psnr_db`` and ``ssim`` of the view, and of the source's own picture in its place
        (``copy_source_…``); the same on co-visible pixels (``…_co_visible``) with their share (``co_visible``), None
        where truth or source have no depth. A view that equals the truth has no PSNR.

    Raises:
        ReadError: either film cannot be read.
    """
    step = -(-len(film) // most_frames)
    chosen = range(0, len(film), step)
    scores = RunningScores()
    for index, source, true in zip(chosen, film.frames(chosen), truth.frames(chosen), strict=True):
        compared = compared_view(view, index, view.frame(index))
        scores.add(comparison_of(compared, film.clip([source], index), 0, true))
    means = scores.as_json() or {}
    told: dict[str, float | None] = {"frames": float(len(chosen)), "co_visible": means.get("coverage")}
    for kind, prefix, suffix in (
        ("synthesised", "", ""),
        ("copy_source", "copy_source_", ""),
        ("synthesised_co_visible", "", "_co_visible"),
        ("copy_source_co_visible", "copy_source_", "_co_visible"),
    ):
        for name, value in means.get(kind, {}).items():
            told[f"{prefix}{name}{suffix}"] = value
    return told


def compared_view(view: SpooledView, index: int, frame: ViewFrame) -> ComparedView:
    """A spooled frame with its pose and stamp, for scores and pictures."""
    return ComparedView(
        frame.image,
        view.camera,
        view.camera_to_world[index],
        frame.confidence.astype(np.float32) / np.float32(255),
    )


def frames_at(film: PosedFilm, indices: list[int]) -> Iterator[FilmFrame]:
    """Some frames of a film, ascending, each read by itself."""
    for index in indices:
        yield next(film.frames(range(index, index + 1)))
