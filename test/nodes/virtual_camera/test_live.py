"""What a virtual camera shows, and when, with outputs that nobody has to listen to."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace

import numpy as np
import pytest

pytest.importorskip("rclpy", reason="needs ROS: run through tools/with_ros")

from anyview_ros.geometry import PinholeCamera
from anyview_ros.nodes.virtual_camera.cameras import VirtualCamera
from anyview_ros.nodes.virtual_camera.live import LiveCamera

LENS = PinholeCamera.from_fov(32, 24, horizontal_fov_deg=60)


@pytest.fixture
def live() -> LiveCamera:
    camera = VirtualCamera("wrist", "tool0", np.eye(4), LENS, rate_hz=10.0)
    return LiveCamera(camera, SimpleNamespace(wanted=lambda: True))  # type: ignore[arg-type]


def of_present() -> bool:
    return True


def test_an_instant_is_shown_once_and_never_an_earlier_one(live: LiveCamera) -> None:
    assert [live.accept(stamp_ns, of_present) for stamp_ns in (3, 3, 2, 4)] == [True, False, False, True]
    live.rewound()
    assert live.accept(1, of_present)


def test_a_view_that_the_rewind_overtook_does_not_keep_earlier_instants_away(live: LiveCamera) -> None:
    current = [True]
    is_current: Callable[[], bool] = lambda: current[0]  # noqa: E731
    assert live.accept(10**12, is_current)
    current[0] = False  # the stream is given up, then the cameras are told
    live.rewound()
    assert not live.accept(10**12 + 1, is_current)
    assert live.accept(1, of_present)
