from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from zeronvs_weights import TINY, tiny_weights

from anyview_ros.errors import InvalidInputError
from anyview_ros.methods.zeronvs.config import ZeroConfig
from anyview_ros.methods.zeronvs.reliability import Reliability
from anyview_ros.methods.zeronvs.weights_file import load_weights
from anyview_ros.metrics.reliability import brier_score
from anyview_ros.training import film_files, zeronvs_calibration
from anyview_ros.training.filmed import FilmedRooms
from anyview_ros.training.optimisers import OptimiserConfig
from anyview_ros.training.settings import read_settings
from anyview_ros.training.zeronvs_calibration import Judged, calibrate, fit
from anyview_ros.training.zeronvs_config import ZeroRooms, ZeroTrainingConfig
from anyview_ros.training.zeronvs_samples import SamplePlan
from anyview_ros.training.zeronvs_trainer import WEIGHTS, ZeroTrainer, prepared_rooms

CONFIG = ZeroTrainingConfig(
    steps=6,
    device="cpu",
    threads=1,
    checkpoint_steps=3,
    log_steps=2,
    sheet_steps=6,
    network=TINY,
    samples=SamplePlan(batch=4),
    optimiser=OptimiserConfig(warm_up=1, rate=0.01),
)


def weights_of(trainer: ZeroTrainer) -> dict[str, torch.Tensor]:
    return {name: value.clone() for name, value in trainer.network.named_parameters()}


@pytest.mark.parametrize("bfloat16", [False, True])
def test_a_resumed_run_equals_one_that_was_never_interrupted(
    tmp_path: Path, rooms: FilmedRooms, bfloat16: bool
) -> None:
    config = replace(CONFIG, cpu_bfloat16=bfloat16)
    whole = ZeroTrainer(config, tmp_path / "whole", rooms)
    assert whole.run()

    def interrupt(step: int, total: int, loss: float) -> None:
        del total, loss
        if step == 5:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        ZeroTrainer(config, tmp_path / "parts", rooms).run(report=interrupt)
    second = ZeroTrainer(config, tmp_path / "parts", rooms)
    assert second.step == 3
    assert second.run()
    other = weights_of(second)
    assert all(torch.equal(value, other[name]) for name, value in weights_of(whole).items())


def test_the_smoke_configuration_lowers_the_loss(tmp_path: Path, rooms: FilmedRooms) -> None:
    config = replace(read_settings(ZeroTrainingConfig, "zeronvs_smoke.yaml"), device="cpu")
    losses: list[float] = []
    trainer = ZeroTrainer(config, tmp_path, rooms)
    assert trainer.run(report=lambda step, total, loss: losses.append(loss))
    assert np.mean(losses[-15:]) < 0.8 * np.mean(losses[:5])
    lines = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    assert [line["step"] for line in lines] == list(range(5, 61, 5))
    assert "squared" in lines[0]


def test_the_weights_and_a_sheet_are_written(tmp_path: Path, rooms: FilmedRooms) -> None:
    ZeroTrainer(CONFIG, tmp_path, rooms).run()
    loaded = load_weights(tmp_path / WEIGHTS, "cpu")
    assert loaded.about["steps"] == "6"
    assert loaded.network.config == TINY
    sheet = cv2.imread(str(tmp_path / "sheet_000006.png"))
    assert sheet.shape == (4 * 18, 4 * 18, 3)  # rows of samples: source, two drawings, truth


def test_a_run_of_other_settings_is_not_gone_on_with(tmp_path: Path, rooms: FilmedRooms) -> None:
    ZeroTrainer(CONFIG, tmp_path, rooms).run()
    with pytest.raises(InvalidInputError, match="other settings of samples"):
        ZeroTrainer(replace(CONFIG, samples=SamplePlan(batch=5)), tmp_path, rooms)
    longer = ZeroTrainer(replace(CONFIG, steps=8), tmp_path, rooms)
    assert longer.step == 6


def test_conditions_are_dropped_in_the_share_asked_for(tmp_path: Path, rooms: FilmedRooms) -> None:
    kept: list[torch.Tensor] = []
    trainer = ZeroTrainer(replace(CONFIG, dropped_share=0.3, samples=SamplePlan(batch=32)), tmp_path, rooms)
    dropped = trainer.network.dropped
    trainer.network.dropped = lambda condition, keep: kept.append(keep) or dropped(condition, keep)  # type: ignore[method-assign]
    trainer.run()
    assert float(torch.cat(kept).float().mean()) == pytest.approx(0.7, abs=0.1)


def test_what_is_filmed_is_kept_and_must_fit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(film_files, "SCENES_PER_FILE", 1)
    film = ZeroRooms(rooms=1, robots=1, side=16, instants=1, workers=1)
    ours = prepared_rooms(replace(CONFIG, film=film), tmp_path)
    assert len(ours) == 2
    assert (tmp_path / "robots" / "rooms_000000_to_000001.npz").exists()
    longer = replace(CONFIG, film=replace(film, instants=2))
    with pytest.raises(InvalidInputError, match="filmed with other settings of instants"):
        prepared_rooms(longer, tmp_path)
    for note in tmp_path.glob("*/rooms.json"):
        note.unlink()
    with pytest.raises(InvalidInputError, match="filmed at 16 pixels and 1 instants"):
        prepared_rooms(longer, tmp_path)


def test_the_reliability_fitted_is_the_one_that_held(rooms: FilmedRooms, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    apart = rng.uniform(0, 0.6, 40_000)
    true = Reliability(0.7, 0.15)
    stated = true.agreeing / (1 + (apart / true.apart) ** 2)
    fitted = fit(Judged(apart, rng.uniform(size=len(apart)) < stated))
    assert fitted.agreeing == pytest.approx(0.7, abs=0.05)
    assert fitted.apart == pytest.approx(0.15, rel=0.15)


def test_calibration_is_written_and_better_than_the_one_before(
    rooms: FilmedRooms, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(zeronvs_calibration, "SMALL_STEPS", 2)
    path = tiny_weights(tmp_path)
    before = load_weights(path, "cpu")
    after = calibrate(path, rooms)
    assert after != before.reliability
    written = load_weights(path, "cpu")
    assert written.reliability == after
    assert written.about["steps"] == "0"
    judged = zeronvs_calibration.judge(written.network, rooms)
    scores = [
        brier_score(each.agreeing / (1 + (judged.apart / each.apart) ** 2), judged.good)
        for each in (before.reliability, after)
    ]
    assert scores[1] < scores[0]


@pytest.mark.parametrize("name", ["zeronvs.yaml", "zeronvs_h200.yaml", "zeronvs_smoke.yaml"])
def test_our_configurations_can_be_read(name: str) -> None:
    assert isinstance(read_settings(ZeroTrainingConfig, name).network, ZeroConfig)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"dropped_share": 1.0}, "dropped_share is 1.0"),
        ({"heaviest": 0.5}, "heaviest is 0.5"),
        ({"loaders": -1}, "loaders is -1"),
        ({"sheet_steps": 0}, "sheet_steps is 0"),
    ],
)
def test_settings_out_of_range_are_refused(changes: dict[str, object], message: str) -> None:
    with pytest.raises(InvalidInputError, match=message):
        replace(CONFIG, **changes)
    with pytest.raises(InvalidInputError, match="rooms is 0 and robots 0"):
        ZeroRooms(rooms=0, robots=0)
    for name in ("side", "instants", "workers"):
        with pytest.raises(InvalidInputError, match=f"film.{name} is 0"):
            ZeroRooms(**{name: 0})


def test_a_run_may_start_from_weights_without_the_convolutions(tmp_path: Path, rooms: FilmedRooms) -> None:
    start = tiny_weights(tmp_path, replace(TINY, refine=0))
    config = replace(CONFIG, start_from=str(start))
    trainer = ZeroTrainer(config, tmp_path / "run", rooms)
    theirs = load_weights(start, "cpu").network.state_dict()
    ours = trainer.network.state_dict()
    assert all(torch.equal(value, ours[name]) for name, value in theirs.items())
    assert any(name.startswith("refine.") for name in set(ours) - set(theirs))
    trainer.run()
    with pytest.raises(InvalidInputError, match="holds weights of the network"):
        ZeroTrainer(replace(config, network=replace(TINY, layers=3)), tmp_path / "other", rooms)
    tiny_weights(tmp_path, replace(TINY, refine=0, mode="aggregate"))
    with pytest.raises(InvalidInputError, match="holds weights of the network"):
        ZeroTrainer(config, tmp_path / "run", rooms)
