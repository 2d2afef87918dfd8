from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from anyview_ros.errors import InvalidInputError
from anyview_ros.nodes.camera_parameters import camera_table
from anyview_ros.nodes.simulated_robot.parameters import PARAMETERS, read_settings


def values(**changes: Any) -> dict[str, Any]:
    told: dict[str, Any] = {entry.name: entry.default for entry in PARAMETERS}
    told |= {name: entry.default for name, entry in camera_table(["overhead"]).items()}
    return told | {name.replace("__", "."): value for name, value in changes.items()}


def test_defaults_make_settings_without_virtual_cameras() -> None:
    settings = read_settings(values())
    assert settings.virtual_cameras == ()
    assert settings.cache is None


def test_a_virtual_camera_is_read_as_the_virtual_camera_node_does() -> None:
    settings = read_settings(
        values(
            virtual_cameras=["overhead"],
            overhead__position=[0.3, 0.0, 1.35],
            overhead__look_at=[0.3, 0.0, 0.0],
            overhead__width=48,
            overhead__height=32,
            cache="films",
        )
    )
    (overhead,) = settings.virtual_cameras
    assert overhead.parent_frame == "base_link"
    np.testing.assert_allclose(overhead.camera_to_parent[:3, 3], [0.3, 0, 1.35])
    np.testing.assert_allclose(overhead.camera_to_parent[:3, 2], [0, 0, -1], atol=1e-12)
    assert overhead.camera.size == (48, 32)
    assert settings.cache == Path("films")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"mode": "dream"}, "mode is 'dream'; choose one of live, replay"),
        ({"rate_hz": 0.0}, "rate_hz is 0"),
        ({"seed": -1}, "seed is -1"),
        ({"width": 64.0}, "width is 64.0; give a int"),
        ({"virtual_cameras": ["over head"]}, "virtual_cameras has 'over head'"),
        (
            {"virtual_cameras": ["overhead"], "overhead__orientation": [0.0, 0.0, 0.0, 0.0]},
            "overhead.orientation",
        ),
    ],
)
def test_what_cannot_be_is_refused_by_name(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidInputError, match=message):
        read_settings(values(**changes))
