from __future__ import annotations

import pytest

from anyview_ros.errors import InvalidInputError
from anyview_ros.nodes.camera_parameters import camera_names, camera_table, make_virtual_cameras


def test_every_camera_has_parameters_of_its_own() -> None:
    names = camera_names(["overhead", "", "wrist"])
    assert names == ("overhead", "wrist")
    values = {name: entry.default for name, entry in camera_table(names).items()}
    overhead, wrist = make_virtual_cameras(
        names, values | {"overhead.width": 48, "wrist.parent_frame": "tool0"}, fixed_frame="base"
    )
    assert (overhead.name, overhead.parent_frame, overhead.camera.width) == ("overhead", "base", 48)
    assert (wrist.name, wrist.parent_frame, wrist.camera.width) == ("wrist", "tool0", 640)


@pytest.mark.parametrize("name", ["1st", "a/b", "a b", "über", "_a", "a_", "a__b", "status"])
def test_names_of_which_no_topic_can_be_made(name: str) -> None:
    with pytest.raises(InvalidInputError, match="virtual_cameras has"):
        camera_names([name])


def test_one_name_twice() -> None:
    with pytest.raises(InvalidInputError, match="'a' twice"):
        camera_names(["a", "b", "a"])


def test_names_must_be_a_list() -> None:
    with pytest.raises(InvalidInputError, match="give a list"):
        camera_names("overhead")
