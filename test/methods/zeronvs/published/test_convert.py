"""The published checkpoint: its names, what is made of it, and what is refused."""

from __future__ import annotations

import argparse
import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
import zeronvs_published
from diffusers.loaders.single_file_utils import convert_ldm_unet_checkpoint, convert_ldm_vae_checkpoint
from safetensors.torch import load_file, save_file
from zeronvs_published import TINY, averages, shapes, state, write_checkpoint

from anyview_ros.cli.main import main
from anyview_ros.errors import WeightsError
from anyview_ros.methods.zeronvs.published import (
    convert,
    read_published,
    read_published_manifest,
    verify_published,
    write_published,
)
from anyview_ros.methods.zeronvs.published.config import PublishedConfig

FULL = PublishedConfig()


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_checkpoint(tmp_path_factory.mktemp("download"))


@pytest.fixture(scope="module")
def converted(checkpoint: Path) -> Path:
    out = checkpoint.parent / "converted"
    write_published(out, read_published(checkpoint, TINY.side), {checkpoint.name: "0" * 64})
    return out


def test_names_and_shapes_at_full_size_are_all_those_of_the_checkpoint() -> None:
    names = FULL.checkpoint_names()
    with torch.device("meta"):
        networks = FULL.networks()
    ours = {
        full: tuple(networks[part].state_dict()[name].shape)
        for part, listed in names.items()
        for name, full in listed.items()
    }
    theirs = shapes(FULL)
    assert set(ours) == set(theirs)
    apart = {name for name in ours if ours[name] != theirs[name]}
    assert all(
        ".mid.attn_1." in name and theirs[name][2:] == (1, 1) for name in apart
    )  # 1x1 convolutions there
    assert len(apart) == 8
    for known in (
        "model.diffusion_model.input_blocks.0.0.weight",
        "model.diffusion_model.input_blocks.9.0.op.weight",
        "model.diffusion_model.middle_block.1.transformer_blocks.0.attn2.to_k.weight",
        "model.diffusion_model.output_blocks.2.1.conv.weight",
        "model.diffusion_model.output_blocks.8.2.conv.weight",
        "first_stage_model.decoder.up.3.upsample.conv.weight",
        "first_stage_model.encoder.mid.attn_1.proj_out.bias",
        "cond_stage_model.model.visual.transformer.resblocks.23.attn.in_proj_weight",
        "cc_projection.weight",
    ):
        assert known in ours


def test_there_are_as_many_parameters_as_in_the_published_model() -> None:
    with torch.device("meta"):
        networks = FULL.networks()
    counts = {part: sum(p.numel() for p in network.parameters()) for part, network in networks.items()}
    assert counts == {
        "unet": 859_532_484,  # Stable Diffusion 1's 859,520,964 and 4 more input channels
        "autoencoder": 83_653_863,
        "tower": 303_966_208,
        "projection": 605_184,
    }


def test_every_tensor_lands_where_diffusers_own_converters_put_it() -> None:
    tensors = state()
    names = TINY.checkpoint_names()
    unet = convert_ldm_unet_checkpoint(tensors, {"layers_per_block": 2})
    assert set(unet) == set(names["unet"])
    assert all(torch.equal(unet[name], tensors[full]) for name, full in names["unet"].items())
    blocks = {"down_block_types": (0,) * 4, "up_block_types": (0,) * 4}
    autoencoder = convert_ldm_vae_checkpoint(dict(tensors), blocks)
    assert set(autoencoder) == set(names["autoencoder"])
    for name, full in names["autoencoder"].items():
        assert torch.equal(autoencoder[name], tensors[full].reshape(autoencoder[name].shape)), name


def test_sizes_are_told_by_the_shapes() -> None:
    assert PublishedConfig.of_checkpoint(state(), "x", TINY.side) == TINY
    whole = {name: torch.empty(shape, device="meta") for name, shape in shapes(FULL).items()}
    assert PublishedConfig.of_checkpoint(whole, "x") == FULL
    assert PublishedConfig.from_dict(json.loads(json.dumps(TINY.as_dict()))) == TINY


def test_the_running_mean_is_taken_where_there_is_one(checkpoint: Path, tmp_path: Path) -> None:
    with_mean = read_published(checkpoint, TINY.side)
    without = read_published(write_checkpoint(tmp_path, averaged=False), TINY.side)
    assert (with_mean.averaged, without.averaged) == (True, False)
    raw = state()["model.diffusion_model.input_blocks.0.0.weight"]
    torch.testing.assert_close(with_mean.parts["unet"]["conv_in.weight"], raw + 0.01)
    torch.testing.assert_close(without.parts["unet"]["conv_in.weight"], raw)
    assert "model_ema.diffusion_modelinput_blocks00weight" in averages(state())
    assert with_mean.left_over == without.left_over == ()


def test_a_folder_holds_what_was_read(checkpoint: Path, converted: Path) -> None:
    read = read_published(checkpoint, TINY.side)
    for part, tensors in read.parts.items():
        found = load_file(converted / f"{part}.safetensors")
        assert set(found) == set(tensors)
        assert all(torch.equal(found[name], value) for name, value in tensors.items())
    manifest = read_published_manifest(converted)
    assert manifest["averaged"] is True
    assert manifest["origin"] == {checkpoint.name: "0" * 64}
    assert verify_published(converted) == []


def test_a_safetensors_file_of_the_same_names_will_do(checkpoint: Path, tmp_path: Path) -> None:
    save_file(state(), tmp_path / "pruned.safetensors")
    read = read_published(tmp_path / "pruned.safetensors", TINY.side)
    assert not read.averaged
    assert torch.equal(read.parts["projection"]["weight"], state()["cc_projection.weight"])


def test_what_is_missing_misshapen_or_left_over_is_named(tmp_path: Path) -> None:
    def saved(tensors: dict[str, torch.Tensor]) -> Path:
        torch.save({"state_dict": tensors}, tmp_path / "x.ckpt")
        return tmp_path / "x.ckpt"

    lacking = state()
    del lacking["cc_projection.bias"]
    with pytest.raises(WeightsError, match=r"projection.*missing: 1 \(cc_projection\.bias\)"):
        read_published(saved(lacking), TINY.side)
    lacking = {name: value for name, value in state().items() if "decoder.mid" not in name}
    with pytest.raises(WeightsError, match=r"missing: 26 \(first_stage_model\.decoder\.mid\..* and 18 more"):
        read_published(saved(lacking), TINY.side)
    cut = state() | {"cc_projection.weight": torch.zeros(16, 20)}
    with pytest.raises(WeightsError, match=r"cc_projection\.weight \(16, 20\) instead of \(16, 35\)"):
        read_published(saved(cut), TINY.side)
    more = state() | {"depth_model.scratch.weight": torch.zeros(2)}
    assert read_published(saved(more), TINY.side).left_over == ("depth_model.scratch.weight",)
    broken = state() | {"cc_projection.bias": torch.full((16,), float("nan"))}
    with pytest.raises(WeightsError, match=r"not finite in cc_projection\.bias"):
        read_published(saved(broken), TINY.side)
    half = averages(state())
    half.pop("model_ema.diffusion_modelout2bias")
    with pytest.raises(WeightsError, match=r"missing: 1 \(model_ema\.diffusion_modelout2bias\)"):
        read_published(saved(state() | half), TINY.side)


def test_other_files_are_refused(checkpoint: Path, tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match="is no file"):
        read_published(tmp_path / "none.ckpt")
    torch.save({"net.blocks.0.weight": torch.zeros(2)}, tmp_path / "other.ckpt")
    with pytest.raises(WeightsError, match=r"is no checkpoint of ZeroNVS: .*input_blocks"):
        read_published(tmp_path / "other.ckpt")
    whole = checkpoint.read_bytes()
    (tmp_path / "cut.ckpt").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(WeightsError, match="truncated"):
        read_published(tmp_path / "cut.ckpt")
    (tmp_path / "text.ckpt").write_text("<html>quota exceeded</html>")
    with pytest.raises(WeightsError):
        read_published(tmp_path / "text.ckpt")
    (tmp_path / "x.safetensors").write_bytes(b"nonsense")
    with pytest.raises(WeightsError, match="cannot be read"):
        read_published(tmp_path / "x.safetensors")


class Callback:
    """As a training run pickles its own."""

    def __init__(self) -> None:
        self.best = 3


class Running:
    """Calls something when it is unpickled."""

    def __init__(self, call: Callable[..., Any], *arguments: Any) -> None:
        self.call, self.arguments = call, arguments

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[Any, ...]]:
        return self.call, self.arguments


def test_objects_of_a_training_run_are_left_out_and_no_code_of_theirs_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # As files pickle them that were written by a module called __main__.
    monkeypatch.setattr(Callback, "__module__", "__main__")
    monkeypatch.setitem(__import__("sys").modules["__main__"].__dict__, "Callback", Callback)
    mark, copied = tmp_path / "ran", Running(shutil.copyfile, __file__, str(tmp_path / "ran"))
    torch.save(
        {
            "state_dict": state(),
            "callbacks": {Callback: Callback(), "other": copied},
            "hyper_parameters": argparse.Namespace(rate=1.0),
        },
        tmp_path / "trained.ckpt",
    )
    read = read_published(tmp_path / "trained.ckpt", TINY.side)
    assert torch.equal(read.parts["projection"]["weight"], state()["cc_projection.weight"])
    assert not mark.exists()
    torch.save({"state_dict": state(), "x": Running(os.system, f"touch {mark}")}, tmp_path / "evil.ckpt")
    with pytest.raises(WeightsError, match="would run code when read"):
        read_published(tmp_path / "evil.ckpt", TINY.side)
    assert not mark.exists()


def test_a_folder_in_use_and_too_little_memory_are_refused_before_anything_is_written(
    checkpoint: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = read_published(checkpoint, TINY.side)
    (tmp_path / "used").mkdir()
    (tmp_path / "used" / "x").touch()
    with pytest.raises(WeightsError, match="is not an empty folder"):
        write_published(tmp_path / "used" / "x", read, {})
    with pytest.raises(WeightsError, match="is not an empty folder"):
        write_published(tmp_path / "used", read, {})
    monkeypatch.setattr(convert, "free_bytes", lambda _: 1000)
    with pytest.raises(WeightsError, match=r"converting takes .* GiB of memory, but"):
        write_published(tmp_path / "new", read, {})
    assert not (tmp_path / "new").exists()


def test_what_was_changed_since_is_found(converted: Path, tmp_path: Path) -> None:
    for file in converted.iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    whole = (tmp_path / "unet.safetensors").read_bytes()
    (tmp_path / "unet.safetensors").write_bytes(whole[:-4] + b"\0\0\0\1")
    (wrong,) = verify_published(tmp_path)
    assert "unet.safetensors has sha256" in wrong
    (tmp_path / "unet.safetensors").unlink()
    with pytest.raises(WeightsError, match=r"unet\.safetensors"):
        verify_published(tmp_path)
    manifest = json.loads((tmp_path / convert.MANIFEST).read_text())
    del manifest["sha256"]
    (tmp_path / convert.MANIFEST).write_text(json.dumps(manifest))
    with pytest.raises(WeightsError, match="is of another format"):
        read_published_manifest(tmp_path)
    (tmp_path / convert.MANIFEST).write_text('{"format": "zeronvs_published/9", "files": {}}')
    with pytest.raises(WeightsError, match="is of another format"):
        read_published_manifest(tmp_path)
    (tmp_path / convert.MANIFEST).write_text("{")
    with pytest.raises(WeightsError, match="cannot be read"):
        read_published_manifest(tmp_path)
    with pytest.raises(WeightsError, match="no converted weights of ZeroNVS"):
        read_published_manifest(tmp_path / "elsewhere")


def test_the_command_tells_converts_inspects_and_verifies(
    checkpoint: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["weights", "--method", "zeronvs"]) == 0
    assert "kylesargent/ZeroNVS" in capsys.readouterr().out
    assert main(["weights"]) == 0
    assert "AnyView-DVS" in capsys.readouterr().out
    out = tmp_path / "out"
    assert main(["weights", "convert", "--method", "zeronvs", str(checkpoint), str(out)]) == 0
    told = capsys.readouterr().out
    assert "the running mean of training" in told
    assert f"try it: anyview methods zeronvs --weights {out}" in told
    assert main(["weights", "--method", "zeronvs", "convert", str(checkpoint), str(tmp_path / "again")]) == 0
    capsys.readouterr()
    assert main(["weights", "verify", str(out)]) == 0
    assert "whole, as it was converted" in capsys.readouterr().out
    assert main(["weights", "inspect", str(out)]) == 0
    assert json.loads(capsys.readouterr().out)["averaged"] is True
    assert main(["weights", "inspect", str(checkpoint)]) == 0
    assert f"cc_projection.weight  float32  {zeronvs_published.shapes()['cc_projection.weight']}" in (
        capsys.readouterr().out
    )
    (out / "tower.safetensors").write_bytes(b"cut")
    assert main(["weights", "verify", str(out)]) == 1
