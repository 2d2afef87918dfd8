from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from anyview_ros.offline.unfinished import made_beside


def test_a_folder_is_there_while_it_is_written_and_goes_if_that_fails(tmp_path: Path) -> None:
    output = tmp_path / "below" / "out"
    with made_beside(output) as folder, made_beside(output) as another:
        assert folder != another
        assert folder.parent == output.parent
        folder.rename(output)
        another.rename(output.with_name("other"))

    def fail() -> None:
        with made_beside(output) as folder:
            (folder / "file").write_text("half")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert sorted(path.name for path in output.parent.iterdir()) == ["other", "out"]


def test_what_a_killed_process_left_goes_with_the_next_and_that_of_others_stays(tmp_path: Path) -> None:
    script = (
        "import os, sys; from pathlib import Path; from anyview_ros.offline.unfinished import made_beside\n"
        "with made_beside(Path(sys.argv[1])): os._exit(9)"
    )
    output = tmp_path / "out"
    assert subprocess.run([sys.executable, "-c", script, str(output)], check=False).returncode == 9
    (abandoned,) = tmp_path.iterdir()
    kept = [
        tmp_path / name for name in ("out.partial", "out.1@elsewhere.01234567.partial", "another.partial")
    ]
    for folder in kept:
        folder.mkdir()
    with made_beside(output) as first, made_beside(output) as second:
        assert first.is_dir()
        first.rename(output)
        second.rename(tmp_path / "second")
    assert not abandoned.exists()
    assert all(folder.is_dir() for folder in kept)
