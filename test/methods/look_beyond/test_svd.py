"""Stable Video Diffusion's real modules of diffusers, tiny and random, as stage 2."""

from __future__ import annotations

import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from clips import pose_at
from diffusers import AutoencoderKLTemporalDecoder, EulerDiscreteScheduler, UNetSpatioTemporalConditionModel

from anyview_ros.errors import MissingDependencyError, WeightsError
from anyview_ros.geometry import PinholeCamera
from anyview_ros.methods.look_beyond.fusion import guidance_scales
from anyview_ros.methods.look_beyond.svd import SvdStage, load_svd
from anyview_ros.methods.look_beyond.video.generation import FusedPass
from anyview_ros.methods.look_beyond.video.known import Anchor

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")  # diffusers' own, of NumPy

CAMERA = PinholeCamera(32.0, 32.0, 15.5, 15.5, 32, 32)
POSES = np.stack([pose_at(x=0.1 * i) for i in range(4)])


def tiny_unet() -> Any:
    torch.manual_seed(0)
    return UNetSpatioTemporalConditionModel(
        block_out_channels=(32, 64),
        layers_per_block=1,
        sample_size=32,
        in_channels=8,
        out_channels=4,
        down_block_types=("CrossAttnDownBlockSpatioTemporal", "DownBlockSpatioTemporal"),
        up_block_types=("UpBlockSpatioTemporal", "CrossAttnUpBlockSpatioTemporal"),
        cross_attention_dim=32,
        num_attention_heads=8,
        projection_class_embeddings_input_dim=96,
        addition_time_embed_dim=32,
        num_frames=4,
    ).eval()


def tiny_vae() -> Any:
    torch.manual_seed(0)
    return AutoencoderKLTemporalDecoder(
        block_out_channels=(32, 64),
        in_channels=3,
        out_channels=3,
        down_block_types=("DownEncoderBlock2D", "DownEncoderBlock2D"),
        latent_channels=4,
    ).eval()


def tiny_schedule() -> Any:
    return EulerDiscreteScheduler(
        beta_start=0.00085,
        beta_end=0.012,
        beta_schedule="scaled_linear",
        interpolation_type="linear",
        num_train_timesteps=1000,
        prediction_type="v_prediction",
        sigma_max=700.0,
        sigma_min=0.002,
        steps_offset=1,
        timestep_spacing="leading",
        timestep_type="continuous",
        use_karras_sigmas=True,
    )


def embedding(pictures: torch.Tensor) -> torch.Tensor:
    """In CLIP's place: of each colour, the mean and the spread."""
    assert pictures.shape[1:] == (3, 224, 224)
    told = torch.stack([pictures.mean((2, 3)), pictures.std((2, 3))], -1).flatten(1)
    return torch.nn.functional.pad(told, (0, 26))


@pytest.fixture(scope="module")
def stage() -> SvdStage:
    return SvdStage(tiny_unet(), tiny_vae(), tiny_schedule(), embedding, size=(32, 32))


def keyframe(seed: int, pose: np.ndarray) -> Anchor:
    image = np.random.default_rng(seed).integers(0, 256, (32, 32, 3), np.uint8)
    mask = np.ones((32, 32), np.bool_)
    mask[:, 28:] = False
    return Anchor(image, mask, np.full((32, 32), 2, np.float32), CAMERA, pose)


def plan(weights: np.ndarray, *, first: int = 0, last: int | None = 1, guidance: float = 3.0) -> FusedPass:
    end = None if last is None else keyframe(last, POSES[-1])
    return FusedPass(keyframe(first, POSES[0]), end, POSES, weights, guidance_scales(4, 1.0, guidance))


def draw(stage: SvdStage, given: FusedPass, *, seed: int = 0) -> np.ndarray:
    return stage.draw(given, steps=2, seed=(seed,)).astype(int)


def test_a_pass_has_the_stages_size_and_frames_and_hears_both_keyframes(stage: SvdStage) -> None:
    mixed = np.array([1.0, 0.7, 0.3, 0.0])
    drawn = draw(stage, plan(mixed))
    assert drawn.shape == (stage.frames, 32, 32, 3)
    assert np.abs(draw(stage, plan(mixed)) - drawn).max() == 0
    assert np.abs(draw(stage, plan(mixed), seed=1) - drawn).max() > 0
    assert np.abs(draw(stage, plan(mixed, first=2)) - drawn).max() > 0
    assert np.abs(draw(stage, plan(mixed, last=2)) - drawn).max() > 0


def test_weights_of_one_and_no_last_keyframe_are_the_same(stage: SvdStage) -> None:
    assert np.abs(draw(stage, plan(np.ones(4))) - draw(stage, plan(np.ones(4), last=None))).max() == 0


def test_reverse_is_forward_with_the_pictures_turned_round(stage: SvdStage) -> None:
    """All weight on the last keyframe is a pass from there on noise in reversed order."""
    given = plan(np.zeros(4))
    heard: list[torch.Tensor] = []
    unet = stage.unet

    def listening(video: torch.Tensor, *arguments: Any, **named: Any) -> Any:
        heard.append(video[:1, :, :4].clone())
        return unet(video, *arguments, **named)

    listening.config, listening.device = unet.config, unet.device
    SvdStage(listening, stage.vae, tiny_schedule(), embedding, size=(32, 32)).draw(given, steps=1, seed=(0,))
    forward, reverse = heard
    torch.testing.assert_close(reverse, forward.flip(1))


def test_guidance_counts(stage: SvdStage) -> None:
    assert np.abs(draw(stage, plan(np.ones(4), guidance=9.0)) - draw(stage, plan(np.ones(4)))).max() > 0


def test_each_step_can_be_stopped(stage: SvdStage) -> None:
    def stop() -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        stage.draw(plan(np.ones(4)), steps=2, seed=(0,), between=stop)


def saved(folder: Path) -> Path:
    tiny_unet().save_pretrained(folder / "unet")
    tiny_vae().save_pretrained(folder / "vae")
    tiny_schedule().save_pretrained(folder / "scheduler")
    (folder / "image_encoder").mkdir()
    return folder


def test_a_folder_of_diffusers_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Clip(torch.nn.Module):
        @classmethod
        def from_pretrained(cls, folder: Path, *, local_files_only: bool) -> Clip:
            assert local_files_only
            assert folder.name == "image_encoder"
            return cls()

        def forward(self, pictures: torch.Tensor) -> SimpleNamespace:
            return SimpleNamespace(image_embeds=embedding(pictures))

    monkeypatch.setitem(sys.modules, "transformers", SimpleNamespace(CLIPVisionModelWithProjection=Clip))
    loaded = load_svd(saved(tmp_path), "cpu")
    assert loaded.frames == 4
    assert len(loaded.sha256) == 64
    (tmp_path / "image_encoder" / "pytorch_model.bin").write_bytes(b"weights of another format")
    assert load_svd(tmp_path, "cpu").sha256 != loaded.sha256
    small = SvdStage(loaded.unet, loaded.vae, loaded.schedule, loaded.image_embedding, size=(32, 32))
    own = SvdStage(tiny_unet(), tiny_vae(), tiny_schedule(), embedding, size=(32, 32))
    mixed = np.array([1.0, 0.7, 0.3, 0.0])
    np.testing.assert_array_equal(draw(small, plan(mixed)), draw(own, plan(mixed)))


def test_a_folder_that_lacks_parts_is_told(tmp_path: Path) -> None:
    (tmp_path / "unet").mkdir()
    with pytest.raises(WeightsError, match="lacks vae, scheduler, image_encoder"):
        load_svd(tmp_path, "cpu")


def test_a_missing_package_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "transformers", None)
    with pytest.raises(MissingDependencyError, match="transformers"):
        load_svd(saved(tmp_path), "cpu")


@pytest.mark.parametrize("name", ["config.json", "diffusion_pytorch_model.safetensors"])
def test_unreadable_parts_are_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setitem(sys.modules, "transformers", SimpleNamespace(CLIPVisionModelWithProjection=None))
    (saved(tmp_path) / "unet" / name).write_text("{")
    with pytest.raises(WeightsError, match="cannot be read"):
        load_svd(tmp_path, "cpu")
