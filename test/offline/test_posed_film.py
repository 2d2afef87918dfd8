from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from anyview_ros.errors import InvalidClipError, InvalidInputError, InvalidPoseError, ReadError
from anyview_ros.geometry import DistortedCamera, PinholeCamera
from anyview_ros.offline.posed_film import FilmFrame, PosedFilm, even_stamps_ns, posed_film

CAMERA = PinholeCamera(20.0, 20.0, 7.5, 5.5, 16, 12)


def a_film(count: int = 6, *, depth: bool = False, read: object = None, **more: object) -> PosedFilm:
    poses = np.tile(np.eye(4), (count, 1, 1))
    poses[:, 0, 3] = np.arange(count)

    def frames(wanted: range) -> Iterator[FilmFrame]:
        for index in wanted:
            shown = np.full((12, 16), index + 1, np.float32) if depth else None
            yield FilmFrame(np.full((12, 16, 3), index, np.uint8), shown)

    return PosedFilm(
        "cam",
        CAMERA,
        poses,
        even_stamps_ns(count, 10),
        read or frames,  # type: ignore[arg-type]
        has_depth=depth,
        **more,  # type: ignore[arg-type]
    )


def numbers(film: PosedFilm) -> list[int]:
    return [int(frame.image[0, 0, 0]) for frame in film.frames(range(len(film)))]


def test_slices_of_slices_show_the_frames_they_name() -> None:
    film = a_film(10)
    assert numbers(film.sliced(slice(1, 9, 2))) == [1, 3, 5, 7]
    twice = film.sliced(slice(1, 9, 2)).sliced(slice(1, None, 2))
    assert numbers(twice) == [3, 7]
    assert twice.camera_to_world[:, 0, 3].tolist() == [3, 7]
    assert twice.stamps_ns.tolist() == [300_000_000, 700_000_000]
    assert twice.rate_hz == pytest.approx(2.5)


@pytest.mark.parametrize("chosen", [slice(5, 5), slice(20, 30), slice(None, None, -1)])
def test_slices_that_leave_nothing_are_refused(chosen: slice) -> None:
    with pytest.raises(InvalidInputError, match="6 frames"):
        a_film().sliced(chosen)


def test_a_scale_goes_for_poses_and_depth() -> None:
    film = a_film(depth=True, metric=False).in_metres(0.5)
    assert film.metric
    assert film.camera_to_world[3, 0, 3] == 1.5
    frame = next(film.frames(range(3, 4)))
    assert frame.depth is not None
    assert frame.depth.max() == 2.0
    for wrong in (0.0, -1.0, np.nan, np.inf):
        with pytest.raises(InvalidInputError, match="metres_per_unit"):
            film.in_metres(wrong)


def test_clips_have_the_poses_of_their_frames() -> None:
    film = a_film(depth=True)
    clip = film.clip(list(film.frames(range(2, 5))), 2)
    assert clip.camera_to_world[:, 0, 3].tolist() == [2, 3, 4]
    assert clip.depth is not None
    assert clip.depth[:, 0, 0].tolist() == [3, 4, 5]


def test_frames_that_are_not_as_told_are_refused() -> None:
    small, whole = np.zeros((10, 16, 3), np.uint8), np.zeros((12, 16, 3), np.uint8)
    cases = {
        "frame 1 of cam is 16x10": [FilmFrame(whole), FilmFrame(small)],
        "frame 1 of cam has depth": [FilmFrame(whole), FilmFrame(whole, np.ones((12, 16), np.float32))],
        "cam gave 1 of 2 frames": [FilmFrame(whole)],
    }
    for told, given in cases.items():
        film = a_film(2, read=lambda wanted, given=given: iter(given))
        with pytest.raises(ReadError, match=told):
            list(film.frames(range(2)))
    crooked = a_film(1, depth=True, read=lambda wanted: iter([FilmFrame(whole, np.ones((6, 8), np.float32))]))
    with pytest.raises(ReadError, match="depth of frame 0 of cam is 8x6"):
        next(crooked.frames(range(1)))


def test_poses_and_stamps_are_checked_at_once() -> None:
    poses = np.tile(np.eye(4), (2, 1, 1))
    poses[1, 0, 0] = np.nan
    with pytest.raises(InvalidPoseError, match="of cam"):
        PosedFilm("cam", CAMERA, poses, even_stamps_ns(2, 10), lambda wanted: iter(()))
    with pytest.raises(InvalidClipError, match="increase"):
        PosedFilm("cam", CAMERA, np.tile(np.eye(4), (2, 1, 1)), np.array([5, 5]), lambda wanted: iter(()))
    with pytest.raises(InvalidInputError, match="rate_hz"):
        even_stamps_ns(3, 0)


def test_distorted_pictures_are_rectified_and_said_so() -> None:
    camera = PinholeCamera(60.0, 60.0, 49.5, 39.5, 100, 80)
    lens = DistortedCamera(camera, "plumb_bob", [-0.3, 0.05, 0.0, 0.0])
    place = np.array([85.0, 70.0])
    u, v = np.round(lens.distort_points(place)).astype(int)
    assert abs(u - 85) + abs(v - 70) > 5, "the lens bends too little to tell"
    image = np.zeros((80, 100, 3), np.uint8)
    image[v - 1 : v + 2, u - 1 : u + 2] = 255
    film = posed_film("cam", lens, np.eye(4)[None], np.array([0]), lambda wanted: iter([FilmFrame(image)]))
    shown = next(film.frames(range(1))).image[..., 0]
    assert shown[70, 85] > 200
    assert shown[v, u] == 0
    assert "distortion" in film.notes[0]
