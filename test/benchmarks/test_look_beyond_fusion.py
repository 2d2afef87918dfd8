"""A small version of the benchmark: on a path of uneven speed, weighing by pose beats weighing by time."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
from look_beyond_weights import tiny_stages

from anyview_ros.geometry import relative, rotation_angle_deg
from anyview_ros.methods.look_beyond import LookBeyond
from anyview_ros.methods.look_beyond.weights import load_stages
from benchmarks import look_beyond_fusion as benchmark


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(benchmark, "SIZE", (72, 48))
    monkeypatch.setattr(benchmark, "SUPERSAMPLING", 1)
    monkeypatch.setattr(benchmark, "_LONG_POSES", 4)


def mean(scores: list[benchmark.Score], what: str) -> float:
    return float(np.mean([getattr(score, what) for score in scores]))


def test_weights_by_pose_beat_weights_by_time_where_errors_grow_with_distance() -> None:
    seeds = [benchmark.controlled(seed, 2) for seed in (0, 1)]
    for scores in seeds:
        for other in ("temporal", "half and half"):
            assert mean(scores["spatial"], "psnr_db") > mean(scores[other], "psnr_db") + 0.5
    spatial, temporal = (
        np.mean([mean(scores[name], "mtsed") for scores in seeds]) for name in ("spatial", "temporal")
    )
    assert spatial > temporal


def test_speeds_are_uneven_and_the_same_for_all_weightings() -> None:
    shot = next(benchmark._films(0, 1, 8))
    turns = rotation_angle_deg(relative(shot.poses[:-1], shot.poses[1:]))
    steps = turns + 60 * np.linalg.norm(np.diff(shot.poses[:, :3, 3], axis=0), axis=-1)
    assert steps.max() > 8 * steps.min()


def test_trained_weights_and_the_whole_method_are_judged(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = str(tiny_stages(tmp_path))
    scores = benchmark.trained(load_stages(folder, "cpu").video, 0, 1, 1)
    assert list(scores) == ["spatial", "temporal", "half and half"]
    whole = benchmark.long_path(LookBeyond(device="cpu", weights=folder), 0, 1, 1)
    benchmark.print_table("whole", [whole, whole])
    told = capsys.readouterr().out
    assert "no panorama" in told
    assert "first row better" in told
    for score in (*scores["spatial"], *whole["panorama, 1 step"]):
        assert 3 < score.psnr_db < 60
        assert 0 <= score.mtsed <= 1


def test_the_command_tells_the_machine_and_the_parts_asked_for(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["look_beyond_fusion", "--count", "1", "--seeds", "0", "--parts", "controlled"]
    monkeypatch.setattr(sys, "argv", command)
    benchmark.main()
    first, *rest = capsys.readouterr().out.splitlines()
    assert first.startswith("machine: ")
    assert [line.split(":")[0] for line in rest if ":" in line] == ["controlled"]
