"""Views about the source camera: it rides with it, turned and shifted at random in its own axes."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from anyview_ros.geometry.view_changes import ViewChanges, box_changes, changed, normal_changes
from anyview_ros.offline.augment.source_episode import SourceEpisode
from anyview_ros.offline.augment.view_sampling import Laid, Rhythm, ViewSampler, ViewSettings, told_draws
from anyview_ros.offline.augment.view_text import ViewArguments
from anyview_ros.offline.posed_film import PosedFilm

Array = NDArray[np.float64]


class _AboutCamera(ViewSampler):
    """A change in the source camera's own axes: the same in every world."""

    def __init__(self, settings: ViewSettings, rhythm: Rhythm) -> None:
        super().__init__(settings)
        self.rhythm = rhythm

    def _lay(self, episode: SourceEpisode, film: PosedFilm, generator: np.random.Generator) -> Laid:
        drawn = self._draw_changes(generator, self.rhythm.draws(film.stamps_ns))
        changes = ViewChanges(
            self.rhythm.spread(drawn.rotations_rad, film.stamps_ns),
            self.rhythm.spread(drawn.shifts_m, film.stamps_ns),
        )
        told = told_draws(rotation_vector_rad=drawn.rotations_rad, shift_m=drawn.shifts_m)
        about = {**self._parameters(), **self.rhythm.as_json(), **told}
        return Laid(changed(film.camera_to_world, changes), about)

    @abstractmethod
    def _draw_changes(self, generator: np.random.Generator, count: int) -> ViewChanges: ...

    @abstractmethod
    def _parameters(self) -> dict[str, Any]: ...


class PerturbedViews(_AboutCamera):
    """Normal changes: VISTA's; see :func:`~anyview_ros.geometry.view_changes.normal_changes`."""

    def __init__(
        self, settings: ViewSettings, rhythm: Rhythm, rotation_sigma_rad: float, position_sigma_m: float
    ) -> None:
        super().__init__(settings, rhythm)
        self._sigmas = rotation_sigma_rad, position_sigma_m

    @classmethod
    def taken(
        cls, arguments: ViewArguments, settings: ViewSettings, rotation_sigma: float, position_sigma: float
    ) -> PerturbedViews:
        """From a view's arguments, with defaults."""
        return cls(
            settings,
            Rhythm.taken(arguments),
            arguments.number("rotation_sigma", rotation_sigma, least=0),
            arguments.number("position_sigma", position_sigma, least=0),
        )

    def _draw_changes(self, generator: np.random.Generator, count: int) -> ViewChanges:
        return normal_changes(generator, count, *self._sigmas)

    def _parameters(self) -> dict[str, Any]:
        return {"rotation_sigma_rad": self._sigmas[0], "position_sigma_m": self._sigmas[1]}


class BoxedViews(_AboutCamera):
    """Uniform changes in a box: RoVi-Aug's; see :func:`~anyview_ros.geometry.view_changes.box_changes`."""

    def __init__(
        self, settings: ViewSettings, rhythm: Rhythm, angle_rad: float, box_m: tuple[float, float, float]
    ) -> None:
        super().__init__(settings, rhythm)
        self._angle_rad, self._box_m = angle_rad, box_m

    @classmethod
    def taken(
        cls,
        arguments: ViewArguments,
        settings: ViewSettings,
        angle_rad: float,
        box_m: tuple[float, float, float],
    ) -> BoxedViews:
        """From a view's arguments, with defaults."""
        box = arguments.vector("box") or box_m
        if min(box) < 0:
            raise arguments.error(
                f"box is {','.join(f'{side:g}' for side in box)}; give lengths of 0 or more"
            )
        return cls(settings, Rhythm.taken(arguments), arguments.number("angle", angle_rad, least=0), box)

    def _draw_changes(self, generator: np.random.Generator, count: int) -> ViewChanges:
        return box_changes(generator, count, self._angle_rad, self._box_m)

    def _parameters(self) -> dict[str, Any]:
        return {"angle_rad": self._angle_rad, "box_m": list(self._box_m)}
