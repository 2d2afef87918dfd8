from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from tiny_panoramas import TINY, untrained

from anyview_ros.errors import InvalidInputError
from anyview_ros.methods.look_beyond.panorama.weights import PANORAMA
from anyview_ros.methods.network_files import read_network
from anyview_ros.training.look_beyond_panorama import (
    PanoramaTrainer,
    draw,
    panorama_loss,
    prepared_panoramas,
    sample_of,
)
from anyview_ros.training.look_beyond_panorama_config import PanoramasConfig, PanoramaTrainingConfig
from anyview_ros.training.look_beyond_panorama_films import PanoramaPlan, Panoramas, film_panoramas
from anyview_ros.training.optimisers import OptimiserConfig
from anyview_ros.training.settings import read_settings

CONFIG = PanoramaTrainingConfig(
    steps=4,
    threads=1,
    device="cpu",
    batch=3,
    checkpoint_steps=2,
    log_steps=1,
    sheet_steps=2,
    network=TINY,
    panoramas=PanoramasConfig(count=2, robot_every=0),
    optimiser=OptimiserConfig(warm_up=2),
)


@pytest.fixture(scope="module")
def panoramas() -> Panoramas:
    return film_panoramas(PanoramaPlan(height=16, source_width=16, source_height=16, robot_every=0), 0, 6)


def _stop_after_three(step: int, total: int, loss: float) -> None:
    if step == 3:
        raise KeyboardInterrupt


def test_an_interrupted_run_equals_one_that_was_not(tmp_path: Path, panoramas: Panoramas) -> None:
    whole = PanoramaTrainer(CONFIG, tmp_path / "whole", panoramas)
    assert whole.run()
    stopped = PanoramaTrainer(CONFIG, tmp_path / "stopped", panoramas)
    with pytest.raises(KeyboardInterrupt):
        stopped.run(report=_stop_after_three)
    resumed = PanoramaTrainer(CONFIG, tmp_path / "stopped", panoramas)
    assert resumed.step == 2  # of the last checkpoint
    assert resumed.run()
    expected = whole.averaged_network().state_dict()
    for name, value in resumed.averaged_network().state_dict().items():
        torch.testing.assert_close(value, expected[name], atol=0, rtol=0)
    loaded = read_network(tmp_path / "stopped" / "panorama.safetensors", PANORAMA, "cpu")
    assert loaded.about["steps"] == "4"
    assert (tmp_path / "whole" / "sheet_000004.png").stat().st_size > 200
    lines = [json.loads(line) for line in (tmp_path / "whole" / "log.jsonl").read_text().splitlines()]
    assert {"loss", "seen", "unseen", "depth", "seam"} <= set(lines[-1])
    with pytest.raises(InvalidInputError, match="seam_weight"):
        PanoramaTrainer(replace(CONFIG, seam_weight=9.0), tmp_path / "whole", panoramas)


def test_training_draws_what_the_source_does_not_show(tmp_path: Path, panoramas: Panoramas) -> None:
    """Of rooms that it has seen, a network soon knows more than the filled picture tells."""
    config = replace(
        CONFIG,
        steps=60,
        batch=6,
        roll=False,
        withheld_share=0.0,
        sheet_steps=1000,
        optimiser=OptimiserConfig(rate=4e-3, warm_up=5, ema=0.8),
    )
    trainer = PanoramaTrainer(config, tmp_path, panoramas)
    trainer.run()
    sample = draw(panoramas, np.random.default_rng(1), config)
    level, signal = torch.full((6,), 999), torch.full((6,), 4e-5)
    noise = torch.randn(sample.truth.shape, generator=torch.Generator().manual_seed(1))
    _, before, _ = panorama_loss(
        PanoramaTrainer(config, tmp_path / "new", panoramas).network, sample, level, signal, noise, config
    )
    _, after, _ = panorama_loss(trainer.averaged_network(), sample, level, signal, noise, config)
    assert after["unseen"] < 0.9 * before["unseen"]
    assert after["depth"] < 0.8 * before["depth"]


def test_a_sample_is_turned_and_mirrored_as_a_whole(panoramas: Panoramas) -> None:
    never = replace(CONFIG, withheld_share=0.0, no_depth_share=0.0, mirrored_share=0.0)
    turned = draw(panoramas, np.random.default_rng(3), never)
    straight = draw(panoramas, np.random.default_rng(3), replace(never, roll=False))
    for index in range(never.batch):
        shifts = [
            columns
            for columns in range(32)
            if torch.equal(straight.truth[index].roll(columns, -1), turned.truth[index])
        ]
        assert len(shifts) == 1
        assert torch.equal(straight.known.seen[index].roll(shifts[0], -1), turned.known.seen[index])
        assert torch.equal(straight.known.colour[index].roll(shifts[0], -1), turned.known.colour[index])
    mirrored = draw(panoramas, np.random.default_rng(3), replace(never, roll=False, mirrored_share=1.0))
    torch.testing.assert_close(mirrored.truth.flip(-1), straight.truth)
    torch.testing.assert_close(mirrored.known.source.flip(-1), straight.known.source)
    seen = straight.known.seen.bool().expand(-1, 3, -1, -1)
    error = (straight.known.colour - straight.truth[:, :3])[seen].abs().mean()
    assert error < 0.15  # what is told lies where it belongs


def test_what_is_withheld_is_withheld(panoramas: Panoramas) -> None:
    rng = np.random.default_rng(0)
    nothing = draw(panoramas, rng, replace(CONFIG, withheld_share=1.0)).known
    assert not any(value.any() for value in vars(nothing).values())
    flat = draw(panoramas, rng, replace(CONFIG, no_depth_share=1.0, withheld_share=0.0)).known
    assert not flat.measured.any()
    assert flat.seen.any()


def test_the_loss_counts_the_seam_the_seen_and_the_solid(panoramas: Panoramas) -> None:
    sample = sample_of(panoramas, 0)
    arguments = (torch.tensor([500]), torch.tensor([0.5]), torch.zeros_like(sample.truth))

    def loss(**changed: float) -> float:
        config = replace(CONFIG, **changed)  # type: ignore[arg-type]
        return float(panorama_loss(untrained(), sample, *arguments, config)[0])

    assert loss(seam_weight=5.0) > loss(seam_weight=0.0)
    assert loss(seen_weight=1.0) != loss(seen_weight=0.0)
    sample.solid[:, :, :4] = 0
    before = loss()
    sample.truth[:, 3, :4] += 7  # of what is not solid
    assert loss() == pytest.approx(before, abs=0.1)  # it is in what comes in, too
    sample.truth[:, 3, 4:] += 7
    assert loss() > before + 1


def test_panoramas_of_another_size_and_settings_out_of_range_are_refused(
    tmp_path: Path, panoramas: Panoramas
) -> None:
    with pytest.raises(InvalidInputError, match="film them anew"):
        PanoramaTrainer(replace(CONFIG, network=replace(TINY, height=32)), tmp_path, panoramas)
    for name, value in (("batch", 0), ("mirrored_share", 1.5), ("seam_weight", -1.0)):
        with pytest.raises(InvalidInputError, match=name):
            replace(CONFIG, **{name: value})  # type: ignore[arg-type]


def test_the_smoke_configuration_trains(tmp_path: Path) -> None:
    config = replace(read_settings(PanoramaTrainingConfig, "look_beyond_panorama_smoke.yaml"), device="cpu")
    trainer = PanoramaTrainer(config, tmp_path, prepared_panoramas(config, tmp_path / "films"))
    assert trainer.run()
    assert (tmp_path / "panorama.safetensors").is_file()
