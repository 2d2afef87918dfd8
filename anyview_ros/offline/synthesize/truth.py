"""Another camera that filmed the same, frame for frame."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from anyview_ros.errors import InvalidInputError
from anyview_ros.offline.posed_film import FilmFrame, PosedFilm


def aligned_with(film: PosedFilm, reference: PosedFilm) -> PosedFilm:
    """The reference's frames that show the instants of ``film``, one for each.

    Raises:
        InvalidInputError: an instant of which the reference has no frame within half a period of it.
    """
    after = np.searchsorted(reference.stamps_ns, film.stamps_ns).clip(1, max(1, len(reference) - 1))
    before = after - 1
    after = np.minimum(after, len(reference) - 1)
    gap_before = np.abs(reference.stamps_ns[before] - film.stamps_ns)
    gap_after = np.abs(reference.stamps_ns[after] - film.stamps_ns)
    matches = np.where(gap_before <= gap_after, before, after)
    gaps = np.minimum(gap_before, gap_after)
    most_ns = 0.5e9 / max(film.rate_hz, reference.rate_hz)
    wrong = np.flatnonzero((gaps > most_ns) | (np.diff(matches, prepend=-1) <= 0))
    if len(wrong):
        index = int(wrong[0])
        raise InvalidInputError(
            f"{reference.name} has no frame of its own for frame {index} of {film.name} at "
            f"{film.stamps_ns[index] / 1e9:.3f} s; choose frames that both cameras have"
        )

    def read(wanted: range) -> Iterator[FilmFrame]:
        chosen = [int(matches[index]) for index in wanted]
        if not chosen:
            return
        span = range(chosen[0], chosen[-1] + 1)
        kept = set(chosen)
        for index, frame in zip(span, reference.read(span), strict=False):
            if index in kept:
                yield frame

    return replace(
        reference, camera_to_world=reference.camera_to_world[matches], stamps_ns=film.stamps_ns, read=read
    )
