from __future__ import annotations

from pathlib import Path

import pytest

from anyview_ros.cli import train
from anyview_ros.cli.main import main
from anyview_ros.methods.anyview_small.weights import Calibration, load_weights
from anyview_ros.training import film_files
from anyview_ros.training.filmed import FilmPlan, film_to

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
    command = ["train", "small", "--config", str(config), "--output", str(out)]
    stopped = [*command, "--minutes", "0", "--device", "cpu"]
    assert main(stopped) == 1
    assert "time was up with 0 of 2 scenes filmed; run the same command again" in capsys.readouterr().out
    film_to(out / "rooms" / "train", FilmPlan(side=32), 2)
    assert main(stopped) == 1
    assert "time was up with 0 of 2 scenes filmed" in capsys.readouterr().out
    film_to(out / "rooms" / "held_out", FilmPlan(side=32, instants=1, held_out=True), 2)
    assert main(stopped) == 1
    assert "stopped at step 0 of 3" in capsys.readouterr().out
    assert main([*command, "--device", "cpu"]) == 0
    told = capsys.readouterr()
    assert "step 0 of 3" in told.out
    assert "3/3" in told.err
    loaded = load_weights(out / "anyview_small.safetensors", "cpu")
    assert loaded.about["steps"] == "3"
    assert loaded.calibration != Calibration()


def test_a_bad_configuration_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["train", "small", "--config", "moon.yaml", "--output", str(tmp_path)]) == 2
    assert "no configuration 'moon.yaml'" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ("loaders: -1", "loaders is -1; give 0 or more"),
        ("batches: {sources: 0}", "batches.sources is 0; give 1 or more"),
        ("rooms: {count: 2, side: 32, device: moon}", "device 'moon' cannot be used"),
    ],
)
def test_settings_that_do_not_do_are_told_before_anything_is_filmed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], setting: str, message: str
) -> None:
    config, out = tmp_path / "own.yaml", tmp_path / "run"
    config.write_text(f"network: {{side: 32, smallest_side: 32}}\nrooms: {{count: 2, side: 32}}\n{setting}\n")
    assert main(["train", "small", "--config", str(config), "--output", str(out), "--device", "cpu"]) == 2
    assert message in capsys.readouterr().err
    assert not list(out.rglob("*.npz"))


def test_depth_alone_is_a_first_stage(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(film_files, "SCENES_PER_FILE", 2)
    monkeypatch.setattr(train, "_HELD_OUT_ROOMS", 2)
    first, second = tmp_path / "first.yaml", tmp_path / "second.yaml"
    first.write_text(CONFIG + "only_depth: true\nsource_pictures: {count: 3}\n")
    second.write_text(CONFIG)
    rooms, device = ["--rooms", str(tmp_path / "rooms")], ["--device", "cpu"]
    command = ["train", "small", *rooms, *device]
    assert main([*command, "--config", str(first), "--output", str(tmp_path / "first")]) == 0
    told = capsys.readouterr().out
    assert "only depth was learned" in told
    assert "calibrated" not in told
    learned = tmp_path / "first" / "anyview_small.safetensors"
    go_on = ["--config", str(second), "--output", str(tmp_path / "second"), "--start-from"]
    assert main([*command, *go_on, str(learned)]) == 0
    assert "calibrated" in capsys.readouterr().out


def test_weights_that_do_not_fit_are_told_of_before_anything_is_filmed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config, out = tmp_path / "own.yaml", tmp_path / "run"
    config.write_text(CONFIG)
    command = [
        "train",
        "small",
        "--config",
        str(config),
        "--output",
        str(out),
        "--device",
        "cpu",
        "--start-from",
    ]
    assert main([*command, "shipped"]) == 2
    assert "start_from 'shipped' holds weights of the network" in capsys.readouterr().err
    assert main([*command, str(tmp_path / "none.safetensors")]) == 2
    assert "none.safetensors" in capsys.readouterr().err
    assert not out.exists()
