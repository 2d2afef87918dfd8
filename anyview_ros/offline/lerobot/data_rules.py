"""Rules of the rows in data/."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from anyview_ros.offline.lerobot.dataset import DatasetEpisode
from anyview_ros.offline.lerobot.findings import CheckedDataset
from anyview_ros.offline.lerobot.layout import ALWAYS, BYTES_PER_MB
from anyview_ros.offline.lerobot.parquet import huggingface_metadata, read_metadata, read_schema

_TYPES = {"string": "string", "float32": "float", "float64": "double", "bool": "bool"}


def data_files(dataset: CheckedDataset) -> Iterator[str]:
    """Every file is some episode's, and is no larger than the limit."""
    users = dataset.data_files
    for file in sorted((dataset.path / "data").rglob("*.parquet")):
        if file not in users:
            yield f"{dataset.named(file)} is no episode's"
    limit = dataset.info["data_files_size_in_mb"] * BYTES_PER_MB
    for file, episodes in users.items():
        if file.is_file() and file.stat().st_size > limit and len(episodes) > 1:
            yield f"{dataset.named(file)} has {file.stat().st_size} bytes, {len(episodes)} episodes; at most {limit}"


def columns(dataset: CheckedDataset) -> Iterator[str]:
    """Files have the columns of all features but videos, of their types; what they tell the datasets library is true.

    They need not tell it anything: LeRobot's merged datasets do not, and its loader goes by info.json.
    """
    wanted = {
        key: feature for key, feature in dataset.dataset.features.items() if feature["dtype"] != "video"
    }
    told = json.loads(huggingface_metadata(dataset.dataset.features)["huggingface"])["info"]["features"]
    for file in dataset.data_files:
        schema = read_schema(file)
        missing, surplus = sorted(set(wanted) - set(schema.names)), sorted(set(schema.names) - set(wanted))
        if missing:
            yield f"{dataset.named(file)} lacks columns {', '.join(missing)}"
        if surplus:
            yield f"{dataset.named(file)} has columns {', '.join(surplus)}, which are no features in rows"
        for key in (key for key in wanted if key in schema.names):
            complaint = _wrong_type(schema.field(key).type, wanted[key])
            if complaint:
                yield f"{dataset.named(file)}: column {key} is {complaint}"
        metadata = read_metadata(file, "huggingface")
        known = metadata.get("info", {}).get("features", {})
        if metadata and set(known) != set(told):
            yield f"{dataset.named(file)}: metadata huggingface tells of {sorted(known)}, not of {sorted(told)}"


def _wrong_type(kind: Any, feature: Any) -> str:
    dtype, shape = feature["dtype"], list(feature["shape"])
    if dtype == "image":
        return "" if str(kind).startswith("struct") else f"{kind}; pictures are structs of bytes and path"
    name = _TYPES.get(dtype, dtype)
    if shape == [1]:
        return "" if str(kind) == name else f"{kind}; {dtype} [1] is {name}"
    if len(shape) > 1:
        return ""
    inner = str(getattr(kind, "value_type", ""))
    size = getattr(kind, "list_size", shape[0])
    return (
        "" if (inner, size) == (name, shape[0]) else f"{kind}; {dtype} {shape} is a list of {shape[0]} {name}"
    )


def rows(dataset: CheckedDataset) -> Iterator[str]:
    """Each episode's rows are where meta/episodes says, in order, as all rows are, and all are some episode's."""
    counted = 0
    for file, episodes in sorted(dataset.data_files.items()):
        table = dataset.table(file)
        missing = [key for key in ALWAYS if key not in table.column_names]
        if missing:
            yield f"{dataset.named(file)} lacks columns {', '.join(missing)}"
            continue
        numbers = {key: table[key].to_numpy() for key in ALWAYS}
        misplaced = np.flatnonzero(numbers["index"] != np.arange(counted, counted + len(table)))
        if len(misplaced):
            row = int(misplaced[0])
            yield (
                f"{dataset.named(file)}: row {row} has index {numbers['index'][row]}, where {counted + row} is due; "
                "LeRobot takes row n of all files for index n, so store rows in that order"
            )
        counted += len(table)
        for episode in episodes:
            yield from _rows_of(dataset, file, numbers, episode)
    total = sum(episode.length for episode in dataset.dataset.episodes)
    if counted != total:
        yield f"data/ has {counted} rows, episodes have {total} frames"


def _rows_of(
    dataset: CheckedDataset, file: Path, numbers: dict[str, Any], episode: DatasetEpisode
) -> Iterator[str]:
    name = f"{dataset.named(file)}: episode {episode.index}"
    own = dataset.places(file).get(episode.index, ())
    count = len(own)
    if count != episode.length:
        yield f"{name} has {count} rows, its length is {episode.length}"
        return
    if not np.array_equal(numbers["frame_index"][own], np.arange(count)):
        yield f"{name}: frame_index is not 0 to {count - 1}"
    begin = episode.row.get("dataset_from_index")
    if not isinstance(begin, int) or not np.array_equal(
        numbers["index"][own], np.arange(begin, begin + count)
    ):
        yield f"{name}: index is not {begin} and on"
    indices = sorted(set(numbers["task_index"][own].tolist()))
    if not all(0 <= index < len(dataset.dataset.tasks) for index in indices):
        yield f"{name}: task_index is {indices}, of {len(dataset.dataset.tasks)} tasks"
    elif {dataset.dataset.tasks[index] for index in indices} != set(episode.tasks):
        yield f"{name}: rows are of tasks {indices}, meta/episodes says {list(episode.tasks)}"


def timestamps(dataset: CheckedDataset) -> Iterator[str]:
    """timestamp is frame_index / fps, rounded once, to float32."""
    for file in dataset.data_files:
        table = dataset.table(file)
        if not {"timestamp", "frame_index"} <= set(table.column_names):
            continue
        frames = table["frame_index"].to_numpy()
        wanted = (frames * float(1 / dataset.rate)).astype(np.float64)
        exact = np.array([float(int(frame) / dataset.rate) for frame in frames]).astype(np.float32)
        found = table["timestamp"].to_numpy()
        wrong = np.flatnonzero((found != exact) & (found != wanted.astype(np.float32)))
        if len(wrong):
            yield (
                f"{dataset.named(file)}: timestamp of row {wrong[0]} is {found[wrong[0]]!r}; frame {frames[wrong[0]]} "
                f"is at {exact[wrong[0]]!r}"
            )
