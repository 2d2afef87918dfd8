from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from anyview_ros.errors import InvalidInputError, InvalidPoseError
from anyview_ros.geometry import PinholeCamera, look_at, matrix_from_quaternion
from anyview_ros.geometry.warp import co_visible, inverse_warp
from anyview_ros.scenes import (
    Body,
    Light,
    Material,
    Scene,
    Shape,
    ShapeKind,
    box,
    capsule,
    cylinder,
    plane,
    procedural_textures,
    render,
    scene_of,
    simulated_robot,
    sphere,
)

CAMERA = PinholeCamera(60.0, 55.0, 19.3, 14.2, 40, 30)
RED = Material((0.9, 0.1, 0.1))


def one(shape: Shape, pose: np.ndarray, material: Material = RED) -> Scene:
    return scene_of([Body(shape, material, pose, instance="thing")], textures=procedural_textures())


def at(x: float, y: float, z: float) -> np.ndarray:
    pose = np.eye(4)
    pose[:3, 3] = x, y, z
    return pose


def distance(shape: Shape, points: np.ndarray) -> np.ndarray:
    """Signed distances of points (…, 3) in the shape's axes, by the textbook formulas."""
    x, y, z = np.moveaxis(points, -1, 0)
    a, b, _ = shape.size
    match shape.kind:
        case ShapeKind.SPHERE:
            return np.sqrt(x**2 + y**2 + z**2) - a
        case ShapeKind.CAPSULE:
            return np.sqrt(x**2 + y**2 + (z - np.clip(z, -b, b)) ** 2) - a
        case ShapeKind.CYLINDER:
            outside = np.stack([np.hypot(x, y) - a, np.abs(z) - b])
        case ShapeKind.BOX:
            outside = np.moveaxis(np.abs(points) - np.array(shape.size), -1, 0)
        case _:
            return np.abs(z)
    return np.sqrt((np.maximum(outside, 0) ** 2).sum(0)) + np.minimum(outside.max(0), 0)


def marched_depth(shape: Shape, pose: np.ndarray, camera: PinholeCamera) -> tuple[np.ndarray, np.ndarray]:
    """Depth by walking along each ray by the distance to the shape, and the least distance of what misses it."""
    v, u = np.mgrid[0 : camera.height, 0 : camera.width]
    rays = np.stack([(u - camera.cx) / camera.fx, (v - camera.cy) / camera.fy, np.ones(u.shape)], -1)
    back = np.linalg.inv(pose)
    local, start = rays @ back[:3, :3].T, back[:3, 3]
    lengths = np.linalg.norm(rays, axis=-1)
    t = np.full(u.shape, 1e-3)
    least = np.full(u.shape, np.inf)
    for _ in range(500):
        gap = distance(shape, start + t[..., None] * local)
        least = np.minimum(least, gap)
        t = np.where(t < 50, t + gap / lengths, t)
    return np.where(t < 50, t, 0), least


shapes = st.one_of(
    st.builds(sphere, st.floats(0.05, 0.6)),
    st.builds(capsule, st.floats(0.05, 0.3), st.floats(0.05, 1.0)),
    st.builds(cylinder, st.floats(0.05, 0.4), st.floats(0.05, 1.0)),
    st.builds(box, st.floats(0.05, 1.0), st.floats(0.05, 1.0), st.floats(0.05, 1.0)),
)
turns = st.tuples(*[st.floats(-1, 1)] * 4).filter(lambda q: np.linalg.norm(q) > 0.1)


@settings(max_examples=40)
@given(shape=shapes, turn=turns, x=st.floats(-0.5, 0.5), y=st.floats(-0.4, 0.4), z=st.floats(1.5, 6))
def test_depth_is_where_marching_along_the_ray_meets_the_shape(
    shape: Shape, turn: tuple[float, ...], x: float, y: float, z: float
) -> None:
    pose = at(x, y, z)
    pose[:3, :3] = matrix_from_quaternion(np.array(turn) / np.linalg.norm(turn))
    depth = render(one(shape, pose), CAMERA, np.eye(4)).depth[0]
    expected, least = marched_depth(shape, pose, CAMERA)
    missed = least > 1e-3
    assert (depth[missed] == 0).all()
    # Rays that graze the surface, or meet it at a very flat angle, are left out: there depth has no bound on its error.
    slack = distance(shape, _inside(pose, CAMERA, expected + 1e-3))
    met = (expected > 0) & (slack < -3e-4)
    np.testing.assert_allclose(depth[met], expected[met], atol=3e-6 * z + 1e-6)


def _inside(pose: np.ndarray, camera: PinholeCamera, depth: np.ndarray) -> np.ndarray:
    v, u = np.mgrid[0 : camera.height, 0 : camera.width]
    rays = np.stack([(u - camera.cx) / camera.fx, (v - camera.cy) / camera.fy, np.ones(u.shape)], -1)
    back = np.linalg.inv(pose)
    return (rays * depth[..., None]) @ back[:3, :3].T + back[:3, 3]


@pytest.mark.parametrize("tilt", [0.0, 0.6, -1.0])
def test_depth_of_a_plane_is_the_formula_s(tilt: float) -> None:
    pose = at(0.1, 0.2, 3.0)
    normal = np.array([0.0, math.sin(tilt), math.cos(tilt)])
    pose[:3, :3] = [[1, 0, 0], [0, math.cos(tilt), math.sin(tilt)], [0, -math.sin(tilt), math.cos(tilt)]]
    depth = render(one(plane(), pose), CAMERA, np.eye(4)).depth[0]
    v, u = np.mgrid[0:30, 0:40]
    rays = np.stack([(u - CAMERA.cx) / CAMERA.fx, (v - CAMERA.cy) / CAMERA.fy, np.ones(u.shape)], -1)
    expected = (normal @ pose[:3, 3]) / (rays @ normal)
    np.testing.assert_allclose(depth, np.where(expected > 0, expected, 0), rtol=2e-6)


def test_a_known_point_projects_to_the_pixel_that_shows_it() -> None:
    camera_to_world = look_at((2.0, -1.0, 1.5), (0.0, 0.0, 0.3))
    centre = np.array([0.2, 0.1, 0.4])
    rendering = render(
        one(sphere(0.02), at(*centre)),
        PinholeCamera.from_fov(160, 120, horizontal_fov_deg=50),
        camera_to_world,
    )
    camera = PinholeCamera.from_fov(160, 120, horizontal_fov_deg=50)
    x, y, z = np.linalg.inv(camera_to_world)[:3] @ np.append(centre, 1)
    rows, columns = np.nonzero(rendering.instances[0])
    assert abs(columns.mean() - (camera.fx * x / z + camera.cx)) < 0.5
    assert abs(rows.mean() - (camera.fy * y / z + camera.cy)) < 0.5
    assert rendering.depth[rendering.depth > 0].min() == pytest.approx(z - 0.02, abs=3e-3)


def test_the_nearer_body_hides_the_farther_and_instances_are_named() -> None:
    bodies = [
        Body(box(0.2, 0.2, 0.2), RED, at(0, 0, 2.0), instance="far"),
        Body(sphere(0.1), RED, at(0, 0, 1.0), instance="near"),
        Body(capsule(0.05, 0.1), RED, at(0.25, 0, 1.0), instance="near"),
    ]
    scene = scene_of(bodies, textures=procedural_textures())
    ids = render(scene, CAMERA, np.eye(4)).instances[0]
    assert scene.instances[ids[14, 19]] == "near"
    assert scene.instances[ids[14, 34]] == "near"
    assert scene.instances[ids[0, 0]] == "nothing"
    assert set(np.unique(ids)) <= {0, 1, 2}


def test_bodies_behind_the_camera_are_not_seen() -> None:
    rendering = render(one(sphere(0.3), at(0, 0, -1.0)), CAMERA, np.eye(4))
    assert not rendering.depth.any()
    assert not rendering.instances.any()


def test_a_lamp_throws_a_shadow_where_the_ball_is_between() -> None:
    bodies = [
        Body(plane(), Material(), np.eye(4), instance="floor"),
        Body(sphere(0.2), RED, at(0, 0, 0.5), instance="ball"),
    ]
    scene = scene_of(
        bodies, textures=procedural_textures(), lights=[Light((0.0, 0.0, 2.5))], ambient=(0.1, 0.1, 0.1)
    )
    camera = PinholeCamera.from_fov(64, 48, horizontal_fov_deg=70)
    pose = look_at((1.6, 0.0, 1.2), (0.0, 0.0, 0.1))
    shaded = render(scene, camera, pose)
    plain = render(scene, camera, pose, shadows=False)
    v, u = np.mgrid[0:48, 0:64]
    rays = np.stack([(u - camera.cx) / camera.fx, (v - camera.cy) / camera.fy, np.ones(u.shape)], -1)
    points = (rays * shaded.depth[0][..., None]) @ pose[:3, :3].T + pose[:3, 3]
    radius = np.hypot(points[..., 0], points[..., 1])
    floor = scene.instances.index("floor") == shaded.instances[0]
    # By similar triangles the shadow's edge is where the tangent from the lamp meets the floor.
    edge = 2.5 * math.tan(math.asin(0.2 / 2.0))
    change = plain.frames[0].astype(int).sum(-1) - shaded.frames[0].astype(int).sum(-1)
    assert (change[floor & (radius < edge - 0.02)] > 100).all()
    assert (change[floor & (radius > edge + 0.02)] == 0).all()


def test_a_checker_has_its_colours_where_its_squares_are() -> None:
    checker = Material((1, 1, 1), (0, 0, 0), "checker", 0.2)
    bodies = [Body(plane(), checker, np.eye(4))]
    scene = scene_of(bodies, textures=procedural_textures(), lights=[], ambient=(1, 1, 1))
    camera = PinholeCamera.from_fov(65, 65, horizontal_fov_deg=53.13)
    frame = render(scene, camera, look_at((0.0, 0.0, 1.0), (0, 0, 0), up=(0, 1, 0))).frames[0, ..., 0]
    v, u = np.mgrid[0:65, 0:65]
    x, y = (u - 32) / camera.fx, -(v - 32) / camera.fy
    inner = (np.abs((x * 10) % 1 - 0.5) < 0.3) & (np.abs((y * 10) % 1 - 0.5) < 0.3)
    white = (np.floor(x * 10) + np.floor(y * 10)) % 2 == 0
    values = frame[inner & white], frame[inner & ~white]
    assert min(np.abs(values[0].mean() - values[1].mean()), 300) > 200


def test_a_texture_seen_texel_by_pixel_is_its_image() -> None:
    textures = procedural_textures()
    floor = Body(plane(), Material(texture="confetti", tile_m=1.0), np.eye(4))
    scene = scene_of([floor], textures=textures, lights=[], ambient=(1, 1, 1))
    camera = PinholeCamera(5120.0, 5120.0, 127.5, 127.5, 256, 256)
    frame = render(scene, camera, look_at((0.0, 0.0, 20.0), (0, 0, 0), up=(0, 1, 0))).frames[0]
    shown = np.round(255 * textures.images["confetti"] ** (1 / 2.2))
    assert np.abs(frame - shown).max() <= 2


def test_supersampling_smooths_colours_and_leaves_depth() -> None:
    scene = one(sphere(0.3), at(0, 0, 1.2))
    rough = render(scene, CAMERA, np.eye(4))
    smooth = render(scene, CAMERA, np.eye(4), supersampling=3)
    np.testing.assert_array_equal(rough.depth, smooth.depth)
    np.testing.assert_array_equal(rough.instances, smooth.instances)
    edge = np.diff(rough.instances[0], axis=1) != 0
    steps = [np.abs(np.diff(r.frames[0].astype(int).sum(-1), axis=1))[edge].mean() for r in (rough, smooth)]
    assert steps[1] < 0.9 * steps[0]


def test_the_same_call_gives_the_same_bytes() -> None:
    world = simulated_robot(3)
    camera = world.cameras["front"].camera.resized(96, 72)
    first, again = (
        render(simulated_robot(3).at([2.5]), camera, world.camera_to_world("front", [2.5])) for _ in range(2)
    )
    assert first.frames.tobytes() == again.frames.tobytes()
    assert first.depth.tobytes() == again.depth.tobytes()


def test_a_batch_gives_what_its_frames_give_one_by_one() -> None:
    world = simulated_robot(1)
    times = np.array([0.0, 1.7, 5.1])
    camera = world.cameras["wrist"].camera.resized(48, 36)
    poses = world.camera_to_world("wrist", times)
    batch = render(world.at(times), camera, poses)
    for i, time_s in enumerate(times):
        single = render(world.at(time_s), camera, poses[i])
        assert np.abs(single.frames[0].astype(int) - batch.frames[i]).max() <= 1
        np.testing.assert_allclose(single.depth[0], batch.depth[i], atol=1e-6)
        np.testing.assert_array_equal(single.instances[0], batch.instances[i])


def test_skipping_what_a_tile_cannot_see_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    from anyview_ros.scenes import rendering

    world = simulated_robot(2)
    camera = world.cameras["left_shoulder"].camera.resized(80, 60)
    pose = world.camera_to_world("left_shoulder", 4.0)
    whole = render(world.at(4.0), camera, pose)
    monkeypatch.setattr(rendering, "_CPU_TILE", 16)
    tiled = render(world.at(4.0), camera, pose)
    monkeypatch.setattr(rendering.Bundle, "within", lambda self, directions, reach=None: self)
    unculled = render(world.at(4.0), camera, pose)
    for other in (tiled, unculled):
        np.testing.assert_array_equal(whole.instances, other.instances)
        np.testing.assert_allclose(whole.depth, other.depth, atol=1e-6)
        assert np.abs(whole.frames.astype(int) - other.frames).max() <= 1


@pytest.mark.parametrize("budget", [2**26, 2**17])
def test_whole_batches_as_on_a_gpu_give_what_tiles_give(monkeypatch: pytest.MonkeyPatch, budget: int) -> None:
    from anyview_ros.scenes import rendering

    world = simulated_robot(4)
    times = [0.5, 3.0, 6.0, 6.5]
    camera = world.cameras["wrist"].camera.resized(40, 56)
    poses = world.camera_to_world("wrist", times)
    tiled = render(world.at(times), camera, poses, supersampling=2)
    monkeypatch.setattr(rendering, "_SKIPPING", frozenset())
    monkeypatch.setitem(rendering._ELEMENTS, "cpu", budget)
    whole = render(world.at(times), camera, poses, supersampling=2)
    np.testing.assert_array_equal(whole.instances, tiled.instances)
    np.testing.assert_allclose(whole.depth, tiled.depth, atol=1e-6)
    assert np.abs(whole.frames.astype(int) - tiled.frames).max() <= 1


def test_an_empty_scene_is_background() -> None:
    scene = scene_of([], textures=procedural_textures(), background=(1.0, 0.5, 0.0))
    rendering = render(scene, CAMERA, np.eye(4))
    assert not rendering.depth.any()
    np.testing.assert_array_equal(rendering.frames[0, 0, 0], [255, 128, 0])


@pytest.mark.parametrize("other", ["overhead", "left_shoulder"])
def test_warping_by_true_depth_reproduces_what_both_cameras_see(other: str) -> None:
    world = simulated_robot(0)
    source, target = "front", other
    time_s = 2.0
    cameras = {name: world.cameras[name].camera.resized(240, 180) for name in (source, target)}
    poses = {name: world.camera_to_world(name, time_s) for name in (source, target)}
    seen = {name: render(world.at(time_s), cameras[name], poses[name], supersampling=2) for name in cameras}
    mask = co_visible(
        seen[target].depth[0],
        cameras[target],
        poses[target],
        seen[source].depth[0],
        cameras[source],
        poses[source],
        tolerance=0.01,
    )
    warped, inside = inverse_warp(
        seen[source].frames[0],
        seen[target].depth[0],
        cameras[source],
        poses[source],
        cameras[target],
        poses[target],
    )
    mask &= inside
    assert mask.mean() > 0.15

    def psnr(image: np.ndarray) -> float:
        error = image[mask].astype(float) - seen[target].frames[0][mask]
        return float(10 * np.log10(255**2 / np.mean(error**2)))

    assert psnr(warped) > 22
    assert psnr(warped) > psnr(seen[source].frames[0]) + 8


def test_instants_and_poses_that_do_not_fit_are_refused() -> None:
    world = simulated_robot(0)
    with pytest.raises(InvalidInputError, match="2 instants and there are 3 poses"):
        render(world.at([0.0, 1.0]), CAMERA, np.broadcast_to(np.eye(4), (3, 4, 4)))
    with pytest.raises(InvalidInputError, match="supersampling is 0"):
        render(world.at(0.0), CAMERA, np.eye(4), supersampling=0)
    with pytest.raises(InvalidPoseError):
        render(world.at(0.0), CAMERA, np.diag([2.0, 2.0, 2.0, 1.0]))
