"""Files of networks, with a network of one layer; those of the methods are tested beside them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from torch import nn

from anyview_ros.errors import InvalidInputError, WeightsError
from anyview_ros.methods.network_files import FileFormat, read_network, read_note, write_network

FORM = FileFormat("line/1", "line", "small", "draw one")


def line(settings: dict[str, Any]) -> nn.Linear:
    if set(settings) != {"width"}:
        raise InvalidInputError(f"unknown settings {sorted(settings)}")
    return nn.Linear(settings["width"], 1)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    torch.manual_seed(0)
    write_network(tmp_path / "line.safetensors", nn.Linear(3, 1), {"width": 3}, FORM, {"steps": "7"})
    return tmp_path / "line.safetensors"


def test_a_network_comes_back_ready_to_use(path: Path) -> None:
    file = read_network(path, line, FORM, "cpu")
    torch.manual_seed(0)
    torch.testing.assert_close(file.network.weight, nn.Linear(3, 1).weight, atol=4e-3, rtol=0)
    assert load_file(path)["weight"].dtype == torch.bfloat16
    assert file.network.weight.dtype == torch.float32
    assert not file.network.weight.requires_grad
    assert not file.network.training
    assert file.about["steps"] == "7"
    assert len(file.sha256) == 64
    assert path.stat().st_mode & 0o444 == 0o444
    assert not list(path.parent.glob("*.part"))


def test_every_refusal_tells_the_remedy_of_the_format(path: Path) -> None:
    other = FileFormat("line/2", "line", "small", "draw one")
    for where, form in ((path.with_name("none"), FORM), (path, other)):
        with pytest.raises(WeightsError, match="draw one"):
            read_network(where, line, form, "cpu")
    path.write_bytes(path.read_bytes()[:-2])
    with pytest.raises(WeightsError, match=r"damaged.*draw one"):
        read_network(path, line, FORM, "cpu")


def test_weights_that_are_no_numbers_are_refused(tmp_path: Path) -> None:
    network = nn.Linear(3, 1)
    nn.init.constant_(network.bias, torch.nan)
    write_network(tmp_path / "line.safetensors", network, {"width": 3}, FORM, {})
    with pytest.raises(WeightsError, match="values that are not finite in bias"):
        read_network(tmp_path / "line.safetensors", line, FORM, "cpu")


def test_settings_and_notes_that_do_not_fit_are_named(tmp_path: Path) -> None:
    path = tmp_path / "line.safetensors"
    write_network(path, nn.Linear(3, 1), {"height": 3}, FORM, {})
    with pytest.raises(WeightsError, match="config: unknown settings"):
        read_network(path, line, FORM, "cpu")
    with pytest.raises(WeightsError, match="cannot be used: colour"):
        read_note(path, {}, "colour", dict)
