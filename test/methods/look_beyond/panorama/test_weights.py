from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from tiny_panoramas import TINY, untrained

from anyview_ros.errors import WeightsError
from anyview_ros.methods.look_beyond.panorama.weights import (
    FORMAT,
    load_panorama_weights,
    save_panorama_weights,
)


def test_weights_come_back(tmp_path: Path) -> None:
    path = tmp_path / "panorama.safetensors"
    network = untrained()
    save_panorama_weights(path, network, {"steps": "7"})
    loaded = load_panorama_weights(path, "cpu")
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
        load_panorama_weights(tmp_path / "none.safetensors", "cpu")
    broken = tmp_path / "broken.safetensors"
    broken.write_bytes(b"no tensors")
    with pytest.raises(WeightsError, match="damaged"):
        load_panorama_weights(broken, "cpu")
    tensors = {"a": torch.zeros(1)}
    for header, complaint in (
        ({"format": "other/1"}, "another model"),
        ({"format": FORMAT.name, "config": "[]"}, "header"),
        ({"format": FORMAT.name, "config": '{"height": 3}'}, "header"),
        ({"format": FORMAT.name, "config": "{}"}, "does not hold the tensors"),
    ):
        save_file(tensors, str(broken), header)
        with pytest.raises(WeightsError, match=complaint):
            load_panorama_weights(broken, "cpu")
