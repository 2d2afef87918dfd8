"""A whole run, or a shard of one: jobs done, failures told, and the output assembled when nothing is missing."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

import anyview_ros
from anyview_ros.errors import InvalidInputError, ReadError
from anyview_ros.evaluation.pages import page_engine
from anyview_ros.offline.augment.assembly import assemble
from anyview_ros.offline.augment.engines import Engine, Outcome
from anyview_ros.offline.augment.events import (
    AssemblyBegun,
    EpisodeDone,
    EpisodeFailed,
    Note,
    Report,
    RunBegun,
)
from anyview_ros.offline.augment.formats import open_format
from anyview_ros.offline.augment.guard import load_lpips
from anyview_ros.offline.augment.job_key import job_key
from anyview_ros.offline.augment.making import wanted_views
from anyview_ros.offline.augment.output_format import OutputFormat
from anyview_ros.offline.augment.output_lock import locked
from anyview_ros.offline.augment.planning import PlannedEpisode, Shard, choose_camera, plan_episodes
from anyview_ros.offline.augment.records import JobRecord, read_record
from anyview_ros.offline.augment.report import MANIFEST
from anyview_ros.offline.augment.run_place import JOBS, RUN, RunAbout, RunPlace, is_output
from anyview_ros.offline.augment.settings import AugmentSettings
from anyview_ros.offline.augment.sources import open_episodes
from anyview_ros.synthesis import CancelToken

OpenEngine = Callable[[OutputFormat], Engine]


@dataclass(frozen=True)
class RunOptions:
    """How a run treats what it finds, and its share of the work.

    Attributes:
        shard: the share; None for all. A shard's output is a folder of finished jobs, for ``merge``.
        resume: go on with an unfinished run; a finished one is left as it is.
        overwrite: discard an unfinished run, unless ``resume``, and replace an earlier output when the new is whole.
    """

    shard: Shard | None = None
    resume: bool = False
    overwrite: bool = False


@dataclass(frozen=True)
class RunResult:
    """What became of a run.

    Attributes:
        records: of the episodes that are done, in the run's order; none if the output was whole already.
        failures: of those that could not be done; if there are any, the output was not assembled.
        untouched: whether the output was whole already.
    """

    records: tuple[JobRecord, ...]
    failures: tuple[Outcome, ...] = ()
    untouched: bool = False


def run(
    inputs: Sequence[Path],
    output: Path,
    settings: AugmentSettings,
    open_engine: OpenEngine,
    options: RunOptions | None = None,
    *,
    report: Report,
    cancel: CancelToken,
) -> RunResult:
    """Augment every episode of some inputs.

    Args:
        inputs: see ``sources``.
        output: folder to make; it appears when it is whole.
        settings: of the run.
        open_engine: called once, when all that can be checked without it has been.
        options: of the run.
        report: told of what happens.
        cancel: looked at between two steps.

    Raises:
        InvalidInputError: the output exists, overlaps an input, or has unfinished work, and no option says what to do;
            or episodes that cannot be augmented so.
        WriteError: the disk is full, or another run writes there; what is finished stays.
        MissingDependencyError: what reports need is not installed.
        SynthesisCancelled: ``cancel`` was set; what is finished stays.
    """
    page_engine()  # the report comes last
    options = options or RunOptions()
    place = RunPlace(output)
    place.check_apart(inputs)
    _check_output(output, options)
    place.check_own()
    episodes = plan_episodes(open_episodes(inputs, settings))
    mine = (options.shard or Shard(0, 1)).of(episodes)
    output_format = open_format(settings)
    check_run(mine, settings, output_format)
    with _working(place, options, report), closing(open_engine(output_format)) as engine:
        about = RunAbout(
            anyview_ros.__version__,
            engine.digest,
            settings,
            tuple(each.name for each in episodes),
            "" if options.shard is None else str(options.shard),
        )
        if options.resume and output.exists():
            if _is_same(output, mine, engine.digest):
                place.tidy()
                return RunResult((), untouched=True)
            if not options.overwrite:
                raise InvalidInputError(
                    f"{output} was made from other inputs, with other settings or by another version; name another "
                    "output, or give --overwrite too, to replace it when the new one is whole"
                )
        about.write(place.partial)
        place.jobs.mkdir(exist_ok=True)
        names = [each.name for each in mine]
        place.remove_scraps(names)
        report(RunBegun(len(mine)))
        episodes.clear()
        outcomes = {}
        for outcome in engine.run(_given_up(mine), place, report, cancel):
            _tell(outcome, report)
            outcomes[outcome.episode] = outcome
        failures = tuple(outcome for outcome in outcomes.values() if outcome.record is None)
        records = tuple(record for name in names if (record := outcomes[name].record) is not None)
        if not failures:
            _conclude(place, records, settings, output_format, options, report)
        return RunResult(records, failures)


def _given_up(episodes: list[PlannedEpisode]) -> Iterator[PlannedEpisode]:
    """Each episode in turn, forgotten once it is taken: what was read of it is not held for the rest of the run."""
    episodes.reverse()
    while episodes:
        yield episodes.pop()


def check_run(
    episodes: Sequence[PlannedEpisode], settings: AugmentSettings, output_format: OutputFormat
) -> None:
    """Refuse, before any work, what would be wrong with every episode: views, the camera, the format.

    Raises:
        InvalidInputError, ReadError, WeightsError: something is.
    """
    wanted_views(settings)
    if settings.guard.lpips_weights:
        load_lpips(settings.guard.lpips_weights)
    output_format.check([planned.episode for planned in episodes])
    for planned in episodes[:1]:  # looking at all would read all
        choose_camera(planned.episode, settings)


def _check_output(output: Path, options: RunOptions) -> None:
    if not output.exists() and not output.is_symlink():
        return
    if not (options.resume or options.overwrite):
        raise InvalidInputError(
            f"{output} exists; name another output, or give --overwrite to replace it when the new one is whole"
        )
    if not is_output(output):
        raise InvalidInputError(
            f"{output} is no earlier output, since it has neither {MANIFEST} nor {RUN}; name another output"
        )


@contextmanager
def _working(place: RunPlace, options: RunOptions, report: Report) -> Iterator[None]:
    """Hold the output's lock, with unfinished work dealt with as the options say."""
    with locked(place.lock) as held:
        try:
            if not held:
                report(Note("This file system has no locks: see to it that no other run writes this output."))
            if place.is_begun() and not options.resume:
                if not options.overwrite:
                    raise InvalidInputError(
                        f"{place.partial} holds an unfinished run{_done_so_far(place)}; give --resume to go on with "
                        "it, or --overwrite to begin anew"
                    )
                place.clear()
            yield
        finally:
            place.remove_if_empty()


def _done_so_far(place: RunPlace) -> str:
    done = 0
    for folder in place.jobs.iterdir() if place.jobs.is_dir() else ():
        try:
            read_record(folder)
        except ReadError:
            continue
        done += 1
    return f" with {done} finished episodes"


def _is_same(output: Path, episodes: Sequence[PlannedEpisode], digest: str) -> bool:
    """Whether an output is just what this run would make."""
    keys = _keys_of(output)
    return set(keys) == {each.name for each in episodes} and all(
        keys[each.name] == job_key(each.episode.fingerprint(), each.name, digest) for each in episodes
    )


def _keys_of(output: Path) -> dict[str, str]:
    """Keys of an output's jobs, by episode."""
    if (output / RUN).is_file():
        records = [read_record(folder) for folder in (output / JOBS).iterdir()]
        return {record.episode: record.key for record in records}
    try:
        lines = (output / MANIFEST).read_text(encoding="utf-8").splitlines()
        entries = [json.loads(line) for line in lines]
        return {str(entry["episode"]): str(entry["key"]) for entry in entries}
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise ReadError(f"{output / MANIFEST} cannot be read: {error}; name another output") from error


def _tell(outcome: Outcome, report: Report) -> None:
    if outcome.note:
        report(Note(outcome.note))
    if outcome.record is None:
        report(EpisodeFailed(outcome.episode, outcome.failure))
    else:
        report(EpisodeDone(outcome.record, outcome.reused))


def _conclude(
    place: RunPlace,
    records: Sequence[JobRecord],
    settings: AugmentSettings,
    output_format: OutputFormat,
    options: RunOptions,
    report: Report,
) -> None:
    if options.shard is not None:
        place.leave_jobs_only()
        place.publish(place.partial)
        return
    report(AssemblyBegun(len(records)))
    assemble(place, [place.jobs / record.episode for record in records], settings, output_format)
