from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from anyview_ros.errors import InvalidInputError
from anyview_ros.geometry import check_rigid, relative, rotation_angle_deg
from anyview_ros.scenes import clearance
from anyview_ros.scenes.room_splits import RoomFactory
from anyview_ros.training.look_beyond_video_paths import progress, sample_path

ROOM = RoomFactory(held_out=False).room(3)


@pytest.mark.parametrize("seed", range(6))
def test_paths_are_smooth_and_free_of_bodies(seed: int) -> None:
    path = sample_path(ROOM, np.random.default_rng(seed), 8, time_s=1.0)
    check_rigid(path)
    assert path.shape == (8, 4, 4)
    scene = ROOM.at(np.array([1.0]))
    assert min(clearance(scene, pose[:3, 3]) for pose in path) >= 0.12
    assert (
        rotation_angle_deg(relative(path[0], path[-1])) > 5
        or np.linalg.norm(path[0, :3, 3] - path[-1, :3, 3]) > 0.05
    )
    assert max(float(rotation_angle_deg(relative(a, b))) for a, b in pairwise(path)) < 60


def test_a_seed_gives_its_path_again() -> None:
    paths = [sample_path(ROOM, np.random.default_rng(seed), 5, time_s=0.0) for seed in (1, 1, 2)]
    np.testing.assert_array_equal(paths[0], paths[1])
    assert np.abs(paths[0] - paths[2]).max() > 0.01


def test_speeds_are_even_or_not() -> None:
    rng = np.random.default_rng(0)
    even = progress(rng, 9, uneven_share=0.0)
    np.testing.assert_allclose(even, np.linspace(0, 1, 9))
    uneven = [progress(rng, 9, uneven_share=1.0) for _ in range(20)]
    for done in uneven:
        assert done[0] == 0
        assert done[-1] == 1
        assert (np.diff(done) > 0).all()
        assert np.abs(done - even).max() > 0.02
    assert {bool(done[4] > 0.5) for done in uneven} == {True, False}


def test_a_room_without_a_free_path_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("anyview_ros.training.look_beyond_video_paths._CLEARANCE_M", 100.0)
    with pytest.raises(InvalidInputError, match="free path"):
        sample_path(ROOM, np.random.default_rng(0), 4, time_s=0.0)
