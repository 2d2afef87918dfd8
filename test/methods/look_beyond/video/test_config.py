from __future__ import annotations

import pytest

from anyview_ros.errors import InvalidInputError
from anyview_ros.methods.look_beyond.video.config import VideoConfig


@pytest.mark.parametrize(
    "wrong",
    [{"frames": 1}, {"picture_width": 20}, {"picture_height": 0}, {"patch": 0}, {"heads": 5}, {"blocks": 0}],
)
def test_numbers_that_do_not_fit_are_refused(wrong: dict[str, int]) -> None:
    with pytest.raises(InvalidInputError, match=next(iter(wrong))):
        VideoConfig(**wrong)


def test_settings_survive_being_written() -> None:
    config = VideoConfig(frames=5, width=64, heads=4)
    assert VideoConfig.from_dict(config.as_dict()) == config


@pytest.mark.parametrize("wrong", [{"depth": 3}, {"width": "wide"}, {"width": 192.0}])
def test_unknown_settings_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(InvalidInputError, match=next(iter(wrong))):
        VideoConfig.from_dict(wrong)
