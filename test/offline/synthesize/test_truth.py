from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from anyview_ros.errors import InvalidInputError
from anyview_ros.geometry import PinholeCamera
from anyview_ros.offline.posed_film import FilmFrame, PosedFilm
from anyview_ros.offline.synthesize.truth import aligned_with


def film(*stamps_ms: int) -> PosedFilm:
    def frames(wanted: range) -> Iterator[FilmFrame]:
        return (FilmFrame(np.full((4, 4, 3), stamps_ms[index], np.uint8)) for index in wanted)

    poses = np.tile(np.eye(4), (len(stamps_ms), 1, 1))
    poses[:, 0, 3] = stamps_ms
    stamps = np.array(stamps_ms) * 1_000_000
    return PosedFilm("c", PinholeCamera(4, 4, 1.5, 1.5, 4, 4), poses, stamps, frames)


def test_each_instant_has_the_nearest_frame() -> None:
    truth = aligned_with(film(20, 60, 100), film(0, 22, 39, 58, 83, 101, 120))
    assert truth.camera_to_world[:, 0, 3].tolist() == [22, 58, 101]
    assert truth.stamps_ns.tolist() == [20_000_000, 60_000_000, 100_000_000]
    assert [int(frame.image[0, 0, 0]) for frame in truth.frames(range(3))] == [22, 58, 101]
    assert [int(frame.image[0, 0, 0]) for frame in truth.frames(range(1, 2))] == [58]
    assert len(aligned_with(film(0), film(0))) == 1


def test_instants_without_a_frame_of_their_own_are_named() -> None:
    with pytest.raises(InvalidInputError, match=r"for frame 2 of c at 0\.080 s"):
        aligned_with(film(0, 40, 80), film(0, 40))
    with pytest.raises(InvalidInputError, match="for frame 1 of c"):
        aligned_with(film(0, 20, 40, 60, 80), film(0, 40, 80))
    with pytest.raises(InvalidInputError, match="for frame 0 of c"):
        aligned_with(film(0), film(500))
