from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from anyview_ros.errors import InvalidInputError, InvalidPoseError, ReadError
from anyview_ros.geometry import PinholeCamera, invert_rigid, look_at, rotation_angle_deg
from anyview_ros.offline.posed_film import FilmFrame, PosedFilm, even_stamps_ns
from anyview_ros.offline.synthesize import FilmTarget, TargetWishes, frozen_index, plan_targets

CAMERA = PinholeCamera(40.0, 40.0, 31.5, 23.5, 64, 48)
COUNT = 5
MIDDLE = np.array([0.0, 0.0, 1.0])


def a_film(*, depth_m: float | None = None) -> PosedFilm:
    """A camera 2 m south of the middle, at its height, that drifts to the east; z is up."""
    poses = np.stack([look_at((0.1 * i, -2, 1), (0.1 * i, 0, 1)) for i in range(COUNT)])

    def frames(wanted: range) -> Iterator[FilmFrame]:
        for index in wanted:
            depth = None if depth_m is None else np.zeros((48, 64), np.float32)
            if depth is not None:
                depth[20:28, 28:36] = depth_m
            yield FilmFrame(np.full((48, 64, 3), index, np.uint8), depth)

    return PosedFilm("cam", CAMERA, poses, even_stamps_ns(COUNT, 10), frames, depth_m is not None)


def planned(film: PosedFilm | None = None, **wishes: object) -> FilmTarget:
    targets, _ = plan_targets(TargetWishes(**wishes), film or a_film())  # type: ignore[arg-type]
    assert len(targets) == 1
    return targets[0]


def eyes(target: FilmTarget) -> np.ndarray:
    return target.trajectory.camera_to_world[:, :3, 3]


def test_an_orbit_begins_at_the_source_and_goes_to_its_right() -> None:
    target = planned(orbit_deg=90.0, distance_m=2.0)
    np.testing.assert_allclose(target.trajectory.camera_to_world[0], a_film().camera_to_world[0], atol=1e-12)
    np.testing.assert_allclose(eyes(target)[-1], [2, 0, 1], atol=1e-12)
    np.testing.assert_allclose(np.linalg.norm(eyes(target) - MIDDLE, axis=1), 2, atol=1e-12)
    np.testing.assert_array_equal(target.trajectory.stamps_ns, a_film().stamps_ns)


def test_the_pivot_is_found_in_the_depth() -> None:
    film = a_film(depth_m=2.0)
    targets, notes = plan_targets(TargetWishes(orbit_deg=90.0), film)
    np.testing.assert_allclose(eyes(targets[0])[-1], [2, 0, 1], atol=1e-6)
    assert "lies 2 m before the camera: the median depth" in notes[0]
    _, notes = plan_targets(TargetWishes(orbit_deg=90.0), replace(film, metric=False))
    assert "lies 2 of the units of the poses before the camera" in notes[0]
    empty = replace(
        film,
        read=lambda wanted: iter(
            [FilmFrame(np.zeros((48, 64, 3), np.uint8), np.zeros((48, 64), np.float32))]
        ),
    )
    for unknown in (a_film(), empty):
        with pytest.raises(InvalidInputError, match="distance"):
            planned(unknown, orbit_deg=90.0)


def test_an_arc_stands_to_the_right_and_above() -> None:
    still = planned(arc_deg=(0.0, 0.0), pivot=tuple(MIDDLE))
    np.testing.assert_allclose(
        still.trajectory.camera_to_world,
        np.broadcast_to(a_film().camera_to_world[0], (COUNT, 4, 4)),
        atol=1e-9,
    )
    right = planned(arc_deg=(90.0, 0.0), distance_m=2.0)
    np.testing.assert_allclose(eyes(right), np.broadcast_to([2, 0, 1], (COUNT, 3)), atol=1e-9)
    above = planned(arc_deg=(0.0, 45.0), distance_m=2.0)
    np.testing.assert_allclose(eyes(above)[0], [0, -np.sqrt(2), 1 + np.sqrt(2)], atol=1e-9)
    forward = above.trajectory.camera_to_world[0, :3, 2]
    np.testing.assert_allclose(eyes(above)[0] + 2 * forward, MIDDLE, atol=1e-9)
    with pytest.raises(InvalidInputError, match=r"95\.0 degrees above"):
        planned(arc_deg=(0.0, 95.0), distance_m=2.0)


def test_up_may_be_the_worlds() -> None:
    tilted = replace(a_film(), camera_to_world=np.tile(look_at((0, -2, 3), MIDDLE), (COUNT, 1, 1)))
    flat = planned(tilted, orbit_deg=90.0, pivot=tuple(MIDDLE), up=(0.0, 0.0, 1.0))
    np.testing.assert_allclose(eyes(flat)[:, 2], 3, atol=1e-12)
    own = planned(tilted, orbit_deg=90.0, pivot=tuple(MIDDLE))
    assert np.ptp(eyes(own)[:, 2]) > 0.5


def test_a_point_is_looked_at_from_the_source_or_from_an_eye() -> None:
    point = np.array([0.5, 1.0, 0.5])
    riding = planned(look_at=tuple(point))
    np.testing.assert_allclose(eyes(riding), a_film().camera_to_world[:, :3, 3])
    standing = planned(look_at=tuple(point), eye=(3.0, 0.0, 2.0))
    np.testing.assert_allclose(eyes(standing), np.broadcast_to([3, 0, 2], (COUNT, 3)))
    for target in (riding, standing):
        world_to_camera = invert_rigid(target.trajectory.camera_to_world)
        seen = world_to_camera @ np.append(point, 1)
        np.testing.assert_allclose(seen[:, :2], 0, atol=1e-9)
        assert (seen[:, 2] > 0).all()


def test_a_shift_is_along_the_cameras_own_axes() -> None:
    target = planned(shift=(0.5, 0.25, 1.0))
    expected = a_film().camera_to_world[:, :3, 3] + [
        0.5,
        1.0,
        -0.25,
    ]  # right is east, down is -z, ahead north
    np.testing.assert_allclose(eyes(target), expected, atol=1e-12)
    turned = a_film().camera_to_world[:, :3, :3].swapaxes(1, 2) @ target.trajectory.camera_to_world[:, :3, :3]
    assert rotation_angle_deg(turned).max() < 1e-4


def test_poses_come_from_a_file(tmp_path: Path) -> None:
    path = tmp_path / "p.json"
    poses = a_film().camera_to_world[::-1]
    path.write_text(json.dumps(poses.tolist()))
    np.testing.assert_allclose(planned(poses=path).trajectory.camera_to_world, poses, atol=1e-12)
    path.write_text(json.dumps(poses[:2].tolist()))
    with pytest.raises(InvalidInputError, match="has 2 poses but there are 5 frames"):
        planned(poses=path)
    frozen = planned(poses=path, freeze_s=0.3)
    assert frozen.trajectory.stamps_ns is not None
    assert frozen.trajectory.stamps_ns.tolist() == [300_000_000] * 2
    own = {"fx": 10, "fy": 10, "cx": 5, "cy": 5, "width": 11, "height": 11}
    path.write_text(json.dumps({"camera_to_world": poses[0].tolist(), "intrinsics": own}))
    target = planned(poses=path)
    assert target.trajectory.camera == PinholeCamera(10, 10, 5, 5, 11, 11)
    assert len(target.trajectory) == COUNT
    with pytest.raises(InvalidInputError, match="has intrinsics"):
        planned(poses=path, fov_deg=60.0)
    with pytest.raises(ReadError):
        planned(poses=tmp_path / "none.json")


def test_another_camera_is_the_truth() -> None:
    other = replace(
        a_film(),
        name="o ther",
        camera=CAMERA.resized(32, 24),
        camera_to_world=np.tile(np.eye(4), (COUNT, 1, 1)),
    )
    targets, _ = plan_targets(TargetWishes(like="o ther"), a_film(), {"o ther": lambda: other})
    assert targets[0].name == "like_o_ther"
    assert targets[0].trajectory.camera.size == (32, 24)
    assert targets[0].truth is not None
    np.testing.assert_array_equal(targets[0].trajectory.camera_to_world, other.camera_to_world)
    with pytest.raises(InvalidInputError, match="'x'; there is o ther"):
        plan_targets(TargetWishes(like="x"), a_film(), {"o ther": lambda: other})
    with pytest.raises(InvalidInputError, match="several cameras"):
        planned(like="x")
    with pytest.raises(InvalidInputError, match="size and fov"):
        plan_targets(TargetWishes(like="o", fov_deg=60), a_film(), {"o": lambda: other})


def test_time_stands_still() -> None:
    film = a_film()
    assert [frozen_index(film, seconds) for seconds in (0, 0.14, 0.16, 0.4, 0.44)] == [0, 1, 2, 4, 4]
    for outside in (-0.06, 0.46, 7.0):
        with pytest.raises(InvalidInputError, match=r"lasts from 0 to 0\.400 s"):
            frozen_index(film, outside)
    target = planned(orbit_deg=30.0, distance_m=2.0, freeze_s=0.2, count=7)
    assert target.trajectory.stamps_ns is not None
    assert target.trajectory.stamps_ns.tolist() == [200_000_000] * 7
    np.testing.assert_allclose(target.trajectory.camera_to_world[0], film.camera_to_world[2], atol=1e-12)
    assert len(planned(shift=(0.1, 0.0, 0.0), freeze_s=0.2).trajectory) == 1
    with pytest.raises(InvalidInputError, match="count is 0"):
        planned(orbit_deg=30.0, distance_m=2.0, freeze_s=0.2, count=0)


def test_intrinsics_are_the_sources_or_asked_for_and_nothing_is_stretched() -> None:
    shift = (0.1, 0.0, 0.0)
    assert planned(shift=shift).trajectory.camera == CAMERA
    assert planned(shift=shift, size=(128, 96)).trajectory.camera == CAMERA.resized(128, 96)
    with pytest.raises(InvalidInputError, match="64x64 has another shape"):
        planned(shift=shift, size=(64, 64))
    wide = planned(shift=shift, size=(64, 64), fov_deg=90.0).trajectory.camera
    assert wide.size == (64, 64)
    assert wide.fx == wide.fy == pytest.approx(32)
    assert planned(shift=shift, fov_deg=90.0).trajectory.camera.size == CAMERA.size


def test_several_targets_and_none() -> None:
    wishes = TargetWishes(orbit_deg=10, shift=(1, 0, 0), look_at=(0, 0, 0), distance_m=2)
    assert [target.name for target in plan_targets(wishes, a_film())[0]] == ["orbit", "look_at", "shift"]
    with pytest.raises(InvalidInputError, match="no target camera"):
        plan_targets(TargetWishes(), a_film())
    with pytest.raises(InvalidInputError, match="eye is given without"):
        planned(shift=(0, 0, 1), eye=(0, 0, 1))
    with pytest.raises(InvalidInputError, match="both pivot and distance"):
        planned(orbit_deg=10, pivot=(0, 0, 0), distance_m=1.0)
    with pytest.raises(InvalidInputError, match="distance is -1"):
        planned(orbit_deg=10, distance_m=-1.0)
    with pytest.raises(InvalidPoseError, match="shift"):
        planned(shift=(np.nan, 0, 0))


def test_an_orbit_about_one_picture_wants_frozen_time() -> None:
    film = a_film()
    one = replace(film, camera_to_world=film.camera_to_world[:1], stamps_ns=film.stamps_ns[:1])
    with pytest.raises(InvalidInputError, match="freeze the time at 0"):
        planned(one, orbit_deg=30.0, distance_m=2.0)
    assert (
        len(planned(one, orbit_deg=30.0, distance_m=2.0, freeze_s=0.0, count=7).trajectory.camera_to_world)
        == 7
    )
