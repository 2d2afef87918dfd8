from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from anyview_ros.errors import ReadError
from anyview_ros.offline.lerobot.layout import VIDEO_PATH, after, picture_shape, picture_size, placed


def test_files_are_numbered_on_into_the_next_chunk() -> None:
    assert [after(0, 0, 2), after(0, 1, 2), after(7, 1, 2)] == [(0, 1), (1, 0), (8, 0)]


def test_patterns_are_filled_in() -> None:
    path = placed(Path("/data/set"), VIDEO_PATH, video_key="top", chunk_index=1, file_index=23)
    assert path == Path("/data/set/videos/top/chunk-001/file-023.mp4")
    with pytest.raises(ReadError, match="leads out of the dataset"):
        placed(Path("/data/set"), VIDEO_PATH, video_key="../../..", chunk_index=1, file_index=23)


@pytest.mark.parametrize(
    ("feature", "size"),
    [
        ({"shape": [48, 64, 3], "names": ["height", "width", "channels"]}, (64, 48)),
        ({"shape": [3, 48, 64], "names": ["channels", "height", "width"]}, (64, 48)),
        ({"shape": [48, 64, 3], "names": None}, (64, 48)),
    ],
)
def test_sizes_go_by_the_names_of_the_axes(feature: dict[str, Any], size: tuple[int, int]) -> None:
    assert picture_size(feature) == size
    assert picture_shape(feature) == (*size[::-1], 3)


def test_shapes_of_no_picture_are_refused() -> None:
    with pytest.raises(ReadError, match="a camera's feature has shape"):
        picture_size({"shape": [48, 64]})
    with pytest.raises(ReadError, match="has shape None"):
        picture_size({"shape": None})
