from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from look_beyond_weights import TINY_VIDEO, tiny_video

from anyview_ros.errors import InvalidInputError
from anyview_ros.geometry import PinholeCamera
from anyview_ros.methods.look_beyond.video.known import Anchor, known_of, relative_rays, signed
from anyview_ros.methods.look_beyond.video.network import VideoDenoiser, spread
from anyview_ros.methods.look_beyond.video.weights import VIDEO
from anyview_ros.methods.network_files import read_network
from anyview_ros.training.look_beyond_video import (
    VideoTrainer,
    _mirrored,
    draw_passes,
    one_pass,
    prepared_clips,
    video_loss,
)
from anyview_ros.training.look_beyond_video_clips import Clips, film_clips
from anyview_ros.training.look_beyond_video_config import ClipsConfig, VideoTrainingConfig
from anyview_ros.training.optimisers import OptimiserConfig
from anyview_ros.training.settings import read_settings

CONFIG = VideoTrainingConfig(
    steps=6,
    device="cpu",
    checkpoint_steps=3,
    log_steps=2,
    sheet_steps=6,
    batch=2,
    network=TINY_VIDEO,
    clips=ClipsConfig(count=4, supersampling=1),
    optimiser=OptimiserConfig(warm_up=2, ema=0.9),
)


@pytest.fixture(scope="module")
def clips() -> Clips:
    return film_clips(CONFIG.plan(), 0, 4)


def test_a_run_writes_weights_a_log_and_a_sheet(tmp_path: Path, clips: Clips) -> None:
    trainer = VideoTrainer(CONFIG, tmp_path, clips)
    steps: list[int] = []
    assert trainer.run(report=lambda step, total, loss: steps.append(step))
    assert steps == list(range(1, 7))
    assert read_network(tmp_path / "video.safetensors", VIDEO, "cpu").about["steps"] == "6"
    lines = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    assert [line["step"] for line in lines] == [2, 4, 6]
    assert {"seen", "unseen"} <= set(lines[0])
    assert (tmp_path / "sheet_000006.png").stat().st_size > 1000


def test_a_resumed_run_equals_one_that_was_never_interrupted(tmp_path: Path, clips: Clips) -> None:
    whole = VideoTrainer(CONFIG, tmp_path / "whole", clips)
    whole.run()
    first = VideoTrainer(CONFIG, tmp_path / "again", clips)

    def interrupt(step: int, total: int, loss: float) -> None:
        if step == 4:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        first.run(report=interrupt)
    resumed = VideoTrainer(CONFIG, tmp_path / "again", clips)
    assert resumed.step == 3
    resumed.run()
    for name, value in whole.averaged_network().state_dict().items():
        torch.testing.assert_close(resumed.averaged_network().state_dict()[name], value, atol=0, rtol=0)


def test_another_network_does_not_go_on_with_the_checkpoint(tmp_path: Path, clips: Clips) -> None:
    VideoTrainer(CONFIG, tmp_path, clips).run()
    with pytest.raises(InvalidInputError, match="network"):
        VideoTrainer(replace(CONFIG, network=replace(TINY_VIDEO, blocks=1)), tmp_path, clips)


def test_clips_of_another_size_are_refused(tmp_path: Path, clips: Clips) -> None:
    with pytest.raises(InvalidInputError, match="film them anew"):
        VideoTrainer(replace(CONFIG, network=replace(TINY_VIDEO, frames=5)), tmp_path, clips)


def test_the_loss_falls_on_one_pass(clips: Clips) -> None:
    torch.manual_seed(0)
    network = VideoDenoiser(TINY_VIDEO)
    video, known = one_pass(clips, 0, backwards=False)
    signal, noise = torch.tensor([0.1]), torch.randn(video.shape)
    optimiser = torch.optim.Adam(network.parameters(), 3e-3)
    losses = []
    for _ in range(60):
        loss, _, _ = video_loss(network, video, known, signal, noise)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(float(loss.detach()))
    assert losses[-1] < 0.6 * losses[0]


def test_a_network_that_knows_the_truth_has_no_loss(clips: Clips, monkeypatch: pytest.MonkeyPatch) -> None:
    video, known = one_pass(clips, 1, backwards=True)
    network = tiny_video()
    signal, noise = torch.tensor([0.4]), torch.randn(video.shape, generator=torch.Generator().manual_seed(0))

    def perfect(residual: torch.Tensor, log_noise: torch.Tensor, told: object) -> torch.Tensor:
        return (video - known.base) / spread(known)

    monkeypatch.setattr(network, "forward", perfect)
    loss, parts, guess = video_loss(network, video, known, signal, noise)
    assert float(loss) < 1e-6
    assert float(parts["seen"]) < 1e-6
    torch.testing.assert_close(guess, video, atol=1e-4, rtol=1e-4)


def test_backwards_begins_at_the_last_picture(clips: Clips) -> None:
    video, known = one_pass(clips, 0, backwards=True)
    torch.testing.assert_close(video[0, 0], signed(clips.frames[0, -1]))
    torch.testing.assert_close(known.base[0, 0] * known.seen[0, 0], known.anchor[0] * known.mask[0])


def test_a_pass_in_training_is_told_what_the_method_tells(clips: Clips) -> None:
    """The rays of a mirrored pass are those of a mirrored camera."""
    camera = PinholeCamera(20.0, 22.0, 10.0, 7.0, 24, 16)
    flipped = replace(camera, cx=camera.width - 1 - camera.cx)
    mirror = np.diag((-1.0, 1.0, 1.0, 1.0))
    poses = clips.camera_to_world[0]
    image = clips.frames[0, 0]
    mask, depth = np.ones((16, 24), np.bool_), np.full((16, 24), 2, np.float32)
    once = known_of(Anchor(image, mask, depth, camera, poses[0]), poses)
    _, mirrored = _mirrored(once.base, once)
    seen = mirror @ poses @ mirror
    there = relative_rays(Anchor(image, mask, depth, flipped, seen[0]), seen)
    np.testing.assert_allclose(mirrored.rays[0].numpy(), there, atol=1e-5)


def test_other_processes_draw_the_same_passes(tmp_path: Path, clips: Clips) -> None:
    def losses(loaders: int) -> list[float]:
        told: list[float] = []
        config = replace(CONFIG, steps=2, loaders=loaders)
        VideoTrainer(config, tmp_path / str(loaders), clips).run(report=lambda *line: told.append(line[2]))
        return told

    assert losses(0) == losses(1)


def test_draws_depend_on_the_seed_alone(clips: Clips) -> None:
    draws = [draw_passes(clips, np.random.default_rng(seed), 3, 0.5)[0] for seed in (5, 5, 6)]
    torch.testing.assert_close(draws[0], draws[1])
    assert (draws[0] - draws[2]).abs().max() > 0.1


@pytest.mark.parametrize("kind", ["", "_h200", "_smoke"])
def test_our_configurations_are_read(kind: str) -> None:
    config = read_settings(VideoTrainingConfig, f"look_beyond_video{kind}.yaml")
    network = VideoDenoiser(replace(config.network, width=32, heads=2, blocks=1))
    assert network.config.frames == config.plan().frames


def test_the_shipped_configuration_fits_into_ten_megabytes() -> None:
    network = VideoDenoiser(read_settings(VideoTrainingConfig, "look_beyond_video.yaml").network)
    assert 2 * sum(parameter.numel() for parameter in network.parameters()) < 10e6


def test_a_gpu_sized_configuration_runs_in_miniature(tmp_path: Path) -> None:
    config = read_settings(VideoTrainingConfig, "look_beyond_video_h200.yaml")
    small = replace(
        config,
        steps=1,
        device="cpu",
        batch=1,
        sheet_steps=1,
        loaders=1,
        network=replace(config.network, picture_width=16, picture_height=8, width=32, heads=2, blocks=1),
        clips=ClipsConfig(count=1, supersampling=1),
    )
    assert VideoTrainer(small, tmp_path, prepared_clips(small, tmp_path / "clips")).run()


@pytest.mark.parametrize(
    "wrong",
    [{"batch": 0}, {"withheld_share": 1.5}, {"mirrored_share": -0.1}, {"sheet_steps": 0}, {"loaders": -1}],
)
def test_numbers_out_of_range_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(InvalidInputError, match=next(iter(wrong))):
        VideoTrainingConfig(**wrong)
