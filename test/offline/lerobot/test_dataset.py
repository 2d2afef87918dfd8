from __future__ import annotations

import json
import shutil
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from lerobot_maker import SIDE, TASKS, TOP, picture, write_dataset

from anyview_ros.errors import ReadError
from anyview_ros.offline.lerobot.dataset import DatasetEpisode, LeRobotDataset

EPISODES = "meta/episodes/chunk-000/file-000.parquet"


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_dataset(tmp_path_factory.mktemp("source") / "cups")


@pytest.fixture
def copy(source: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(source, tmp_path / "cups"))


def change(path: Path, **entries: Any) -> None:
    info = json.loads((path / "meta/info.json").read_text()) | entries
    (path / "meta/info.json").write_text(json.dumps(info))


def change_column(path: Path, name: str, values: list[Any]) -> None:
    table = pq.read_table(path / EPISODES)
    place = table.column_names.index(name)
    pq.write_table(
        table.set_column(place, table.schema.field(name), pa.array(values, table.schema.field(name).type)),
        path / EPISODES,
    )


def test_what_was_written_is_read(source: Path) -> None:
    dataset = LeRobotDataset.open(source)
    assert (dataset.rate, dataset.tasks) == (Fraction(10), TASKS)
    assert [(episode.length, episode.tasks) for episode in dataset.episodes] == [
        (5, TASKS[:1]),
        (7, TASKS[1:]),
        (4, TASKS[:1]),
    ]
    assert dataset.camera_keys == dataset.video_keys == (TOP, SIDE)
    rows = dataset.rows(dataset.episodes[1])
    assert rows["index"].to_pylist() == list(range(5, 12))
    assert rows["timestamp"].to_numpy().tolist() == [np.float32(k / 10) for k in range(7)]
    some = dataset.rows(dataset.episodes[1], ["action"])
    assert some.column_names == ["frame_index", "action"]
    assert some["action"].equals(rows["action"])
    segment = dataset.video(dataset.episodes[1], SIDE)
    assert (segment.first, segment.count) == (5, 7)
    for index, image in zip((2, 4, 6), segment.images(range(2, 7, 2)), strict=True):
        expected = picture(5 + index, shade=40).astype(int)
        assert np.abs(image.astype(int) - expected).mean() < 3
    assert dataset.stamps_ns(dataset.episodes[2]).tolist() == [0, 100_000_000, 200_000_000, 300_000_000]


def test_stamps_are_rounded_once() -> None:
    dataset = LeRobotDataset(Path(), {}, Fraction(30), {}, (), ())
    stamps = dataset.stamps_ns(DatasetEpisode(0, 10_000, (), {}))
    assert (stamps[1], stamps[2], stamps[3], stamps[9999]) == (33333333, 66666667, 100000000, 333300000000)


@pytest.mark.parametrize(
    ("entries", "message"),
    [
        ({"codebase_version": "v2.1"}, "is of version 'v2.1'; v3.0 is read"),
        ({"fps": 0}, "fps is 0"),
        ({"features": {"action": 3}}, "features must tell dtype and shape"),
        ({"features": {}}, "features lack timestamp"),
        ({"data_path": None}, "data_path is None"),
    ],
)
def test_other_info_is_refused(entries: dict[str, Any], message: str, copy: Path) -> None:
    change(copy, **entries)
    with pytest.raises(ReadError, match=message):
        LeRobotDataset.open(copy)


@pytest.mark.parametrize(
    ("pattern", "message"),
    [
        ("../../data/chunk-{chunk_index}/{file_index}", "leads out of the dataset"),
        ("data/{chunk}", "is no pattern of"),
        ("{chunk_index.real.denominator.x}", "is no pattern of"),
    ],
)
def test_patterns_lead_nowhere_else(pattern: str, message: str, copy: Path) -> None:
    change(copy, data_path=pattern)
    dataset = LeRobotDataset.open(copy)
    with pytest.raises(ReadError, match=message):
        dataset.rows(dataset.episodes[0])


def test_parts_that_do_not_fit_are_told(copy: Path) -> None:
    change_column(copy, f"videos/{TOP}/from_timestamp", [0.05, 0.5, 1.3])
    dataset = LeRobotDataset.open(copy)
    with pytest.raises(ReadError, match=r"the nearest is 0\.50 frames away"):
        dataset.video(dataset.episodes[0], TOP)
    with pytest.raises(ReadError, match=r"has 16 frames, but episode 2 needs frames 13 to 16"):
        dataset.video(dataset.episodes[2], TOP)
    change_column(copy, "length", [6, 7, 4])
    dataset = LeRobotDataset.open(copy)
    with pytest.raises(ReadError, match="has 5 rows of episode 0, whose length is 6"):
        dataset.rows(dataset.episodes[0])


@pytest.mark.parametrize("file", ["meta/tasks.parquet", EPISODES, "data/chunk-000/file-000.parquet"])
@pytest.mark.parametrize("keep", [0, 100, 0.7])
def test_cut_files_are_told(file: str, keep: float, copy: Path) -> None:
    content = (copy / file).read_bytes()
    (copy / file).write_bytes(content[: int(keep if keep > 1 else keep * len(content))])
    with pytest.raises(ReadError, match="cannot read"):
        [LeRobotDataset.open(copy).rows(episode) for episode in LeRobotDataset.open(copy).episodes]


def test_missing_files_are_told(copy: Path, tmp_path: Path) -> None:
    with pytest.raises(ReadError, match="is no LeRobot dataset"):
        LeRobotDataset.open(tmp_path / "none")
    shutil.rmtree(copy / "meta" / "episodes")
    with pytest.raises(ReadError, match="has no meta/episodes"):
        LeRobotDataset.open(copy)
