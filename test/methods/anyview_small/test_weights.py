from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from small_weights import TINY, tiny_network, tiny_weights

from anyview_ros.errors import InvalidInputError, WeightsError
from anyview_ros.geometry import PinholeCamera, look_at
from anyview_ros.methods.anyview_small.cameras import Cameras
from anyview_ros.methods.anyview_small.config import SmallConfig
from anyview_ros.methods.anyview_small.weights import SHIPPED, Calibration, load_weights


def rewritten(path: Path, tensors: dict[str, torch.Tensor], **header: str) -> Path:
    with safe_open(str(path), framework="pt") as file:
        known = dict(file.metadata())
    save_file(tensors, str(path), {**known, **header})
    return path


def test_weights_come_back_as_they_were_written_to_bfloat16(tmp_path: Path) -> None:
    loaded = load_weights(tiny_weights(tmp_path), "cpu")
    assert loaded.calibration == Calibration(0.1, 2.0, 0.2)
    assert loaded.about["steps"] == "0"
    assert loaded.network.config == TINY
    for name, value in tiny_network().state_dict().items():
        found = loaded.network.state_dict()[name]
        assert found.dtype == torch.float32
        assert torch.equal(found, value.to(torch.bfloat16).float())


def test_absent_and_damaged_files_are_told_apart(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match="there are no weights at"):
        load_weights(tmp_path / "none.safetensors", "cpu")
    path = tiny_weights(tmp_path)
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(WeightsError, match="damaged"):
        load_weights(path, "cpu")


def test_missing_left_over_and_misshapen_tensors_are_named(tmp_path: Path) -> None:
    path = tiny_weights(tmp_path)
    tensors = load_file(str(path))
    roles = tensors.pop("roles")
    with pytest.raises(WeightsError, match=r"missing: 1 \(roles\); left over: 1 \(rolls\)"):
        load_weights(rewritten(path, {**tensors, "rolls": roles}), "cpu")
    with pytest.raises(WeightsError, match=r"another shape: 1 \(roles \(2, 8\)"):
        load_weights(rewritten(path, {**tensors, "roles": roles[:, :8].contiguous()}), "cpu")


def test_weights_of_other_models_are_refused(tmp_path: Path) -> None:
    path = tiny_weights(tmp_path)
    tensors = load_file(str(path))
    with pytest.raises(WeightsError, match="another model or version"):
        load_weights(rewritten(path, tensors, format="anyview_small/0"), "cpu")
    other = json.dumps({**TINY.as_dict(), "wings": 2})
    with pytest.raises(WeightsError, match="'wings'"):
        load_weights(rewritten(path, tensors, format="anyview_small/1", config=other), "cpu")


def test_attention_knows_where_an_earlier_frame_was_seen_from() -> None:
    network = tiny_network()
    camera = PinholeCamera(30.0, 30.0, 15.5, 15.5, 32, 32)
    pictures = torch.rand(2, 1, 3, 32, 32, generator=torch.Generator().manual_seed(1))
    nothing = torch.zeros(1, 1, 32, 32)

    def seen_from(earlier: np.ndarray, now: np.ndarray) -> torch.Tensor:
        first, second = (Cameras.of([camera], torch.from_numpy(pose)[None]) for pose in (earlier, now))
        before = network.encode(pictures[0], nothing, first, [])
        planes = network.encode(pictures[1], nothing, second, [before.tokens]).planes
        assert planes is not None
        return planes

    moved = look_at((300.0, 20.0, -7.0), (1.0, 2.0, 3.0))
    one, other = look_at((0.0, -2.0, 0.5), (0, 0, 0)), look_at((1.0, -1.0, 1.5), (0, 0, 0))
    together = seen_from(one, np.eye(4))
    assert (seen_from(other, np.eye(4)) - together).abs().max() > 1e-2
    torch.testing.assert_close(seen_from(moved @ one, moved), together, atol=2e-3, rtol=1e-3)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"side": 60}, "side is 60"),
        ({"smallest_side": 128}, "smallest_side is 128"),
        ({"width": 100}, "width is 100"),
        ({"layers": 0}, "layers is 0"),
        ({"planes": 1}, "planes is 1"),
        ({"nearest_m": 9.0}, "nearest_m is 9.0"),
        ({"width": "wide"}, "width is 'wide'"),
        ({"depth_hint": 1}, "depth_hint is 1"),
        ({"layers": True}, "layers is True"),
    ],
)
def test_settings_that_do_not_fit_are_refused(values: dict[str, object], message: str) -> None:
    with pytest.raises(InvalidInputError, match=message):
        SmallConfig.from_dict(values)


def test_the_shipped_weights_are_small_and_load() -> None:
    assert SHIPPED.stat().st_size < 8 * 2**20
    loaded = load_weights(SHIPPED, "cpu")
    assert sum(p.numel() for p in loaded.network.parameters()) <= 15_000_000
    assert (SHIPPED.parent / "MODEL_CARD.md").read_text(encoding="utf-8").find(loaded.sha256) > 0
