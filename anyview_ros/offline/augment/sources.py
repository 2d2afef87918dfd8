"""Inputs of any format, opened as source episodes."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from anyview_ros.errors import InvalidInputError, ReadError
from anyview_ros.offline.augment.settings import AugmentSettings
from anyview_ros.offline.augment.source_episode import SourceEpisode
from anyview_ros.offline.episodes import is_episode
from anyview_ros.offline.inputs import is_bag
from anyview_ros.offline.unfinished import UNFINISHED

WANTED = (
    "give ROS bags (a folder with metadata.yaml, an .mcap or a .db3 file), a LeRobot v3.0 dataset (a folder with "
    "meta/info.json), release-format episodes (folders with rgb/ and lowdim/), or a folder of any of them"
)
_BAG_FILES = ("*.mcap", "*.db3", "*.mcap.zstd", "*.db3.zstd")


def open_episodes(inputs: Iterable[str | Path], settings: AugmentSettings) -> list[SourceEpisode]:
    """Open every episode of some inputs, in the order of the inputs and of their episodes.

    A folder that is itself no input is searched for inputs, its folders too; hidden ones and unfinished outputs are
    passed over.

    Raises:
        ReadError: an input that is not there or holds nothing to augment; the message says what would do.
        InvalidInputError: no input, or one given twice.
    """
    paths = [Path(each) for each in inputs]
    if not paths:
        raise InvalidInputError(f"no input is given; {WANTED}")
    _check_different(paths)
    return [episode for path in paths for episode in _open(path, settings)]


def _check_different(paths: Sequence[Path]) -> None:
    seen: dict[Path, Path] = {}
    for path in paths:
        other = seen.setdefault(path.resolve(), path)
        if other is not path:
            raise InvalidInputError(f"input {path} is given twice; give it once")


def _open(path: Path, settings: AugmentSettings) -> list[SourceEpisode]:
    if not path.exists():
        raise ReadError(f"no input at {path}; {WANTED}")
    found = [episode for each in _inputs_in(path) for episode in _open_one(each, settings)]
    if not found:
        raise ReadError(f"{path} holds nothing to augment; {WANTED}")
    return found


def _inputs_in(path: Path) -> Iterator[Path]:
    """The input itself, or all those below a folder, each named by its folder where it has one."""
    if _is_input(path):
        yield path
        return
    if not path.is_dir():
        return
    for child in sorted(path.iterdir()):
        if child.name.startswith(".") or child.name.endswith(UNFINISHED):
            continue
        if child.is_dir() or is_bag(child):
            yield from _inputs_in(child)


def _is_input(path: Path) -> bool:
    return is_lerobot(path) or is_episode(path) or is_bag(path) or _is_bag_without_metadata(path)


def is_lerobot(path: Path) -> bool:
    """Whether this names a LeRobot dataset: a folder with meta/info.json."""
    return (path / "meta" / "info.json").is_file()


def _is_bag_without_metadata(path: Path) -> bool:
    """Whether a folder is named like the bag files in it, as recorders name the parts of one bag: its
    metadata was never written."""
    if not path.is_dir():
        return False
    files = [file for pattern in _BAG_FILES for file in path.glob(pattern)]
    part = re.compile(re.escape(path.name) + r"_\d+\.")
    return bool(files) and all(part.match(file.name) for file in files)


def _open_one(path: Path, settings: AugmentSettings) -> Sequence[SourceEpisode]:
    if is_lerobot(path):
        from anyview_ros.offline.augment.lerobot_episode import open_lerobot_episodes

        return open_lerobot_episodes(path, settings)
    if is_episode(path):
        from anyview_ros.offline.augment.release_episode import open_release_episodes

        return open_release_episodes(path, settings)
    from anyview_ros.offline.augment.bag_episode import open_bag_episodes

    return open_bag_episodes(path, settings)
