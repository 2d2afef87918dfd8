from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from anyview_ros.errors import WriteError
from anyview_ros.offline.augment.disk_space import check_space, disk_full_told, readable_bytes


def test_room_is_asked_for_before_work(tmp_path: Path) -> None:
    free = shutil.disk_usage(tmp_path).free
    check_space(tmp_path, 1000, "episode a")
    with pytest.raises(WriteError, match=r"episode a needs up to .*B but .* has .* free"):
        check_space(tmp_path, 2 * free, "episode a")


def test_a_full_disk_is_told_in_clear_words(tmp_path: Path) -> None:
    full = Path("/dev/full")
    if not full.exists():
        pytest.skip("this system has no /dev/full")
    with (
        pytest.raises(WriteError, match="is full; episode b was not finished"),
        disk_full_told(tmp_path, "episode b"),
    ):
        full.write_bytes(b"x" * 100)


def test_a_full_disk_is_told_though_a_library_wraps_it(tmp_path: Path) -> None:
    def write() -> None:
        try:
            Path("/dev/full").write_bytes(b"x" * 100)
        except OSError as error:
            raise RuntimeError("cannot write chunk") from error

    with pytest.raises(WriteError, match="is full"), disk_full_told(tmp_path, "episode b"):
        write()


def test_other_errors_stay_what_they_are(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="odd"), disk_full_told(tmp_path, "episode b"):
        raise ValueError("odd")


@pytest.mark.parametrize(
    ("count", "told"),
    [(0, "0 bytes"), (999, "999 bytes"), (1500, "1.5 kB"), (2.5e9, "2.5 GB"), (3e15, "3000.0 TB")],
)
def test_bytes_for_people(count: float, told: str) -> None:
    assert readable_bytes(count) == told
