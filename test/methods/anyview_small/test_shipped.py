"""The weights that are shipped, on a few rooms not trained on; for figures see benchmarks/small_model.py."""

from __future__ import annotations

import numpy as np
import pytest

from anyview_ros.clips import PosedClip
from anyview_ros.geometry import CameraTrajectory
from anyview_ros.metrics import psnr_db
from anyview_ros.synthesis import SynthesisRequest, SynthesizedView, Synthesizer, load_synthesizer
from anyview_ros.training.depth_faults import NOISY_SENSOR
from anyview_ros.training.filmed import FilmedRooms, FilmPlan, film_rooms

COUNT = 10
CHANGES_DEG = ((2.0, 15.0), (15.0, 45.0), (45.0, 90.0))


@pytest.fixture(scope="module")
def held_out() -> FilmedRooms:
    return film_rooms(FilmPlan(instants=1, held_out=True, view_changes_deg=CHANGES_DEG), 1000, COUNT)


@pytest.fixture(scope="module")
def ours() -> Synthesizer:
    return load_synthesizer("anyview_small", device="cpu")


def seen(
    method: Synthesizer, rooms: FilmedRooms, room: int, target: int, depth: np.ndarray | None
) -> SynthesizedView:
    stamps = np.array([1])
    clip = PosedClip(
        rooms.frames[room, 0],
        rooms.camera(room, 0),
        rooms.camera_to_world[room, 0],
        stamps,
        None if depth is None else depth[None],
    )
    trajectory = CameraTrajectory(rooms.camera(room, target), rooms.camera_to_world[room, target], stamps)
    return method.synthesize(SynthesisRequest((clip,), (trajectory,))).views[0]


def mean_psnr(method: Synthesizer, rooms: FilmedRooms, *, faulty: bool | None) -> float:
    """Over all rooms and targets; ``faulty`` says which depth images there are, None for none."""
    scores = []
    for room in range(COUNT):
        depth = rooms.depth[room, 0, 0].astype(np.float32)
        if faulty:
            depth = NOISY_SENSOR.apply(depth, np.random.default_rng(room))
        for target in range(1, 1 + len(CHANGES_DEG)):
            view = seen(method, rooms, room, target, None if faulty is None else depth)
            scores.append(psnr_db(view.frames[0], rooms.frames[room, target, 0]))
    return float(np.mean(scores))


@pytest.mark.parametrize("faulty", [False, True])
def test_with_depth_it_is_better_than_reprojection(
    ours: Synthesizer, held_out: FilmedRooms, faulty: bool
) -> None:
    rival = mean_psnr(load_synthesizer("reprojection"), held_out, faulty=faulty)
    assert mean_psnr(ours, held_out, faulty=faulty) > rival


def test_without_depth_it_is_better_than_the_source_and_its_mean_colour(
    ours: Synthesizer, held_out: FilmedRooms
) -> None:
    copied, even = [], []
    for room in range(COUNT):
        source = held_out.frames[room, 0, 0]
        for target in range(1, 1 + len(CHANGES_DEG)):
            truth = held_out.frames[room, target, 0]
            copied.append(psnr_db(source, truth))
            mean = np.rint(source.mean((0, 1))).astype(np.uint8)
            even.append(psnr_db(np.broadcast_to(mean, truth.shape).copy(), truth))
    assert mean_psnr(ours, held_out, faulty=None) > max(np.mean(copied), np.mean(even)) + 0.5


def test_confidence_tells_good_pixels_from_bad(ours: Synthesizer, held_out: FilmedRooms) -> None:
    sure, unsure = [], []
    for room in range(COUNT):
        for target in range(1, 1 + len(CHANGES_DEG)):
            view = seen(ours, held_out, room, target, held_out.depth[room, 0, 0].astype(np.float32))
            error = np.abs(view.frames[0].astype(float) - held_out.frames[room, target, 0]).mean(-1)
            confidence = view.confidence[0]
            sure.append(error[confidence > 0.7])
            unsure.append(error[confidence < 0.3])
    good, bad = np.concatenate(sure), np.concatenate(unsure)
    assert len(good) > 1000
    assert len(bad) > 1000
    assert good.mean() < 0.6 * bad.mean()
    assert (good <= 25.5).mean() > 0.65
