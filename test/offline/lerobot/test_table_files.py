from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

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
