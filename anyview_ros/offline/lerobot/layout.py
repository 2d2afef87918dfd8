"""Names and places of what a LeRobot v3.0 dataset is made of.

::

    meta/info.json                                     version, rate, totals, features, patterns of paths
    meta/stats.json                                    statistics of all episodes
    meta/tasks.parquet                                 index: the task's text; task_index
    meta/episodes/chunk-000/file-000.parquet           one row per episode: where its frames are, its statistics
    data/chunk-000/file-000.parquet                    one row per frame: everything but videos
    videos/<key>/chunk-000/file-000.mp4                frames of several episodes, one after another
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeGuard

from anyview_ros.errors import ReadError

VERSION = "v3.0"
INFO = "meta/info.json"
STATS = "meta/stats.json"
TASKS = "meta/tasks.parquet"
AUGMENTATION = "meta/augmentation.json"
VIDEOS_STORED_AS = "videos_stored_as"
"""Entry of augmentation.json: by file, codec and pixels of videos that are stored otherwise than info.json tells."""
EPISODES_PATH = "meta/episodes/chunk-{chunk_index:03d}/file-{file_index:03d}.parquet"
DATA_PATH = "data/chunk-{chunk_index:03d}/file-{file_index:03d}.parquet"
VIDEO_PATH = "videos/{video_key}/chunk-{chunk_index:03d}/file-{file_index:03d}.mp4"
CHUNKS_SIZE = 1000
DATA_FILES_MB = 100
VIDEO_FILES_MB = 500
BYTES_PER_MB = 1 << 20

ALWAYS: Mapping[str, str] = {
    "timestamp": "float32",
    "frame_index": "int64",
    "episode_index": "int64",
    "index": "int64",
    "task_index": "int64",
}
"""Features that every dataset has, all of shape (1,), with their types."""

RENUMBERED = ("index", "episode_index", "task_index")
"""Those of them that tell of the dataset, and change when an episode comes into another."""

IMAGES = "observation.images."
"""What the keys of cameras begin with."""


def always_features() -> dict[str, dict[str, Any]]:
    """The features that every dataset has, as info.json tells of them."""
    return {name: {"dtype": dtype, "shape": [1], "names": None} for name, dtype in ALWAYS.items()}


def camera_feature(width: int, height: int, info: Mapping[str, Any]) -> dict[str, Any]:
    """The feature of a camera whose pictures are in videos, as info.json tells of it."""
    return {
        "dtype": "video",
        "shape": [height, width, 3],
        "names": ["height", "width", "channels"],
        "info": dict(info),
    }


def placed(root: Path, pattern: str, **fields: str | int) -> Path:
    """The file that a pattern of paths names.

    Args:
        root: the dataset's folder.
        pattern: such as ``data_path`` of info.json.
        fields: ``chunk_index``, ``file_index`` and, for videos, ``video_key``.

    Raises:
        ReadError: a pattern of another kind, or one that leads out of the dataset.
    """
    try:
        path = root / pattern.format(**fields)
    except (KeyError, IndexError, ValueError, AttributeError) as error:
        raise ReadError(
            f"{root / INFO} gives the path {pattern!r}, which is no pattern of {', '.join(fields)}"
        ) from error
    if not path.resolve().is_relative_to(root.resolve()):
        raise ReadError(f"{root / INFO} gives the path {pattern!r}, which leads out of the dataset")
    return path


def is_camera(feature: Mapping[str, Any]) -> bool:
    """Whether a feature of info.json is pictures."""
    return feature.get("dtype") in ("video", "image")


def is_shape(value: Any) -> TypeGuard[list[int]]:
    """Whether a value of info.json is a shape: a list of positive whole numbers."""
    return (
        isinstance(value, list) and bool(value) and all(isinstance(size, int) and size > 0 for size in value)
    )


def picture_shape(feature: Mapping[str, Any]) -> tuple[int, int, int]:
    """Height, width and channels of a camera's pictures, by the names of its axes where they are told.

    Raises:
        ReadError: a shape that no picture has.
    """
    shape, names = feature.get("shape"), feature.get("names")
    if not is_shape(shape) or len(shape) != 3:
        raise ReadError(f"a camera's feature has shape {shape}; pictures have [height, width, channels]")
    if isinstance(names, list) and len(names) == 3 and "height" in names and "width" in names:
        height, width = names.index("height"), names.index("width")
        return shape[height], shape[width], shape[3 - height - width]
    return shape[0], shape[1], shape[2]


def picture_size(feature: Mapping[str, Any]) -> tuple[int, int]:
    """Width and height of a camera's pictures.

    Raises:
        ReadError: a shape that no picture has.
    """
    height, width, _ = picture_shape(feature)
    return width, height


def after(chunk_index: int, file_index: int, chunks_size: int) -> tuple[int, int]:
    """Chunk and number of the file that follows one."""
    return (chunk_index, file_index + 1) if file_index + 1 < chunks_size else (chunk_index + 1, 0)
