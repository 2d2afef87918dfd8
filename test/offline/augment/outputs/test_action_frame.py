from __future__ import annotations

from typing import Any

import pytest

from anyview_ros.errors import InvalidInputError
from anyview_ros.offline.augment.outputs.action_frame import check_action_frame

PLAIN: dict[str, Any] = {
    "action": {"names": ["joint_1", "scam_2", "gripper"]},
    "observation.camera": {"names": ["x"]},
}


def test_other_actions_pass() -> None:
    for told in ("", "base_link", "joint", "world"):
        check_action_frame(PLAIN, told, ["top"], "e")


@pytest.mark.parametrize("told", ["top", "camera_link", "wrist_optical_frame", "observation.images.cam.left"])
def test_a_camera_s_frame_is_refused(told: str) -> None:
    with pytest.raises(InvalidInputError, match="give action_frame=base"):
        check_action_frame(PLAIN, told, ["top"], "e")


@pytest.mark.parametrize(
    "features",
    [
        {"action": {"names": ["dx_camera", "dy_camera"]}},
        {"action": {"names": {"motors": ["cam_x"]}}},
        {"action.camera_delta": {"names": None}},
    ],
)
def test_names_give_it_away_unless_the_frame_is_told(features: dict[str, Any]) -> None:
    with pytest.raises(InvalidInputError, match="action_frame=FRAME"):
        check_action_frame(features, "", ["top"], "e")
    check_action_frame(features, "base", ["top"], "e")
