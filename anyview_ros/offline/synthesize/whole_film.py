"""What a method takes from a film as a whole, before it is given it in parts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from anyview_ros.offline.posed_film import PosedFilm
from anyview_ros.offline.synthesize.targets import FilmTarget
from anyview_ros.synthesis import Synthesizer
from anyview_ros.synthesis.protocol import WholeFilmSynthesizer


def options_for_film(
    film: PosedFilm,
    targets: Sequence[FilmTarget],
    synthesizer: Synthesizer,
    options: Any,
    frozen_index: int | None = None,
) -> Any:
    """The options with which every part of a film rests on the same, such as one scale; ``options`` where the method
    takes nothing from the whole (see :class:`WholeFilmSynthesizer`).

    Args:
        film: that the targets are of.
        targets: as long as the film, or of one instant of it.
        synthesizer: the loaded method.
        options: as they would be without.
        frozen_index: index of the frame at which time stands still; None if it runs.

    Raises:
        InvalidRequestError: the film tells not enough, or the options are not the method's.
        ReadError: the first frame cannot be read.
    """
    if not isinstance(synthesizer, WholeFilmSynthesizer):
        return options
    index = 0 if frozen_index is None else frozen_index
    first = film.clip(list(film.frames(range(index, index + 1))), index)
    paths = []
    for target in targets:
        path = target.trajectory.camera_to_world
        seen_from = film.camera_to_world if frozen_index is None else first.camera_to_world
        paths.append((np.broadcast_to(seen_from, path.shape), path))
    return synthesizer.options_for_film(first, paths, options)
