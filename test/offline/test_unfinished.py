from __future__ import annotations

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
