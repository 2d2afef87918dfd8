from __future__ import annotations

from pathlib import Path

import pytest

from anyview_ros.errors import WeightsError
from anyview_ros.methods.weight_checks import changed_files, check_new_folder, sha256_of_weights


def test_files_that_were_changed_since_are_named(tmp_path: Path) -> None:
    for name in ("whole", "cut"):
        (tmp_path / name).write_text(f"{name} weights")
    recorded = {name: sha256_of_weights(tmp_path / name) for name in ("whole", "cut")}
    assert changed_files(tmp_path, recorded) == []
    (tmp_path / "cut").write_text("cut")
    (wrong,) = changed_files(tmp_path, recorded)
    assert wrong.startswith(f"{tmp_path / 'cut'} has sha256 ")
    assert recorded["cut"] in wrong
    (tmp_path / "cut").unlink()
    with pytest.raises(WeightsError, match=r"cannot read .*cut"):
        changed_files(tmp_path, recorded)


def test_weights_are_written_to_new_folders_alone(tmp_path: Path) -> None:
    check_new_folder(tmp_path)
    check_new_folder(tmp_path / "none")
    (tmp_path / "file").touch()
    for used in (tmp_path, tmp_path / "file"):
        with pytest.raises(WeightsError, match="is not an empty folder"):
            check_new_folder(used)
