from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from augment_runs import SETTINGS, CountedMethod, Told, Tree, augment, spoil, tree, write_inputs

from anyview_ros.errors import InvalidInputError, ReadError, SynthesisCancelled
from anyview_ros.offline.augment import merge as merging
from anyview_ros.offline.augment.file_hashes import files_below
from anyview_ros.offline.augment.merge import merge
from anyview_ros.offline.augment.planning import Shard
from anyview_ros.offline.augment.run_place import RunPlace


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Inputs, the output of one run, and that of its two shards; no test changes them."""
    folder = tmp_path_factory.mktemp("shards")
    inputs = write_inputs(folder / "in")
    augment(inputs, folder / "whole")
    for index in range(2):
        augment(inputs, folder / f"shard_{index}", shard=Shard(index, 2))
    return folder


@pytest.fixture
def shards(made: Path, tmp_path: Path) -> list[Path]:
    """Shards that a test may change."""
    return [Path(shutil.copytree(made / f"shard_{index}", tmp_path / f"shard_{index}")) for index in range(2)]


@pytest.fixture
def whole(made: Path) -> Tree:
    return tree(made / "whole")


def test_shards_merged_are_what_one_run_makes(shards: list[Path], tmp_path: Path, whole: Tree) -> None:
    before = [tree(shard) for shard in shards]
    records = merge(shards[::-1], tmp_path / "out", report=Told())
    assert [record.episode for record in records] == ["episode_0", "episode_1", "episode_2"]
    assert tree(tmp_path / "out") == whole
    assert [tree(shard) for shard in shards] == before
    assert not (tmp_path / "out.partial").exists()


def test_a_shard_holds_finished_jobs_alone(shards: list[Path]) -> None:
    assert sorted(path.name for path in shards[0].iterdir()) == ["jobs", "run.json"]
    assert sorted(path.name for path in (shards[0] / "jobs").iterdir()) == ["episode_0", "episode_2"]
    assert sorted(path.name for path in (shards[1] / "jobs").iterdir()) == ["episode_1"]


def test_more_shards_than_episodes(made: Path, tmp_path: Path, whole: Tree) -> None:
    folders = [tmp_path / str(index) for index in range(5)]
    for index, folder in enumerate(folders):
        augment(made / "in", folder, shard=Shard(index, 5))
    merge(folders, tmp_path / "out", report=Told())
    assert tree(tmp_path / "out") == whole


def test_an_interrupted_shard_goes_on(made: Path, tmp_path: Path) -> None:
    shard = Shard(0, 2)
    with pytest.raises(SynthesisCancelled):
        augment(made / "in", tmp_path / "part", shard=shard, method=CountedMethod(cancel_at=2))
    method = CountedMethod()
    augment(made / "in", tmp_path / "part", shard=shard, method=method, resume=True)
    assert method.streams == 1
    assert tree(tmp_path / "part") == tree(made / "shard_0")
    assert augment(made / "in", tmp_path / "part", shard=shard, resume=True).untouched


def test_a_merge_that_was_killed_is_done_again(
    shards: list[Path], tmp_path: Path, whole: Tree, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is left is what a process leaves that is killed in the middle of the assembly."""

    def killed(place: RunPlace, *_: Any) -> None:
        place.whole.mkdir()
        (place.whole / "half").write_text("half")
        raise KeyboardInterrupt

    monkeypatch.setattr(merging, "assemble", killed)
    with pytest.raises(KeyboardInterrupt):
        merge(shards, tmp_path / "out", report=Told())
    assert (tmp_path / "out.partial" / "whole" / "half").exists()
    monkeypatch.undo()
    merge(shards, tmp_path / "out", report=Told())
    assert tree(tmp_path / "out") == whole


def test_an_unfinished_run_is_not_merged_over(made: Path, shards: list[Path], tmp_path: Path) -> None:
    with pytest.raises(SynthesisCancelled):
        augment(made / "in", tmp_path / "out", method=CountedMethod(cancel_at=2))
    with pytest.raises(InvalidInputError, match="holds an unfinished run"):
        merge(shards, tmp_path / "out", report=Told())


def test_a_missing_shard_is_named(shards: list[Path], tmp_path: Path) -> None:
    with pytest.raises(InvalidInputError, match="shard 0/2 is missing"):
        merge(shards[1:], tmp_path / "out", report=Told())
    assert not (tmp_path / "out").exists()


def test_a_shard_given_twice_is_named(shards: list[Path], tmp_path: Path) -> None:
    shutil.copytree(shards[0], tmp_path / "copy")
    with pytest.raises(InvalidInputError, match="are both shard 0/2"):
        merge([*shards, tmp_path / "copy"], tmp_path / "out", report=Told())


def test_shards_of_other_settings_are_refused(made: Path, shards: list[Path], tmp_path: Path) -> None:
    augment(made / "in", tmp_path / "other", replace(SETTINGS, seed=1), shard=Shard(1, 2))
    with pytest.raises(InvalidInputError, match="other was made with other settings"):
        merge([shards[0], tmp_path / "other"], tmp_path / "out", report=Told())


def test_shards_of_other_inputs_are_refused(made: Path, shards: list[Path], tmp_path: Path) -> None:
    augment(made / "in" / "episode_1", tmp_path / "other", shard=Shard(1, 2))
    with pytest.raises(InvalidInputError, match="other was made with other episodes"):
        merge([shards[0], tmp_path / "other"], tmp_path / "out", report=Told())


def test_shards_of_other_divisions_are_refused(made: Path, shards: list[Path], tmp_path: Path) -> None:
    augment(made / "in", tmp_path / "other", shard=Shard(1, 3))
    with pytest.raises(InvalidInputError, match="of different divisions"):
        merge([shards[0], tmp_path / "other"], tmp_path / "out", report=Told())


def test_a_shard_of_another_version_is_refused(shards: list[Path], tmp_path: Path) -> None:
    file = shards[0] / "run.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), "version": "0.0.1"}))
    with pytest.raises(ReadError, match=r"written by version 0\.0\.1"):
        merge(shards, tmp_path / "out", report=Told())


def test_a_damaged_shard_is_refused(shards: list[Path], tmp_path: Path) -> None:
    spoil(files_below(shards[1] / "jobs" / "episode_1" / "part")[0])
    with pytest.raises(ReadError, match=r"episode_1: file part/.* is damaged; run its shard again"):
        merge(shards, tmp_path / "out", report=Told())
    assert not (tmp_path / "out").exists()


def test_an_unfinished_shard_is_refused(shards: list[Path], tmp_path: Path) -> None:
    shutil.rmtree(shards[0] / "jobs" / "episode_2")
    with pytest.raises(InvalidInputError, match="episodes episode_2 are in no shard"):
        merge(shards, tmp_path / "out", report=Told())


def test_what_is_no_shard_is_refused(made: Path, shards: list[Path], tmp_path: Path) -> None:
    with pytest.raises(ReadError, match="does not tell of a run"):
        merge([*shards, made / "whole"], tmp_path / "out", report=Told())


def test_an_output_is_replaced_only_if_wished(shards: list[Path], tmp_path: Path, whole: Tree) -> None:
    merge(shards, tmp_path / "out", report=Told())
    with pytest.raises(InvalidInputError, match="exists"):
        merge(shards, tmp_path / "out", report=Told())
    merge(shards, tmp_path / "out", overwrite=True, report=Told())
    assert tree(tmp_path / "out") == whole
    with pytest.raises(InvalidInputError, match="overlap"):
        merge(shards, shards[0], overwrite=True, report=Told())
