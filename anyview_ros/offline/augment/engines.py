"""Who does the jobs: this process, or others; and with what."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Protocol

from anyview_ros.errors import AnyViewError, InvalidInputError, SynthesisCancelled, WriteError
from anyview_ros.offline.augment.background import Background
from anyview_ros.offline.augment.events import Report
from anyview_ros.offline.augment.job import Job
from anyview_ros.offline.augment.job_key import settings_digest
from anyview_ros.offline.augment.making import MadeViews
from anyview_ros.offline.augment.output_format import OutputFormat
from anyview_ros.offline.augment.planning import PlannedEpisode
from anyview_ros.offline.augment.records import JobRecord
from anyview_ros.offline.augment.run_place import RunPlace
from anyview_ros.offline.augment.settings import AugmentSettings
from anyview_ros.offline.overlapped import read_ahead
from anyview_ros.offline.synthesize.option_values import parse_options
from anyview_ros.synthesis import CancelToken, Synthesizer, load_synthesizer
from anyview_ros.synthesis.failures import as_synthesis_error


@dataclass(frozen=True)
class EngineSettings:
    """How the work is done, which the result does not depend on.

    Attributes:
        device: torch device; "" for the best present.
        threads: that numerical libraries use in each process; None for as many as there are cores. On a CPU, sums taken
            by other numbers of threads may differ in their last bits.
        ray_address: of a Ray cluster that runs; "" starts one here.
        actors: Ray processes that each hold the method; None for one per GPU, or one where there is none.
    """

    device: str = ""
    threads: int | None = None
    ray_address: str = ""
    actors: int | None = None

    def __post_init__(self) -> None:
        for name in ("threads", "actors"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise InvalidInputError(f"{name} is {value}; give 1 or more")

    def pinned_threads(self) -> int:
        """The number of threads: the one given, that of OMP_NUM_THREADS, or that of the cores."""
        if self.threads is not None:
            return self.threads
        told = os.environ.get("OMP_NUM_THREADS", "")
        return int(told) if told.isdecimal() and int(told) > 0 else len(os.sched_getaffinity(0))


@dataclass(frozen=True)
class Outcome:
    """What became of an episode.

    Attributes:
        episode: its name.
        record: of the job, if it is done.
        reused: whether an earlier run had done it.
        note: why an earlier run's part was not reused, or "".
        failure: why it could not be done, or "".
    """

    episode: str
    record: JobRecord | None = None
    reused: bool = False
    note: str = ""
    failure: str = ""


class Engine(Protocol):
    """Does jobs."""

    @property
    def digest(self) -> str:
        """Of settings, version and weights: see ``settings_digest``."""
        ...

    def run(
        self, episodes: Iterable[PlannedEpisode], place: RunPlace, report: Report, cancel: CancelToken
    ) -> Iterator[Outcome]:
        """Do the jobs of some episodes, and tell of each as it ends.

        Raises:
            SynthesisCancelled: ``cancel`` was set; jobs under way are not finished.
            WriteError: the disk is full.
        """
        ...

    def close(self) -> None:
        """Free what it holds. Closing twice is harmless."""
        ...


def check_cancelled(cancel: CancelToken) -> None:
    """End here if that is wished.

    Raises:
        SynthesisCancelled: it is.
    """
    if cancel.is_set():
        raise SynthesisCancelled("the run was cancelled between two steps")


def load_method(settings: AugmentSettings, engine: EngineSettings) -> Synthesizer:
    """The method of a run, loaded, with the number of threads pinned.

    Raises:
        AnyViewError: a method that cannot be loaded, or that has no such options.
    """
    synthesizer = load_synthesizer(
        settings.method or None, device=engine.device or None, weights=settings.weights or None
    )
    pin_threads(engine.pinned_threads())
    described = synthesizer.describe()
    parse_options(settings.options, described.options_type, described.name)
    return synthesizer


def pin_threads(count: int) -> None:
    """Have the numerical libraries that are loaded use so many threads."""
    import cv2

    cv2.setNumThreads(count)
    if "torch" in sys.modules:
        sys.modules["torch"].set_num_threads(count)


class LocalEngine:
    """Does one job after another in this process: while the views of one are made, those of the last are written, and
    the content of the next is looked at."""

    def __init__(
        self,
        settings: AugmentSettings,
        output_format: OutputFormat,
        engine: EngineSettings | None = None,
        *,
        synthesizer: Synthesizer | None = None,
    ) -> None:
        """Load the method, unless one is given."""
        self._settings = settings
        self._format = output_format
        self._synthesizer = synthesizer or load_method(settings, engine or EngineSettings())
        self.digest = settings_digest(settings, str(getattr(self._synthesizer, "weights_hash", "")))

    def run(
        self, episodes: Iterable[PlannedEpisode], place: RunPlace, report: Report, cancel: CancelToken
    ) -> Iterator[Outcome]:
        """As :meth:`Engine.run`; the job that is being written is finished even if the rest is cancelled."""
        writing: Background[Outcome] | None = None
        looks = (self._look_at(planned, place) for planned in episodes)
        try:
            with read_ahead(looks, depth=1) as looked:
                for outcome, job in looked:
                    check_cancelled(cancel)
                    if job is None:
                        yield outcome
                        continue
                    made = _made(job, self._synthesizer, report, cancel)
                    if writing is not None:
                        yield writing.result()
                        writing = None
                    if isinstance(made, str):
                        yield Outcome(job.name, failure=made, note=outcome.note)
                    else:
                        writing = Background(_writing(job, made, outcome.note))
        except (SynthesisCancelled, WriteError):
            if writing is not None:
                yield writing.result()
            raise
        if writing is not None:
            yield writing.result()

    def close(self) -> None:
        """Free the method."""
        self._synthesizer.close()

    def _look_at(self, planned: PlannedEpisode, place: RunPlace) -> tuple[Outcome, Job | None]:
        job = opened_job(planned, self.digest, self._settings, self._format, place)
        if isinstance(job, Outcome):
            return job, None
        record, note = job.finished_record()
        return Outcome(planned.name, record, reused=record is not None, note=note), None if record else job


def opened_job(
    planned: PlannedEpisode, digest: str, settings: AugmentSettings, form: OutputFormat, place: RunPlace
) -> Job | Outcome:
    """An episode's job, or why the episode could not be read: that ends it, not the run."""
    try:
        return Job.of(planned, digest, settings, form, place)
    except Exception as error:  # noqa: BLE001 - whatever is wrong with it
        return Outcome(planned.name, failure=_told(error, f"{planned.name} could not be read"))


def do_job(job: Job, synthesizer: Synthesizer, report: Report, cancel: CancelToken) -> Outcome:
    """One job from its beginning to its end, unless an earlier run has done it.

    Raises:
        SynthesisCancelled, WriteError: as :meth:`Engine.run`.
    """
    record, note = job.finished_record()
    if record is not None:
        return Outcome(job.name, record, reused=True)
    made = _made(job, synthesizer, report, cancel)
    if isinstance(made, str):
        return Outcome(job.name, failure=made, note=note)
    return _writing(job, made, note)()


def _made(job: Job, synthesizer: Synthesizer, report: Report, cancel: CancelToken) -> MadeViews | str:
    """The first step of a job: its views, or why they could not be made."""
    try:
        return job.make_views(synthesizer, report, cancel)
    except (SynthesisCancelled, WriteError):
        raise
    except Exception as error:  # noqa: BLE001 - whatever a method raises ends its episode, not the run
        device = str(getattr(synthesizer, "device", "cpu"))
        return str(as_synthesis_error(error, f"views of episode {job.name}", device))


def _writing(job: Job, made: MadeViews, note: str) -> Callable[[], Outcome]:
    """The second step of a job; only a full disk, which concerns the jobs to come too, is an error of the run."""

    def write() -> Outcome:
        try:
            return Outcome(job.name, job.write(made), note=note)
        except WriteError:
            raise
        except Exception as error:  # noqa: BLE001 - whatever goes wrong with a part ends its episode, not the run
            return Outcome(job.name, failure=_told(error, f"{job.name} could not be written"), note=note)

    return write


def _told(error: Exception, what: str) -> str:
    """What an error says: one of ours speaks for itself, of any other it is said what it means."""
    return str(error) if isinstance(error, AnyViewError) else f"{what}: {type(error).__name__}: {error}"
