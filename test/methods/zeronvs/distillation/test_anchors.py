"""Drawn anchors, and on which view a step is conditioned."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from gaussian_denoiser import GaussianDenoiser

from anyview_ros.errors import InvalidRequestError
from anyview_ros.geometry import look_at
from anyview_ros.methods.zeronvs.conditioning import object_vector, pose_vector
from anyview_ros.methods.zeronvs.denoiser import Condition
from anyview_ros.methods.zeronvs.distillation.anchors import Anchors, PoseTeller, draw_anchors
from anyview_ros.methods.zeronvs.distillation.orbit import Orbit

INPUT = look_at((2.0, 0.0, 0.5), (0.0, 0.0, 0.0))
ORBIT = Orbit.of(INPUT, math.hypot(2.0, 0.5))
TELLER = PoseTeller("viewer", math.radians(50), 1.4, ORBIT.centre, ORBIT.up)


class Remembering(GaussianDenoiser):
    """Keeps the poses that it was told."""

    def condition(self, pictures: torch.Tensor, pose_vectors: torch.Tensor) -> Condition:
        self.told = pose_vectors
        return super().condition(pictures, pose_vectors)


def drawn(count: int, seed: int = 0, **others) -> tuple[Anchors, Remembering]:
    denoiser = Remembering(spread=0.1)
    anchors = draw_anchors(
        denoiser,
        torch.full((3, 4, 4), 0.3),
        INPUT,
        ORBIT.anchors(count),
        TELLER,
        steps=20,
        guidance=1.0,
        seed=seed,
        **others,
    )
    return anchors, denoiser


def test_anchors_are_drawn_from_the_input_and_told_the_way_from_it() -> None:
    anchors, denoiser = drawn(3)
    assert anchors.count == 3
    assert anchors.pictures.shape == (4, 3, 4, 4)
    torch.testing.assert_close(anchors.pictures[0], torch.full((3, 4, 4), 0.3))
    assert float(anchors.pictures[1:].mean()) == pytest.approx(0.3, abs=0.1)  # what the input tells
    np.testing.assert_array_equal(anchors.camera_to_world[0], INPUT)
    wanted = [
        pose_vector(INPUT, pose, math.radians(50), mode="viewer", scale_m=1.4) for pose in ORBIT.anchors(3)
    ]
    np.testing.assert_allclose(denoiser.told.numpy(), np.stack(wanted), atol=1e-6)


def test_each_anchor_and_each_seed_has_noise_of_its_own() -> None:
    first, again, other = drawn(2)[0], drawn(2)[0], drawn(2, seed=1)[0]
    assert torch.equal(first.pictures, again.pictures)
    assert not torch.equal(first.pictures[1], first.pictures[2])
    assert not torch.equal(first.pictures[1], other.pictures[1])


def test_without_anchors_nothing_is_drawn() -> None:
    anchors, denoiser = drawn(0)
    assert anchors.count == 0
    assert denoiser.calls == 0


def test_drawing_can_be_watched_and_stopped() -> None:
    told: list[tuple[int, int]] = []

    def between(step: int, total: int) -> None:
        told.append((step, total))
        if step == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        drawn(2, between=between)
    assert told == [(1, 20), (2, 20), (3, 20)]


def test_a_step_is_conditioned_on_the_nearest_view_or_on_the_input() -> None:
    anchors, _ = drawn(3)
    for azimuth, wanted in ((10, 0), (-30, 0), (80, 1), (170, 2), (-100, 3)):
        pose = ORBIT.pose(azimuth, 10.0, 5.0)
        assert anchors.chosen(pose, nearest=True) == wanted
        assert anchors.chosen(pose, nearest=False) == 0


def test_poses_are_told_in_the_mode_of_the_weights() -> None:
    target = ORBIT.pose(40, 20, 1.0)
    aggregate = PoseTeller("3dof", 1.0, 1.0, ORBIT.centre, ORBIT.up)
    np.testing.assert_allclose(
        aggregate.vector(INPUT, target), object_vector(INPUT, target, ORBIT.centre, ORBIT.up)
    )
    metres = PoseTeller("6dof1", 1.0, 7.0, ORBIT.centre, ORBIT.up)
    np.testing.assert_allclose(metres.vector(INPUT, target), pose_vector(INPUT, target, 1.0, mode="6dof1"))


def test_pictures_without_poses_are_refused() -> None:
    with pytest.raises(InvalidRequestError, match="2 pictures for 1 poses"):
        Anchors(torch.zeros(2, 3, 4, 4), INPUT[None])
