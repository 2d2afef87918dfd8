from __future__ import annotations

from pathlib import Path

import pytest

from anyview_ros.errors import ReadError
from anyview_ros.offline.augment.file_hashes import hashed_files
from anyview_ros.offline.augment.job_folder import PART, begin, check_finished, finish
from anyview_ros.offline.augment.records import JobRecord, write_record


@pytest.fixture
def job(tmp_path: Path) -> Path:
    folder = tmp_path / "jobs" / "a"
    place = begin(folder)
    (place / PART / "data.bin").write_bytes(b"0123456789")
    record = JobRecord("key", "a", "in/a", "bag", {}, (), (), hashed_files(place))
    write_record(place, record)
    assert not folder.exists()
    finish(folder)
    return folder


def test_a_whole_job_is_known_by_its_content(job: Path) -> None:
    assert check_finished(job, "key").episode == "a"
    assert check_finished(job, "").key == "key"


def test_a_job_of_other_settings_is_not_taken(job: Path) -> None:
    with pytest.raises(ReadError, match="other input, settings"):
        check_finished(job, "other")


@pytest.mark.parametrize(
    ("content", "told"), [(b"012345678", "damaged"), (b"012345678X", "damaged"), (None, "is missing")]
)
def test_damage_is_found_though_the_name_is_right(job: Path, content: bytes | None, told: str) -> None:
    file = job / PART / "data.bin"
    if content is None:
        file.unlink()
    else:
        file.write_bytes(content)
    with pytest.raises(ReadError, match=f"part/data.bin .*{told}|part/data.bin {told}"):
        check_finished(job, "key")


def test_a_file_too_many_is_found(job: Path) -> None:
    (job / PART / "extra").write_bytes(b"")
    with pytest.raises(ReadError, match="part/extra is new"):
        check_finished(job, "key")


def test_a_job_without_a_record_is_not_finished(job: Path) -> None:
    (job / "record.json").unlink()
    with pytest.raises(ReadError, match="no record of a finished job"):
        check_finished(job, "key")


def test_what_an_earlier_attempt_left_is_removed(tmp_path: Path) -> None:
    folder = tmp_path / "a"
    (begin(folder) / PART / "half").write_bytes(b"half")
    assert list((begin(folder) / PART).iterdir()) == []
