"""All jobs done: their parts put together, with the manifest and the report, as one output."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path

from anyview_ros.offline.augment.disk_space import disk_full_told
from anyview_ros.offline.augment.job_folder import PART
from anyview_ros.offline.augment.output_format import OutputFormat, Part
from anyview_ros.offline.augment.outputs.linking import link_or_copy_folder
from anyview_ros.offline.augment.records import read_record
from anyview_ros.offline.augment.report import write_manifest, write_report
from anyview_ros.offline.augment.run_place import RunPlace
from anyview_ros.offline.augment.settings import AugmentSettings


def assemble(
    place: RunPlace,
    jobs: Sequence[Path],
    settings: AugmentSettings,
    output_format: OutputFormat,
) -> None:
    """Make the output of all jobs and give it its name; the jobs' own folders stay as they are until it is whole.

    Args:
        place: of the run.
        jobs: folders of all jobs, in the run's order.
        settings: of the run.
        output_format: that wrote the parts.

    Raises:
        WriteError: the disk became full; all jobs are still there.
        InvalidInputError: parts that do not fit each other.
    """
    for folder in (place.linked, place.whole):
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
    records = [read_record(folder) for folder in jobs]
    with disk_full_told(place.partial, "the assembly of the output"):
        for record, folder in zip(records, jobs, strict=True):
            link_or_copy_folder(folder, place.linked / record.episode)
        parts = [Part(record, place.linked / record.episode / PART) for record in records]
        output_format.assemble(parts, place.whole)
        write_manifest(place.whole, records)
        write_report(place.whole, records, settings, pictures=place.linked)
    place.publish(place.whole)
