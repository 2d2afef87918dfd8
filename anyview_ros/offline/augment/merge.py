"""The outputs of shards put together: the same bytes as one run would have made."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from anyview_ros.errors import InvalidInputError, ReadError
from anyview_ros.offline.augment.assembly import assemble
from anyview_ros.offline.augment.events import AssemblyBegun, Report
from anyview_ros.offline.augment.formats import open_format
from anyview_ros.offline.augment.job_folder import check_finished
from anyview_ros.offline.augment.output_lock import locked
from anyview_ros.offline.augment.planning import Shard
from anyview_ros.offline.augment.records import JobRecord
from anyview_ros.offline.augment.run_place import JOBS, RunAbout, RunPlace, is_output

_MERGE = "merge"
"""What stands in the place of a shard's number while shards are put together."""


def merge(
    shards: Sequence[Path], output: Path, *, overwrite: bool = False, report: Report
) -> tuple[JobRecord, ...]:
    """Put the outputs of all shards of a run together.

    Args:
        shards: folders that runs with ``shard`` have made, in any order; only read.
        output: folder to make; it appears when it is whole.
        overwrite: replace an earlier output.
        report: told of what happens.

    Returns:
        The records of all jobs, in the run's order.

    Raises:
        ReadError: a folder that is no shard's output, or whose files are damaged.
        InvalidInputError: shards of different runs, one given twice or missing, or an output that exists or overlaps
            them.
    """
    place = RunPlace(output)
    place.check_apart(shards)
    if output.exists() and not (overwrite and is_output(output)):
        raise InvalidInputError(
            f"{output} exists; name another output, or give --overwrite to replace an earlier one"
        )
    place.check_own()
    if place.is_begun() and RunAbout.read(place.partial).shard != _MERGE:
        raise InvalidInputError(f"{place.partial} holds an unfinished run; finish it, or name another output")
    about = _common(shards)
    jobs = _jobs(shards, about)
    output_format = open_format(about.settings)
    with locked(place.lock):
        place.clear()
        replace(about, shard=_MERGE).write(place.partial)
        report(AssemblyBegun(len(jobs)))
        assemble(place, [folder for _, folder in jobs], about.settings, output_format)
    return tuple(record for record, _ in jobs)


def _common(shards: Sequence[Path]) -> RunAbout:
    """What all shards tell of their run."""
    if not shards:
        raise InvalidInputError("no shards are given; give the outputs of all shards of a run")
    abouts = [RunAbout.read(folder) for folder in shards]
    first = abouts[0]
    for folder, about in zip(shards, abouts, strict=True):
        if (about.digest, about.episodes) != (first.digest, first.episodes):
            what = "other settings or weights" if about.digest != first.digest else "other episodes"
            raise InvalidInputError(
                f"{folder} was made with {what} than {shards[0]}; merge the shards of one run"
            )
    _check_complete(shards, abouts)
    return first


def _check_complete(shards: Sequence[Path], abouts: Sequence[RunAbout]) -> None:
    by_shard: dict[str, Path] = {}
    for folder, about in zip(shards, abouts, strict=True):
        if not about.shard:
            raise InvalidInputError(
                f"{folder} is a whole run's unfinished work and no shard's; finish that run"
            )
        other = by_shard.setdefault(about.shard, folder)
        if other is not folder:
            raise InvalidInputError(f"{folder} and {other} are both shard {about.shard}; give each once")
    counts = {Shard.parse(name).count for name in by_shard}
    if len(counts) > 1:
        told = ", ".join(f"{folder} is {name}" for name, folder in by_shard.items())
        raise InvalidInputError(f"the shards are of different divisions: {told}; merge those of one")
    (count,) = counts
    missing = [name for name in (f"{index}/{count}" for index in range(count)) if name not in by_shard]
    if missing:
        raise InvalidInputError(f"shard {', '.join(missing)} is missing; run it, and give its output too")


def _jobs(shards: Sequence[Path], about: RunAbout) -> list[tuple[JobRecord, Path]]:
    """Records and folders of all jobs, in the run's order, with their files as they were written."""
    found: dict[str, Path] = {}
    for shard in shards:
        for folder in sorted((shard / JOBS).iterdir()):
            other = found.setdefault(folder.name, folder)
            if other is not folder:
                raise InvalidInputError(f"{folder} and {other} are the same episode; give each shard once")
    missing = [name for name in about.episodes if name not in found]
    if missing:
        raise InvalidInputError(
            f"episodes {', '.join(missing)} are in no shard; run their shards again with --resume"
        )
    surplus = sorted(set(found) - set(about.episodes))
    if surplus:
        raise InvalidInputError(f"{found[surplus[0]]} is no episode of this run; merge the shards of one run")
    jobs = []
    for name in about.episodes:
        try:
            jobs.append((check_finished(found[name], ""), found[name]))
        except ReadError as error:
            raise ReadError(f"{error}; run its shard again with --overwrite") from error
    return jobs
