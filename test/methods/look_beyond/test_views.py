"""A path is drawn pass by pass, by a stage that remembers what it was asked."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import numpy as np
from clips import CAMERA, box_clip, pose_at

from anyview_ros.methods.look_beyond.options import LookBeyondOptions
from anyview_ros.methods.look_beyond.passes import Spacing, plan_passes
from anyview_ros.methods.look_beyond.surroundings import Surroundings
from anyview_ros.methods.look_beyond.video.generation import FusedPass
from anyview_ros.methods.look_beyond.views import PathDrawing
from anyview_ros.methods.pictures import source_frame


class Remembering:
    """Draws each pass in one grey level of its own."""

    frames, size = 4, (24, 16)

    def __init__(self) -> None:
        self.plans: list[FusedPass] = []
        self.seeds: list[tuple[int, ...]] = []

    def draw(
        self,
        plan: FusedPass,
        *,
        steps: int,
        seed: tuple[int, ...],
        between: Callable[[], None] | None = None,
    ) -> np.ndarray:
        self.plans.append(plan)
        self.seeds.append(seed)
        return np.full((self.frames, 16, 24, 3), 200 + len(self.plans), np.uint8)


def test_a_shared_keyframe_is_one_picture_and_each_pass_has_noise_of_its_own() -> None:
    stage = Remembering()
    around = Surroundings.of(source_frame(box_clip(1), 0), None)
    poses = np.stack([pose_at(x=x) for x in (0.5, 1.0, 1.5)])
    passes = plan_passes(np.eye(4), poses, stage.frames, Spacing(30, 0.5, 9))
    drawing = PathDrawing(stage, around, LookBeyondOptions(panorama=False), 1, (7, 0))
    frames = drawing.frames(CAMERA, np.eye(4), passes, lambda: None)
    assert stage.seeds == [(7, 0, 0), (7, 0, 1), (7, 0, 2)]
    for number, (before, after) in enumerate(pairwise(stage.plans)):
        torn = before.last
        assert torn is not None
        assert 0 < (~torn.mask).sum() < torn.mask.size
        assert after.first.mask.all()
        assert (after.first.image[~torn.mask] == 201 + number).all()
        np.testing.assert_array_equal(after.first.image[torn.mask], torn.image[torn.mask])
        np.testing.assert_array_equal(frames[number], after.first.image)
