from __future__ import annotations

import numpy as np
import pytest

from anyview_ros.training.depth_faults import NOISY_SENSOR, DepthFaults, random_faults

DEPTH = np.full((64, 64), 2.0, np.float32)


def rng() -> np.random.Generator:
    return np.random.default_rng(1)


def test_without_faults_depth_stays() -> None:
    np.testing.assert_array_equal(DepthFaults().apply(DEPTH, rng()), DEPTH)


def test_each_fault_does_what_it_says() -> None:
    noisy = DepthFaults(noise=0.05).apply(DEPTH, rng()) / DEPTH
    assert noisy.std() == pytest.approx(0.05, rel=0.1)
    wavy = DepthFaults(waviness=0.05).apply(DEPTH, rng()) / DEPTH
    assert wavy.std() == pytest.approx(0.05, rel=0.01)
    assert np.abs(np.diff(wavy, axis=1)).mean() < 0.3 * np.abs(np.diff(noisy, axis=1)).mean()
    np.testing.assert_allclose(DepthFaults(scale=1.1).apply(DEPTH, rng()), 2.2)
    assert (DepthFaults(holes=0.3).apply(DEPTH, rng()) == 0).mean() == pytest.approx(0.3, abs=0.01)
    ramp = np.arange(1, 65, dtype=np.float32)[None].repeat(64, 0)
    shifted = DepthFaults(shift_px=(3.0, 0.0)).apply(ramp, rng())
    np.testing.assert_array_equal(shifted[:, 3:], ramp[:, :-3])
    assert (shifted[:, :3] == 0).all()
    coarse = DepthFaults(coarseness=4).apply(ramp, rng())
    np.testing.assert_array_equal(coarse[:, 0:4], 1)
    np.testing.assert_array_equal(coarse[:, 4:8], 5)


def test_unknown_depth_stays_unknown() -> None:
    depth = DEPTH.copy()
    depth[10:20] = 0
    assert (DepthFaults(noise=0.1, waviness=0.1, scale=1.1).apply(depth, rng())[10:20] == 0).all()


def test_drawn_faults_stay_within_what_is_promised() -> None:
    generator = rng()
    drawn = [random_faults(generator) for _ in range(300)]
    assert max(f.noise for f in drawn) <= 0.06
    assert max(f.waviness for f in drawn) <= 0.10
    assert all(0.9 <= f.scale <= 1.1 for f in drawn)
    assert max(f.holes for f in drawn) <= 0.4
    assert max(np.hypot(*f.shift_px) for f in drawn) <= 1.0
    for name in ("noise", "waviness", "holes"):
        values = np.array([getattr(f, name) for f in drawn])
        assert 0.1 < (values == 0).mean() < 0.7
    assert (NOISY_SENSOR.apply(DEPTH, rng()) > 0).mean() == pytest.approx(0.8, abs=0.02)
