"""The spaces that clips are given."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from ddr_scenes import CAMERA, small_clip

from anyview_ros.clips import PosedClip
from anyview_ros.errors import InvalidRequestError
from anyview_ros.geometry import look_at
from anyview_ros.methods.ddr.space import space_around


def test_a_camera_that_hardly_moves_gets_a_frustum_that_holds_what_it_sees() -> None:
    clip = small_clip()
    space = space_around([clip], None, "auto")
    assert space.kind == "frustum"
    for index in range(len(clip)):
        pose = space.to_anchor(clip.camera_to_world[index])
        v, u = np.nonzero(clip.depth[index])
        local = CAMERA.unproject(np.stack([u, v], -1).astype(float), clip.depth[index][v, u].astype(float))
        points = torch.from_numpy(local @ pose[:3, :3].T + pose[:3, 3])
        assert (space.coordinates(points).abs() <= 1).all(-1).double().mean() > 0.99


def test_cameras_that_look_from_all_around_get_a_box() -> None:
    poses = np.stack([look_at((2, 0, 1), (0, 0, 0)), look_at((-2, 0.1, 1), (0, 0, 0))])
    clip = small_clip(offsets=[(0, 0, 0)] * 2)
    around = PosedClip(clip.frames, clip.camera, poses, clip.stamps_ns, np.full_like(clip.depth, 2.0))
    space = space_around([around], None, "auto")
    assert space.kind == "box"
    np.testing.assert_allclose(space.anchor_to_world[:3, :3], np.eye(3))
    assert space_around([around], None, "frustum").kind == "frustum"


def test_without_depth_the_range_tells_where_the_space_is() -> None:
    clip = small_clip()
    blind = PosedClip(clip.frames, clip.camera, clip.camera_to_world, clip.stamps_ns)
    space = space_around([blind], (0.8, 3.0), "auto")
    assert np.exp(space.low[2]) == pytest.approx(0.8, rel=0.2)
    assert np.exp(space.high[2]) == pytest.approx(3.0, rel=0.2)
    with pytest.raises(InvalidRequestError, match="no depth"):
        space_around([blind], None, "auto")
    dark = PosedClip(*(blind.frames, blind.camera, blind.camera_to_world, blind.stamps_ns), 0 * clip.depth)
    with pytest.raises(InvalidRequestError, match="unknown in every pixel"):
        space_around([dark], None, "auto")


def test_clips_without_depth_add_nothing_to_those_that_have_it() -> None:
    clip = small_clip()
    blind = PosedClip(clip.frames, clip.camera, clip.camera_to_world, clip.stamps_ns)
    dark = PosedClip(*(blind.frames, blind.camera, blind.camera_to_world, blind.stamps_ns), 0 * clip.depth)
    alone = space_around([clip], None, "auto")
    for clips in ([clip, blind], [blind, clip], [dark, clip]):
        space = space_around(clips, None, "auto")
        np.testing.assert_array_equal(space.low, alone.low)
        np.testing.assert_array_equal(space.high, alone.high)
    with pytest.raises(InvalidRequestError, match="unknown in every pixel"):
        space_around([blind, dark], None, "auto")
