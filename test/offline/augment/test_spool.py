from __future__ import annotations

from pathlib import Path

import numpy as np
from filmed_episode import grey_film
from hypothesis import given
from hypothesis import strategies as st

from anyview_ros.offline.augment.spool import SpooledView, SpoolWriter, ViewFrame


def test_what_is_spooled_is_read_in_order_or_by_index(tmp_path: Path) -> None:
    film = grey_film(6)
    rng = np.random.default_rng(0)
    shape = (film.camera.height, film.camera.width)
    frames = [
        ViewFrame(rng.integers(0, 256, (*shape, 3), np.uint8), rng.integers(0, 256, shape, np.uint8))
        for _ in range(6)
    ]
    with SpoolWriter(tmp_path) as spool:
        for frame in frames:
            spool.add(frame)
    view = SpooledView("v", "front", film.camera, film.camera_to_world, film.stamps_ns, True, {}, tmp_path)
    for index, (read, sure) in enumerate(zip(view.frames(), view.confidences(), strict=True)):
        for got in (read, view.frame(index)):
            np.testing.assert_array_equal(got.image, frames[index].image)
            np.testing.assert_array_equal(got.confidence, frames[index].confidence)
        np.testing.assert_array_equal(sure, frames[index].confidence)
    np.testing.assert_array_equal(view.frame(2).image, frames[2].image)


@given(step=st.integers(1, 3))
def test_pictures_that_are_not_contiguous_are_written_as_they_look(step: int, tmp_path_factory) -> None:
    folder = tmp_path_factory.mktemp("spool")
    film = grey_film(1)
    height, width = film.camera.height, film.camera.width
    wide = (
        np.arange(height * width * step * 3, dtype=np.uint32)
        .reshape(height, width * step, 3)
        .astype(np.uint8)
    )
    frame = ViewFrame(wide[:, ::step], wide[:, ::step, 0])
    with SpoolWriter(folder) as spool:
        spool.add(frame)
    view = SpooledView("v", "front", film.camera, film.camera_to_world, film.stamps_ns, True, {}, folder)
    np.testing.assert_array_equal(view.frame(0).image, frame.image)
    np.testing.assert_array_equal(view.frame(0).confidence, frame.confidence)
