from __future__ import annotations

import numpy as np

from anyview_ros.methods.look_beyond.panorama.blending import blended


def test_what_is_seen_stays_and_what_is_far_too_and_no_border_shows() -> None:
    drawn = np.full((64, 128, 1), 0.2, np.float32)
    seen = np.full((64, 128, 1), 0.8, np.float32)
    mask = np.zeros((64, 128), np.bool_)
    mask[20:44, 40:80] = True
    whole = blended(drawn, seen, mask)[..., 0]
    assert (whole[mask] == np.float32(0.8)).all()
    np.testing.assert_allclose(whole[32, :5], 0.2, atol=1e-3)
    row = whole[32, 60:]
    assert np.abs(np.diff(row)).max() < 0.15  # pasted, the step would be 0.6
    assert (np.diff(row) <= 1e-6).all()


def test_the_correction_goes_on_across_the_seam() -> None:
    drawn = np.zeros((32, 64, 1), np.float32)
    mask = np.zeros((32, 64), np.bool_)
    mask[8:24, :10] = True
    whole = blended(drawn, np.ones_like(drawn), mask)[..., 0]
    turned = blended(drawn, np.ones_like(drawn), np.roll(mask, 32, axis=1))[..., 0]
    np.testing.assert_allclose(np.roll(whole, 32, axis=1), turned, atol=1e-6)
    assert whole[16, -1] > 0.5


def test_nothing_seen_changes_nothing() -> None:
    drawn = np.random.default_rng(0).random((8, 16, 3)).astype(np.float32)
    np.testing.assert_array_equal(blended(drawn, drawn + 1, np.zeros((8, 16), np.bool_)), drawn)
