from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from anyview_ros.errors import ReadError
from anyview_ros.geometry.warp import inverse_warp
from anyview_ros.training.film_files import film_to_files
from anyview_ros.training.look_beyond_video_clips import ClipPlan, Clips, clips_to, film_clips, read_clips

PLAN = ClipPlan(frames=4, width=24, height=16, supersampling=1)


@pytest.fixture(scope="module")
def clips() -> Clips:
    return film_clips(PLAN, 0, 12)


def test_shapes_fit_each_other(clips: Clips) -> None:
    assert clips.frames.shape == (12, 4, 16, 24, 3)
    assert clips.base.shape == (12, 2, 4, 16, 24, 3)
    assert clips.seen.shape == (12, 2, 4, 16, 24)
    assert clips.anchor.shape == (12, 2, 16, 24, 3)
    assert clips.mask.shape == (12, 2, 16, 24)
    assert clips.camera(0).size == (24, 16)


def test_nothing_moves_but_the_camera(clips: Clips) -> None:
    """Pictures of a clip agree where the depth of one says that the other sees the same."""
    errors = []
    for index in range(len(clips)):
        camera = clips.camera(index)
        a, b = clips.camera_to_world[index, :2]
        warped, valid = inverse_warp(
            clips.frames[index, 0], clips.depth[index, 1].astype(np.float32), camera, a, camera, b
        )
        if valid.sum() > 50:
            errors.append(np.median(np.abs(warped.astype(int) - clips.frames[index, 1])[valid]))
    assert len(errors) > 8
    assert np.median(errors) < 12


def test_keyframes_are_the_ends_and_some_are_torn_blurred_or_without_depth(clips: Clips) -> None:
    same = [
        bool((clips.anchor[i, end] == clips.frames[i, -end]).all())
        for i in range(len(clips))
        for end in (0, 1)
    ]
    assert 8 <= sum(same) < len(same)
    known = clips.mask.mean((2, 3))
    assert known.min() < 0.9
    assert (known == 1).any()
    for i in range(len(clips)):
        for end in (0, 1):
            np.testing.assert_array_equal(clips.seen[i, end, -end], clips.mask[i, end])


def test_files_give_back_what_was_filmed(tmp_path: Path, clips: Clips) -> None:
    again = read_clips(film_to_files(clips_to(tmp_path, PLAN, 3)))
    for name in vars(again):
        np.testing.assert_array_equal(getattr(again, name), getattr(clips, name)[:3])


def test_held_out_rooms_are_others(clips: Clips) -> None:
    held_out = film_clips(ClipPlan(4, 24, 16, 1, held_out=True), 0, 1)
    assert np.abs(held_out.frames[0].astype(int) - clips.frames[0]).mean() > 5


def test_files_that_hold_no_clips_are_told(tmp_path: Path) -> None:
    with pytest.raises(ReadError, match="no files"):
        read_clips([])
    (tmp_path / "clips.npz").write_bytes(b"nothing")
    with pytest.raises(ReadError, match="film again"):
        read_clips([tmp_path / "clips.npz"])
