"""Parquet files, with this package's errors."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from anyview_ros.errors import MissingDependencyError, ReadError

if TYPE_CHECKING:
    from pyarrow import Schema, Table

_TASK_INDEX = "__index_level_0__"  # how pandas stores an index without a name


def pyarrow() -> Any:
    """The package pyarrow.

    Raises:
        MissingDependencyError: it is not installed.
    """
    try:
        import pyarrow
    except ImportError as error:
        raise MissingDependencyError(
            "LeRobot datasets are read and written with pyarrow; run `pip install 'anyview_ros[lerobot]'`"
        ) from error
    return pyarrow


def read_table(path: Path, *, columns: Sequence[str] | None = None, filters: Any = None) -> Table:
    """Read a parquet file, or the rows of it that pass ``filters`` (as pyarrow takes them).

    Raises:
        ReadError: missing, cut off, no parquet, or without a column that is asked for.
    """
    pa = pyarrow()
    import pyarrow.parquet as pq

    if not path.is_file():
        raise ReadError(f"{path} is missing; the dataset is not whole")
    try:
        return pq.read_table(path, columns=None if columns is None else list(columns), filters=filters)
    except (pa.ArrowException, OSError, ValueError) as error:
        raise ReadError(f"cannot read {path}: {error}; copy the dataset again") from error


def read_schema(path: Path) -> Schema:
    """Read a parquet file's schema, with its metadata.

    Raises:
        ReadError: missing, cut off, or no parquet.
    """
    pa = pyarrow()
    import pyarrow.parquet as pq

    try:
        return pq.read_schema(path)
    except (pa.ArrowException, OSError, ValueError) as error:
        raise ReadError(f"cannot read {path}: {error}; copy the dataset again") from error


def read_metadata(path: Path, name: str) -> Mapping[str, Any]:
    """What the metadata of a parquet file's schema hold under a name, in JSON; empty if nothing.

    Raises:
        ReadError: a file that cannot be read, or metadata that are no JSON object.
    """
    text = (read_schema(path).metadata or {}).get(name.encode(), b"{}")
    try:
        found = json.loads(text)
    except ValueError as error:
        raise ReadError(f"{path}: metadata {name} are no JSON: {error}; write the dataset again") from error
    if not isinstance(found, dict):
        raise ReadError(f"{path}: metadata {name} must be a JSON object, got {found!r}")
    return found


def numbers_of(table: Table, key: str) -> NDArray[Any]:
    """A column of numbers, or of lists of equally many, as (N, D).

    Raises:
        ReadError: a row without a value, lists of different lengths, or no numbers.
    """
    pa = pyarrow()
    import pyarrow.compute as pc

    values = table[key].combine_chunks()
    while True:
        if values.null_count:
            raise ReadError(
                f"column {key} lacks {values.null_count} values in its {len(table)} rows; write the dataset again"
            )
        kind = values.type
        if not (pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind)):
            break
        if pc.count_distinct(pc.list_value_length(values)).as_py() > 1:
            raise ReadError(f"column {key} has rows of different lengths; write the dataset again")
        values = values.flatten()
    numbers = values.to_numpy(zero_copy_only=False)
    if numbers.dtype.kind not in "biuf":
        raise ReadError(f"column {key} is {table[key].type}, which are no numbers")
    return np.asarray(numbers.reshape(len(table), len(numbers) // max(len(table), 1)))


def write_table(path: Path, table: Table) -> None:
    """Write a table as one parquet file; folders are made."""
    import pyarrow.parquet as pq

    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(table, path, compression="snappy", use_dictionary=True)


def read_tasks(path: Path) -> list[str]:
    """Tasks by ``task_index``.

    Raises:
        ReadError: no such file, or tasks whose indices are not 0, 1, 2, …
    """
    table = read_table(path)
    texts = [name for name in table.column_names if name != "task_index"]
    if "task_index" not in table.column_names or not texts:
        raise ReadError(
            f"{path} must have a column task_index and the tasks as its index; it has {table.column_names}"
        )
    name = next((known for known in (_TASK_INDEX, "task", "tasks") if known in texts), texts[0])
    indices = table["task_index"].to_pylist()
    if not all(isinstance(index, int) for index in indices) or sorted(indices) != list(range(len(table))):
        raise ReadError(f"{path}: task_index must be 0 to {len(table) - 1}, got {indices}")
    by_index = dict(zip(indices, table[name].to_pylist(), strict=True))
    return [str(by_index[index]) for index in range(len(table))]


def write_tasks(path: Path, tasks: Sequence[str]) -> None:
    """Write tasks so that pandas reads their texts as the index."""
    pa = pyarrow()
    table = pa.table(
        {"task_index": pa.array(range(len(tasks)), pa.int64()), _TASK_INDEX: pa.array(tasks, pa.string())}
    )
    column: dict[str, Any] = {"name": "task_index", "field_name": "task_index", "pandas_type": "int64"}
    index: dict[str, Any] = {"name": None, "field_name": _TASK_INDEX, "pandas_type": "unicode"}
    pandas = {
        "index_columns": [_TASK_INDEX],
        "column_indexes": [
            {
                "name": None,
                "field_name": None,
                "pandas_type": "unicode",
                "numpy_type": "object",
                "metadata": {"encoding": "UTF-8"},
            }
        ],
        "columns": [
            {**column, "numpy_type": "int64", "metadata": None},
            {**index, "numpy_type": "object", "metadata": None},
        ],
        "creator": {"library": "pyarrow", "version": pa.__version__},
        "pandas_version": "2.0.0",
    }
    write_table(path, table.replace_schema_metadata({"pandas": json.dumps(pandas)}))


def huggingface_metadata(features: Mapping[str, Mapping[str, Any]]) -> dict[str, str]:
    """Schema metadata that tells the ``datasets`` library the types of a data file's columns; videos have none."""
    told = {key: _told(feature) for key, feature in features.items() if feature["dtype"] != "video"}
    return {"huggingface": json.dumps({"info": {"features": told}})}


def _told(feature: Mapping[str, Any]) -> dict[str, Any]:
    shape, dtype = list(feature["shape"]), feature["dtype"]
    if dtype == "image":
        return {"_type": "Image"}
    if shape == [1]:
        return {"dtype": dtype, "_type": "Value"}
    if len(shape) == 1:
        return {"feature": {"dtype": dtype, "_type": "Value"}, "length": shape[0], "_type": "Sequence"}
    return {"shape": shape, "dtype": dtype, "_type": f"Array{len(shape)}D"}
