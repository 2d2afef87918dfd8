"""The metadata.yaml of a bag."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePath
from typing import Any

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
        import yaml

        file = path / NAME
        if not path.is_dir() or not file.exists():
            return cls()
        try:
            content = yaml.safe_load(file.read_text(encoding="utf-8"))["rosbag2_bagfile_information"]
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
            OSError,
            yaml.YAMLError,
            ValueError,
            KeyError,
            TypeError,
            AttributeError,
            RecursionError,
        ) as error:
            return cls(present=True, problem=f"{type(error).__name__}: {error}")


def _plain_mode(told: Any) -> str:
    mode = str(told or "").lower()
    return mode if mode in ("file", "message") else ""


def _type_hashes(content: Mapping[str, Any]) -> dict[str, str]:
    topics = [entry["topic_metadata"] for entry in content["topics_with_message_count"]]
    return {str(topic["name"]): str(topic.get("type_description_hash") or "") for topic in topics}
