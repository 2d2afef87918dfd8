from __future__ import annotations

import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from anyview_ros.errors import ReadError
from anyview_ros.offline.lerobot.parquet import (
    huggingface_metadata,
    numbers_of,
    read_metadata,
    read_schema,
    read_table,
    read_tasks,
    write_table,
    write_tasks,
)

TASKS = ["pick the cup", "mettre la tasse à sa place"]


def test_tasks_are_read_back(tmp_path: Path) -> None:
    write_tasks(tmp_path / "tasks.parquet", TASKS)
    assert read_tasks(tmp_path / "tasks.parquet") == TASKS
    metadata = json.loads(read_schema(tmp_path / "tasks.parquet").metadata[b"pandas"])
    assert metadata["index_columns"] == ["__index_level_0__"]


def test_tasks_may_be_in_any_order_and_under_another_name(tmp_path: Path) -> None:
    write_table(tmp_path / "tasks.parquet", pa.table({"task": TASKS[::-1], "task_index": [1, 0]}))
    assert read_tasks(tmp_path / "tasks.parquet") == TASKS


@pytest.mark.parametrize(
    "table",
    [
        {"task_index": [0]},
        {"task": ["a"]},
        {"task": ["a", "b"], "task_index": [0, 2]},
        {"task": ["a", "b"], "task_index": [0, None]},
        {"task": ["a", "b"], "task_index": [0, 0]},
        {"task": ["a"], "task_index": [[0]]},
    ],
)
def test_other_tasks_are_refused(table: dict[str, list[object]], tmp_path: Path) -> None:
    write_table(tmp_path / "tasks.parquet", pa.table(table))
    with pytest.raises(ReadError, match="task_index"):
        read_tasks(tmp_path / "tasks.parquet")


def test_files_that_cannot_be_read_are_told(tmp_path: Path) -> None:
    with pytest.raises(ReadError, match="is missing"):
        read_table(tmp_path / "none.parquet")
    (tmp_path / "text.parquet").write_text("no parquet")
    for read in (read_table, read_schema):
        with pytest.raises(ReadError, match="cannot read"):
            read(tmp_path / "text.parquet")
    pq.write_table(pa.table({"a": [1]}), tmp_path / "a.parquet")
    with pytest.raises(ReadError, match="cannot read"):
        read_table(tmp_path / "a.parquet", filters=[("episode_index", "=", 0)])


def test_metadata_that_are_no_json_are_told(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    table = pa.table({"a": [1]})
    write_table(path, table)
    assert read_metadata(path, "pandas") == {}
    write_table(path, table.replace_schema_metadata({"pandas": '{"columns": 1}'}))
    assert read_metadata(path, "pandas") == {"columns": 1}
    for text, message in (('{"columns"', "metadata pandas are no JSON"), ("[]", "must be a JSON object")):
        write_table(path, table.replace_schema_metadata({"pandas": text}))
        with pytest.raises(ReadError, match=message):
            read_metadata(path, "pandas")


def _flat(values: pa.Array) -> pa.Array:
    while hasattr(values, "flatten") and hasattr(values.type, "value_type"):
        values = values.flatten()
    return values


@pytest.mark.parametrize(
    ("values", "numbers"),
    [
        (pa.array([1.5, 2.5], pa.float32()), [[1.5], [2.5]]),
        (pa.array([1, 2]), [[1], [2]]),
        (pa.array([True, False]), [[True], [False]]),
        (pa.array([[1, 2], [3, 4]]), [[1, 2], [3, 4]]),
        (pa.array([[1, 2], [3, 4]], pa.list_(pa.int64(), 2)), [[1, 2], [3, 4]]),
        (pa.array([[[1, 2]], [[3, 4]]]), [[1, 2], [3, 4]]),
    ],
)
def test_columns_of_numbers_are_matrices(values: pa.Array, numbers: list[list[float]]) -> None:
    table = pa.concat_tables([pa.table({"a": values.slice(0, 1)}), pa.table({"a": values.slice(1)})])
    found = numbers_of(table, "a")
    assert found.tolist() == numbers
    assert found.dtype == _flat(values).to_numpy(zero_copy_only=False).dtype
    assert numbers_of(table.slice(0, 0), "a").shape[0] == 0


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ([1.0, None], "lacks 1 values in its 2 rows"),
        ([[1.0, 2.0], None], "lacks 1 values in its 2 rows"),
        ([[1.0, 2.0], [3.0, None]], "lacks 1 values in its 2 rows"),
        ([[1.0, 2.0, 3.0], [4.0]], "rows of different lengths"),
        (["one", "two"], "no numbers"),
    ],
)
def test_columns_that_are_no_matrices_are_told(values: list[object], message: str) -> None:
    with pytest.raises(ReadError, match=f"column a .*{message}"):
        numbers_of(pa.table({"a": values}), "a")


def test_the_datasets_library_is_told_the_types() -> None:
    features = {
        "top": {"dtype": "video", "shape": [4, 4, 3]},
        "side": {"dtype": "image", "shape": [4, 4, 3]},
        "action": {"dtype": "float32", "shape": [7]},
        "index": {"dtype": "int64", "shape": [1]},
        "map": {"dtype": "float32", "shape": [8, 9]},
    }
    assert json.loads(huggingface_metadata(features)["huggingface"]) == {
        "info": {
            "features": {
                "side": {"_type": "Image"},
                "action": {
                    "feature": {"dtype": "float32", "_type": "Value"},
                    "length": 7,
                    "_type": "Sequence",
                },
                "index": {"dtype": "int64", "_type": "Value"},
                "map": {"shape": [8, 9], "dtype": "float32", "_type": "Array2D"},
            }
        }
    }
