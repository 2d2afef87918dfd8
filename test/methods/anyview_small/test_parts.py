from __future__ import annotations

from dataclasses import replace
from typing import Any

import cv2
import numpy as np
import pytest
import torch
from clips import pose_at
from hypothesis import given
from hypothesis import strategies as st
from small_weights import TINY, tiny_weights

from anyview_ros.clips import PosedClip
from anyview_ros.geometry import CameraTrajectory, PinholeCamera
from anyview_ros.methods.anyview_small import AnyViewSmall
from anyview_ros.methods.anyview_small.cameras import Cameras
from anyview_ros.methods.anyview_small.network import EncodedSource, SmallNetwork
from anyview_ros.methods.anyview_small.parts import FINER, SHARE, merged, overlapping_parts
from anyview_ros.synthesis import SynthesisRequest, SynthesizedView, load_synthesizer
from anyview_ros.training.filmed import FilmPlan, film_rooms

CPU = torch.device("cpu")
CAMERA = PinholeCamera(60.0, 58.0, 30.0, 25.0, 64, 48)
PLANES = 5
sizes = st.integers(1, 90)


@given(sizes, sizes)
def test_parts_lie_in_the_picture_and_cover_it(width: int, height: int) -> None:
    parts = overlapping_parts(PinholeCamera(50.0, 50.0, 0.0, 0.0, width, height))
    count = np.zeros((height, width), np.uint8)
    for part in parts:
        assert part.own_camera.size == (part.width, part.height)
        part.cut(count)[...] += 1
    assert count.min() >= 1
    assert count[height // 2, width // 2] == 4


@given(st.integers(0, 3), st.integers(0, 47), st.integers(0, 63))
def test_a_part_sees_its_pixels_along_the_same_rays(which: int, row: int, column: int) -> None:
    part = overlapping_parts(CAMERA)[which]
    x, y = part.within(CAMERA.height, CAMERA.width, CPU)[row, column].double().numpy()
    pixel = ((x + 1) / 2 * part.width - 0.5, (y + 1) / 2 * part.height - 0.5)  # of the part
    ray = part.own_camera.unproject(np.array(pixel), 1.0)
    np.testing.assert_allclose(ray, CAMERA.unproject(np.array((column, row)), 1.0), atol=1e-5)
    inside = 0 <= pixel[0] + 0.5 <= part.width and 0 <= pixel[1] + 0.5 <= part.height
    assert inside == (max(abs(x), abs(y)) <= 1)


def test_a_part_is_cut_where_it_lies() -> None:
    image = np.arange(48 * 64 * 3).reshape(48, 64, 3).astype(np.uint8)
    width, height = round(64 * SHARE), round(48 * SHARE)
    last = overlapping_parts(CAMERA)[-1]
    np.testing.assert_array_equal(last.cut(image), image[48 - height :, 64 - width :])


def slanted(part: tuple[int, int, int, int]) -> torch.Tensor:
    """Logits (1, D, 12, 16) of a depth that changes evenly over the picture, as that rectangle of it shows them."""
    left, top, width, height = part
    x = (left + (torch.arange(16) + 0.5) / 16 * width) / CAMERA.width
    y = (top + (torch.arange(12) + 0.5) / 12 * height) / CAMERA.height
    steep = torch.linspace(-3, 3, PLANES)[:, None, None]
    return (steep * (x[None, None, :] + 0.5 * y[None, :, None]))[None]


def test_parts_that_agree_with_the_whole_change_nothing() -> None:
    parts = overlapping_parts(CAMERA)
    read = torch.cat([slanted((p.left, p.top, p.width, p.height)) for p in parts])
    both = merged(slanted((0, 0, 64, 48)), read, parts).softmax(1)
    assert both.shape == (1, PLANES, 12 * FINER, 16 * FINER)
    x, y = (torch.arange(32) + 0.5) / 32, (torch.arange(24) + 0.5) / 24
    steep = torch.linspace(-3, 3, PLANES)[:, None, None]
    exact = (steep * (x[None, None, :] + 0.5 * y[None, :, None]))[None].softmax(1)
    inner = (..., slice(3, -3), slice(3, -3))  # what lies beyond the outermost centres is read from these
    torch.testing.assert_close(both[inner], exact[inner], atol=2e-3, rtol=0)


def test_the_whole_weighs_as_much_as_its_parts() -> None:
    parts = overlapping_parts(CAMERA)
    whole, read = torch.randn(1, PLANES, 1, 1), torch.randn(1, PLANES, 1, 1)
    both = merged(whole.expand(-1, -1, 12, 16), read.expand(4, -1, 12, 16), parts)
    mean = (whole.log_softmax(1) + read.log_softmax(1)) / 2
    torch.testing.assert_close(both, mean.expand_as(both))


@pytest.mark.parametrize("which", range(4))
def test_a_part_counts_where_it_lies_and_nowhere_else(which: int) -> None:
    parts = overlapping_parts(CAMERA)
    whole, read = torch.zeros(1, PLANES, 12, 16), torch.zeros(4, PLANES, 12, 16)
    before = merged(whole, read, parts)
    read[which, 0] = 4.0
    changed = (merged(whole, read, parts) - before).abs().amax(1)[0] > 0
    lies = parts[which].within(24, 32, CPU).abs().amax(-1) <= 1
    assert torch.equal(changed, lies)


@pytest.fixture(scope="module")
def method(tmp_path_factory: pytest.TempPathFactory) -> AnyViewSmall:
    network = replace(TINY, planes=12)
    return AnyViewSmall(device="cpu", weights=str(tiny_weights(tmp_path_factory.mktemp("weights"), network)))


def view(
    method: AnyViewSmall, *, size: tuple[int, int] = (64, 48), depth: bool = False, **options: object
) -> SynthesizedView:
    camera = CAMERA.resized(*size)
    coarse = np.random.default_rng(1).integers(0, 256, (6, 6, 3), np.uint8)
    frame = cv2.resize(coarse, camera.size, interpolation=cv2.INTER_CUBIC)
    far = np.full((1, *frame.shape[:2]), 2.0, np.float32) if depth else None
    source = PosedClip(frame[None], camera, np.eye(4)[None], np.array([1]), far)
    to = CameraTrajectory(camera, pose_at(x=0.1)[None])
    return method.synthesize(SynthesisRequest((source,), (to,), options=options)).views[0]


def test_they_are_read_where_there_is_no_depth_image(method: AnyViewSmall) -> None:
    def differ(**more: Any) -> float:
        with_parts, without = view(method, **more), view(method, parts=False, **more)
        return float(np.abs(with_parts.depth - without.depth).max())

    assert differ() > 1e-3
    assert differ(depth=True, use_depth=False) > 1e-3
    assert differ(depth=True) == 0


@pytest.mark.parametrize("size", [(1, 1), (3, 2), (40, 7), (320, 240), (8, 2000), (2000, 8)])
def test_pictures_of_any_size_have_parts(method: AnyViewSmall, size: tuple[int, int]) -> None:
    with_parts, without = view(method, size=size), view(method, size=size, parts=False)
    assert np.isfinite(with_parts.depth).all()
    assert np.abs(with_parts.depth - without.depth).max() > 1e-4


@pytest.mark.parametrize("one_depth", [False, True])
def test_a_known_range_holds_with_parts(method: AnyViewSmall, one_depth: bool) -> None:
    told = view(method, depth_range_m=(1.0, 2.0), one_depth=one_depth).depth[0]
    half_step = (TINY.farthest_m / TINY.nearest_m) ** (0.5 / 11)
    seen = told[:, : 64 * 3 // 5]
    assert (seen > 1.0 / half_step / 1.001).all()
    assert (seen < 2.0 * half_step * 1.001).all()


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Any, ...]]:
    """What the network was asked to encode: pictures, depth, cameras, past."""
    noted: list[tuple[Any, ...]] = []
    encode = SmallNetwork.encode

    def encoded(network: SmallNetwork, *asked: Any) -> EncodedSource:
        noted.append(asked)
        return encode(network, *asked)

    monkeypatch.setattr(SmallNetwork, "encode", encoded)
    return noted


def test_each_part_is_encoded_with_its_own_camera_and_without_a_past(
    method: AnyViewSmall, calls: list[tuple[Any, ...]]
) -> None:
    view(method, size=(32, 24))
    (whole, _, camera, _), (pictures, depth, cameras, past) = calls
    assert pictures.shape == (4, *whole.shape[1:])
    own = [part.own_camera for part in overlapping_parts(CAMERA.resized(32, 24))]
    torch.testing.assert_close(cameras.intrinsics, Cameras.of(own, torch.eye(4).expand(4, 4, 4)).intrinsics)
    torch.testing.assert_close(cameras.camera_to_world, camera.camera_to_world.expand(4, 4, 4))
    assert not depth.any()
    assert not past
    last = whole[0, :, 24 - 18 :, 32 - 24 :]
    assert (pictures[3].mean((1, 2)) - last.mean((1, 2))).abs().max() < 0.02


def test_parts_are_read_once_for_each_frame_that_is_seen(
    method: AnyViewSmall, calls: list[tuple[Any, ...]]
) -> None:
    frames = np.random.default_rng(0).integers(0, 256, (6, 48, 64, 3), np.uint8)
    source = PosedClip(frames, CAMERA, np.stack([np.eye(4)] * 6), np.arange(1, 7))
    to = CameraTrajectory(CAMERA, np.stack([pose_at(x=0.1)] * 2), np.array([4, 6]))
    method.synthesize(SynthesisRequest((source,), (to, to)))
    assert sorted(len(pictures) for pictures, *_ in calls) == [1] * 6 + [4, 4]


def test_rays_alone_have_no_depth_to_read_from_parts(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    rays = replace(TINY, planes=0, continuous_warp=False, depth_hint=False)
    alone = AnyViewSmall(device="cpu", weights=str(tiny_weights(tmp_path_factory.mktemp("rays"), rays)))
    plain = view(alone, parts=False).frames
    np.testing.assert_array_equal(view(alone).frames, plain)
    np.testing.assert_array_equal(view(alone, one_depth=True).frames, plain)


def test_parts_better_the_depth_that_is_read_from_pictures() -> None:
    """Of the weights that are shipped, in rooms that they were not trained on; for figures see the model card."""
    rooms = film_rooms(FilmPlan(instants=1, held_out=True, view_changes_deg=((2.0, 15.0),)), 1000, 20)
    ours = load_synthesizer("anyview_small", device="cpu")
    errors: dict[bool, list[float]] = {True: [], False: []}
    for room in range(20):
        for camera in range(2):
            pose = rooms.camera_to_world[room, camera]
            source = PosedClip(rooms.frames[room, camera], rooms.camera(room, camera), pose, np.array([1]))
            to = CameraTrajectory(source.camera, pose)
            true = np.log(rooms.depth[room, camera, 0].astype(np.float64))
            for parts, found in errors.items():
                request = SynthesisRequest((source,), (to,), options={"parts": parts})
                guess = ours.synthesize(request).views[0].depth[0]
                found.append(float(np.abs(np.log(guess) - true).mean()))
    assert np.mean(errors[True]) < np.mean(errors[False])
