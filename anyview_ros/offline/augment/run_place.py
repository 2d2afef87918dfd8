"""Where a run writes: beside its output until that is whole, and never where an input is.

::

    OUT.partial/run.json        what is being done
    OUT.partial/lock            who does it
    OUT.partial/jobs/<episode>/ finished jobs
    OUT.partial/spool/          views between their making and their place in a job
    OUT.partial/linked/         the jobs' files once more, by hard links, for the assembly to move
    OUT.partial/whole/          the output, which becomes OUT

A shard's output is such a folder of finished jobs: OUT/run.json and OUT/jobs/.
"""

from __future__ import annotations

import ctypes
import json
import os
import shutil
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import anyview_ros
from anyview_ros.errors import InvalidInputError, ReadError, WriteError
from anyview_ros.files import UNFINISHED, written_whole
from anyview_ros.offline.augment.report import MANIFEST
from anyview_ros.offline.augment.settings import AugmentSettings, GuardSettings

RUN = "run.json"
JOBS = "jobs"
LOCK = "lock"
_EARLIER = "replaced_output"


@dataclass(frozen=True)
class RunAbout:
    """What is being done, as told by ``run.json``.

    Attributes:
        version: of the program.
        digest: of settings, version and weights: see ``job_key.settings_digest``.
        settings: of the run.
        episodes: names in the output of all of the run's episodes, of other shards too, in order.
        shard: "i/n", or "" for a whole run.
    """

    version: str
    digest: str
    settings: AugmentSettings
    episodes: tuple[str, ...]
    shard: str = ""

    def write(self, folder: Path) -> None:
        """Write ``run.json`` into a folder, all at once."""
        content = {**asdict(self), "settings": self.settings.as_json()}
        with written_whole(folder / RUN) as unfinished:
            unfinished.write_text(json.dumps(content, indent=1, sort_keys=True) + "\n", encoding="utf-8")

    @classmethod
    def read(cls, folder: Path) -> RunAbout:
        """Read the ``run.json`` of a folder.

        Raises:
            ReadError: none there, or of another version of the program.
        """
        file = folder / RUN
        try:
            content = json.loads(file.read_text(encoding="utf-8"))
            version = str(content["version"])
            if version != anyview_ros.__version__:
                raise ReadError(
                    f"{file} was written by version {version} but this is {anyview_ros.__version__}; use one version"
                )
            episodes = tuple(map(str, content["episodes"]))
            settings = _settings(content["settings"])
            return cls(version, str(content["digest"]), settings, episodes, str(content["shard"]))
        except (OSError, ValueError, TypeError, KeyError) as error:
            raise ReadError(f"{file} does not tell of a run: {error}; give the output of a shard") from error


def _settings(content: dict[str, object]) -> AugmentSettings:
    guard = content.pop("guard")
    values = {name: tuple(value) if isinstance(value, list) else value for name, value in content.items()}
    assert isinstance(guard, dict)  # noqa: S101 - else **guard would say so less clearly
    return AugmentSettings(**values, guard=GuardSettings(**guard))  # type: ignore[arg-type]


class RunPlace:
    """The folders of a run with output ``output``.

    Raises:
        InvalidInputError: that names no folder.
    """

    def __init__(self, output: Path) -> None:
        if output.name in ("", ".."):
            raise InvalidInputError(
                f"output {output} has no name of its own; name a folder that is to be made"
            )
        self.output = output
        self.partial = output.with_name(output.name + ".partial")
        self.jobs = self.partial / JOBS
        self.spool = self.partial / "spool"
        self.linked = self.partial / "linked"
        self.whole = self.partial / "whole"
        self.lock = self.partial / LOCK

    def check_apart(self, inputs: Iterable[Path]) -> None:
        """See that neither the output nor its unfinished form is, holds or lies in an input.

        Raises:
            InvalidInputError: one does.
        """
        for given in inputs:
            theirs = given.resolve()
            for ours in (self.output.resolve(), self.partial.resolve()):
                if ours == theirs or theirs in ours.parents or ours in theirs.parents:
                    raise InvalidInputError(
                        f"output {self.output} and input {given} overlap; inputs are never written to, name an output "
                        "beside them"
                    )

    def is_begun(self) -> bool:
        """Whether an earlier run has left its unfinished work."""
        return (self.partial / RUN).is_file()

    def clear(self) -> None:
        """Remove unfinished work but the lock; what tells that it is ours goes last, so that this can be cut short."""
        paths = list(self.partial.iterdir()) if self.partial.is_dir() else []
        for path in sorted(paths, key=lambda path: path.name == RUN):
            if path != self.lock:
                _remove(path)

    def remove_scraps(self, episodes: Sequence[str]) -> None:
        """Remove what no job of these episodes has finished: spools, unfinished jobs, jobs of other episodes."""
        for folder in (self.spool, self.linked, self.whole):
            shutil.rmtree(folder, ignore_errors=True)
        for path in self.jobs.iterdir() if self.jobs.is_dir() else ():
            if path.name not in episodes:
                _remove(path)

    def check_own(self) -> None:
        """See that what lies at the place for unfinished work is such work.

        Raises:
            WriteError: it is something else.
        """
        if self.partial.exists() and not self.is_begun():
            strange = [path.name for path in self.partial.iterdir()] if self.partial.is_dir() else [""]
            if set(strange) - {LOCK, f"{RUN}{UNFINISHED}"}:
                raise WriteError(
                    f"{self.partial} is in the way: it is no unfinished run; move it, or name another output"
                )

    def leave_jobs_only(self) -> None:
        """Remove all but the finished jobs and what tells of them: a shard's output."""
        for path in self.partial.iterdir():
            if path.name not in (RUN, JOBS):
                _remove(path)

    def remove_if_empty(self) -> None:
        """Remove the place of unfinished work if there is none in it."""
        if self.partial.is_dir() and {path.name for path in self.partial.iterdir()} <= {LOCK}:
            shutil.rmtree(self.partial, ignore_errors=True)

    def publish(self, folder: Path) -> None:
        """Give a whole folder, which is or lies in ``partial``, the output's name; an earlier output and the unfinished
        work are removed."""
        flush(folder)
        if self.output.exists():
            shutil.rmtree(self.partial / _EARLIER, ignore_errors=True)
            self.output.rename(self.partial / _EARLIER)
        folder.rename(self.output)
        self.tidy()

    def tidy(self) -> None:
        """Remove what is left of the work on an output that is whole."""
        self.clear()
        shutil.rmtree(self.partial, ignore_errors=True)
        shutil.rmtree(self.output / _EARLIER, ignore_errors=True)


def is_output(folder: Path) -> bool:
    """Whether a folder was written by a run or a shard, so that another may take its place."""
    return (folder / MANIFEST).is_file() or (folder / RUN).is_file()


def flush(folder: Path) -> None:
    """Have everything in a folder written to the disk, by one call for its file system: files may be many."""
    opened = os.open(folder, os.O_RDONLY)
    try:
        if ctypes.CDLL(None, use_errno=True).syncfs(opened) != 0:
            error = ctypes.get_errno()
            raise OSError(error, os.strerror(error), str(folder))
    finally:
        os.close(opened)


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink()
