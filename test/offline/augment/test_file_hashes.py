from __future__ import annotations

import hashlib
from pathlib import Path

from anyview_ros.offline.augment.file_hashes import files_below, hashed_files


def test_files_are_told_by_path_size_and_content(tmp_path: Path) -> None:
    (tmp_path / "b" / "c").mkdir(parents=True)
    (tmp_path / "b" / "c" / "deep").write_bytes(b"deep")
    (tmp_path / "a").write_bytes(b"")
    assert [path.name for path in files_below(tmp_path)] == ["a", "deep"]
    assert hashed_files(tmp_path) == {
        "a": (0, hashlib.sha256(b"").hexdigest()),
        "b/c/deep": (4, hashlib.sha256(b"deep").hexdigest()),
    }
