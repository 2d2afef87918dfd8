"""Files of networks, with a network of one layer; those of the methods are tested beside them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import nn

from anyview_ros.errors import WeightsError
from anyview_ros.methods.network_files import (
    FileFormat,
    read_network,
    read_note,
    weights_path,
    write_network,
)
from anyview_ros.methods.network_settings import NetworkSettings


@dataclass(frozen=True)
class LineSettings(NetworkSettings):
    width: int = 3


class Line(nn.Linear):
    def __init__(self, config: LineSettings) -> None:
        super().__init__(config.width, 1)
        self.config = config


def line(settings: dict[str, Any]) -> Line:
    return Line(LineSettings.from_dict(settings))


FORM = FileFormat("line/1", "line", "small", "draw one", line)


def drawn() -> Line:
    torch.manual_seed(0)
    return Line(LineSettings(4))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    write_network(tmp_path / "line.safetensors", drawn(), FORM, {"steps": "7"})
    return tmp_path / "line.safetensors"


def test_a_network_comes_back_ready_to_use(path: Path) -> None:
    file = read_network(path, FORM, "cpu")
    torch.testing.assert_close(file.network.weight, drawn().weight, atol=4e-3, rtol=0)
    assert file.network.config == LineSettings(4)
    assert load_file(path)["weight"].dtype == torch.bfloat16
    assert file.network.weight.dtype == torch.float32
    assert not file.network.weight.requires_grad
    assert not file.network.training
    assert file.about["steps"] == "7"
    assert len(file.sha256) == 64
    assert path.stat().st_mode & 0o444 == 0o444
    assert not list(path.parent.glob("*.part"))


def test_the_same_network_has_the_same_hash_whenever_it_is_written(path: Path) -> None:
    notes = dict.fromkeys(("steps", "episodes", "origin", "a", "b", "c"), "1")
    hashes = set()
    for _ in range(8):
        write_network(path, drawn(), FORM, notes)
        hashes.add(read_network(path, FORM, "cpu").sha256)
    assert len(hashes) == 1


def test_every_refusal_tells_the_remedy_of_the_format(path: Path) -> None:
    other = FileFormat("line/2", "line", "small", "draw one", line)
    for where, form in ((path.with_name("none"), FORM), (path, other)):
        with pytest.raises(WeightsError, match="draw one"):
            read_network(where, form, "cpu")
    path.write_bytes(path.read_bytes()[:-2])
    with pytest.raises(WeightsError, match=r"damaged.*draw one"):
        read_network(path, FORM, "cpu")


def test_weights_that_are_no_numbers_are_refused(tmp_path: Path) -> None:
    network = drawn()
    nn.init.constant_(network.bias, torch.nan)
    write_network(tmp_path / "line.safetensors", network, FORM, {})
    with pytest.raises(WeightsError, match="values that are not finite in bias"):
        read_network(tmp_path / "line.safetensors", FORM, "cpu")


def test_settings_and_notes_that_do_not_fit_are_named(path: Path) -> None:
    save_file(load_file(path), path, {"format": FORM.name, "config": '{"height": 3}'})
    with pytest.raises(WeightsError, match="config: unknown network setting 'height'; it knows width"):
        read_network(path, FORM, "cpu")
    with pytest.raises(WeightsError, match="cannot be used: colour"):
        read_note(path, {}, "colour", dict)


def test_weights_are_given_as_their_file_or_its_folder(path: Path) -> None:
    shipped = Path("package") / path.name
    assert weights_path(None, shipped) == shipped
    assert weights_path(str(path), shipped) == weights_path(str(path.parent), shipped) == path
    assert weights_path("nowhere.safetensors", shipped) == Path("nowhere.safetensors")
