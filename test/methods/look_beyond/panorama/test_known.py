from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from tiny_panoramas import CAMERA, TINY, BoxRoom

from anyview_ros.errors import InvalidInputError
from anyview_ros.geometry import PinholeCamera
from anyview_ros.methods.look_beyond.panorama.known import known_of, lay
from anyview_ros.metrics import psnr_db

ROOM = BoxRoom()
FRAME = ROOM.frame(np.eye(4))


def test_the_source_picture_lies_in_the_middle_of_its_panorama() -> None:
    laid = lay(FRAME, 64)
    truth = ROOM.panorama(64)
    assert laid.seen[32, 64]
    assert not laid.seen[:, 0].any()
    assert psnr_db(laid.colour, np.rint(truth.colour * 255).astype(np.uint8), laid.seen) > 35
    np.testing.assert_allclose(
        laid.distance_m[laid.seen], truth.depth_m[laid.seen], rtol=0.04
    )  # the nearest pixel
    assert (laid.distance_m[~laid.seen] == 0).all()


def test_the_rest_is_filled_across_the_seam() -> None:
    filled = lay(FRAME, 32).filled().astype(int)
    assert (filled[lay(FRAME, 32).seen] == lay(FRAME, 32).colour[lay(FRAME, 32).seen]).all()
    assert np.abs(filled[:, 0] - filled[:, -1]).max() <= 4


def test_unknown_depth_is_not_told() -> None:
    holes = FRAME.depth.copy()
    holes[:18], holes[18:, :5] = np.nan, 0
    laid = lay(replace(FRAME, depth=holes), 64)
    assert np.isfinite(laid.distance_m).all()
    assert 0 < (laid.distance_m > 0).sum() < 0.6 * laid.seen.sum()
    assert not lay(replace(FRAME, depth=None), 64).distance_m.any()


def test_a_picture_that_falls_between_all_pixels_is_refused() -> None:
    keyhole = PinholeCamera.from_fov(48, 36, horizontal_fov_deg=1)
    with pytest.raises(InvalidInputError, match=r"1\.0 by 0\.8 degrees"):
        lay(replace(FRAME, camera=keyhole), 16)


def test_all_that_lies_in_the_panorama_turns_together() -> None:
    known = known_of(FRAME, TINY)
    turned = known.rolled(5)
    for name in ("colour", "seen", "distance", "measured"):
        torch.testing.assert_close(getattr(turned, name), getattr(known, name).roll(5, -1))
    torch.testing.assert_close(turned.source, known.source)
    torch.testing.assert_close(known.rolled(2 * TINY.height).seen, known.seen)


def test_nothing_is_told_without_the_picture() -> None:
    known = known_of(FRAME, TINY)
    assert known.seen.any()
    assert known.measured.any()
    for value in vars(known.without_picture()).values():
        assert not value.any()
    silent = known.without_distance(torch.zeros(1, 1, 1, 1))
    assert not silent.distance.any()
    assert not silent.measured.any()
    assert silent.seen.any()


def test_the_base_is_the_filled_picture_at_the_mean_distance() -> None:
    known = known_of(FRAME, TINY)
    base = known.base()
    torch.testing.assert_close(base[:, :3], known.colour)
    mean = known.distance[known.measured > 0].mean()
    torch.testing.assert_close(base[:, 3], mean.expand_as(base[:, 3]))
    assert CAMERA.width == FRAME.image.shape[1]
