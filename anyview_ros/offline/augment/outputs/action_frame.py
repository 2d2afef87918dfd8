"""Actions that are told in a camera's axes: what they mean depends on the camera that a policy sees through."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from anyview_ros.errors import InvalidInputError

_CAMERA_WORDS = {"camera", "cam", "optical"}


def check_action_frame(
    features: Mapping[str, Mapping[str, Any]], told: str, cameras: Iterable[str], episode: str
) -> None:
    """Refuse actions in a camera's axes, which a view from elsewhere would make wrong.

    They are known by ``told``, or by the names of the action's features and of their numbers.

    Args:
        features: of the dataset.
        told: the frame of the actions, if the user tells it: "joint", "base", "world", a camera…; or "".
        cameras: names of the episode's cameras.
        episode: for the message.

    Raises:
        InvalidInputError: they are, or seem to be and nothing is told.
    """
    if told:
        if told in set(cameras) or _is_camera(told):
            raise InvalidInputError(
                f"actions of {episode} are in the frame {told}, a camera's: seen from another camera they "
                "would be wrong; transform them to the robot's base, then give action_frame=base"
            )
        return
    for key, feature in features.items():
        if key != "action" and not key.startswith("action."):
            continue
        for name in (key, *_names(feature.get("names"))):
            if _is_camera(name):
                raise InvalidInputError(
                    f"{name!r} of {key} of {episode} seems to be in a camera's frame: seen from another "
                    "camera it would be wrong; transform the actions to the robot's base, or tell their frame "
                    "with action_frame=FRAME"
                )


def _is_camera(name: str) -> bool:
    return bool(_CAMERA_WORDS & set(re.split(r"[^a-z]+", name.lower())))


def _names(told: Any) -> list[str]:
    if isinstance(told, dict):
        return [*map(str, told), *(name for value in told.values() for name in _names(value))]
    if isinstance(told, list):
        return [name for value in told for name in ([value] if isinstance(value, str) else _names(value))]
    return []
