from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from anyview_ros.offline.augment.outputs.linking import copy_file, link_or_copy, link_or_copy_folder


@pytest.mark.parametrize("links", [True, False])
def test_parts_stay_whole(links: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if not links:

        def refuse(*_: object) -> None:
            raise OSError(errno.EXDEV, "other file system")

        monkeypatch.setattr(os, "link", refuse)
    (tmp_path / "part" / "deep").mkdir(parents=True)
    (tmp_path / "part" / "deep" / "file").write_bytes(b"1")
    link_or_copy_folder(tmp_path / "part", tmp_path / "out")
    assert (tmp_path / "out" / "deep" / "file").read_bytes() == b"1"
    assert (tmp_path / "part" / "deep" / "file").samefile(tmp_path / "out" / "deep" / "file") == links


def test_nothing_is_overwritten(tmp_path: Path) -> None:
    for name in "ab":
        (tmp_path / name).write_text(name)
    with pytest.raises(FileExistsError):
        link_or_copy(tmp_path / "a", tmp_path / "b")


def test_a_copy_leads_to_no_input(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("a")
    copy_file(tmp_path / "a", tmp_path / "out" / "a")
    (tmp_path / "out" / "a").write_text("changed")
    assert (tmp_path / "a").read_text() == "a"
