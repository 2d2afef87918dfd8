from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from anyview_ros.errors import InvalidInputError, ReadError
from anyview_ros.metrics import psnr_db
from anyview_ros.scenes.room_splits import RoomFactory
from anyview_ros.training import film_files
from anyview_ros.training import look_beyond_panorama_films as films
from anyview_ros.training.film_files import film_to_files
from anyview_ros.training.look_beyond_panorama_films import (
    PanoramaPlan,
    film_panorama,
    film_panoramas,
    panoramas_to,
    read_panoramas,
)

PLAN = PanoramaPlan(height=16, source_width=24, source_height=16, robot_every=3)


def test_the_picture_lies_in_the_panorama_where_its_camera_looked() -> None:
    plan = PanoramaPlan(height=64, source_width=96, source_height=72, supersampling=2)
    arrays, frame = film_panorama(plan, RoomFactory(held_out=False).room(5), 5)
    seen = arrays["seen"].astype(bool)
    assert 0.02 < seen.mean() < 0.2
    assert psnr_db(arrays["filled"].astype(np.uint8), arrays["colour"].astype(np.uint8), seen) > 25
    told, true = arrays["seen_distance_m"][seen].astype(float), arrays["distance_m"][seen].astype(float)
    assert np.median(np.abs(told / true - 1)) < 0.02
    assert not arrays["seen_distance_m"][~seen].any()
    assert frame.depth is not None


def test_files_give_back_what_was_filmed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(film_files, "SCENES_PER_FILE", 2)
    paths = film_to_files(panoramas_to(tmp_path, PLAN, 3))
    assert len(paths) == 2
    again, whole = read_panoramas(paths), film_panoramas(PLAN, 0, 3)
    assert len(again) == 3
    for name, value in vars(whole).items():
        np.testing.assert_array_equal(getattr(again, name), value)


def test_rooms_robots_and_splits_differ() -> None:
    rooms = film_panoramas(replace(PLAN, robot_every=0), 0, 3)
    mixed = film_panoramas(PLAN, 0, 3)
    held_out = film_panoramas(replace(PLAN, held_out=True), 0, 1)
    np.testing.assert_array_equal(mixed.colour[:2], rooms.colour[:2])
    assert not np.array_equal(mixed.colour[2], rooms.colour[2])
    assert not np.array_equal(held_out.colour[0], rooms.colour[0])


def test_bad_files_and_rooms_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ReadError, match="no files"):
        read_panoramas([])
    broken = tmp_path / "panoramas_00000.npz"
    broken.write_bytes(b"PK nothing")
    with pytest.raises(ReadError, match="panoramas_00000"):
        read_panoramas([broken])
    (path,) = film_to_files(panoramas_to(tmp_path / "square", PLAN, 1))
    with np.load(path) as file:
        arrays = {name: file[name] for name in file.files}
    np.savez(path, **{**arrays, "colour": arrays["colour"][:, :, :16]})
    with pytest.raises(ReadError, match="not twice as wide as high"):
        read_panoramas([path])
    monkeypatch.setattr(films, "_TRIES", 1)
    monkeypatch.setattr(films, "_LEAST_MIDDLE_M", 100.0)
    with pytest.raises(InvalidInputError, match="room 7 has no free place"):
        film_panoramas(replace(PLAN, robot_every=0), 7, 1)
