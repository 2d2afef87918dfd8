from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from tiny_panoramas import TINY, untrained

from anyview_ros.errors import WeightsError
from anyview_ros.methods.look_beyond.panorama.weights import PANORAMA
from anyview_ros.methods.network_files import read_network, write_network


def test_weights_come_back(tmp_path: Path) -> None:
    path = tmp_path / "panorama.safetensors"
    network = untrained()
    write_network(path, network, PANORAMA, {"steps": "7"})
    loaded = read_network(path, PANORAMA, "cpu")
    assert loaded.network.config == TINY
    assert loaded.about["steps"] == "7"
    assert len(loaded.sha256) == 64
    assert not loaded.network.training
    for name, value in network.state_dict().items():
        torch.testing.assert_close(
            loaded.network.state_dict()[name], value.to(torch.bfloat16).float(), atol=0, rtol=0
        )


def test_what_is_no_weights_is_told(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match="anyview train look_beyond --stage panorama"):
        read_network(tmp_path / "none.safetensors", PANORAMA, "cpu")
    broken = tmp_path / "broken.safetensors"
    broken.write_bytes(b"no tensors")
    with pytest.raises(WeightsError, match="damaged"):
        read_network(broken, PANORAMA, "cpu")
    tensors = {"a": torch.zeros(1)}
    for header, complaint in (
        ({"format": "other/1"}, "another model"),
        ({"format": PANORAMA.name, "config": "[]"}, "header"),
        ({"format": PANORAMA.name, "config": '{"height": 3}'}, "header"),
        ({"format": PANORAMA.name, "config": "{}"}, "does not hold the tensors"),
    ):
        save_file(tensors, str(broken), header)
        with pytest.raises(WeightsError, match=complaint):
            read_network(broken, PANORAMA, "cpu")
