"""The views of an episode: drawn, made, judged, and drawn again where they are not good enough."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from anyview_ros.offline.augment.disk_space import check_space
from anyview_ros.offline.augment.events import EpisodeAdvanced, EpisodeBegun, Report
from anyview_ros.offline.augment.guard import judge
from anyview_ros.offline.augment.output_format import OutputFormat
from anyview_ros.offline.augment.planning import PlannedEpisode, choose_camera
from anyview_ros.offline.augment.records import Attempt, ViewRecord
from anyview_ros.offline.augment.settings import AugmentSettings
from anyview_ros.offline.augment.spool import SpooledView
from anyview_ros.offline.augment.spooling import spool_views
from anyview_ros.offline.augment.truth_scores import truth_scores
from anyview_ros.offline.augment.view_plans import DrawnView, ViewSampler, parse_views
from anyview_ros.offline.posed_film import PosedFilm
from anyview_ros.synthesis import CancelToken, Synthesizer

_BYTES_PER_PIXEL = 4  # of a spooled view: RGB and confidence


def wanted_views(settings: AugmentSettings) -> list[tuple[ViewSampler, int]]:
    """The views of every episode: sampler, and which of its views.

    Raises:
        InvalidInputError, ReadError: as ``parse_views``.
    """
    samplers = parse_views(settings.views, size=settings.size)
    return [(sampler, index) for sampler in samplers for index in range(sampler.draws(settings.samples))]


@dataclass
class Slot:
    """A wanted view, and what has become of it: the last draw and all attempts."""

    sampler: ViewSampler
    index: int
    drawn: DrawnView | None = None
    view: SpooledView | None = None
    attempts: list[Attempt] = field(default_factory=list)
    truth_scores: dict[str, float | None] = field(default_factory=dict)

    @property
    def kept(self) -> bool:
        """Whether the last draw was good enough."""
        return bool(self.attempts) and not self.attempts[-1].refused

    @property
    def tried(self) -> tuple[DrawnView, SpooledView]:
        """The last draw and what was made of it; there is one once the making has run."""
        assert self.drawn is not None  # noqa: S101
        assert self.view is not None  # noqa: S101
        return self.drawn, self.view

    @property
    def exhausted(self) -> bool:
        """Whether a further draw would be the same."""
        return bool(self.attempts) and not self.sampler.varies

    def take(self, view: SpooledView, attempt: Attempt) -> None:
        """Note an attempt; the view before it is not needed any more."""
        if self.view is not None:
            shutil.rmtree(self.view.folder)
        self.view = view
        self.attempts.append(attempt)

    def record(self, pictures: dict[str, str]) -> ViewRecord:
        """Plain values; ``pictures`` are files by what they show."""
        drawn, view = self.tried
        truth = drawn.target.truth
        return ViewRecord(
            name=view.name,
            source=view.source,
            sampler=drawn.sampler,
            about=drawn.about,
            frames=len(view),
            width=view.camera.width,
            height=view.camera.height,
            fixed=view.fixed,
            provenance=view.provenance,
            attempts=tuple(self.attempts),
            kept=self.kept,
            truth="" if truth is None else truth.name,
            truth_scores=self.truth_scores,
            pictures=pictures,
        )


@dataclass(frozen=True, eq=False)
class MadeViews:
    """All views of an episode, made and judged, in the spool: what the second step of a job needs."""

    film: PosedFilm
    slots: Sequence[Slot]


@dataclass(frozen=True, eq=False)
class Making:
    """How the views of one episode are made.

    Attributes:
        planned: the episode.
        settings: of the run.
        output_format: that will write it, asked how much room it will need.
        synthesizer: the loaded method.
        spool: folder for the views; made.
        report: told of progress.
        cancel: looked at between two steps.
    """

    planned: PlannedEpisode
    settings: AugmentSettings
    output_format: OutputFormat
    synthesizer: Synthesizer
    spool: Path
    report: Report
    cancel: CancelToken

    def run(self) -> MadeViews:
        """Make all views.

        Raises:
            SynthesisCancelled: ``cancel`` was set.
            WriteError: the disk has no room for the episode.
            AnyViewError: the episode cannot be read or augmented so.
        """
        episode = self.planned.episode
        film = episode.film(choose_camera(episode, self.settings))
        slots = [Slot(*each) for each in wanted_views(self.settings)]
        generative = self.synthesizer.describe().generative
        self.report(EpisodeBegun(self.planned.name, len(slots) * len(film)))
        for attempt in range(self.settings.guard.attempts):
            pending = [slot for slot in slots if not slot.kept and (generative or not slot.exhausted)]
            if not pending:
                break
            self._draw(pending, film, attempt)
            if attempt == 0:
                self._check_space(pending, film)
            self._make(pending, film, attempt)
        for slot in slots:
            drawn, view = slot.tried
            if drawn.target.truth is not None:
                slot.truth_scores = truth_scores(view, drawn.target.truth, film)
        return MadeViews(film, slots)

    def _draw(self, pending: Sequence[Slot], film: PosedFilm, attempt: int) -> None:
        for slot in pending:
            slot.drawn = slot.sampler.draw(
                self.planned.episode, film, index=slot.index, seed=self.settings.seed, attempt=attempt
            )

    def _check_space(self, slots: Sequence[Slot], film: PosedFilm) -> None:
        """For the spool, and for the part that will be written of it."""
        cameras = [slot.drawn.target.trajectory.camera for slot in slots if slot.drawn is not None]
        pixels = max(camera.width * camera.height for camera in cameras)
        frames = len(slots) * len(film)
        part = self.output_format.bytes_needed(self.planned.episode, 3 * pixels, frames)
        self.spool.mkdir(parents=True, exist_ok=True)
        check_space(self.spool, part + frames * pixels * _BYTES_PER_PIXEL, f"episode {self.planned.name}")

    def _make(self, pending: Sequence[Slot], film: PosedFilm, attempt: int) -> None:
        """One attempt at some views, each judged; those that are refused are removed from the spool."""
        drawn = [slot.drawn for slot in pending if slot.drawn is not None]
        views = spool_views(
            film,
            drawn,
            self.synthesizer,
            self.settings,
            self.spool / str(attempt),
            progress=self._progress(attempt),
            cancel=self.cancel,
        )
        for slot, view in zip(pending, views, strict=True):
            judgement = judge(view, film, self.settings.guard)
            assert slot.drawn is not None  # noqa: S101 - it was drawn above
            slot.take(view, Attempt(slot.drawn.seed, judgement.scores, judgement.refused))

    def _progress(self, attempt: int) -> Callable[[float, int], None]:
        """Tells of the pictures made; those that are made again are not counted again."""

        def tell(done: float, total: int) -> None:
            del total
            if attempt == 0:
                self.report(EpisodeAdvanced(self.planned.name, done))

        return tell
