"""The metadata.yaml of a bag."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path, PurePath
from typing import Any

from anyview_ros.offline.bag_profiles import load_yaml

NAME = "metadata.yaml"


@dataclass(frozen=True)
class BagMetadata:
    """What a bag's metadata.yaml tells, as far as it is there and whole.

    Attributes:
        present: whether there is such a file, broken or not.
        problem: why it could not be read; "".
        files: names of the bag's files.
        message_count: in all; None if it is not told.
        compression_mode: "file", "message" or "".
        custom_data: what the recorder was told to keep.
        distribution: the ROS distribution; "".
        type_hashes: by topic.
    """

    present: bool = False
    problem: str = ""
    files: tuple[str, ...] = ()
    message_count: int | None = None
    compression_mode: str = ""
    custom_data: Mapping[str, str] = field(default_factory=dict)
    distribution: str = ""
    type_hashes: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, path: Path) -> BagMetadata:
        """Read that of a folder; of a file there is none."""
        file = path / NAME
        if not path.is_dir() or not file.exists():
            return cls()
        state = file.stat()
        return _read(file, state.st_size, state.st_mtime_ns)

    @classmethod
    def parse(cls, text: str) -> BagMetadata:
        """What the text of the file tells."""
        import yaml

        try:
            content = load_yaml(text)["rosbag2_bagfile_information"]
            return cls(
                present=True,
                files=tuple(PurePath(name).name for name in content["relative_file_paths"]),
                message_count=int(content["message_count"]),
                compression_mode=_plain_mode(content.get("compression_mode")),
                custom_data={
                    str(key): str(value) for key, value in (content.get("custom_data") or {}).items()
                },
                distribution=str(content.get("ros_distro") or ""),
                type_hashes=_type_hashes(content),
            )
        except (
            yaml.YAMLError,
            ValueError,
            KeyError,
            TypeError,
            AttributeError,
            RecursionError,
        ) as error:
            return cls(present=True, problem=f"{type(error).__name__}: {error}")


@lru_cache(maxsize=8)  # a bag is opened once for each part that is read of it
def _read(file: Path, size: int, changed_ns: int) -> BagMetadata:
    del size, changed_ns  # they only tell whether it is the same file still
    try:
        return BagMetadata.parse(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        return BagMetadata(present=True, problem=f"{type(error).__name__}: {error}")


def _plain_mode(told: Any) -> str:
    mode = str(told or "").lower()
    return mode if mode in ("file", "message") else ""


def _type_hashes(content: Mapping[str, Any]) -> dict[str, str]:
    topics = [entry["topic_metadata"] for entry in content["topics_with_message_count"]]
    return {str(topic["name"]): str(topic.get("type_description_hash") or "") for topic in topics}
