from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from anyview_ros.offline.lerobot.statistics import (
    NAMES,
    PictureStatistics,
    aggregate,
    column_statistics,
    sampled_frames,
)


@pytest.mark.parametrize(
    ("count", "samples"), [(1, 1), (40, 40), (100, 100), (500, 105), (1000, 177), (5000, 594), (20000, 1681)]
)
def test_as_many_frames_are_sampled_as_lerobot_samples(count: int, samples: int) -> None:
    frames = sampled_frames(count)
    assert len(frames) == samples
    assert (frames[0], frames[-1]) == (0, count - 1)
    assert frames == sorted(set(frames))


@settings(max_examples=25)
@given(st.integers(1, 5), st.integers(0, 2**32 - 1))
def test_statistics_of_pictures_are_those_of_their_pixels(count: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    images = rng.integers(0, 256, (count, 11, 13, 3), dtype=np.uint8)
    statistics = PictureStatistics(count)
    for image in images:
        statistics.add(image)
    found = statistics.result()
    assert set(found) == set(NAMES)
    assert found["count"] == [count]
    pixels = images.reshape(-1, 3) / 255
    for name, expected in (
        ("min", pixels.min(axis=0)),
        ("max", pixels.max(axis=0)),
        ("mean", pixels.mean(axis=0)),
        ("std", pixels.std(axis=0)),
    ):
        value = np.asarray(found[name])
        assert value.shape == (3, 1, 1)
        np.testing.assert_allclose(value.ravel(), expected, atol=1e-12)
    for name, share in (("q10", 0.1), ("q50", 0.5), ("q90", 0.9)):
        below = (pixels < np.asarray(found[name]).ravel() - 1 / 255).mean(axis=0)
        above = (pixels > np.asarray(found[name]).ravel() + 1 / 255).mean(axis=0)
        assert np.all(below <= share + 1e-9)
        assert np.all(above <= 1 - share + 1e-9)


def test_large_pictures_are_reduced_and_frames_left_out() -> None:
    statistics = PictureStatistics(1000)
    image = np.zeros((480, 640, 3), np.uint8)
    image[::4, ::4] = 255  # every fourth pixel is what 640 / 150 reduces to
    for _ in range(1000):
        statistics.add(image)
    assert np.ravel(statistics.result()["mean"]).tolist() == [1, 1, 1]
    assert statistics.result()["count"] == [177]


def test_statistics_of_numbers() -> None:
    values = np.array([[1.0, 10], [2, 20], [3, 30], [4, 40]])
    found = column_statistics(values)
    assert (found["min"], found["max"], found["mean"], found["count"]) == ([1, 10], [4, 40], [2.5, 25], [4])
    np.testing.assert_allclose(found["std"], values.std(axis=0))
    np.testing.assert_allclose(found["q50"], [2, 20], rtol=1e-3)
    whole = column_statistics(np.arange(5))
    assert whole["max"] == [4]
    assert isinstance(whole["max"][0], int)
    assert column_statistics(np.array([3.0]))["q99"] == [3.0]


@settings(max_examples=25)
@given(st.lists(st.integers(1, 30), min_size=1, max_size=5), st.integers(0, 2**32 - 1))
def test_statistics_of_all_episodes_are_those_of_all_rows(lengths: list[int], seed: int) -> None:
    rng = np.random.default_rng(seed)
    episodes = [rng.normal(size=(length, 3)) for length in lengths]
    found = aggregate([{"action": column_statistics(values)} for values in episodes])["action"]
    rows = np.concatenate(episodes)
    assert found["count"] == [len(rows)]
    for name in ("min", "max", "mean", "std"):
        np.testing.assert_allclose(found[name], getattr(rows, name)(axis=0), atol=1e-12)
