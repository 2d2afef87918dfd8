from __future__ import annotations

import json
from pathlib import Path

import pytest

from anyview_ros.errors import InvalidInputError
from anyview_ros.offline.augment.output_format import Part
from anyview_ros.offline.augment.outputs.side_by_side import COPIES, ORIGINAL, place_side_by_side
from anyview_ros.offline.augment.records import JobRecord, ViewRecord


def part(folder: Path, name: str, *views: str) -> Part:
    """A part with a copy for each view but those called "refused"."""
    for place in (ORIGINAL, *(f"{COPIES}/{view}" for view in views if view != "refused")):
        (folder / place).mkdir(parents=True)
        (folder / place / "file").write_text(place)
    told = tuple(ViewRecord(view, "front", "any", {}, 1, 4, 4, False, {}, (), True) for view in views)
    return Part(JobRecord("key", name, f"in/{name}", "bag", {}, told, (), {}), folder)


def files_of(folder: Path) -> dict[str, str]:
    return {
        path.relative_to(folder).as_posix(): path.read_text() for path in folder.rglob("*") if path.is_file()
    }


def test_originals_and_the_copies_that_were_made_lie_side_by_side(tmp_path: Path) -> None:
    parts = [part(tmp_path / "1", "a", "left", "refused"), part(tmp_path / "2", "b", "left")]
    output = tmp_path / "output"
    output.mkdir()
    place_side_by_side(parts, output, "bag", appended=True)
    found = files_of(output)
    told = json.loads(found.pop("augmentation.json"))
    assert found == {
        "a/file": ORIGINAL,
        "a__left/file": f"{COPIES}/left",
        "b/file": ORIGINAL,
        "b__left/file": f"{COPIES}/left",
    }
    assert told["synthesised"] is True
    assert told["copies"] == [
        {"episode": f"{name}__left", "origin": name, "replaced": "front", "view": "left"} for name in "ab"
    ]
    assert files_of(tmp_path / "1")  # so that an assembly can be begun again


def test_where_nothing_is_appended_nothing_is_told_of_copies(tmp_path: Path) -> None:
    (tmp_path / "output").mkdir()
    place_side_by_side([part(tmp_path / "1", "a")], tmp_path / "output", "bag", appended=False)
    assert files_of(tmp_path / "output") == {"a/file": ORIGINAL}


def test_a_copy_never_lies_over_another_episode(tmp_path: Path) -> None:
    parts = [part(tmp_path / "1", "a__left"), part(tmp_path / "2", "a", "left")]
    (tmp_path / "output").mkdir()
    with pytest.raises(InvalidInputError, match="two episodes would be named a__left; name the inputs apart"):
        place_side_by_side(parts, tmp_path / "output", "episode", appended=True)
