"""Scenes follow their anchors; the benchmark in small."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from benchmarks.zeronvs_anchors import OPTIONS, Distilled, distilled, row_of

SMALL = replace(OPTIONS, anchor_steps=20, voxels=6000, samples=16, rays=128)
SEEDS = (0, 5, 8)  # of which one draws a blue anchor and two a red one


def test_a_scene_has_the_back_that_its_anchor_has_at_no_loss_on_the_seen_side() -> None:
    anchored = [distilled(seed, replace(SMALL, anchors=1), 100) for seed in SEEDS]
    plain = [distilled(seed, replace(SMALL, anchors=0), 100) for seed in SEEDS]
    anchors = np.array([scene.anchors[0] for scene in anchored])
    assert sorted(np.round(anchors)) == [-1, 1, 1]
    found, without = (np.array([scene.redness for scene in scenes]) for scenes in (anchored, plain))
    np.testing.assert_array_equal(np.sign(found), np.sign(anchors))
    assert np.abs(found - anchors).sum() < 0.7 * np.abs(without - anchors).sum()
    assert row_of(anchored).seen_db[0] > row_of(plain).seen_db[0] - 0.5


@pytest.mark.long
def test_anchored_scenes_are_more_varied_than_plain_ones() -> None:
    anchored, plain = (
        row_of([distilled(seed, replace(OPTIONS, anchors=count), 200) for seed in range(8)])
        for count in (1, 0)
    )
    assert min(anchored.modes[:2]) >= 2
    assert min(plain.modes[:2]) < min(anchored.modes[:2])
    assert anchored.spread > 1.3 * plain.spread
    assert anchored.back_variance > 1.5 * plain.back_variance
    assert anchored.seen_db[0] > plain.seen_db[0] - 0.3


def test_a_row_counts_modes_and_measures_the_spread() -> None:
    grey, black = (np.full((4, 4, 3), level, np.uint8) for level in (255, 0))
    scenes = [
        Distilled(grey, 0.9, (), 30.0, 20.0),
        Distilled(black, -0.9, (), 32.0, 10.0),
        Distilled(grey, 0.1, (), 31.0, 15.0),
    ]
    row = row_of(scenes)
    assert row.modes == (1, 1, 1)
    assert row.spread == pytest.approx(np.std([0.9, -0.9, 0.1]))
    assert row.back_variance == pytest.approx(2 / 9)
    assert row.behind_db == 15.0
    assert row.seen_db == (31.0, 30.0, 32.0)
