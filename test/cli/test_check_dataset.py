from __future__ import annotations

import json
from pathlib import Path

import pytest
from lerobot_maker import write_dataset

from anyview_ros.cli.main import main


def test_a_sound_dataset_passes_and_a_broken_one_does_not(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = write_dataset(tmp_path / "cups", lengths=(3, 2))
    assert main(["check-dataset", str(path)]) == 0
    assert "keeps to all 21 rules" in capsys.readouterr().out
    info = json.loads((path / "meta/info.json").read_text())
    (path / "meta/info.json").write_text(json.dumps(info | {"total_frames": 6}))
    assert main(["check-dataset", str(path)]) == 1
    assert capsys.readouterr().out == "totals: info.json: total_frames is 6 but there are 5\n"
    assert main(["check-dataset", str(path), "--json"]) == 1
    assert json.loads(capsys.readouterr().out) == [
        {"rule": "totals", "message": "info.json: total_frames is 6 but there are 5"}
    ]


def test_what_is_no_dataset_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check-dataset", str(tmp_path)]) == 1
    assert "is no LeRobot dataset" in capsys.readouterr().out
