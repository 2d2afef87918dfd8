from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest
from clips import box_clip

from anyview_ros.errors import InvalidInputError, ReadError
from anyview_ros.offline.augment.settings import AugmentSettings
from anyview_ros.offline.augment.sources import open_episodes
from anyview_ros.offline.episode_writer import write_episode

SETTINGS = AugmentSettings(("vista_small",), format="episodes")


@pytest.fixture(scope="module")
def episode(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("one") / "episode"
    write_episode(path, {"front": box_clip(2, period_ns=100_000_000)})
    return path


def placed(episode: Path, *places: Path) -> None:
    for place in places:
        shutil.copytree(episode, place)


def names(*inputs: Path) -> list[str]:
    return [each.name for each in open_episodes(inputs, SETTINGS)]


def test_folders_are_searched_and_what_is_not_meant_is_passed_over(episode: Path, tmp_path: Path) -> None:
    placed(episode, tmp_path / "b", tmp_path / "a" / "deep" / "c")
    placed(episode, tmp_path / ".hidden", tmp_path / "out.partial")
    (tmp_path / "notes.txt").write_text("no input")
    assert names(tmp_path) == ["c", "b"]


def test_several_inputs_are_opened_in_their_order(episode: Path, tmp_path: Path) -> None:
    placed(episode, tmp_path / "b", tmp_path / "a")
    assert names(tmp_path / "b", tmp_path / "a") == ["b", "a"]


def test_an_input_given_twice_is_refused(episode: Path, tmp_path: Path) -> None:
    placed(episode, tmp_path / "a")
    with pytest.raises(InvalidInputError, match="given twice"):
        names(tmp_path / "a", Path(os.path.relpath(tmp_path / "a")))


@pytest.mark.parametrize(
    ("make", "told"),
    [
        (lambda folder: folder / "absent", "no input at .*absent; give ROS bags"),
        (lambda folder: folder, "holds nothing to augment; give ROS bags"),
        (lambda folder: Path(__file__), "holds nothing to augment"),
    ],
)
def test_what_holds_nothing_is_refused_and_the_remedy_named(tmp_path: Path, make: object, told: str) -> None:
    with pytest.raises(ReadError, match=told):
        names(make(tmp_path))  # type: ignore[operator]


def test_no_input_is_refused() -> None:
    with pytest.raises(InvalidInputError, match="no input is given"):
        names()


def test_bag_files_side_by_side_are_bags_of_their_own_and_parts_of_one_are_not(tmp_path: Path) -> None:
    """A folder whose files bear its name is one recording that lacks its metadata: the reader of bags is given it."""
    (tmp_path / "many").mkdir()
    (tmp_path / "many" / "monday.mcap").write_bytes(b"")
    with pytest.raises(ReadError, match=r"monday\.mcap"):
        names(tmp_path / "many")
    (tmp_path / "run").mkdir()
    for part in ("run_0.mcap", "run_1.mcap"):
        (tmp_path / "run" / part).write_bytes(b"")
    with pytest.raises(ReadError) as refused:
        names(tmp_path)
    assert "many" in str(refused.value)
    shutil.rmtree(tmp_path / "many")
    with pytest.raises(ReadError, match=rf"{tmp_path}/run(?!/run_1)"):
        names(tmp_path)
