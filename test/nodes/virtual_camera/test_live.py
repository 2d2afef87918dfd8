"""What a virtual camera shows, and when, with outputs that nobody has to listen to."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

pytest.importorskip("rclpy", reason="needs ROS: run through tools/with_ros")

from anyview_ros.geometry import PinholeCamera
from anyview_ros.nodes.declared_camera import VirtualCamera
from anyview_ros.nodes.virtual_camera.live import LiveCamera

SECOND = 10**9
PERIOD = SECOND // 10
LENS = PinholeCamera.from_fov(32, 24, horizontal_fov_deg=60)


@pytest.fixture
def live() -> LiveCamera:
    camera = VirtualCamera("wrist", "tool0", np.eye(4), LENS, rate_hz=10.0)
    return LiveCamera(camera, SimpleNamespace(wanted=lambda: True))  # type: ignore[arg-type]


def of_present() -> bool:
    return True


def test_an_instant_is_shown_once_and_never_an_earlier_one(live: LiveCamera) -> None:
    stamps_ns = (3 * SECOND, 3 * SECOND, 2 * SECOND, 4 * SECOND)
    assert [live.accept(stamp_ns, of_present) for stamp_ns in stamps_ns] == [True, False, False, True]
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


def test_a_camera_stays_due_until_its_view_is_shown_but_may_ask_once_in_a_period(live: LiveCamera) -> None:
    assert live.is_due(SECOND)
    assert live.may_ask(SECOND)
    live.asked(SECOND)
    later = [SECOND + part * PERIOD // 4 for part in (1, 2, 3, 4)]
    assert [live.is_due(stamp_ns) for stamp_ns in later] == [True] * 4  # the first frame may have given way
    assert [live.may_ask(stamp_ns) for stamp_ns in later] == [False, False, False, True]
    assert live.accept(later[0], of_present)
    assert [live.is_due(stamp_ns) for stamp_ns in later] == [False] * 4
    assert live.is_due(later[0] + PERIOD)


def test_going_with_frames_of_other_cameras_does_not_put_the_next_due_off(live: LiveCamera) -> None:
    for part in range(4):
        live.asked(SECOND + part * PERIOD // 4)
    assert live.may_ask(SECOND + PERIOD)


def moved(camera: VirtualCamera) -> VirtualCamera:
    pose = camera.camera_to_parent.copy()
    pose[0, 3] += 0.1
    return replace(camera, camera_to_parent=pose)


@pytest.mark.parametrize("change", [moved, lambda camera: replace(camera, parent_frame="base"),
                                    lambda camera: replace(camera, camera=LENS.resized(16, 12))])  # fmt: skip
def test_views_of_the_camera_as_it_was_are_dropped_and_counted(
    live: LiveCamera, change: Callable[[VirtualCamera], VirtualCamera]
) -> None:
    live.pushing(SECOND, live.camera)
    live.asked(SECOND)
    old = live.camera
    live.change(change(old))
    assert live.may_ask(SECOND + 1), "of the new pose a view is due at once"
    live.pushing(SECOND + 1, old)  # was on its way when the camera changed
    live.pushing(SECOND + 2, live.camera)
    assert [live.drops_outdated(SECOND + part) for part in range(3)] == [True, True, False]
    assert live.showing().outdated == 2
    live.rewound()
    assert not live.drops_outdated(1)


def test_a_camera_that_is_moved_faster_than_views_are_made_shows_some_and_asks_twice_as_much_at_most(
    live: LiveCamera,
) -> None:
    """Moved with each frame, ten a second; a view takes 0.45 s; two a second are asked for."""
    shown = asked = 0
    under_way: list[int] = []
    for tick in range(200):
        now_ns = SECOND + tick * SECOND // 10
        for stamp_ns in [each for each in under_way if each <= now_ns - 450_000_000]:
            under_way.remove(stamp_ns)
            shown += not live.drops_outdated(stamp_ns) and live.accept(stamp_ns, of_present)
        pose = np.eye(4)
        pose[0, 3] = tick
        live.change(replace(live.camera, rate_hz=2.0, camera_to_parent=pose))
        if live.may_ask(now_ns):
            live.pushing(now_ns, live.camera)
            live.asked(now_ns)
            under_way.append(now_ns)
            asked += 1
    assert shown >= 8
    assert asked <= 2 * 40


def test_another_rate_alone_makes_no_view_outdated(live: LiveCamera) -> None:
    live.pushing(SECOND, live.camera)
    live.change(replace(live.camera, rate_hz=3.0, camera_to_parent=live.camera.camera_to_parent.copy()))
    assert not live.drops_outdated(SECOND)


def test_views_above_the_rate_are_not_shown(live: LiveCamera) -> None:
    stamps_ns = [SECOND + part * PERIOD // 2 for part in range(6)]
    assert [live.accept(stamp_ns, of_present) for stamp_ns in stamps_ns] == [True, False] * 3
