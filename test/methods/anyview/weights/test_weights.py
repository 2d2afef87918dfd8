from __future__ import annotations

import json
import os
from pathlib import Path

import anyview_release
import pytest
import torch
from diffusers.loaders.single_file_utils import convert_wan_vae_to_diffusers
from diffusers.models.autoencoders.autoencoder_kl_wan import AutoencoderKLWan

from anyview_ros.cli.main import main
from anyview_ros.errors import WeightsError
from anyview_ros.methods import device_memory
from anyview_ros.methods.anyview.weights import (
    check_file,
    load_bundle,
    read_checkpoint,
    read_manifest,
    read_release,
    verify_bundle,
    write_bundle,
)
from anyview_ros.methods.anyview.weights.wan_names import diffusers_name

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def release(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return anyview_release.write_release(tmp_path_factory.mktemp("release") / "download")


@pytest.fixture(scope="module")
def bundle(release: Path) -> Path:
    out = release.parent / "converted"
    write_bundle(out, read_release(release), {"anyview_dvs_2b.pt": "0" * 64})
    return out


def copied(folder: Path, to: Path) -> Path:
    for path in folder.rglob("*"):
        if path.is_file():
            target = to / path.relative_to(folder)
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(path.read_bytes())
    return to


def test_what_is_loaded_is_what_was_released(bundle: Path) -> None:
    loaded = load_bundle(bundle, CPU, torch.float32)
    state = anyview_release.transformer_state()
    ours = loaded.transformer.state_dict()
    for name, tensor in ours.items():
        if not name.startswith("pos_embedder"):
            assert torch.equal(tensor, state[f"net.{name}"].float()), name
    assert len(ours) == len([key for key in state if not key.endswith("_extra_state")])
    vae = anyview_release.autoencoder_state()
    assert all(
        torch.equal(tensor, vae[anyview_release.published_name(name)])
        for name, tensor in loaded.autoencoder.state_dict().items()
    )
    assert torch.equal(loaded.text, anyview_release.text_state()["t5_text_embeddings"].float())
    assert not any(parameter.requires_grad for parameter in loaded.transformer.parameters())


def test_others_may_read_what_was_converted(bundle: Path) -> None:
    files = list(bundle.rglob("*.safetensors"))
    assert len(files) == 3
    assert all(file.stat().st_mode & 0o044 == 0o044 for file in files)


def test_buffers_rounded_by_the_checkpoint_are_made_exact(bundle: Path) -> None:
    spatial = load_bundle(bundle, CPU, torch.float32).transformer.state_dict()[
        "pos_embedder.dim_spatial_range"
    ]
    assert torch.equal(spatial, torch.arange(0, 4, 2) / 4)


def test_weights_in_model_and_without_prefix_are_the_same(release: Path, tmp_path: Path) -> None:
    nested = anyview_release.write_release(tmp_path / "nested", nested=True)
    bare = copied(release, tmp_path / "bare")
    state = {key.removeprefix("net."): value for key, value in anyview_release.transformer_state().items()}
    torch.save(state, bare / anyview_release.TRANSFORMER)
    right = read_release(release).transformer
    for folder in (nested, bare):
        found = read_release(folder).transformer
        assert found.keys() == right.keys()
        assert all(torch.equal(found[key], right[key]) for key in right)


def test_a_checkpoint_of_torch_before_zip_files_is_read(release: Path, tmp_path: Path) -> None:
    old = tmp_path / "old.pt"
    torch.save(anyview_release.text_state(), old, _use_new_zipfile_serialization=False)
    assert torch.equal(
        read_checkpoint(old)["t5_text_embeddings"], anyview_release.text_state()["t5_text_embeddings"]
    )


def test_names_of_the_autoencoder_are_those_of_diffusers() -> None:
    with torch.device("meta"):
        full = AutoencoderKLWan().state_dict()
    published = {anyview_release.published_name(name): name for name in full}
    assert len(published) == len(full)
    for name, tensor in full.items():
        assert diffusers_name(anyview_release.published_name(name)) == name
        assert convert_wan_vae_to_diffusers({anyview_release.published_name(name): tensor}).keys() == {name}


class _Trap:
    """Runs code where it is unpickled."""

    def __init__(self, marker: Path) -> None:
        self.marker = marker

    def __reduce__(self) -> object:
        return os.mkdir, (str(self.marker),)


def test_pickled_code_is_never_run(release: Path, tmp_path: Path) -> None:
    marker = tmp_path / "ran"
    folder = copied(release, tmp_path / "evil")
    torch.save({"net.x": _Trap(marker)}, folder / anyview_release.TRANSFORMER)
    with pytest.raises(WeightsError, match="would run code"):
        read_release(folder)
    assert not marker.exists()
    torch.load(folder / anyview_release.TRANSFORMER, weights_only=False)  # the trap is a real one
    assert marker.exists()


def test_missing_left_over_and_misshapen_tensors_are_listed(release: Path, tmp_path: Path) -> None:
    folder = copied(release, tmp_path / "other")
    state = anyview_release.transformer_state()
    del state["net.blocks.1.mlp.layer2.weight"]
    state["net.blocks.1.mlp.layer3.weight"] = torch.zeros(2)
    state["net.final_layer.linear.weight"] = torch.zeros(3, 3)
    torch.save(state, folder / anyview_release.TRANSFORMER)
    with pytest.raises(WeightsError) as caught:
        read_release(folder)
    message = str(caught.value)
    assert "missing: 1 (blocks.1.mlp.layer2.weight)" in message
    assert "left over: 1 (blocks.1.mlp.layer3.weight)" in message
    assert "final_layer.linear.weight (3, 3) instead of (208, 32)" in message


def test_the_stock_cosmos_checkpoint_is_refused(release: Path, tmp_path: Path) -> None:
    """It has one patch embedding, one final layer and no view embedding."""
    folder = copied(release, tmp_path / "cosmos")
    state = {
        key: value for key, value in anyview_release.transformer_state().items() if "newviews" not in key
    }
    torch.save(state, folder / anyview_release.TRANSFORMER)
    with pytest.raises(WeightsError, match=r"missing: 7 .*view_embs_newviews.0"):
        read_release(folder)


@pytest.mark.parametrize(
    ("name", "change", "complaint"),
    [
        (anyview_release.TRANSFORMER, {"a": torch.zeros(1)}, "no checkpoint of AnyView"),
        (anyview_release.TRANSFORMER, {"net.a": "text"}, "of type str, not a tensor"),
        (anyview_release.TRANSFORMER, [1, 2], "holds a list"),
        (anyview_release.AUTOENCODER, {"a": torch.zeros(1)}, "no autoencoder of Wan"),
        (anyview_release.TEXT, {"a": torch.zeros(1)}, "found none"),
        (anyview_release.TEXT, {"t5_text_embeddings": torch.zeros(1, 3, 9)}, r"found \(1, 3, 9\)"),
        (anyview_release.TEXT, {"t5_text_embeddings": torch.full((1, 3, 8), torch.nan)}, "not finite"),
    ],
)
def test_files_of_something_else(
    release: Path, tmp_path: Path, name: str, change: object, complaint: str
) -> None:
    folder = copied(release, tmp_path / "wrong")
    torch.save(change, folder / name)
    with pytest.raises(WeightsError, match=complaint):
        read_release(folder)


def test_positions_of_another_model(release: Path, tmp_path: Path) -> None:
    folder = copied(release, tmp_path / "positions")
    state = anyview_release.transformer_state()
    state["net.pos_embedder.dim_spatial_range"] = torch.tensor([0.0, 0.9])
    torch.save(state, folder / anyview_release.TRANSFORMER)
    with pytest.raises(WeightsError, match="other positions"):
        read_release(folder)


def test_truncated_files(release: Path, bundle: Path, tmp_path: Path) -> None:
    folder = copied(release, tmp_path / "cut")
    path = folder / anyview_release.TRANSFORMER
    path.write_bytes(path.read_bytes()[:-5000])
    with pytest.raises(WeightsError, match="truncated or another file"):
        check_file(path)
    with pytest.raises(WeightsError, match="truncated"):
        read_release(folder)
    made = copied(bundle, tmp_path / "cut bundle")
    tensors = made / "transformer" / "diffusion_pytorch_model.safetensors"
    tensors.write_bytes(tensors.read_bytes()[:-100])
    with pytest.raises(WeightsError, match="truncated or changed"):
        load_bundle(made, CPU, torch.float32)


def test_one_changed_number_is_noticed(bundle: Path, tmp_path: Path) -> None:
    made = copied(bundle, tmp_path / "changed")
    tensors = made / "vae" / "diffusion_pytorch_model.safetensors"
    data = bytearray(tensors.read_bytes())
    data[-1] ^= 1
    tensors.write_bytes(data)
    assert len(verify_bundle(made)) == 1
    with pytest.raises(WeightsError, match="vae"):
        load_bundle(made, CPU, torch.float32)
    assert main(["weights", "verify", str(made)]) == 1


def test_weights_hash_names_the_weights(bundle: Path, release: Path, tmp_path: Path) -> None:
    state = anyview_release.transformer_state()
    state["net.view_embs_newviews.0"] = state["net.view_embs_newviews.0"] + 1
    folder = copied(release, tmp_path / "tuned")
    torch.save(state, folder / anyview_release.TRANSFORMER)
    write_bundle(tmp_path / "out", read_release(folder), {})
    first, second = (load_bundle(path, CPU, torch.float32).sha256 for path in (bundle, tmp_path / "out"))
    assert first != second
    assert first == read_manifest(bundle)["sha256"]


def test_bundles_that_cannot_be(bundle: Path, release: Path, tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match=r"anyview weights convert .* OUT"):
        load_bundle(release, CPU, torch.float32)
    with pytest.raises(WeightsError, match=r"no anyview\.json.*TRI-ML/AnyView-DVS"):
        load_bundle(tmp_path, CPU, torch.float32)
    for used in (bundle, bundle / "anyview.json"):
        with pytest.raises(WeightsError, match="is not an empty folder"):
            write_bundle(used, read_release(release), {})
    made = copied(bundle, tmp_path / "future")
    manifest = json.loads((made / "anyview.json").read_text())
    (made / "anyview.json").write_text(json.dumps({**manifest, "format": 9}))
    with pytest.raises(WeightsError, match="another format"):
        load_bundle(made, CPU, torch.float32)
    (made / "anyview.json").write_text("{")
    with pytest.raises(WeightsError, match="cannot be read"):
        load_bundle(made, CPU, torch.float32)


def test_too_little_memory_for_the_weights(bundle: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("anyview_ros.methods.anyview.weights.bundle.free_bytes", lambda _: 1000)
    with pytest.raises(WeightsError, match=r"need .* GiB on cpu"):
        load_bundle(bundle, CPU, torch.float32)
    assert device_memory.free_bytes(CPU) is None or device_memory.free_bytes(CPU) > 1000


def test_the_command_from_download_to_a_described_method(
    release: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    assert main(["weights", "verify", str(release)]) == 0
    assert capsys.readouterr().out.count("ok  ") == 3
    assert main(["weights", "convert", str(release), str(out)]) == 0
    assert capsys.readouterr().out.count("as published") == 3
    assert main(["weights", "verify", str(out)]) == 0
    assert main(["weights", "inspect", str(out)]) == 0
    assert main(["weights", "inspect", str(out / "transformer/diffusion_pytorch_model.safetensors")]) == 0
    assert main(["weights", "inspect", str(release / anyview_release.TRANSFORMER), "--json"]) == 0
    capsys.readouterr()
    assert main(["methods", "anyview", "--weights", str(out), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["default_steps"] == 35


def test_the_command_refuses_what_is_not_as_published(
    release: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = copied(release, tmp_path / "swapped")
    torch.save({}, folder / anyview_release.TEXT)
    assert main(["weights", "verify", str(folder)]) == 1
    assert "WRONG" in capsys.readouterr().out
    assert main(["weights", "convert", str(folder), str(tmp_path / "out")]) == 2
    assert not (tmp_path / "out").exists()
    (folder / f"{anyview_release.TEXT}.sha256").unlink()
    assert main(["weights", "verify", str(folder / anyview_release.TEXT)]) == 1
    assert "no sum to compare with" in capsys.readouterr().out
    assert main(["weights", "verify", str(folder / anyview_release.TEXT), "--sha256", "xyz"]) == 1


def test_the_command_tells_where_weights_come_from(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["weights"]) == 0
    told = capsys.readouterr().out
    assert "https://github.com/TRI-ML/AnyView-DVS" in told
    assert "NVIDIA Open Model License" in told
    assert "CC BY-NC" in told
