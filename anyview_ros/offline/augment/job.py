"""One episode, augmented: views drawn, made, judged and drawn again, then written with the episode, and recorded.

A job is done in two steps, so that one episode's views can be made while another's are written: making views needs the
method, writing them does not. Nothing of a job counts before its record is written and its folder has its name.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from anyview_ros.errors import ReadError
from anyview_ros.offline.augment.contact_sheet import write_contact_sheet
from anyview_ros.offline.augment.disk_space import disk_full_told
from anyview_ros.offline.augment.events import Report
from anyview_ros.offline.augment.file_hashes import hashed_files
from anyview_ros.offline.augment.job_folder import (
    PART,
    PICTURES,
    begin,
    check_finished,
    finish,
    unfinished,
)
from anyview_ros.offline.augment.job_key import job_key
from anyview_ros.offline.augment.making import MadeViews, Making, Slot
from anyview_ros.offline.augment.output_format import OutputFormat
from anyview_ros.offline.augment.planning import PlannedEpisode
from anyview_ros.offline.augment.records import JobRecord, write_record
from anyview_ros.offline.augment.run_place import RunPlace
from anyview_ros.offline.augment.settings import AugmentSettings
from anyview_ros.offline.posed_film import PosedFilm
from anyview_ros.synthesis import CancelToken, Synthesizer


@dataclass(frozen=True, eq=False)
class Job:
    """An episode to augment.

    Attributes:
        planned: the episode, named.
        key: that makes this job the same as an earlier one.
        settings: of the run.
        output_format: that writes its part.
        place: where the run writes.
    """

    planned: PlannedEpisode
    key: str
    settings: AugmentSettings
    output_format: OutputFormat
    place: RunPlace

    @classmethod
    def of(
        cls,
        planned: PlannedEpisode,
        digest: str,
        settings: AugmentSettings,
        output_format: OutputFormat,
        place: RunPlace,
    ) -> Job:
        """The job of an episode, whose content is looked at for the key.

        Args:
            planned: the episode.
            digest: see ``settings_digest``.
            settings: of the run.
            output_format: that writes its part.
            place: where the run writes.

        Raises:
            ReadError: an episode that cannot be read.
        """
        key = job_key(planned.episode.fingerprint(), planned.name, digest)
        return cls(planned, key, settings, output_format, place)

    @property
    def name(self) -> str:
        """Of the episode in the output."""
        return self.planned.name

    @property
    def folder(self) -> Path:
        """Where it is when it is done."""
        return self.place.jobs / self.name

    @property
    def spool(self) -> Path:
        """Where its views lie until they are written."""
        return self.place.spool / self.name

    def make_views(self, synthesizer: Synthesizer, report: Report, cancel: CancelToken) -> MadeViews:
        """Draw and make views, judge them, and draw those that are refused again, as often as the guard allows.

        Raises:
            SynthesisCancelled: ``cancel`` was set; nothing is left behind.
            WriteError: the disk has no room for the episode, or became full.
            AnyViewError: the episode cannot be read or augmented.
        """
        with self._scraps_removed(), disk_full_told(self.place.partial, f"episode {self.name}"):
            making = Making(
                self.planned, self.settings, self.output_format, synthesizer, self.spool, report, cancel
            )
            return making.run()

    def write(self, made: MadeViews) -> JobRecord:
        """Write the episode with its views, and record what was done.

        Raises:
            WriteError: the disk became full; nothing of the job is left.
            AnyViewError: the episode cannot be read or written so.
        """
        episode = self.planned.episode
        with self._scraps_removed(), disk_full_told(self.place.partial, f"episode {self.name}"):
            folder = begin(self.folder)
            pictures = [_write_pictures(slot, made.film, folder) for slot in made.slots]
            views = [slot.tried[1] for slot in made.slots if slot.kept]
            self.output_format.write_part(episode, views, folder / PART)
            record = JobRecord(
                key=self.key,
                episode=self.name,
                input=self.planned.input,
                kind=episode.kind,
                described=dict(episode.describe()),
                views=tuple(slot.record(files) for slot, files in zip(made.slots, pictures, strict=True)),
                losses=tuple(episode.losses),
                files=hashed_files(folder),
            )
            write_record(folder, record)
            finish(self.folder)
        shutil.rmtree(self.spool, ignore_errors=True)
        return record

    def finished_record(self) -> tuple[JobRecord | None, str]:
        """The record of this job if it is done and whole; else why a folder of that name is not that, or ""."""
        if not self.folder.exists():
            return None, ""
        try:
            return check_finished(self.folder, self.key), ""
        except ReadError as error:
            return None, f"done again: {error}"

    @contextmanager
    def _scraps_removed(self) -> Iterator[None]:
        """Leave no half part and no spool behind if the work fails."""
        try:
            yield
        except BaseException:
            shutil.rmtree(unfinished(self.folder), ignore_errors=True)
            shutil.rmtree(self.spool, ignore_errors=True)
            raise


def _write_pictures(slot: Slot, film: PosedFilm, folder: Path) -> dict[str, str]:
    """A view's contact sheet; paths within the job's folder by what they show."""
    drawn, view = slot.tried
    name = f"{PICTURES}/{view.name}.png"
    (folder / PICTURES).mkdir(exist_ok=True)
    write_contact_sheet(folder / name, view, film, drawn.target.truth)
    return {"contact sheet": name}
