"""Writes a LeRobot v3.0 dataset, episode by episode; the same episodes give the same bytes."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

from anyview_ros.offline.lerobot.layout import (
    BYTES_PER_MB,
    CHUNKS_SIZE,
    DATA_FILES_MB,
    DATA_PATH,
    EPISODES_PATH,
    INFO,
    RENUMBERED,
    STATS,
    TASKS,
    VERSION,
    VIDEO_FILES_MB,
    VIDEO_PATH,
    placed,
)
from anyview_ros.offline.lerobot.parquet import huggingface_metadata, pyarrow, write_tasks
from anyview_ros.offline.lerobot.statistics import Statistics, aggregate, column_statistics
from anyview_ros.offline.lerobot.table_files import TableFiles
from anyview_ros.offline.lerobot.video_shelf import Joining, VideoPlace, VideoShelf

if TYPE_CHECKING:
    from pyarrow import Table


class DatasetWriter:
    """Writes a dataset into a folder; a context manager, which writes info, tasks and statistics at its end.

    Args:
        folder: of the dataset.
        features: of all keys.
        rate: frames per second.
        told: further entries of info.json, which may give sizes of files and chunks and ``robot_type``.
    """

    def __init__(
        self,
        folder: Path,
        *,
        features: Mapping[str, Mapping[str, Any]],
        rate: Fraction,
        told: Mapping[str, Any],
    ) -> None:
        self._folder, self._features, self._rate, self._told = folder, features, rate, dict(told)
        self.tasks: list[str] = []
        self._episodes: list[dict[str, Any]] = []
        self._statistics: list[Mapping[str, Statistics]] = []
        self._frames = 0
        chunks = self._chunks_size = int(self._told.get("chunks_size") or CHUNKS_SIZE)
        self._data_bytes = int((self._told.get("data_files_size_in_mb") or DATA_FILES_MB) * BYTES_PER_MB)
        video_bytes = int((self._told.get("video_files_size_in_mb") or VIDEO_FILES_MB) * BYTES_PER_MB)
        self._data = TableFiles(
            lambda chunk, file: placed(folder, DATA_PATH, chunk_index=chunk, file_index=file),
            chunks_size=chunks,
            largest_bytes=self._data_bytes,
        )
        joining = Joining(rate, chunks, video_bytes)
        self.shelves = {
            key: VideoShelf(self._video_path(key), joining)
            for key, feature in features.items()
            if feature["dtype"] == "video"
        }
        """Where the videos of each key go; by key."""
        self._metadata = huggingface_metadata(features)

    def _video_path(self, key: str) -> Any:
        return lambda chunk, file: placed(
            self._folder, VIDEO_PATH, video_key=key, chunk_index=chunk, file_index=file
        )

    def add(
        self,
        rows: Table,
        *,
        tasks: Sequence[str],
        statistics: Mapping[str, Statistics],
        videos: Mapping[str, VideoPlace],
        further: Mapping[str, Any],
    ) -> int:
        """Add an episode.

        Args:
            rows: one per frame, with all columns; ``index`` and ``episode_index`` are set, ``task_index`` counts in
                ``tasks``.
            tasks: texts that ``task_index`` of the rows means.
            statistics: by key; those of columns that are set here are made anew if they change.
            videos: where the frames of each video key are.
            further: other columns of meta/episodes.

        Returns:
            The index of the episode.
        """
        index = len(self._episodes)
        table, changed = self._renumbered(rows, tasks, index)
        known = dict(statistics)
        for name in RENUMBERED:
            if name in changed or name not in known:
                known[name] = column_statistics(table[name].to_numpy())
        chunk, file = self._data.add(table)
        row: dict[str, Any] = {
            **further,
            "episode_index": index,
            "tasks": [self.tasks[number] for number in sorted(set(table["task_index"].to_pylist()))],
            "length": len(table),
            "data/chunk_index": chunk,
            "data/file_index": file,
            "dataset_from_index": self._frames,
            "dataset_to_index": self._frames + len(table),
        }
        for key, place in videos.items():
            for name, value in vars(place).items():
                row[f"videos/{key}/{name}"] = value
        for key, values in known.items():
            row |= {f"stats/{key}/{name}": value for name, value in values.items()}
        self._episodes.append(row)
        self._statistics.append(known)
        self._frames += len(table)
        return index

    def _renumbered(self, rows: Table, tasks: Sequence[str], index: int) -> tuple[Table, set[str]]:
        """The rows as they stand in this dataset, and which of their columns are not as they were."""
        pa = pyarrow()
        own = {number: self._task(tasks[number]) for number in dict.fromkeys(rows["task_index"].to_pylist())}
        wanted = {
            "index": pa.array(range(self._frames, self._frames + len(rows)), pa.int64()),
            "episode_index": pa.array([index] * len(rows), pa.int64()),
            "task_index": pa.array([own[number] for number in rows["task_index"].to_pylist()], pa.int64()),
        }
        changed = set()
        for name, values in wanted.items():
            place = rows.column_names.index(name)
            if rows[name].to_pylist() != values.to_pylist():
                changed.add(name)
            rows = rows.set_column(place, rows.schema.field(place), values)
        return rows.replace_schema_metadata(self._metadata).combine_chunks(), changed

    def know_tasks(self, tasks: Sequence[str]) -> None:
        """Give tasks their indices before any episode has them."""
        for text in tasks:
            self._task(text)

    def _task(self, text: str) -> int:
        if text not in self.tasks:
            self.tasks.append(text)
        return self.tasks.index(text)

    def close(self, statistics: Mapping[str, Statistics] | None = None) -> None:
        """Finish all files.

        Args:
            statistics: of all episodes, for keys whose are known; the others are made of the episodes'.
        """
        self._data.close()
        for shelf in self.shelves.values():
            shelf.close()
        self._write_episodes()
        write_tasks(self._folder / TASKS, self.tasks)
        known = aggregate(self._statistics) | dict(statistics or {})
        _write_json(self._folder / STATS, {key: known[key] for key in sorted(known)})
        _write_json(self._folder / INFO, self._info())

    def _info(self) -> dict[str, Any]:
        rate = self._rate
        count = len(self._episodes)
        return {
            "robot_type": None,
            "chunks_size": CHUNKS_SIZE,
            "data_files_size_in_mb": DATA_FILES_MB,
            "video_files_size_in_mb": VIDEO_FILES_MB,
            "splits": {"train": f"0:{count}"},
            **self._told,
            "codebase_version": VERSION,
            "total_episodes": count,
            "total_frames": self._frames,
            "total_tasks": len(self.tasks),
            "fps": int(rate) if rate.denominator == 1 else float(rate),
            "data_path": DATA_PATH,
            "video_path": VIDEO_PATH if self.shelves else None,
            "features": dict(self._features),
        }

    def _write_episodes(self) -> None:
        pa = pyarrow()
        names = dict.fromkeys(name for row in self._episodes for name in row)
        schema = pa.Table.from_pylist(
            [{name: row.get(name) for name in names} for row in self._episodes]
        ).schema
        files = TableFiles(
            lambda chunk, file: placed(self._folder, EPISODES_PATH, chunk_index=chunk, file_index=file),
            chunks_size=self._chunks_size,
            largest_bytes=self._data_bytes,
        )
        schema = schema.append(pa.field("meta/episodes/chunk_index", pa.int64()))
        schema = schema.append(pa.field("meta/episodes/file_index", pa.int64()))
        with files:
            for row in self._episodes:
                size = pa.Table.from_pylist([row]).nbytes + 16
                chunk, file = files.place_for(size)
                place = {"meta/episodes/chunk_index": chunk, "meta/episodes/file_index": file}
                files.add(pa.Table.from_pylist([{**row, **place}], schema=schema))

    def __enter__(self) -> DatasetWriter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is not None:
            self._data.close()


def _write_json(path: Path, content: Mapping[str, Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content, indent=4, ensure_ascii=False) + "\n", encoding="utf-8")
