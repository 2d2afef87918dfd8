"""The folder of a job: what the format wrote, what the report shows, and the record, which is written last.

::

    <episode>/part/       files of the output format
    <episode>/pictures/   contact sheets
    <episode>/record.json
"""

from __future__ import annotations

import shutil
from pathlib import Path

from anyview_ros.errors import ReadError
from anyview_ros.files import sha256_of_file
from anyview_ros.offline.augment.file_hashes import files_below
from anyview_ros.offline.augment.records import RECORD, JobRecord, read_record
from anyview_ros.offline.unfinished import UNFINISHED

PART = "part"
PICTURES = "pictures"


def unfinished(folder: Path) -> Path:
    """Where a job is written before it is whole."""
    return folder.with_name(folder.name + UNFINISHED)


def begin(folder: Path) -> Path:
    """An empty folder for a job that will be ``folder``; what an earlier attempt left there is removed."""
    place = unfinished(folder)
    shutil.rmtree(place, ignore_errors=True)
    (place / PART).mkdir(parents=True)
    return place


def finish(folder: Path) -> None:
    """Give a whole job its name."""
    shutil.rmtree(folder, ignore_errors=True)
    unfinished(folder).rename(folder)


def check_finished(folder: Path, key: str) -> JobRecord:
    """The record of a job that is done, with all its files as they were written.

    Args:
        folder: of the job.
        key: that it must have; "" for any.

    Raises:
        ReadError: it is not done, another job, or damaged; the message says which.
    """
    record = read_record(folder)
    if key and record.key != key:
        raise ReadError(f"{folder.name} was made from other input, settings, weights or another version")
    present = {path.relative_to(folder).as_posix(): path for path in files_below(folder)}
    present.pop(RECORD)
    for name in sorted(set(present) ^ set(record.files)):
        raise ReadError(f"{folder.name}: file {name} is {'new' if name in present else 'missing'}")
    for name, (size, digest) in record.files.items():
        if present[name].stat().st_size != size or sha256_of_file(present[name]) != digest:
            raise ReadError(f"{folder.name}: file {name} is damaged")
    return record
