from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from look_beyond_weights import TINY_VIDEO, tiny_video
from safetensors.torch import load_file, save_file

from anyview_ros.errors import WeightsError
from anyview_ros.methods.look_beyond.video.weights import VIDEO
from anyview_ros.methods.network_files import read_network, write_network


@pytest.fixture
def path(tmp_path: Path) -> Path:
    file = tmp_path / "video.safetensors"
    write_network(file, tiny_video(), VIDEO, {"steps": "12"})
    return file


def written(path: Path, tensors: dict[str, torch.Tensor], **header: str) -> Path:
    whole = {"format": VIDEO.name, "config": json.dumps(TINY_VIDEO.as_dict())} | header
    save_file(tensors, str(path), whole)
    return path


def test_what_is_read_is_what_was_written_in_half_precision(path: Path) -> None:
    loaded = read_network(path, VIDEO, "cpu")
    assert loaded.network.config == TINY_VIDEO
    assert loaded.about["steps"] == "12"
    assert len(loaded.sha256) == 64
    for name, value in tiny_video().state_dict().items():
        torch.testing.assert_close(loaded.network.state_dict()[name], value.bfloat16().float())
    assert not any(parameter.requires_grad for parameter in loaded.network.parameters())


def test_missing_weights_tell_how_to_make_them(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match="anyview train look_beyond"):
        read_network(tmp_path / "video.safetensors", VIDEO, "cpu")


def test_a_damaged_file_is_told(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(WeightsError, match="damaged"):
        read_network(path, VIDEO, "cpu")


def test_weights_of_another_model_are_refused(path: Path) -> None:
    with pytest.raises(WeightsError, match="another model"):
        read_network(written(path, load_file(path), format="anyview_small/1"), VIDEO, "cpu")


@pytest.mark.parametrize("config", ["nonsense", "[]", '{"width": 7}', '{"depth": 7}'])
def test_settings_that_cannot_be_are_told(path: Path, config: str) -> None:
    with pytest.raises(WeightsError, match="header"):
        read_network(written(path, load_file(path), config=config), VIDEO, "cpu")


def test_tensors_that_do_not_fit_are_told(path: Path) -> None:
    tensors = load_file(path)
    del tensors["last.weight"]
    with pytest.raises(WeightsError, match=r"last\.weight"):
        read_network(written(path, tensors), VIDEO, "cpu")
