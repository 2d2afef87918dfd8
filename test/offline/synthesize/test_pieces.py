from __future__ import annotations

from pathlib import Path

import av
import numpy as np
import pytest
from filmed_episode import grey_film
from imagining import ImaginingFake

from anyview_ros.geometry import static
from anyview_ros.offline.synthesize import FilmTarget, RunSettings, plan_pieces, run
from anyview_ros.offline.synthesize.pieces import synthesize_pieces


def target(count: int, name: str = "still") -> FilmTarget:
    film = grey_film(count)
    return FilmTarget(name, static(film.camera, np.eye(4), count, stamps_ns=film.stamps_ns))


@pytest.mark.parametrize("count", [17, 18, 40, 61])
def test_pieces_give_every_view_once_and_in_order(count: int) -> None:
    film, targets = grey_film(count), [target(count, "a"), target(count, "b")]
    settings = RunSettings(longest_window=17, overlap=6)
    method = ImaginingFake((0, 30, 90))
    pieces = plan_pieces(film, targets, method.describe(), settings)
    stamps: list[list[int]] = [[], []]
    for made in synthesize_pieces(film, targets, pieces, method, settings):
        for index, view in made.views:
            stamps[index] += view.stamps_ns.tolist()
            assert set(view.stamps_ns.tolist()) <= set(made.clip.stamps_ns.tolist()), (
                "its clip shows its instants"
            )
    assert stamps == [film.stamps_ns.tolist()] * 2
    assert sum(piece.views for piece in pieces) == 2 * count


def test_a_video_of_many_windows_has_no_seam(tmp_path: Path) -> None:
    film = grey_film(40)
    jumps = {}
    for overlap in (0, 8):
        settings = RunSettings(longest_window=17, overlap=overlap)
        out = tmp_path / str(overlap)
        run(film, [target(40)], ImaginingFake((0, 60)), out, settings)
        with av.open(str(out / "view.mp4")) as container:
            greys = [frame.to_ndarray(format="rgb24").mean() for frame in container.decode(video=0)]
        assert len(greys) == 40
        jumps[overlap] = np.abs(np.diff(greys)).max()
    assert jumps[0] > 50
    assert jumps[8] < 12
