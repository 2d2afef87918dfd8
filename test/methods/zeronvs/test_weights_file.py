from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from zeronvs_weights import tiny_network, tiny_weights

from anyview_ros.errors import WeightsError
from anyview_ros.methods.zeronvs.loading import load_denoiser
from anyview_ros.methods.zeronvs.reliability import Reliability
from anyview_ros.methods.zeronvs.weights_file import FORMAT, load_weights


def header_of(path: Path) -> dict[str, str]:
    return load_weights(path, "cpu").about


def test_what_was_saved_is_loaded(tmp_path: Path) -> None:
    path = tiny_weights(tmp_path)
    loaded = load_weights(path, "cpu")
    assert loaded.reliability == Reliability(0.4, 0.3)
    assert loaded.about["steps"] == "0"
    for name, value in tiny_network().state_dict().items():
        torch.testing.assert_close(loaded.network.state_dict()[name], value, atol=1e-2, rtol=1e-2)


def test_a_file_or_its_folder_may_be_given(tmp_path: Path) -> None:
    path = tiny_weights(tmp_path)
    by_file, by_folder = load_denoiser(str(path), "cpu"), load_denoiser(str(tmp_path), "cpu")
    assert by_file.sha256 == by_folder.sha256
    assert by_file.mode == "viewer"
    assert by_file.denoiser.side == 16


def test_weights_that_were_trained_little_say_so(tmp_path: Path) -> None:
    path = tiny_weights(tmp_path)
    assert any("trained for 0 steps only" in limit for limit in load_denoiser(str(path), "cpu").limits)
    save_file(load_file(path), path, {**header_of(path), "steps": "50000"})
    assert not any("steps only" in limit for limit in load_denoiser(str(path), "cpu").limits)


def test_weights_that_are_not_there_say_how_to_make_them(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match="anyview train zeronvs"):
        load_denoiser(str(tmp_path / "none.safetensors"), "cpu")


def test_unfit_weights_are_refused(tmp_path: Path) -> None:
    path = tiny_weights(tmp_path)
    header, tensors = header_of(path), load_file(path)
    broken = tmp_path / "broken.safetensors"
    broken.write_bytes(path.read_bytes()[:1000])
    with pytest.raises(WeightsError, match="damaged"):
        load_weights(broken, "cpu")
    save_file(tensors, broken, {**header, "format": "anyview_small/1"})
    with pytest.raises(WeightsError, match=FORMAT.name):
        load_weights(broken, "cpu")
    save_file(tensors, broken, {**header, "config": '{"side": 7}'})
    with pytest.raises(WeightsError, match="cannot be used"):
        load_weights(broken, "cpu")
    save_file({name: t for name, t in tensors.items() if name != "place"}, broken, header)
    with pytest.raises(WeightsError, match=r"missing: 1 \(place\)"):
        load_weights(broken, "cpu")
    save_file({**tensors, "place": tensors["place"][:1].contiguous()}, broken, header)
    with pytest.raises(WeightsError, match=r"another shape: 1 \(place"):
        load_weights(broken, "cpu")
