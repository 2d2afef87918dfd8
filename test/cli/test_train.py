from __future__ import annotations

from pathlib import Path

import pytest

from anyview_ros.cli import train
from anyview_ros.cli.main import main
from anyview_ros.methods.anyview_small.weights import Calibration, load_weights
from anyview_ros.training import film_files

CONFIG = """
steps: 3
threads: 1
checkpoint_steps: 2
network: {side: 32, smallest_side: 32, width: 32, layers: 1, heads: 2, stem: 8, planes: 4}
rooms: {count: 2, side: 32, instants: 2, workers: 1}
batches: {sources: 1, targets: 1}
"""


def test_a_run_that_is_stopped_goes_on_and_is_calibrated_at_the_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(film_files, "SCENES_PER_FILE", 2)
    monkeypatch.setattr(train, "_HELD_OUT_ROOMS", 2)
    config, out = tmp_path / "own.yaml", tmp_path / "run"
    config.write_text(CONFIG)
    command = ["train", "small", "--config", str(config), "--out", str(out)]
    assert main([*command, "--minutes", "0", "--device", "cpu"]) == 1
    assert "stopped at step 0 of 3" in capsys.readouterr().out
    assert main([*command, "--device", "cpu"]) == 0
    told = capsys.readouterr()
    assert "step 0 of 3" in told.out
    assert "3/3" in told.err
    loaded = load_weights(out / "anyview_small.safetensors", "cpu")
    assert loaded.about["steps"] == "3"
    assert loaded.calibration != Calibration()


def test_a_bad_configuration_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["train", "small", "--config", "moon.yaml", "--out", str(tmp_path)]) == 2
    assert "no configuration 'moon.yaml'" in capsys.readouterr().err
