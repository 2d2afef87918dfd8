from __future__ import annotations

from pathlib import Path

import pytest

from anyview_ros.cli.main import main
from anyview_ros.methods.look_beyond.panorama.weights import PANORAMA
from anyview_ros.methods.look_beyond.video.weights import VIDEO
from anyview_ros.methods.network_files import read_network
from anyview_ros.training.film_files import film_to_files
from anyview_ros.training.look_beyond_panorama_config import PanoramaTrainingConfig
from anyview_ros.training.look_beyond_panorama_films import panoramas_to
from anyview_ros.training.settings import read_settings

PANORAMA_YAML = """
steps: 3
threads: 1
checkpoint_steps: 2
batch: 2
network: {height: 16, patch: 8, width: 16, heads: 1, blocks: 1, condition_width: 8,
          source_width: 16, source_height: 16, source_patch: 8}
panoramas: {count: 2}
"""
VIDEO_YAML = """
steps: 2
threads: 1
batch: 1
network: {frames: 2, picture_width: 16, picture_height: 16, patch: 8, width: 24, heads: 1, blocks: 1}
clips: {count: 2, supersampling: 1}
"""


def test_both_stages_are_trained_stopped_and_gone_on_with(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    first, second, out = tmp_path / "first.yaml", tmp_path / "second.yaml", tmp_path / "run"
    first.write_text(PANORAMA_YAML)
    second.write_text(VIDEO_YAML)
    command = ["train", "look_beyond", "--output", str(out), "--device", "cpu"]
    both = [*command, "--config", str(first), str(second)]
    assert main([*both, "--minutes", "0"]) == 1
    assert "time was up with 0 of 2 scenes filmed; run the same command again" in capsys.readouterr().out
    plan = read_settings(PanoramaTrainingConfig, str(first)).plan()
    film_to_files(panoramas_to(out / "panorama" / "films", plan, 2))
    assert main([*both, "--minutes", "0"]) == 1
    told = capsys.readouterr().out
    assert "stopped at step 0 of 3" in told
    assert "stage 2" not in told  # whose turn comes when stage 1 is done
    assert main(both) == 0
    assert "3/3" in capsys.readouterr().err
    assert read_network(out / "panorama.safetensors", PANORAMA, "cpu").about["steps"] == "3"
    assert read_network(out / "video.safetensors", VIDEO, "cpu").about["steps"] == "2"


def test_each_stage_needs_its_configuration(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    command = ["train", "look_beyond", "--output", str(tmp_path), "--config", "look_beyond_panorama.yaml"]
    assert main(command) == 2
    assert "2 stages" in capsys.readouterr().err
    assert main([*command[:-1], "moon.yaml", "--stage", "panorama"]) == 2
    assert "no configuration 'moon.yaml'" in capsys.readouterr().err
