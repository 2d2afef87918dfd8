from __future__ import annotations

from pathlib import Path

import numpy as np
from filmed_episode import grey_film, robot_episode
from hypothesis import given
from hypothesis import strategies as st

from anyview_ros.geometry import PinholeCamera
from anyview_ros.offline.augment.source_samples import (
    ALL_UP_TO,
    SampleWriter,
    sample_camera,
    sampled_indices,
    source_samples,
)


@given(count=st.integers(1, 5000))
def test_short_films_are_whole_and_long_ones_are_pairs_from_end_to_end(count: int) -> None:
    indices = sampled_indices(count)
    assert np.all(np.diff(indices) > 0)
    assert (indices[0], indices[-1]) == (0, count - 1)
    if count <= ALL_UP_TO:
        assert len(indices) == count
        return
    assert len(indices) <= ALL_UP_TO
    known = set(indices.tolist())
    assert all(index - 1 in known or index + 1 in known for index in known)


@given(width=st.integers(1, 4000), height=st.integers(1, 4000))
def test_samples_are_small_and_keep_their_field(width: int, height: int) -> None:
    camera = PinholeCamera(width, width, width / 2, height / 2, width, height)
    small = sample_camera(camera)
    assert max(small.size) <= 320
    if max(width, height) <= 320:
        assert small == camera
    assert (
        small.horizontal_fov_deg == camera.horizontal_fov_deg
        or abs(small.horizontal_fov_deg - camera.horizontal_fov_deg) < 1e-6
    )


def test_what_passes_is_kept_as_it_is(tmp_path: Path) -> None:
    film = robot_episode().film("front")
    with SampleWriter(tmp_path, film) as writer:
        passed = list(writer.watched(range(len(film)), film.read(range(len(film)))))
        again = list(writer.watched(range(2), film.read(range(2))))
    assert len(passed) == len(film)
    assert len(again) == 2
    for kept, read in zip(source_samples(film, tmp_path), source_samples(film), strict=True):
        assert kept.index == read.index
        np.testing.assert_array_equal(kept.image, read.image)
        np.testing.assert_array_equal(kept.depth, read.depth)
        assert kept.camera == film.camera


def test_samples_of_a_broken_pass_are_not_used(tmp_path: Path) -> None:
    film = grey_film(5)
    with SampleWriter(tmp_path, film) as writer:
        list(writer.watched(range(3), film.read(range(3))))
    assert [sample.index for sample in source_samples(film, tmp_path)] == [0, 1, 2, 3, 4]


def test_large_pictures_and_their_depth_are_made_small_alike() -> None:
    from dataclasses import replace

    from anyview_ros.offline.posed_film import FilmFrame

    camera = PinholeCamera(640, 640, 319.5, 239.5, 640, 480)
    film = grey_film(1, camera=camera)
    columns = np.broadcast_to(np.arange(640, dtype=np.float32), (480, 640)) + 1
    image = np.repeat((columns / 3).astype(np.uint8)[..., None], 3, axis=2)
    film = replace(
        film, has_depth=True, read=lambda wanted: (FilmFrame(image, columns.copy()) for _ in wanted)
    )
    (sample,) = source_samples(film)
    assert sample.image.shape == (240, 320, 3)
    assert sample.depth is not None
    middle = sample.depth[120]
    assert np.abs(middle - (2 * np.arange(320) + 1.5)).max() <= 0.5, (
        "depth is that of the pixel's middle, or next to it"
    )
    assert sample.camera == camera.resized(320, 240)
