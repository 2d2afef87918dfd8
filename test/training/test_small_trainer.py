from __future__ import annotations

import json
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from small_weights import TINY, tiny_network

from anyview_ros.errors import InvalidInputError
from anyview_ros.methods.anyview_small.config import SmallConfig
from anyview_ros.methods.anyview_small.network import SmallNetwork
from anyview_ros.methods.anyview_small.weights import Calibration, load_weights, save_weights
from anyview_ros.training import calibration as calibration_module
from anyview_ros.training import film_files, filmed
from anyview_ros.training.batches import BatchPlan, BatchSource
from anyview_ros.training.calibration import calibrate, drawn_share, fit, judge
from anyview_ros.training.filmed import FilmedRooms, FilmPlan, film_rooms
from anyview_ros.training.losses import batch_loss
from anyview_ros.training.optimisers import OptimiserConfig, make_optimisers, rate_share
from anyview_ros.training.run import CHECKPOINT
from anyview_ros.training.small_config import LossConfig, RoomsConfig, SmallTrainingConfig
from anyview_ros.training.small_trainer import SmallTrainer, prepared_rooms
from anyview_ros.training.source_pictures import PicturePlan

CONFIG = SmallTrainingConfig(
    steps=6,
    device="cpu",
    checkpoint_steps=3,
    log_steps=2,
    sheet_steps=3,
    network=replace(TINY, memory_frames=2, flow=8),
    batches=BatchPlan(sources=2, targets=2, two_instants_share=0.5),
    rooms=RoomsConfig(count=4, side=32, workers=1),
    optimiser=OptimiserConfig(warm_up=2, ema=0.8),
)


def states(trainer: SmallTrainer) -> dict[str, torch.Tensor]:
    return trainer._run._state()


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_a_resumed_run_equals_one_that_was_never_interrupted(
    tmp_path: Path, rooms: FilmedRooms, dtype: str
) -> None:
    config = replace(CONFIG, checkpoint_dtype=dtype)
    whole = SmallTrainer(config, tmp_path / "whole", rooms)
    assert whole.run()

    class PowerCutError(Exception):
        pass

    def interrupt(step: int, total: int, loss: float) -> None:
        if step == 4:  # after the checkpoint of step 3
            raise PowerCutError

    first = SmallTrainer(config, tmp_path / "parts", rooms)
    with pytest.raises(PowerCutError):
        first.run(report=interrupt)
    second = SmallTrainer(config, tmp_path / "parts", rooms)
    assert second.step == 3
    assert second.run()
    mine, other = states(whole), states(second)
    assert list(mine) == list(other)
    for name, value in mine.items():
        assert torch.equal(value, other[name]), name


def test_a_run_leaves_log_sheets_checkpoint_and_weights(tmp_path: Path, rooms: FilmedRooms) -> None:
    steps = []
    SmallTrainer(CONFIG, tmp_path, rooms).run(report=lambda *told: steps.append(told[:2]))
    assert steps == [(step, 6) for step in range(1, 7)]
    lines = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    assert [line["step"] for line in lines] == [2, 4, 6]
    assert all(np.isfinite(line["loss"]) and line["planes"] > 0 for line in lines)
    sheet = cv2.imread(str(tmp_path / "sheet_000006.png"))
    assert sheet.shape[1] == 4 * (sheet.shape[1] // 4)
    assert sheet.std() > 5
    loaded = load_weights(tmp_path / "anyview_small.safetensors", "cpu")
    assert loaded.about["steps"] == "6"
    assert all(path.stat().st_size <= 16 * 2**20 for path in (tmp_path / CHECKPOINT).iterdir())


def test_out_of_time_a_run_keeps_what_it_has(tmp_path: Path, rooms: FilmedRooms) -> None:
    trainer = SmallTrainer(CONFIG, tmp_path, rooms)
    assert not trainer.run(time_limit_s=0.0)
    assert SmallTrainer(CONFIG, tmp_path, rooms).step == trainer.step == 0


def test_another_networks_checkpoint_is_refused(tmp_path: Path, rooms: FilmedRooms) -> None:
    SmallTrainer(CONFIG, tmp_path, rooms).save()
    other = replace(CONFIG, network=replace(CONFIG.network, layers=3))
    with pytest.raises(InvalidInputError, match="other settings of network"):
        SmallTrainer(other, tmp_path, rooms)
    assert SmallTrainer(replace(CONFIG, steps=9), tmp_path, rooms).step == 0


def test_the_flow_head_can_be_fitted_alone_from_weights_without_one(
    tmp_path: Path, rooms: FilmedRooms
) -> None:
    base = replace(CONFIG, steps=1, network=replace(CONFIG.network, flow=0))
    SmallTrainer(base, tmp_path / "base", rooms).run()
    path = tmp_path / "base" / "anyview_small.safetensors"
    before = load_weights(path, "cpu").network.state_dict()
    config = replace(CONFIG, start_from=str(path), only_flow=True)
    trainer = SmallTrainer(config, tmp_path / "flow", rooms)
    untouched = {name: value.clone() for name, value in trainer.network.flow.state_dict().items()}
    assert trainer.run()
    loaded = load_weights(tmp_path / "flow" / "anyview_small.safetensors", "cpu")
    after = loaded.network.state_dict()
    assert loaded.network.config == CONFIG.network
    assert {name for name in after if name not in before} == {f"flow.{name}" for name in untouched}
    for name, value in before.items():
        assert torch.equal(value, after[name]), name
    assert not torch.equal(untouched["to_flow.weight"], after["flow.to_flow.weight"])
    # and these weights, head and all, can be started from again
    again = SmallTrainer(
        replace(config, start_from=str(tmp_path / "flow" / path.name)), tmp_path / "again", rooms
    )
    assert torch.equal(again.network.flow.to_flow.weight, after["flow.to_flow.weight"])


def test_a_run_does_not_go_on_with_other_frozen_weights(tmp_path: Path, rooms: FilmedRooms) -> None:
    start = tmp_path / "start.safetensors"
    network = replace(CONFIG.network, flow=0)
    save_weights(start, tiny_network(network, seed=1), Calibration())
    config = replace(CONFIG, start_from=str(start), only_flow=True)
    SmallTrainer(config, tmp_path / "run", rooms).run()
    assert SmallTrainer(replace(config, steps=8), tmp_path / "run", rooms).step == 6
    save_weights(start, tiny_network(network, seed=2), Calibration())
    with pytest.raises(InvalidInputError, match="other settings of weights"):
        SmallTrainer(config, tmp_path / "run", rooms)


def test_the_machine_that_filmed_may_be_another(tmp_path: Path, rooms: FilmedRooms) -> None:
    SmallTrainer(CONFIG, tmp_path, rooms).save()
    elsewhere = replace(CONFIG.rooms, workers=15, device="cuda")
    SmallTrainer(replace(CONFIG, rooms=elsewhere), tmp_path, rooms)


def test_answers_of_the_rest_are_kept_and_noise_is_not(
    tmp_path: Path, rooms: FilmedRooms, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[int] = []
    real = BatchSource.__getitem__
    monkeypatch.setattr(BatchSource, "__getitem__", lambda self, step: made.append(step) or real(self, step))
    config = replace(CONFIG, steps=5, only_flow=True, kept_batches=2)
    once = SmallTrainer(replace(config, kept_batches=0), tmp_path / "once", rooms)
    kept = SmallTrainer(config, tmp_path / "kept", rooms)
    losses: list[float] = []
    kept.run(report=lambda step, total, loss: losses.append(loss))
    assert made == [0, 1]
    assert len(set(losses)) == 5  # other noise each time
    first = batch_loss(once.network, real(once._batches, 0), LossConfig(), once._run.generator())[1]["flow"]
    assert losses[0] == pytest.approx(
        float(first), rel=1e-2
    )  # a new head: the same loss but for half precision
    again = SmallTrainer(config, tmp_path / "again", rooms)
    again.run()
    mine, other = states(kept), states(again)
    assert all(torch.equal(value, other[name]) for name, value in mine.items())


def test_depth_can_be_learned_alone_and_gone_on_from(tmp_path: Path, rooms: FilmedRooms) -> None:
    pictures = PicturePlan(count=6, hint_share=0.0)
    loss = LossConfig(source_planes=1.0, source_depth=1.0)
    rate = OptimiserConfig(rate=1e-2, warm_up=2, ema=0.5)
    config = replace(CONFIG, steps=30, only_depth=True, source_pictures=pictures, loss=loss, optimiser=rate)
    trainer = SmallTrainer(config, tmp_path / "depth", rooms)
    before = {name: value.clone() for name, value in trainer.network.state_dict().items()}
    losses: list[float] = []
    assert trainer.run(report=lambda step, total, value: losses.append(value))
    assert np.mean(losses[-5:]) < 0.9 * np.mean(losses[:5])
    sheet = cv2.imread(str(tmp_path / "depth" / "sheet_000030.png"))
    assert sheet.shape[1] == 3 * (32 + 2)
    path = tmp_path / "depth" / "anyview_small.safetensors"
    after = load_weights(path, "cpu").network.state_dict()
    assert not torch.equal(before["source_depth.weight"], after["source_depth.weight"])
    untouched = [name for name in before if name.startswith("decoder.")]
    assert all(torch.equal(before[name].bfloat16().float(), after[name]) for name in untouched)
    # the rest is learned from there, with or without further pictures
    both = SmallTrainer(
        replace(CONFIG, steps=2, log_steps=1, start_from=str(path), source_pictures=pictures),
        tmp_path / "both",
        rooms,
    )
    assert both.run()
    line = json.loads((tmp_path / "both" / "log.jsonl").read_text().splitlines()[0])
    assert line["pictures_source_planes"] > 0
    assert line["absolute"] > 0


def test_starting_from_another_network_is_refused(tmp_path: Path, rooms: FilmedRooms) -> None:
    with pytest.raises(InvalidInputError, match="start_from 'shipped' holds weights of the network"):
        SmallTrainer(replace(CONFIG, start_from="shipped"), tmp_path, rooms)


def test_the_flow_heads_noise_follows_the_generator(rooms: FilmedRooms) -> None:
    network, batch = tiny_network(CONFIG.network), BatchSource(rooms, CONFIG.batches, 0)[0]
    first, same, other = (
        batch_loss(network, batch, LossConfig(), torch.Generator().manual_seed(seed))[1] for seed in (1, 1, 2)
    )
    assert first["flow"] == same["flow"] != other["flow"]
    assert first["absolute"] == other["absolute"]


def test_the_flow_head_gives_the_rest_no_gradient(rooms: FilmedRooms) -> None:
    network = SmallNetwork(CONFIG.network)
    with torch.no_grad():
        for parameter in network.flow.parameters():
            parameter.add_(0.02 * torch.randn_like(parameter))
    batch = BatchSource(rooms, CONFIG.batches, 0)[0]
    only = LossConfig(**dict.fromkeys(vars(LossConfig()), 0.0) | {"flow": 1.0})
    batch_loss(network, batch, only)[0].backward()
    for name, parameter in network.named_parameters():
        moved = parameter.grad is not None and bool(parameter.grad.abs().max() > 0)
        assert moved == name.startswith("flow."), name


def test_a_loss_that_is_no_number_stops_the_run(tmp_path: Path, rooms: FilmedRooms) -> None:
    trainer = SmallTrainer(CONFIG, tmp_path, rooms)
    with torch.no_grad():
        trainer.network.roles.fill_(torch.nan)
    with pytest.raises(InvalidInputError, match="the loss is nan at step 1"):
        trainer.run()
    assert not (tmp_path / CHECKPOINT).exists()


def test_every_weight_gets_a_gradient(rooms: FilmedRooms) -> None:
    torch.manual_seed(0)
    network = SmallNetwork(CONFIG.network)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.add_(0.02 * torch.randn_like(parameter))
    plan = replace(CONFIG.batches, two_instants_share=1.0, hint_share=1.0)
    loss, parts, pictures = batch_loss(network, BatchSource(rooms, plan, 0)[0], LossConfig())
    loss.backward()
    assert pictures.shape[:2] == (4, 3)
    assert set(parts) == set(vars(LossConfig()))
    for name, parameter in network.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.abs().max() > 0, name


def test_mixed_precision_comes_near_to_full(rooms: FilmedRooms) -> None:
    network = tiny_network(CONFIG.network)
    batch = BatchSource(rooms, replace(CONFIG.batches, two_instants_share=1.0), 0)[0]
    with torch.no_grad():
        loss, _, pictures = batch_loss(network, batch, LossConfig())
        with torch.autocast("cpu", torch.bfloat16):
            mixed, _, near = batch_loss(network, batch, LossConfig())
    assert mixed.item() == pytest.approx(loss.item(), rel=0.05)
    assert 0 < (near - pictures).abs().mean() < 0.02


def test_rays_only_trains_too(rooms: FilmedRooms) -> None:
    network = SmallNetwork(replace(CONFIG.network, planes=0, continuous_warp=False, depth_hint=False))
    loss, parts, _ = batch_loss(network, BatchSource(rooms, CONFIG.batches, 0)[0], LossConfig())
    loss.backward()
    assert "planes" not in parts
    assert torch.isfinite(loss)


def test_rooms_by_parallel_cameras_come_after_the_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(film_files, "SCENES_PER_FILE", 1)
    config = replace(CONFIG, rooms=RoomsConfig(count=1, parallel=1, side=32, instants=1, workers=1))
    both = prepared_rooms(config, tmp_path)
    assert len(both) == 2
    turned = both.camera_to_world[:, 0, 0, :3, :3].transpose(0, 2, 1) @ both.camera_to_world[:, 3, 0, :3, :3]
    traces = turned.trace(axis1=1, axis2=2)
    assert traces[0] < 2.5
    assert traces[1] > 2.98
    assert len(prepared_rooms(replace(config, rooms=replace(config.rooms, parallel=0)), tmp_path)) == 1


def test_framed_and_cluttered_rooms_are_further_ones_and_come_last(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    filmed_so = []

    def told(plan: FilmPlan, first: int, count: int) -> FilmedRooms:
        assert plan.drawn_textures
        filmed_so.append((plan.framed, plan.cluttered, plan.supersampling, plan.parallel, first, count))
        return film_rooms(FilmPlan(side=plan.side, instants=1), first, count)  # the plain way, which is quick

    monkeypatch.setattr(filmed, "film_rooms", told)
    how = RoomsConfig(
        count=1,
        framed=1,
        framed_parallel=1,
        cluttered=1,
        cluttered_parallel=1,
        drawn_textures=True,
        side=32,
        instants=1,
        workers=1,
    )
    rooms = prepared_rooms(replace(CONFIG, rooms=how), tmp_path)
    plain = film_rooms(FilmPlan(side=32, instants=1), 0, 3)
    np.testing.assert_array_equal(rooms.aim, plain.aim[[0, 1, 1, 2, 2]])
    assert filmed_so[::-1] == [  # those that take longest were filmed first
        (False, False, 1, False, 0, 1),
        (True, False, 1, False, 1, 1),
        (True, False, 1, True, 1, 1),
        (True, True, 2, False, 2, 1),
        (True, True, 2, True, 2, 1),
    ]


def test_each_weight_is_in_one_optimiser() -> None:
    network = SmallNetwork(TINY)
    for muon in (True, False):
        optimisers = make_optimisers(network, OptimiserConfig(muon=muon))
        held = [id(p) for o in optimisers for group in o.param_groups for p in group["params"]]
        assert sorted(held) == sorted(id(p) for p in network.parameters())
        assert len(optimisers) == (2 if muon else 1)


def test_the_rate_rises_stays_and_falls_to_zero() -> None:
    config = OptimiserConfig(warm_up=10, decay_share=0.4)
    shares = [rate_share(config, step, 100) for step in range(100)]
    assert shares[0] == pytest.approx(0.1)
    assert shares[9:61] == [1.0] * 52
    assert all(a > b for a, b in pairwise(shares[60:]))
    assert 0 < shares[-1] < 0.03


def test_calibration_finds_the_scale_of_errors_and_is_written(tmp_path: Path, rooms: FilmedRooms) -> None:
    SmallTrainer(replace(CONFIG, steps=1), tmp_path, rooms).run()
    path = tmp_path / "anyview_small.safetensors"
    before = load_weights(path, "cpu")
    calibration = calibrate(path, rooms)
    after = load_weights(path, "cpu")
    assert after.calibration == calibration != Calibration()
    assert after.about == {**before.about, "calibration": after.about["calibration"]}
    for name, value in before.network.state_dict().items():
        assert torch.equal(value, after.network.state_dict()[name])
    expected = fit(judge(after.network, rooms))
    assert replace(calibration, drawn=1.0) == expected
    assert 0 < drawn_share(after.network, rooms, expected) == calibration.drawn <= 1


def test_draws_that_are_seldom_right_are_trusted_less(
    rooms: FilmedRooms, monkeypatch: pytest.MonkeyPatch
) -> None:
    network = tiny_network(CONFIG.network)
    monkeypatch.setattr(calibration_module, "_DRAWN_BATCHES", 2)
    monkeypatch.setattr(calibration_module, "drawn_difference", lambda *_, **__: torch.tensor(0.0))
    # the expected picture itself is good more often than this calibration says
    assert drawn_share(network, rooms, Calibration(0.01, 4.0, 1.0)) == 1.0
    monkeypatch.setattr(calibration_module, "drawn_difference", lambda *_, **__: torch.tensor(50.0))
    assert drawn_share(network, rooms, Calibration(0.1, 1.0, 1.0)) < 0.3


@pytest.mark.parametrize("size", [SmallConfig()])
def test_the_default_network_is_small(size: SmallConfig) -> None:
    assert sum(p.numel() for p in SmallNetwork(size).parameters()) < 15_000_000


@pytest.mark.long
def test_two_minutes_of_training_lower_the_loss(tmp_path: Path, rooms: FilmedRooms) -> None:
    config = replace(CONFIG, steps=400, checkpoint_steps=400, log_steps=1, sheet_steps=400)
    trainer = SmallTrainer(config, tmp_path, rooms)
    trainer.run()
    lines = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    losses = [line["loss"] - line["flow"] for line in lines]  # that of the flow head is mostly chance
    assert np.mean(losses[-50:]) < 0.85 * np.mean(losses[:50])
