"""The published model, tiny, from a converted folder to views and scenes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from diffusers.loaders.single_file_utils import convert_ldm_unet_checkpoint, convert_ldm_vae_checkpoint
from zeronvs_published import TINY, state, write_checkpoint

from anyview_ros.clips import PosedClip
from anyview_ros.errors import WeightsError
from anyview_ros.geometry import CameraTrajectory, PinholeCamera, look_at
from anyview_ros.methods.zeronvs.denoiser import Condition
from anyview_ros.methods.zeronvs.distillation import DistillOptions, ZeroFitter
from anyview_ros.methods.zeronvs.loading import load_denoiser
from anyview_ros.methods.zeronvs.published import (
    PublishedDenoiser,
    denoiser,
    load_published,
    read_published,
    write_published,
)
from anyview_ros.methods.zeronvs.published.tower import MEAN, SPREAD, PictureTower
from anyview_ros.methods.zeronvs.sampling import sample
from anyview_ros.synthesis import SynthesisRequest, load_synthesizer
from anyview_ros.synthesis.fitting import FitBudget


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    base = tmp_path_factory.mktemp("published")
    checkpoint = write_checkpoint(base / "in", averaged=False)
    write_published(base / "out", read_published(checkpoint, TINY.side), {})
    return base / "out"


@pytest.fixture(scope="module")
def published(folder: Path) -> PublishedDenoiser:
    return load_published(folder, "cpu")[0]


def some(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def pictures(count: int = 2, side: int = TINY.side) -> torch.Tensor:
    return some(count, 3, side, side, seed=1).clamp(-1, 1)


def embedded(picture: np.ndarray, tensors: dict[str, np.ndarray]) -> np.ndarray:
    """CLIP's picture tower in NumPy, of a picture (3, 24, 24) that has the tower's own size; no torch."""

    def normed(x: np.ndarray, name: str) -> np.ndarray:
        middle, spread = x.mean(-1, keepdims=True), x.var(-1, keepdims=True)
        return (x - middle) / np.sqrt(spread + 1e-5) * tensors[f"{name}.weight"] + tensors[f"{name}.bias"]

    colours = ((picture + 1) / 2 - np.array(MEAN)[:, None, None]) / np.array(SPREAD)[:, None, None]
    patch, grid, heads = TINY.tower_patch, TINY.tower_grid, TINY.tower_width // 64
    cut = colours.reshape(3, grid, patch, grid, patch).transpose(1, 3, 0, 2, 4).reshape(grid**2, -1)
    tokens = cut @ tensors["conv1.weight"].reshape(TINY.tower_width, -1).T
    x = np.concatenate([tensors["class_embedding"][None], tokens]) + tensors["positional_embedding"]
    x = normed(x, "ln_pre")
    for layer in range(TINY.tower_layers):
        block = f"transformer.resblocks.{layer}"
        y = normed(x, f"{block}.ln_1")
        y = y @ tensors[f"{block}.attn.in_proj_weight"].T + tensors[f"{block}.attn.in_proj_bias"]
        q, k, v = (part.reshape(len(x), heads, 64).transpose(1, 0, 2) for part in np.split(y, 3, -1))
        scores = q @ k.transpose(0, 2, 1) / 8
        scores = np.exp(scores - scores.max(-1, keepdims=True))
        mixed = (scores / scores.sum(-1, keepdims=True) @ v).transpose(1, 0, 2).reshape(len(x), -1)
        out = f"{block}.attn.out_proj"
        x = x + mixed @ tensors[f"{out}.weight"].T + tensors[f"{out}.bias"]
        y = normed(x, f"{block}.ln_2")
        y = y @ tensors[f"{block}.mlp.c_fc.weight"].T + tensors[f"{block}.mlp.c_fc.bias"]
        y = y / (1 + np.exp(-1.702 * y))
        x = x + y @ tensors[f"{block}.mlp.c_proj.weight"].T + tensors[f"{block}.mlp.c_proj.bias"]
    return normed(x[0], "ln_post") @ tensors["proj"]


def the_tower() -> tuple[PictureTower, dict[str, torch.Tensor]]:
    prefix = "cond_stage_model.model.visual."
    tensors = {name.removeprefix(prefix): v for name, v in state().items() if name.startswith(prefix)}
    tower = PictureTower(TINY.tower_width, TINY.tower_layers, TINY.tower_patch, TINY.tower_grid, TINY.context)
    tower.load_state_dict(tensors)
    return tower.eval(), tensors


def test_the_tower_is_clips() -> None:
    tower, tensors = the_tower()
    seen = pictures(2, tower.side)
    found = tower(seen).detach().numpy()
    arrays = {name: value.double().numpy() for name, value in tensors.items()}
    for row in range(2):
        np.testing.assert_allclose(found[row], embedded(seen[row].double().numpy(), arrays), atol=2e-4)


def test_pictures_come_to_the_towers_size_with_corners_on_corners() -> None:
    tower, _ = the_tower()
    given: list[torch.Tensor] = []
    tower.conv1.register_forward_pre_hook(lambda _, inputs: given.append(inputs[0]))
    seen = pictures(1, TINY.side)
    tower(seen)
    mean, spread = (torch.tensor(one)[:, None] for one in (MEAN, SPREAD))
    for row, column in ((0, 0), (0, -1), (-1, 0), (-1, -1)):
        wanted = ((seen[0, :, row, column] + 1) / 2 - mean[:, 0]) / spread[:, 0]
        torch.testing.assert_close(given[0][0, :, row, column], wanted, atol=1e-5, rtol=0)


def test_noise_is_predicted_as_the_published_code_does(published: PublishedDenoiser) -> None:
    tensors = state()
    networks = TINY.networks()
    networks["unet"].load_state_dict(convert_ldm_unet_checkpoint(dict(tensors), {"layers_per_block": 2}))
    blocks = {"down_block_types": (0,) * 4, "up_block_types": (0,) * 4}
    networks["autoencoder"].load_state_dict(convert_ldm_vae_checkpoint(dict(tensors), blocks))
    unet, autoencoder = networks["unet"].eval(), networks["autoencoder"].eval()
    seen, poses, noisy = pictures(), some(2, 19), some(2, 4, 8, 8)
    timesteps = torch.tensor([20, 900])
    with torch.no_grad():
        embedding = the_tower()[0](seen)
        token = torch.cat([embedding, poses], -1) @ tensors["cc_projection.weight"].T
        token = (token + tensors["cc_projection.bias"])[:, None]
        moments = autoencoder.quant_conv(autoencoder.encoder(seen))
        code = moments[:, :4]  # the mean, not scaled
        wanted = unet(torch.cat([noisy, code], 1), timesteps, encoder_hidden_states=token).sample
        nothing = unet(
            torch.cat([noisy, torch.zeros_like(code)], 1), timesteps, encoder_hidden_states=0 * token
        ).sample
        found = published.predict(noisy, timesteps, published.condition(seen, poses))
        torch.testing.assert_close(found, wanted, atol=1e-4, rtol=1e-4)
        torch.testing.assert_close(published.predict(noisy, timesteps, None), nothing, atol=1e-4, rtol=1e-4)
        assert (wanted - nothing).abs().max() > 1e-2
        torch.testing.assert_close(published.encode(seen), 0.18215 * code, atol=1e-4, rtol=1e-4)
        torch.testing.assert_close(
            published.decode(0.18215 * code), autoencoder.decode(code).sample, atol=1e-3, rtol=1e-3
        )


def test_gradients_flow_into_the_picture_and_into_nothing_else(published: PublishedDenoiser) -> None:
    shown = pictures(1).requires_grad_()
    published.encode(shown).square().sum().backward()
    assert shown.grad is not None
    assert shown.grad.abs().max() > 0
    assert not any(p.requires_grad for p in published._unet.parameters())


def test_a_picture_that_was_seen_lately_is_not_read_again(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fresh, _ = load_published(folder, "cpu")
    reads = []
    fresh._tower.register_forward_pre_hook(lambda *_: reads.append(1))
    seen, poses = pictures(2), some(3, 19)
    first = fresh.condition(seen[[0, 1, 0]], poses)
    again = fresh.condition(seen[[0, 1, 0]], poses)
    assert len(reads) == 2
    for name, part in first.parts.items():
        assert torch.equal(part, again.parts[name])
    assert not torch.equal(first.parts["token"][0], first.parts["token"][2])  # another pose
    monkeypatch.setattr(denoiser, "_KEPT", 1)
    fresh.condition(pictures(3), poses)
    assert len(fresh._kept) == 2  # two were known; as the third comes, the oldest goes


def test_it_is_sampled_from_and_known_by_its_folder(folder: Path) -> None:
    loaded = load_denoiser(str(folder), "cpu")
    assert (loaded.mode, loaded.guidance, loaded.denoiser.side) == ("viewer", 3.0, TINY.side)
    assert len(loaded.sha256) == 64
    condition = loaded.denoiser.condition(pictures(), some(2, 19))
    latents = sample(loaded.denoiser, condition, steps=3, seeds=[0, 1])
    assert latents.shape == (2, 4, 8, 8)
    assert loaded.denoiser.decode(latents).shape == (2, 3, 64, 64)


CAMERA = PinholeCamera.from_fov(40, 30, horizontal_fov_deg=60)


def clip() -> PosedClip:
    frames = np.random.default_rng(0).integers(0, 255, (1, 30, 40, 3), np.uint8)
    depth = np.full((1, 30, 40), 2.0, np.float32)
    return PosedClip(frames, CAMERA, look_at((2, 0, 1), (0, 0, 0))[None], np.zeros(1, np.int64), depth)


def test_the_method_draws_views_and_distils_a_scene_by_it(folder: Path) -> None:
    method = load_synthesizer("zeronvs", weights=str(folder), device="cpu")
    target = CameraTrajectory(CAMERA, look_at((1, 1.5, 1), (0, 0, 0))[None])
    (view,) = method.synthesize(SynthesisRequest((clip(),), (target,), steps=2)).views
    assert view.frames.shape == (1, 30, 40, 3)
    options = DistillOptions(
        weights=str(folder), anchors=1, anchor_steps=2, render_side=16, rays=64, samples=8, voxels=2000
    )
    outcome = ZeroFitter(device="cpu").fit([clip()], budget=FitBudget(2), options=options)
    assert (outcome.stopped, outcome.steps) == ("done", 2)
    assert outcome.scene.provenance["weights_hash"] == method.weights_hash


def test_weights_that_were_changed_or_do_not_fit_the_memory_are_refused(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(denoiser, "free_bytes", lambda _: 1000)
    with pytest.raises(WeightsError, match=r"need .* GiB on cpu, but"):
        load_published(folder, "cpu")
    for file in folder.iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    (tmp_path / "tower.safetensors").write_bytes(b"cut")
    with pytest.raises(WeightsError, match=r"tower\.safetensors has sha256"):
        load_published(tmp_path, "cpu")


def test_memory_is_told_beforehand_as_it_is() -> None:
    with torch.device("meta"):
        networks = denoiser.PublishedConfig().networks()
    cpu, cuda = (denoiser.bytes_to_load(networks, torch.device(one)) for one in ("cpu", "cuda"))
    assert cpu == pytest.approx(5.0e9, rel=0.01)
    assert cuda == pytest.approx(2.7e9, rel=0.02)


def test_at_full_size_all_parts_fit_each_other() -> None:
    config = denoiser.PublishedConfig()
    with torch.device("meta"):
        whole = PublishedDenoiser(config, config.networks(), torch.device("meta"))
        assert (whole.side, whole.latent_shape) == (256, (4, 32, 32))
        noisy, timesteps = torch.empty(2, 4, 32, 32), torch.tensor([1, 999])
        condition = Condition({"token": torch.empty(2, 1, 768), "code": torch.empty(2, 4, 32, 32)})
        assert whole.predict(noisy, timesteps, condition).shape == noisy.shape
        assert whole.encode(torch.empty(2, 3, 256, 256)).shape == noisy.shape
        assert whole.decode(noisy).shape == (2, 3, 256, 256)
        assert whole._tower(torch.empty(2, 3, 256, 256)).shape == (2, 768)
