"""That the way of telling poses matters where scenes come in two scales, by the benchmark's own means."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from anyview_ros.methods.zeronvs.config import ZeroConfig
from anyview_ros.training import zeronvs_trainer
from benchmarks import zeronvs_scale
from benchmarks.zeronvs_scale import FACTOR, ROWS, error_of, in_two_scales, scenes, table, walls

TINY = ZeroConfig(
    side=8,
    patch=4,
    width=48,
    layers=2,
    source_layers=1,
    heads=2,
    condition_width=24,
    mlp_ratio=2,
    refine=0,
)


def test_every_other_scene_is_larger_and_looks_the_same() -> None:
    rooms = walls(4, 0)
    mixed = in_two_scales(rooms)
    np.testing.assert_array_equal(mixed.frames, rooms.frames)
    np.testing.assert_allclose(mixed.depth[1], FACTOR * rooms.depth[1], rtol=2e-3)
    np.testing.assert_array_equal(mixed.depth[2], rooms.depth[2])
    np.testing.assert_allclose(
        mixed.camera_to_world[3, ..., :3, 3], FACTOR * rooms.camera_to_world[3, ..., :3, 3]
    )


def test_every_mode_is_trained_and_judged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(zeronvs_scale, "HELD_OUT_BATCHES", 1)
    monkeypatch.setattr(zeronvs_trainer, "_SHEET_STEPS", 1)
    split = scenes("walls", 16, tmp_path)
    errors = {(mode, 0): error_of(mode, 0, split, 2, tmp_path, TINY) for mode in ROWS}
    assert all(0 < error < 255 for error in errors.values())
    lines = table(errors)
    assert [line.split("  ")[0].strip() for line in lines[1:]] == list(ROWS)


def test_the_table_gives_spread_and_paired_differences() -> None:
    errors = {(mode, seed): 20.0 + seed + 3.0 * (mode == "6dof1") for mode in ROWS for seed in (0, 1, 2)}
    lines = {line.partition("  ")[0]: line for line in table(errors)[1:]}
    assert lines["viewer"].split()[1:4] == ["21.00", "±", "1.00"]
    assert lines["6dof1"].split()[4:7] == ["3.00", "±", "0.00"]


@pytest.mark.long
def test_the_viewers_scale_has_the_least_error(tmp_path: Path) -> None:
    split = scenes("walls", 600, tmp_path)
    errors = {
        mode: [error_of(mode, seed, split, 450, tmp_path / f"{mode}{seed}") for seed in (0, 1, 2)]
        for mode in ("viewer", "6dof1")
    }
    lead = np.array(errors["6dof1"]) - np.array(errors["viewer"])
    assert lead.min() > 0
    assert lead.mean() > 1.0  # grey levels
