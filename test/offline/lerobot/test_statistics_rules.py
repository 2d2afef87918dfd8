from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lerobot_maker import write_dataset
from numpy.typing import NDArray

from anyview_ros.offline.lerobot.dataset import LeRobotDataset
from anyview_ros.offline.lerobot.findings import CheckedDataset
from anyview_ros.offline.lerobot.statistics import column_statistics
from anyview_ros.offline.lerobot.statistics_rules import episode_statistics

LENGTHS = (2, 450, 3000)
DATA = "data/chunk-000/file-000.parquet"
EPISODES = "meta/episodes/chunk-000/file-000.parquet"
MEANS = (99.3, 99.3, -97.1, 1.5, 0.1, -0.003, 3000.0)
STDS = (0.0, 0.05, 0.3, 0.001, 0.0, 1e-5, 40.0)


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_dataset(tmp_path_factory.mktemp("recorded") / "arm", lengths=LENGTHS, keys=())


def as_lerobot_tells(rows: NDArray[np.float32]) -> dict[str, Any]:
    """Statistics by the formula of LeRobot 0.4's RunningQuantileStats, in the type of the rows."""
    mean, squares = np.mean(rows, axis=0), np.mean(rows**2, axis=0)
    told = {"mean": mean, "std": np.sqrt(np.maximum(0, squares - mean**2))}
    return column_statistics(rows) | {name: value.tolist() for name, value in told.items()}


def findings(path: Path, episodes: list[NDArray[np.float32]], told: list[dict[str, Any]]) -> list[str]:
    """What is found of a dataset whose actions are these, and of which these statistics are told."""
    rows = pq.read_table(path / DATA)
    flat = pa.array(np.concatenate(episodes).reshape(-1))
    place = rows.column_names.index("action")
    pq.write_table(rows.set_column(place, "action", pa.FixedSizeListArray.from_arrays(flat, 7)), path / DATA)
    table = pq.read_table(path / EPISODES)
    for name in told[0]:
        column = f"stats/action/{name}"
        values = pa.array([each[name] for each in told], table.schema.field(column).type)
        table = table.set_column(table.column_names.index(column), column, values)
    pq.write_table(table, path / EPISODES)
    return list(episode_statistics(CheckedDataset(LeRobotDataset.open(path))))


@settings(max_examples=20)
@given(st.integers(0, 2**32 - 1), st.floats(0.01, 100), st.booleans())
def test_statistics_summed_in_float32_are_those_of_the_rows(
    dataset: Path, seed: int, scale: float, rising: bool
) -> None:
    rng = np.random.default_rng(seed)
    episodes = []
    for length in LENGTHS:
        numbers = scale * (np.array(MEANS) + STDS * rng.normal(size=(length, 7)))
        episodes.append((np.sort(numbers, axis=0) if rising else numbers).astype(np.float32))
    assert findings(dataset, episodes, [as_lerobot_tells(rows) for rows in episodes]) == []


@pytest.mark.parametrize(("statistic", "factor"), [("std", 0.0), ("std", 9.0), ("mean", 1.1), ("max", 1.001)])
def test_statistics_of_other_rows_are_found(dataset: Path, statistic: str, factor: float) -> None:
    rng = np.random.default_rng(0)
    episodes = [(99.3 + 30 * rng.normal(size=(length, 7))).astype(np.float32) for length in LENGTHS]
    told = [as_lerobot_tells(rows) for rows in episodes]
    told[1][statistic] = [factor * value for value in told[1][statistic]]
    found = findings(dataset, episodes, told)
    assert any(f"episode 1: action: {statistic} is told as" in each for each in found), found
    assert all("episode 1" in each for each in found)
