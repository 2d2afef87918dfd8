"""The weights that are shipped, on a few robots not trained on; for figures see benchmarks/zeronvs_views.py."""

from __future__ import annotations

import numpy as np
import pytest

from anyview_ros.clips import PosedClip
from anyview_ros.geometry import CameraTrajectory
from anyview_ros.metrics import psnr_db
from anyview_ros.synthesis import SynthesisRequest, load_synthesizer
from anyview_ros.training.filmed import FilmedRooms, FilmPlan, film_rooms

COUNT = 8


@pytest.fixture(scope="module")
def held_out() -> FilmedRooms:
    changes = ((2.0, 15.0), (15.0, 45.0), (45.0, 90.0))
    plan = FilmPlan(side=48, instants=1, held_out=True, robots=True, view_changes_deg=changes)
    return film_rooms(plan, 300, COUNT)


def test_views_are_nearer_to_the_truth_than_the_source_is(held_out: FilmedRooms) -> None:
    method = load_synthesizer("zeronvs", device="cpu")
    drawn, copied, confident, right = [], [], [], []
    for robot in range(COUNT):
        stamps = np.array([1])
        clip = PosedClip(
            held_out.frames[robot, 0],
            held_out.camera(robot, 0),
            held_out.camera_to_world[robot, 0],
            stamps,
            held_out.depth[robot, 0].astype(np.float32),
        )
        targets = tuple(
            CameraTrajectory(held_out.camera(robot, index), held_out.camera_to_world[robot, index], stamps)
            for index in (1, 2, 3)
        )
        views = method.synthesize(SynthesisRequest((clip,), targets)).views
        for index, view in enumerate(views, 1):
            truth = held_out.frames[robot, index, 0]
            drawn.append(psnr_db(view.frames[0], truth))
            copied.append(psnr_db(clip.frames[0], truth))
            confident.append(view.confidence.mean())
            right.append((np.abs(view.frames[0].astype(int) - truth).mean(-1) <= 25.5).mean())
    assert np.mean(drawn) > np.mean(copied) + 0.5
    assert np.mean(confident) == pytest.approx(np.mean(right), abs=0.15)


def test_the_pose_is_used(held_out: FilmedRooms) -> None:
    """The nearer of two truths is more often that of the pose that was asked for."""
    method = load_synthesizer("zeronvs", device="cpu")
    right = 0
    for robot in range(COUNT):
        stamps = np.array([1])
        depth = held_out.depth[robot, 0].astype(np.float32)
        clip = PosedClip(
            held_out.frames[robot, 0],
            held_out.camera(robot, 0),
            held_out.camera_to_world[robot, 0],
            stamps,
            depth,
        )
        targets = tuple(
            CameraTrajectory(held_out.camera(robot, index), held_out.camera_to_world[robot, index], stamps)
            for index in (1, 3)
        )
        views = method.synthesize(SynthesisRequest((clip,), targets)).views
        scores = np.array(
            [
                [psnr_db(view.frames[0], held_out.frames[robot, index, 0]) for index in (1, 3)]
                for view in views
            ]
        )
        right += scores[0, 0] + scores[1, 1] > scores[0, 1] + scores[1, 0]
    assert right >= COUNT - 2
