"""The weight viewer."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from ddr_scenes import CAMERA, QUICK, small_clip

from anyview_ros.errors import InvalidInputError
from anyview_ros.methods.ddr import DdrFitter
from anyview_ros.methods.ddr.inspection import RayProfiles, draw_profiles, ray_profiles, save_profiles
from anyview_ros.methods.ddr.scene import DdrScene

PIXELS = [[4.0, 3.0], [16.0, 12.0], [28.0, 20.0]]


@pytest.fixture(scope="module")
def profiles() -> RayProfiles:
    clip = small_clip()
    fitted = DdrFitter(device="cpu").fit([clip], options=replace(QUICK, static_scene=True)).scene
    scene = DdrScene.unpacked(fitted, torch.device("cpu"))
    return ray_profiles(scene, CAMERA, clip.camera_to_world[0], int(clip.stamps_ns[0]), PIXELS)


def test_weights_lie_where_the_surfaces_are(profiles: RayProfiles) -> None:
    depth = small_clip().depth[0][[3, 12, 20], [4, 16, 28]]
    assert depth[1] < 1.25 < depth[0]  # the box in the middle, the wall around it
    np.testing.assert_allclose(profiles.weights.sum(1), 1, atol=1e-5)
    np.testing.assert_allclose(profiles.expected_depth, depth, atol=0.12)
    assert (profiles.spread(depth) < 0.15).all()
    assert (profiles.spread(depth + 1) > 0.8).all()
    assert (profiles.thickness_before(depth) < profiles.thickness.sum(1)).all()
    colour = small_clip().frames[0][[3, 12, 20], [4, 16, 28]] / 255
    np.testing.assert_allclose(profiles.colour, colour, atol=0.25)


def test_the_picture_has_a_panel_per_ray_with_its_marks(profiles: RayProfiles) -> None:
    picture = draw_profiles(profiles)
    assert picture.shape == (360, 640, 3)
    assert picture.dtype == np.uint8
    blue = (picture == (31, 119, 180)).all(-1)
    assert all(blue[top : top + 120].any() for top in (0, 120, 240))
    green = (44, 160, 44)
    assert not (picture == green).all(-1).any()
    marked = (draw_profiles(profiles, [1.5, None, 0.0]) == green).all(-1)
    assert marked[:120].any()
    assert not marked[120:].any()


def test_the_arrays_survive_a_file(profiles: RayProfiles, tmp_path: Path) -> None:
    save_profiles(tmp_path / "rays.npz", profiles)
    read = RayProfiles(**dict(np.load(tmp_path / "rays.npz")))
    np.testing.assert_array_equal(read.weights, profiles.weights)
    np.testing.assert_array_equal(read.spread([1.0] * 3), profiles.spread([1.0] * 3))


def test_what_cannot_be_drawn_is_refused(profiles: RayProfiles) -> None:
    with pytest.raises(InvalidInputError, match="2 values for 3 rays"):
        draw_profiles(profiles, [1.0, 2.0])
    many = RayProfiles(*(np.repeat(getattr(profiles, name), 6, 0) for name in profiles.__dataclass_fields__))
    with pytest.raises(InvalidInputError, match="18 rays do not fit"):
        draw_profiles(many)
    clip = small_clip()
    scene = DdrFitter(device="cpu").fit([clip], options=replace(QUICK, fit_steps=1)).scene
    with pytest.raises(InvalidInputError, match=r"pixels must be \(R, 2\)"):
        ray_profiles(DdrScene.unpacked(scene, torch.device("cpu")), CAMERA, np.eye(4), 0, [1.0, 2.0])
