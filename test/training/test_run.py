"""The run itself, on a network of one layer; whole runs of real networks are tested beside their trainers."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode

from anyview_ros.errors import InvalidInputError, WeightsError
from anyview_ros.training import run as run_module
from anyview_ros.training.checkpoints import read_checkpoint
from anyview_ros.training.optimisers import OptimiserConfig
from anyview_ros.training.run import CHECKPOINT, RunConfig, TrainingRun

CONFIG = RunConfig(
    steps=8, device="cpu", checkpoint_steps=3, log_steps=2, optimiser=OptimiserConfig(warm_up=1, rate=0.05)
)


def started(folder: Path, config: RunConfig = CONFIG, **changes: object) -> TrainingRun:
    torch.manual_seed(config.seed)
    return TrainingRun(nn.Linear(12, 12), folder, replace(config, **changes), identity=("seed",))


def fit(run: TrainingRun, **arguments: object) -> bool:
    """Learn to give back what comes in, from random samples."""

    def loss_of(step: int) -> tuple[Tensor, dict[str, Tensor]]:
        assert step == run.step
        sample = torch.randn(16, 12, generator=run.generator())
        loss = (run.network(sample) - sample).square().mean()
        return loss, {"doubled": 2 * loss.detach()}

    return run.run(loss_of, **arguments)


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
@pytest.mark.parametrize("muon", [True, False])
def test_a_resumed_run_equals_one_that_was_never_interrupted(tmp_path: Path, dtype: str, muon: bool) -> None:
    config = replace(CONFIG, checkpoint_dtype=dtype, optimiser=replace(CONFIG.optimiser, muon=muon))
    whole, first = started(tmp_path / "whole", config), started(tmp_path / "parts", config)
    assert fit(whole)

    def interrupt(step: int) -> None:
        if step == 5:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fit(first, on_step=interrupt)
    second = started(tmp_path / "parts", config)
    assert second.step == 3
    assert fit(second)
    mine, other = whole._state(), second._state()
    assert list(mine) == list(other)
    assert all(torch.equal(value, other[name]) for name, value in mine.items())


def test_the_loss_falls_and_the_average_lags_behind(tmp_path: Path) -> None:
    losses: list[float] = []
    run = started(tmp_path, steps=100)
    fit(run, report=lambda step, total, loss: losses.append(loss))
    assert losses[-1] < 0.2 * losses[0]
    assert not torch.equal(run.average["weight"], run.network.weight)


def test_what_is_told_logged_and_kept(tmp_path: Path) -> None:
    told: list[tuple[int, int]] = []
    steps: list[int] = []
    saves: list[int] = []
    run = started(tmp_path)
    assert fit(
        run,
        report=lambda step, total, loss: told.append((step, total)),
        on_step=steps.append,
        on_save=lambda: saves.append(run.step),
    )
    assert told == [(step, 8) for step in range(1, 9)]
    assert steps == list(range(1, 9))
    assert saves == [3, 6, 8]
    lines = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    assert [line["step"] for line in lines] == [2, 4, 6, 8]
    assert all(line["doubled"] == pytest.approx(2 * line["loss"]) for line in lines)


def test_out_of_time_a_run_keeps_what_it_has(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    now_s = [100.0]
    monkeypatch.setattr(run_module, "time", SimpleNamespace(monotonic=lambda: now_s[0]))

    def take_a_second(_: int) -> None:
        now_s[0] += 1.0

    run = started(tmp_path)
    assert not fit(run, time_limit_s=0.0)
    assert run.step == 0
    later = started(tmp_path)
    assert not fit(later, time_limit_s=1.5, on_step=take_a_second)
    assert later.step == 2
    assert started(tmp_path).step == 2


def test_a_run_with_another_identity_is_refused_and_one_with_more_steps_goes_on(tmp_path: Path) -> None:
    fit(started(tmp_path))
    with pytest.raises(InvalidInputError, match="other settings of seed"):
        started(tmp_path, seed=1)
    assert started(tmp_path, steps=20).step == 8
    with pytest.raises(InvalidInputError, match=r"steps is 7, but the run in .* has done 8; give 8 or more"):
        started(tmp_path, steps=7)


def test_a_run_may_go_on_at_another_rate_but_not_with_another_optimiser(tmp_path: Path) -> None:
    fit(started(tmp_path))
    slower = replace(CONFIG.optimiser, rate=0.01)
    assert fit(started(tmp_path, steps=9, optimiser=slower))
    with pytest.raises(InvalidInputError, match=r"other settings of optimiser\.muon"):
        started(tmp_path, optimiser=replace(slower, muon=not slower.muon))


def test_weights_that_take_no_gradient_stay_and_are_not_kept(tmp_path: Path) -> None:
    network = nn.Sequential(nn.Linear(12, 12), nn.Linear(12, 12))
    network[0].requires_grad_(False)
    before = [parameter.clone() for parameter in network.parameters()]
    run = TrainingRun(network, tmp_path, CONFIG, identity=(), started_from="these")
    fit(run)
    assert list(run.average) == ["1.weight", "1.bias"]
    assert not [name for name in read_checkpoint(tmp_path / CHECKPOINT)[0] if "/0." in name]
    with pytest.raises(InvalidInputError, match="other settings of weights"):
        TrainingRun(network, tmp_path, CONFIG, identity=(), started_from="others")
    same = [torch.equal(*pair) for pair in zip(before, network.parameters(), strict=True)]
    assert same == [True, True, False, False]


def test_where_and_by_how_many_something_is_made_may_change_but_nothing_else(tmp_path: Path) -> None:
    @dataclass(frozen=True)
    class Filmed(RunConfig):
        films: dict[str, object] = field(default_factory=lambda: {"count": 3, "workers": 2, "device": "cpu"})

    def began(**films: object) -> TrainingRun:
        config = Filmed(steps=1, device="cpu", films={"count": 3, "workers": 2, "device": "cpu"} | films)
        return TrainingRun(nn.Linear(12, 12), tmp_path, config, identity=("films",))

    fit(began())
    assert began(workers=15, device="cuda").step == 1
    with pytest.raises(InvalidInputError, match="other settings of films"):
        began(count=4)


def test_a_resumed_optimiser_keeps_its_state_as_it_made_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its fast forms on a GPU want moments laid out as their weights are, and counts of steps on the CPU."""

    def began(device: str = "cpu") -> TrainingRun:
        network = nn.Sequential(nn.Conv2d(4, 6, 3), nn.Conv2d(6, 2, 3)).to(device)
        return TrainingRun(network.to(memory_format=torch.channels_last), tmp_path, CONFIG, identity=())

    def states(run: TrainingRun) -> list[tuple[Tensor, dict[str, Tensor]]]:
        return [(weight, state) for each in run._optimisers for weight, state in each.state.items()]

    first = began()
    first.run(lambda step: (first.network(torch.ones(1, 4, 8, 8)).square().mean(), {}))
    for run in (first, began()):
        assert any(not weight.is_contiguous() for weight, _ in states(run))
        for weight, state in states(run):
            moments = [value for value in state.values() if value.ndim]
            assert [value.stride() for value in moments] == [weight.stride()] * 2
    # no GPU is at hand; "meta" is another device too
    monkeypatch.setattr(RunConfig, "chosen_device", lambda self: torch.device("meta"))
    for weight, state in states(began("meta")):
        assert {name: value.device.type for name, value in state.items()} == {
            "step": "cpu",
            "exp_avg": "meta",
            "exp_avg_sq": "meta",
        }
        assert state["exp_avg"].stride() == weight.stride()


def test_a_step_waits_once_and_averages_all_weights_at_once(tmp_path: Path) -> None:
    """On a GPU each wait and each launch counts."""
    run = started(tmp_path)
    expected = {name: value.clone() for name, value in run.average.items()}
    waits: list[str] = []
    averaged: list[str] = []

    class Waits(TorchFunctionMode):
        def __torch_function__(self, function, types, args=(), kwargs=None):  # type: ignore[no-untyped-def]
            if function.__name__ in ("__float__", "__bool__", "item", "tolist", "cpu"):
                waits.append(function.__name__)
            return function(*args, **(kwargs or {}))

    class Averages(TorchDispatchMode):
        def __torch_dispatch__(self, function, types, args=(), kwargs=None):  # type: ignore[no-untyped-def]
            if "lerp_" in str(function) and args[0] is not None:
                averaged.append(str(function))
            return function(*args, **(kwargs or {}))

    optimisers, run._optimisers = (
        run._optimisers,
        [],
    )  # which have their own ways, on a CPU others than on a GPU
    loss = (run.network(torch.ones(1, 12)) - 1).square().mean()
    with Waits(), Averages():
        run._train(lambda step: (loss, {}))
    assert len(waits) == 1
    assert len(averaged) == 1
    run._optimisers = optimisers
    for step in range(1, 4):
        run._train(lambda step: ((run.network(torch.ones(1, 12)) - 1).square().mean(), {}))
        for name, weight in run.network.named_parameters():
            expected[name].lerp_(weight.detach(), 1 - (1 + step) / (10 + step))
    assert all(torch.equal(value, run.average[name]) for name, value in expected.items())


def test_a_loss_that_is_no_number_stops_the_run_before_it_harms(tmp_path: Path) -> None:
    run = started(tmp_path)
    before = run.network.weight.clone()
    with pytest.raises(InvalidInputError, match="the loss is nan at step 1"):
        run.run(lambda step: (run.network.weight.sum() * torch.nan, {}))
    assert torch.equal(run.network.weight, before)
    assert not (tmp_path / CHECKPOINT).exists()


def test_a_gradient_that_is_no_number_stops_the_run_before_it_harms(tmp_path: Path) -> None:
    run = started(tmp_path)
    before = run.network.weight.clone()
    with pytest.raises(InvalidInputError, match=r"the norm of the gradient is (nan|inf) at step 1"):
        run.run(lambda step: ((run.network.weight * 0).abs().sqrt().sum(), {}))  # the root has no slope at 0
    assert torch.equal(run.network.weight, before)
    assert not (tmp_path / CHECKPOINT).exists()


def test_a_run_killed_while_its_checkpoint_was_replaced_goes_on_from_the_former(tmp_path: Path) -> None:
    fit(started(tmp_path))
    (tmp_path / CHECKPOINT).rename(tmp_path / f"{CHECKPOINT}.former")
    assert started(tmp_path).step == 8


def test_a_damaged_checkpoint_is_refused(tmp_path: Path) -> None:
    fit(started(tmp_path))
    piece = next((tmp_path / CHECKPOINT).glob("piece_*"))
    piece.write_bytes(piece.read_bytes()[:-1] + b"?")
    with pytest.raises(WeightsError, match="checksum"):
        started(tmp_path)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"steps": 0}, "steps is 0"),
        ({"log_steps": -1}, "log_steps is -1"),
        ({"seed": -1}, "seed is -1"),
        ({"threads": -2}, "threads is -2"),
        ({"checkpoint_dtype": "int8"}, "int8"),
    ],
)
def test_settings_out_of_range_are_named(settings: dict[str, object], message: str) -> None:
    with pytest.raises(InvalidInputError, match=message):
        RunConfig(**settings)


@pytest.mark.parametrize("device", ["warp", "cuda:99"])
def test_a_device_that_is_not_there_is_named(device: str) -> None:
    with pytest.raises(InvalidInputError, match=f"device '{device}' cannot be used"):
        RunConfig(device=device).chosen_device()
