from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from anyview_ros.errors import ReadError
from anyview_ros.evaluation.aggregation import EpisodeKey
from anyview_ros.offline.evaluate import ResultStore

KEY = EpisodeKey("g", "g/s", "e")


def test_what_is_kept_is_found_by_the_same_settings_only(tmp_path: Path) -> None:
    store = ResultStore(tmp_path)
    store.keep("m", KEY, {"fingerprint": "f", "x": 1}, picture=b"jpeg", features=np.ones((1, 2, 3)))
    again = ResultStore(tmp_path)
    assert again.finished("m", KEY, "f") == {"fingerprint": "f", "x": 1}
    assert again.finished("m", KEY, "other") is None
    assert again.finished("other", KEY, "f") is None
    assert again.picture("m", KEY) == b"jpeg"
    np.testing.assert_array_equal(again.features("m", KEY), np.ones((1, 2, 3)))


def test_a_new_result_takes_the_old_ones_picture_along(tmp_path: Path) -> None:
    store = ResultStore(tmp_path)
    store.keep("m", KEY, {"fingerprint": "f"}, picture=b"jpeg", features=np.ones((1, 2, 3)))
    store.keep("m", KEY, {"fingerprint": "f", "failed": "no"})
    assert store.picture("m", KEY) == b""
    assert store.features("m", KEY) is None
    assert store.finished("m", KEY, "f") is None


def test_names_stay_apart_and_inside(tmp_path: Path) -> None:
    store = ResultStore(tmp_path / "out")
    keys = [
        EpisodeKey("g", "a/b", "e"),
        EpisodeKey("g", "a", "b/e"),
        EpisodeKey("g", "a%2Fb", "e"),
        EpisodeKey("g", "..", ".."),
        EpisodeKey("h", "a", "b/e"),
    ]
    for number, key in enumerate(keys):
        store.keep("m", key, {"fingerprint": "f", "number": number})
    assert [store.finished("m", key, "f")["number"] for key in keys] == [0, 1, 2, 3, 4]
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_broken_results_are_named(tmp_path: Path) -> None:
    store = ResultStore(tmp_path)
    store.keep("m", KEY, {"fingerprint": "f"})
    (file,) = tmp_path.rglob("*.json")
    file.write_text("{")
    with pytest.raises(ReadError, match="remove it"):
        store.finished("m", KEY, "f")
