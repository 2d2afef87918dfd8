from __future__ import annotations

import pytest

from anyview_ros.evaluation.aggregation import EpisodeKey, EpisodeMeans, mean_metrics, protocol_means


def episode(group: str, split: str, name: str, psnr_db: float | None) -> EpisodeMeans:
    return EpisodeMeans(EpisodeKey(group, split, name), {"psnr_db": psnr_db, "ssim": 0.5})


EPISODES = [
    episode("a", "a/1", "x", 10.0),
    episode("a", "a/1", "y", 20.0),
    episode("a", "a/2", "x", 30.0),
    episode("b", "b/1", "x", 1.0),
    episode("b", "b/1", "y", 2.0),
    episode("b", "b/1", "z", 3.0),
]


def test_each_step_is_a_plain_mean_of_the_step_before() -> None:
    """Splits 15, 30 and 2; groups 22.5 and 2; all 12.25. The plain mean over episodes would be 11."""
    means = protocol_means(EPISODES)
    assert means.splits["a", "a/1"]["psnr_db"] == pytest.approx(15)
    assert means.groups["a"]["psnr_db"] == pytest.approx(22.5)
    assert means.groups["b"]["psnr_db"] == pytest.approx(2)
    assert means.overall["psnr_db"] == pytest.approx(12.25)
    assert dict(means.episodes) == {"": 6, "a": 3, "b": 3}


def test_what_does_not_apply_is_left_out_and_not_taken_for_zero() -> None:
    means = protocol_means([*EPISODES, episode("b", "b/2", "x", None)])
    assert means.overall["psnr_db"] == pytest.approx(12.25)
    assert means.splits["b", "b/2"]["psnr_db"] is None
    assert means.overall["lpips"] is None
    assert mean_metrics([])["psnr_db"] is None
