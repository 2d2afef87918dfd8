from __future__ import annotations

from pathlib import Path

import pytest

from anyview_ros.cli.main import main
from anyview_ros.methods.zeronvs.reliability import Reliability
from anyview_ros.methods.zeronvs.weights_file import load_weights
from anyview_ros.training import film_files, zeronvs_calibration
from anyview_ros.training.filmed import FilmPlan, film_to

CONFIG = """
steps: 3
threads: 1
checkpoint_steps: 2
network: {side: 16, patch: 4, width: 24, layers: 1, source_layers: 1, heads: 2, condition_width: 8}
film: {rooms: 2, robots: 2, side: 16, instants: 1, workers: 1}
samples: {batch: 2}
"""


def test_a_run_that_is_stopped_goes_on_and_is_calibrated(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(film_files, "SCENES_PER_FILE", 2)
    monkeypatch.setattr(zeronvs_calibration, "HELD_OUT_ROOMS", 2)
    monkeypatch.setattr(zeronvs_calibration, "SMALL_STEPS", 2)
    config, out = tmp_path / "own.yaml", tmp_path / "run"
    config.write_text(CONFIG)
    command = ["train", "zeronvs", "--config", str(config), "--output", str(out), "--device", "cpu"]
    stopped = [*command, "--minutes", "0"]
    assert main(stopped) == 1
    assert "time was up with 0 of 4 scenes filmed; run the same command again" in capsys.readouterr().out
    for name, plan in (
        ("rooms", FilmPlan(side=16, instants=1)),
        ("robots", FilmPlan(side=16, instants=1, robots=True)),
        ("held_out_rooms", FilmPlan(side=16, instants=1, held_out=True)),
        ("held_out_robots", FilmPlan(side=16, instants=1, held_out=True, robots=True)),
    ):
        film_to(out / "filmed" / name, plan, 2)
    assert main(stopped) == 1
    assert "stopped at step 0 of 3" in capsys.readouterr().out
    assert main(command) == 0
    told = capsys.readouterr()
    assert "step 0 of 3" in told.out
    assert "3/3" in told.err
    loaded = load_weights(out / "zeronvs.safetensors", "cpu")
    assert loaded.about["steps"] == "3"
    assert loaded.reliability != Reliability()


def test_a_bad_configuration_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["train", "zeronvs", "--config", "moon.yaml", "--output", str(tmp_path)]) == 2
    assert "no configuration 'moon.yaml'" in capsys.readouterr().err
