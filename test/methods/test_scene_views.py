"""Pictures of a scene at the instants of a request."""

from __future__ import annotations

import threading

import numpy as np
import pytest

from anyview_ros.errors import SynthesisCancelled
from anyview_ros.geometry import CameraTrajectory, PinholeCamera
from anyview_ros.methods.pictures import Picture, Pose
from anyview_ros.methods.scene_views import scene_views
from anyview_ros.methods.steps import StepCount

SMALL, LARGE = (PinholeCamera(4.0, 4.0, size / 2, 1.5, size, 4) for size in (4, 6))


def poses(count: int) -> Pose:
    made = np.tile(np.eye(4), (count, 1, 1))
    made[:, 0, 3] = np.arange(count)
    return made


def render(camera: PinholeCamera, pose: Pose, stamp_ns: int) -> Picture:
    """Grey that tells pose and instant."""
    shape = (camera.height, camera.width)
    grey = np.full((*shape, 3), 10 * pose[0, 3] + stamp_ns, np.uint8)
    return Picture(grey, np.ones(shape, np.float32), None)


TARGETS = (CameraTrajectory(SMALL, poses(2)), CameraTrajectory(LARGE, poses(3)))
INSTANTS = (np.array([1, 2]), np.array([5, 5, 6]))


def test_each_pose_is_shown_at_its_instant_and_counted() -> None:
    told: list[tuple[int, int]] = []
    steps = StepCount("dreamer", 7, lambda step, total: told.append((step, total)), None)
    steps.reach(2)
    first, second = scene_views(TARGETS, INSTANTS, render, steps)
    assert first.frames[:, 0, 0, 0].tolist() == [1, 12]
    assert second.frames[:, 0, 0, 0].tolist() == [5, 15, 26]
    assert (first.camera, second.camera) == (SMALL, LARGE)
    assert second.stamps_ns.tolist() == [5, 5, 6]
    assert told == [(done, 7) for done in range(2, 8)]


def test_it_stops_between_two_pictures() -> None:
    cancel = threading.Event()
    seen: list[int] = []

    def stopping(camera: PinholeCamera, pose: Pose, stamp_ns: int) -> Picture:
        seen.append(stamp_ns)
        cancel.set()
        return render(camera, pose, stamp_ns)

    with pytest.raises(SynthesisCancelled):
        scene_views(TARGETS, INSTANTS, stopping, StepCount("dreamer", 5, None, cancel))
    assert seen == [1]
