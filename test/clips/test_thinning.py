"""Which frames of a source are kept."""

from __future__ import annotations

import numpy as np
import pytest

from anyview_ros.clips.thinning import CLOSEST, Thinning

PERIOD_NS = 100_000_000


def kept(stamps_ms):
    thinning = Thinning(PERIOD_NS)
    chosen = []
    for ms in stamps_ms:
        if thinning.is_due(round(ms * 1e6)):
            thinning.keep(round(ms * 1e6))
            chosen.append(ms)
    return np.array(chosen)


def stamps(source_hz, jitter_ms=0.0, seconds=60):
    count = int(seconds * source_hz)
    jitter = np.random.default_rng(0).normal(0, jitter_ms, count)
    return np.sort(np.arange(count) * 1000 / source_hz + jitter) + 1000


def test_of_whole_multiples_it_keeps_every_so_many():
    for times in (2, 3, 6):
        coming = stamps(10 * times, seconds=5)
        assert kept(coming).tolist() == coming[::times].tolist()


@pytest.mark.parametrize("source_hz", [14, 16, 18, 20, 24, 27, 30, 60])
def test_of_a_fast_source_it_keeps_the_target_rate(source_hz):
    chosen = kept(stamps(source_hz, 2.0))
    assert len(chosen) / 60 == pytest.approx(10, rel=0.02)
    off = (chosen - chosen[0] + 50) % 100  # ms after the instants of the grid, but for a constant
    assert off.max() - off.min() <= 1000 / source_hz + 16


@pytest.mark.parametrize("source_hz", [9, 10, 10.5, 11, 12, 12.5])
def test_of_a_source_little_faster_it_keeps_all(source_hz):
    coming = stamps(source_hz, 2.0)
    assert len(kept(coming)) == len(coming)


def test_what_it_kept_it_keeps_all_of_again():
    for source_hz in (11, 14, 18, 19, 25, 30):
        once = kept(stamps(source_hz, 3.0))
        assert len(kept(once)) == len(once)


def test_frames_are_never_closer_than_half_a_period():
    rush = np.cumsum(np.random.default_rng(1).uniform(1, 120, 2000)) + 1000
    assert np.diff(kept(rush)).min() >= CLOSEST * 100


def test_after_a_pause_or_a_reset_it_begins_with_the_next_frame():
    thinning = Thinning(PERIOD_NS)
    for ms in (1000, 1040, 1080, 1120, 9000):
        if due := thinning.is_due(ms * 10**6):
            thinning.keep(ms * 10**6)
    assert due
    assert not thinning.is_due(500 * 10**6)
    thinning.reset()
    assert thinning.is_due(500 * 10**6)
