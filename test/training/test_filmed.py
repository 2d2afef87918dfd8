from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from anyview_ros.errors import InvalidInputError, ReadError
from anyview_ros.geometry.warp import co_visible, inverse_warp
from anyview_ros.metrics import psnr_db
from anyview_ros.scenes.room_splits import HELD_OUT_PATTERNS, HELD_OUT_PHOTOGRAPHS, RoomFactory
from anyview_ros.training import film_files, filmed
from anyview_ros.training.filmed import FilmedRooms, FilmPlan, film_rooms, film_to, read_rooms


def test_pictures_depth_and_poses_of_a_room_belong_together(rooms: FilmedRooms) -> None:
    better = 0
    for room in range(len(rooms)):
        source, target = (
            (rooms.frames[room, c, 0], rooms.depth[room, c, 0].astype(np.float32), rooms.camera(room, c))
            for c in (0, 1)
        )
        poses = rooms.camera_to_world[room, :2, 0]
        both = co_visible(target[1], target[2], poses[1], source[1], source[2], poses[0], tolerance=0.05)
        if both.mean() < 0.2:
            continue
        seen, valid = inverse_warp(source[0], target[1], source[2], poses[0], target[2], poses[1])
        mask = valid & both
        better += psnr_db(seen, target[0], mask) > psnr_db(source[0], target[0], mask) + 3
    assert better >= 2


def test_files_give_back_what_was_filmed(
    tmp_path: Path, rooms: FilmedRooms, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(film_files, "SCENES_PER_FILE", 2)
    plan = FilmPlan(side=32, instants=2)
    paths = film_to(tmp_path, plan, 3)
    assert len(paths) == 2
    again = read_rooms(paths)
    for name, value in vars(rooms).items():
        np.testing.assert_array_equal(getattr(again, name), value[:3])


def test_bad_files_are_named(tmp_path: Path) -> None:
    with pytest.raises(ReadError, match="no files"):
        read_rooms([])
    broken = tmp_path / "rooms_00000.npz"
    broken.write_bytes(b"PK nothing")
    with pytest.raises(ReadError, match="rooms_00000"):
        read_rooms([broken])


def test_a_plan_of_cluttered_rooms_films_them_and_robots_have_none() -> None:
    plain, full = (film_rooms(FilmPlan(side=16, instants=1, cluttered=c), 3, 1) for c in (False, True))
    assert not np.array_equal(plain.frames, full.frames)
    with pytest.raises(InvalidInputError, match="robots and cluttered are both set"):
        FilmPlan(robots=True, cluttered=True)


def test_a_plan_of_tabletops_wants_an_odd_number_of_samples_and_nothing_of_rooms() -> None:
    with pytest.raises(InvalidInputError, match="supersampling is 2; tabletops want an odd number"):
        FilmPlan(tabletops=True, supersampling=2)
    for name in ("cluttered", "drawn_textures"):
        with pytest.raises(InvalidInputError, match=f"tabletops and {name} are both set"):
            FilmPlan(tabletops=True, **{name: True})
    with pytest.raises(InvalidInputError, match="robots and tabletops are both set"):
        FilmPlan(tabletops=True, robots=True)


def test_a_plan_with_drawn_textures_films_the_same_shapes_in_them_and_robots_have_none() -> None:
    fixed, drawn = (film_rooms(FilmPlan(side=16, instants=1, drawn_textures=d), 3, 1) for d in (False, True))
    assert not np.array_equal(fixed.frames, drawn.frames)
    np.testing.assert_array_equal(fixed.depth, drawn.depth)
    with pytest.raises(InvalidInputError, match="robots and drawn_textures are both set"):
        FilmPlan(robots=True, drawn_textures=True)


def test_drawn_textures_depend_on_the_room_alone_and_cover_most_surfaces_that_have_one() -> None:
    in_order, alone = (RoomFactory(held_out=False, drawn_textures=True) for _ in range(2))
    rooms = [in_order.room(seed) for seed in (19, 20, 5)]
    again = alone.room(20)
    materials = [body.material for body in rooms[1].bodies]
    assert [body.material for body in again.bodies] == materials
    for material in materials:
        name = material.texture
        np.testing.assert_array_equal(rooms[1].textures.images[name], again.textures.images[name])
    assert not np.array_equal(*(room.textures.images["drawn_0"] for room in rooms[:2]))
    np.testing.assert_array_equal(*(room.textures.images["drawn_0"] for room in (rooms[0], rooms[2])))
    textured = [body.material for room in rooms for body in room.bodies if body.material.texture != "plain"]
    drawn = [material for material in textured if material.texture.startswith("drawn_")]
    assert 0.7 < len(drawn) / len(textured) < 0.9
    assert {(material.colour, material.ground) for material in drawn} == {((1.0,) * 3, (0.0,) * 3)}


def test_impossible_rigs_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(filmed, "_TRIES", 1)
    monkeypatch.setattr(filmed, "_LEAST_MEDIAN_DEPTH_M", 100.0)
    with pytest.raises(InvalidInputError, match="room 7 has no free place"):
        film_rooms(FilmPlan(side=16, instants=1), 7, 1)


def test_training_and_held_out_rooms_share_no_seed_and_no_held_out_texture() -> None:
    training, held_out = RoomFactory(held_out=False), RoomFactory(held_out=True)
    used: tuple[set[str], set[str]] = (set(), set())
    for seed in range(12):
        for names, factory in zip(used, (training, held_out), strict=True):
            names |= {body.material.texture for body in factory.room(seed).bodies}
    kept = {*HELD_OUT_PATTERNS, *HELD_OUT_PHOTOGRAPHS}
    assert not used[0] & kept
    assert used[1] & set(HELD_OUT_PATTERNS)
    assert used[1] & set(HELD_OUT_PHOTOGRAPHS)
    photographs = {name for name in used[1] if name.startswith("photo_")}
    assert photographs <= set(HELD_OUT_PHOTOGRAPHS)
    assert {name for name in used[0] if name.startswith("photo_")}
    bodies = [len(factory.room(0).bodies) for factory in (training, held_out)]
    sizes = [factory.room(0).bounds for factory in (training, held_out)]
    assert sizes[0] != sizes[1]
    assert min(bodies) > 10


def test_parallel_cameras_film_nearly_the_same_picture() -> None:
    filmed_rooms = film_rooms(FilmPlan(side=32, instants=1, parallel=True), 0, 2)
    apart = film_rooms(FilmPlan(side=32, instants=1), 0, 2)
    for index in (1, 2, 3):
        turned = (
            filmed_rooms.camera_to_world[:, 0, 0, :3, :3].transpose(0, 2, 1)
            @ (filmed_rooms.camera_to_world[:, index, 0, :3, :3])
        )
        assert (turned.trace(axis1=1, axis2=2) > 2.98).all()
    assert not np.array_equal(filmed_rooms.frames, apart.frames)


@pytest.mark.parametrize("name", ["side", "instants", "supersampling"])
def test_plans_of_nothing_are_refused_by_the_settings_name(name: str) -> None:
    with pytest.raises(InvalidInputError, match=f"{name} is 0; give 1 or more"):
        FilmPlan(**{name: 0})  # type: ignore[arg-type]
