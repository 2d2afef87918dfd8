from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from named_episodes import NamedEpisode

from anyview_ros.errors import InvalidInputError
from anyview_ros.offline.augment.planning import Shard, choose_camera, plan_episodes
from anyview_ros.offline.augment.settings import AugmentSettings
from anyview_ros.offline.augment.source_episode import EpisodeCamera
from anyview_ros.offline.picture_files import natural_order


def episodes(*paths: str) -> list[Any]:
    return [NamedEpisode(Path(path).name, Path("/data") / path) for path in paths]


def names(found: list[Any]) -> list[str]:
    return [each.name for each in plan_episodes(found)]


def test_the_order_does_not_depend_on_how_inputs_were_listed() -> None:
    found = episodes("e_10", "e_9", "e_2", "other/e_2")
    expected = ["data_e_2", "e_9", "e_10", "other_e_2"]
    for seed in range(5):
        random.Random(seed).shuffle(found)
        assert names(found) == expected


def test_digits_that_are_no_numbers_are_ordered_as_letters() -> None:
    assert names(episodes("ep_1²", "ep_10", "ep_1", "ep_2")) == ["ep_1", "ep_1²", "ep_2", "ep_10"]


def test_equal_names_get_as_many_folders_as_it_takes() -> None:
    found = episodes("monday/a/run", "tuesday/a/run", "tuesday/b/run")
    assert names(found) == ["b_run", "monday_a_run", "tuesday_a_run"]


def test_episodes_of_one_input_with_one_name_are_refused() -> None:
    twice = [NamedEpisode("one", Path("/data/set")), NamedEpisode("one", Path("/data/set"))]
    with pytest.raises(InvalidInputError, match="several episodes are called"):
        plan_episodes(twice)  # type: ignore[arg-type]


@pytest.mark.parametrize("name", ["..", ".hidden", "a.partial"])
def test_names_that_would_get_in_the_way_are_refused(name: str) -> None:
    with pytest.raises(InvalidInputError, match="rename it"):
        plan_episodes([NamedEpisode(name, Path("/data/x"))])  # type: ignore[list-item]


def test_inputs_are_named_for_people() -> None:
    dataset = NamedEpisode("episode_3", Path("/data/pusht"))
    planned = plan_episodes([dataset, *episodes("bag")])  # type: ignore[list-item]
    assert [each.input for each in planned] == ["bag", "pusht/episode_3"]


@given(st.integers(1, 40), st.integers(0, 60))
def test_shards_share_the_work_without_rest(count: int, jobs: int) -> None:
    planned = plan_episodes(episodes(*(f"e_{index}" for index in range(jobs))))
    shares = [Shard(index, count).of(planned) for index in range(count)]
    assert (
        sorted((each for share in shares for each in share), key=lambda e: natural_order(e.name)) == planned
    )
    assert max(map(len, shares)) - min(map(len, shares)) <= 1


@pytest.mark.parametrize("text", ["4/4", "1", "a/b", "-1/2", "1/0", "0/0", ""])
def test_shards_that_are_none_are_refused(text: str) -> None:
    with pytest.raises(InvalidInputError, match="give i/n with i from 0 to n-1"):
        Shard.parse(text)


def test_a_shard_is_written_as_it_is_read() -> None:
    assert str(Shard.parse("3/4")) == "3/4"


CAMERAS = (
    EpisodeCamera("blind", usable=False, reason="it has no calibration; give --calibration"),
    EpisodeCamera("front"),
    EpisodeCamera("side"),
)


def test_the_first_usable_camera_is_the_source_unless_one_is_named() -> None:
    episode: Any = NamedEpisode("e", Path("/data/e"), CAMERAS)
    assert choose_camera(episode, AugmentSettings(("orbit:9",))) == "front"
    assert choose_camera(episode, AugmentSettings(("orbit:9",), camera="side")) == "side"


@pytest.mark.parametrize(
    ("camera", "cameras", "told"),
    [
        ("rear", CAMERAS, "no camera 'rear'; it has blind, front, side"),
        ("blind", CAMERAS, "camera blind of episode e cannot be used: it has no calibration"),
        ("", CAMERAS[:1], "no camera of episode e can be used: blind: it has no calibration"),
        ("", (), "it has none"),
    ],
)
def test_a_camera_that_cannot_be_used_is_refused(camera: str, cameras: Any, told: str) -> None:
    episode: Any = NamedEpisode("e", Path("/data/e"), cameras)
    with pytest.raises(InvalidInputError, match=told):
        choose_camera(episode, AugmentSettings(("orbit:9",), camera=camera))
