from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from anyview_ros.errors import InvalidInputError
from anyview_ros.offline.lerobot.table_files import TableFiles


def test_tables_fill_files_up_to_a_size_and_files_chunks(tmp_path: Path) -> None:
    table = pa.table({"a": pa.array(range(10), pa.int64())})
    files = TableFiles(
        lambda chunk, file: tmp_path / f"{chunk}" / f"{file}.parquet",
        chunks_size=2,
        largest_bytes=2 * table.nbytes,
    )
    with files:
        places = [files.add(table) for _ in range(7)]
    assert places == [(0, 0), (0, 0), (0, 1), (0, 1), (1, 0), (1, 0), (1, 1)]
    groups = [
        pq.ParquetFile(tmp_path / name).num_row_groups
        for name in ("0/0.parquet", "1/0.parquet", "1/1.parquet")
    ]
    assert groups == [2, 2, 1]


def test_a_table_above_the_size_has_a_file_of_its_own(tmp_path: Path) -> None:
    table = pa.table({"a": pa.array(range(10), pa.int64())})
    with TableFiles(lambda _, file: tmp_path / f"{file}.parquet", chunks_size=9, largest_bytes=8) as files:
        assert [files.add(table) for _ in range(2)] == [(0, 0), (0, 1)]


def test_tables_take_the_order_and_types_of_the_first(tmp_path: Path) -> None:
    recorded = pa.table(
        {"x": pa.array([[1.0, 2.0]], pa.list_(pa.float32(), 2)), "n": pa.array([1], pa.int64())}
    )
    converted = pa.table(
        {"n": pa.array([2], pa.int64()), "x": pa.array([[3.0, 4.0]], pa.list_(pa.float32()))}
    )
    with TableFiles(lambda _, file: tmp_path / f"{file}.parquet", chunks_size=9, largest_bytes=8) as files:
        places = [files.add(table) for table in (recorded, converted)]
    assert places == [(0, 0), (0, 1)]
    tables = [pq.read_table(tmp_path / f"{file}.parquet") for file in (0, 1)]
    assert tables[1].schema.equals(tables[0].schema)
    assert tables[1].to_pylist() == [{"x": [3.0, 4.0], "n": 2}]


def test_tables_that_cannot_be_alike_are_refused(tmp_path: Path) -> None:
    first = pa.table({"x": pa.array([[1.0, 2.0]], pa.list_(pa.float32(), 2))})
    with TableFiles(lambda _, file: tmp_path / f"{file}.parquet", chunks_size=9, largest_bytes=99) as files:
        files.add(first)
        for wrong, told in (
            (pa.table({"y": pa.array([1])}), "some lack x, y"),
            (pa.table({"x": pa.array([[1.0, 2.0, 3.0]])}), "columns of the same types"),
        ):
            with pytest.raises(InvalidInputError, match=told):
                files.add(wrong)
