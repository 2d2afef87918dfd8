from __future__ import annotations

import threading
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from clips import pose_at
from small_weights import TINY, tiny_weights

from anyview_ros.clips import PosedClip
from anyview_ros.errors import EngineClosedError, InvalidInputError, InvalidRequestError, SynthesisCancelled
from anyview_ros.geometry import CameraTrajectory, PinholeCamera
from anyview_ros.methods.anyview_small import AnyViewSmall, SmallConfig
from anyview_ros.synthesis import SynthesisRequest, SynthesizedView, load_synthesizer

CAMERA = PinholeCamera(30.0, 30.0, 15.5, 15.5, 32, 32)


@pytest.fixture(scope="module")
def method(tmp_path_factory: pytest.TempPathFactory) -> AnyViewSmall:
    return AnyViewSmall(device="cpu", weights=str(tiny_weights(tmp_path_factory.mktemp("weights"))))


def clip(count: int = 4, *, depth: bool = True, camera: PinholeCamera = CAMERA) -> PosedClip:
    rng = np.random.default_rng(3)
    coarse = rng.integers(0, 256, (count, 6, 6, 3), np.uint8)
    size = (camera.width, camera.height)
    frames = np.stack([cv2.resize(c, size, interpolation=cv2.INTER_CUBIC) for c in coarse])
    poses = np.stack([pose_at(x=0.05 * t, z=0.02 * t) for t in range(count)])
    far = np.full((count, camera.height, camera.width), 3.0, np.float32)
    far[:, 8:20, 8:20] = 1.5
    return PosedClip(frames, camera, poses, 100 * np.arange(1, count + 1), far if depth else None)


def target(count: int = 4, camera: PinholeCamera = CAMERA, x: float = 0.3) -> CameraTrajectory:
    angle = cv2.Rodrigues(np.array([0.05, -0.2, 0.02]))[0]
    poses = np.stack([pose_at(x=x + 0.03 * t, y=-0.1) for t in range(count)])
    poses[:, :3, :3] = angle
    return CameraTrajectory(camera, poses)


def view_of(method: AnyViewSmall, source: PosedClip, to: CameraTrajectory, **more: object) -> SynthesizedView:
    return method.synthesize(SynthesisRequest((source,), (to,), **more)).views[0]  # type: ignore[arg-type]


def grey_levels(a: SynthesizedView, b: SynthesizedView) -> int:
    return int(np.abs(a.frames.astype(int) - b.frames.astype(int)).max())


@pytest.mark.parametrize("depth", [True, False])
def test_a_view_has_the_targets_size_and_tells_confidence_and_depth(
    method: AnyViewSmall, depth: bool
) -> None:
    wide = PinholeCamera(50.0, 50.0, 39.5, 29.5, 80, 60)
    view = view_of(method, clip(depth=depth), target(camera=wide))
    assert view.frames.shape == (4, 60, 80, 3)
    assert view.confidence.shape == view.depth.shape == (4, 60, 80)
    assert view.confidence.min() >= 0
    assert view.confidence.max() <= 1
    assert view.confidence.dtype == view.depth.dtype == np.float32
    assert (view.depth > 0).all()


@pytest.mark.parametrize("depth", [True, False])
def test_the_world_may_be_moved_and_turned(method: AnyViewSmall, depth: bool) -> None:
    moved = np.eye(4)
    moved[:3, :3] = cv2.Rodrigues(np.array([1.0, -2.0, 0.5]))[0]
    moved[:3, 3] = 250.0, -1000.0, 40.0
    source, to = clip(depth=depth), target()
    elsewhere = replace(source, camera_to_world=moved @ source.camera_to_world)
    there = CameraTrajectory(to.camera, moved @ to.camera_to_world)
    assert grey_levels(view_of(method, source, to), view_of(method, elsewhere, there)) <= 1


def test_the_pose_of_the_target_matters(method: AnyViewSmall) -> None:
    assert grey_levels(view_of(method, clip(), target(x=0.3)), view_of(method, clip(), target(x=0.6))) > 20


@pytest.mark.parametrize("one_depth", [True, False])
@pytest.mark.parametrize("depth", [True, False])
def test_a_stream_gives_the_pixels_of_synthesize(method: AnyViewSmall, depth: bool, one_depth: bool) -> None:
    source, to, options = clip(6, depth=depth), target(6), {"one_depth": one_depth}
    whole = view_of(method, source, to, options=options)
    with method.open_stream(CAMERA, [CAMERA], options=options) as stream:
        for t in range(6):
            (view,) = stream.push(
                source.frames[t],
                source.camera_to_world[t],
                target_camera_to_world=[to.camera_to_world[t]],
                stamp_ns=int(source.stamps_ns[t]),
                depth=None if source.depth is None else source.depth[t],
            )
            assert view is not None
            np.testing.assert_allclose(view.frames[0].astype(int), whole.frames[t].astype(int), atol=1)
            np.testing.assert_allclose(view.confidence[0], whole.confidence[t], atol=0.01)


def test_earlier_frames_matter_and_later_ones_do_not(method: AnyViewSmall) -> None:
    source = clip(4)
    to = CameraTrajectory(CAMERA, target(1).camera_to_world, source.stamps_ns[2:3])
    once = view_of(method, source, to)
    frames = source.frames.copy()
    frames[3] = 255 - frames[3]
    assert grey_levels(once, view_of(method, replace(source, frames=frames), to)) == 0
    frames = source.frames.copy()
    frames[1] = 255 - frames[1]
    assert grey_levels(once, view_of(method, replace(source, frames=frames), to)) > 0


def test_frames_before_the_memory_are_neither_needed_nor_read(method: AnyViewSmall) -> None:
    source = clip(12)
    to = CameraTrajectory(CAMERA, target(1).camera_to_world, source.stamps_ns[-1:])
    reach = (TINY.memory_frames - 1) * (TINY.layers + 1)
    late = PosedClip(
        source.frames[-1 - reach :],
        CAMERA,
        source.camera_to_world[-1 - reach :],
        source.stamps_ns[-1 - reach :],
        source.depth[-1 - reach :],
    )
    once = view_of(method, source, to)
    assert grey_levels(once, view_of(method, late, to)) == 0
    with method.open_stream(CAMERA, [CAMERA]) as stream:
        for t in range(12):
            (view,) = stream.push(
                source.frames[t],
                source.camera_to_world[t],
                target_camera_to_world=[to.camera_to_world[0] if t == 11 else None],
                stamp_ns=int(source.stamps_ns[t]),
                depth=source.depth[t],
            )
    np.testing.assert_array_equal(view.frames, once.frames)


def test_what_a_stream_keeps_stops_growing(method: AnyViewSmall) -> None:
    source, to = clip(8), target(8)
    kept = []
    with method.open_stream(CAMERA, [CAMERA]) as stream:
        for t in range(8):
            stream.push(
                source.frames[t],
                source.camera_to_world[t],
                target_camera_to_world=[to.camera_to_world[t]],
                stamp_ns=int(source.stamps_ns[t]),
            )
            kept.append(stream.state_values)
    full = TINY.memory_frames
    assert kept[0] < kept[1]
    assert len(set(kept[full:])) == 1
    tokens_of_a_frame = (32 // 8) ** 2 * 2 * TINY.width * TINY.layers
    assert kept[-1] == 2 * (full - 1) * tokens_of_a_frame


def test_same_request_same_pixels(method: AnyViewSmall) -> None:
    assert grey_levels(view_of(method, clip(), target()), view_of(method, clip(), target())) == 0


def test_targets_do_not_disturb_each_other(method: AnyViewSmall) -> None:
    request = SynthesisRequest((clip(),), (target(x=0.3), target(x=-0.4)))
    both = method.synthesize(request).views
    assert grey_levels(both[0], view_of(method, clip(), target(x=0.3))) <= 1
    assert grey_levels(both[1], view_of(method, clip(), target(x=-0.4))) <= 1


def test_depth_is_used_where_it_is_given_and_wanted(method: AnyViewSmall) -> None:
    with_depth, without = view_of(method, clip(), target()), view_of(method, clip(depth=False), target())
    refused = view_of(method, clip(), target(), options={"use_depth": False})
    assert grey_levels(with_depth, without) > 10
    assert grey_levels(refused, without) == 0


def test_unknown_depth_is_no_depth(method: AnyViewSmall) -> None:
    source = clip()
    nothing = np.full_like(source.depth, np.nan)
    assert (
        grey_levels(
            view_of(method, replace(source, depth=nothing), target()),
            view_of(method, clip(depth=False), target()),
        )
        == 0
    )


def test_given_depth_is_told_again(method: AnyViewSmall) -> None:
    source = clip(1)
    same = CameraTrajectory(CAMERA, source.camera_to_world)
    np.testing.assert_allclose(view_of(method, source, same).depth, source.depth, rtol=1e-3)


def test_sharp_pictures_have_more_detail_than_the_networks_own(method: AnyViewSmall) -> None:
    fine = PinholeCamera(240.0, 240.0, 127.5, 127.5, 256, 256)
    rng = np.random.default_rng(0)
    source = clip(1, camera=fine)
    source = replace(source, frames=rng.integers(0, 256, source.frames.shape, np.uint8))
    to = CameraTrajectory(fine, pose_at(x=0.02)[None])
    sharp, soft = (view_of(method, source, to, options={"sharp": sharp}).frames[0] for sharp in (True, False))

    def detail(image: np.ndarray) -> float:
        return float(np.abs(np.diff(image.astype(float), axis=1)).mean())

    assert detail(sharp) > 3 * detail(soft)


def test_progress_counts_pictures_and_cancel_stops_between_them(method: AnyViewSmall) -> None:
    seen: list[tuple[int, int]] = []
    cancel = threading.Event()

    def progress(step: int, total: int) -> None:
        seen.append((step, total))
        if step == 2:
            cancel.set()

    with pytest.raises(SynthesisCancelled):
        method.synthesize(SynthesisRequest((clip(),), (target(),)), progress=progress, cancel=cancel)
    assert seen == [(1, 4), (2, 4)]


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"options": {"scale": 2}}, "'scale'"),
        ({"options": {"sharp": "yes"}}, "sharp is 'yes'"),
        ({"steps": 4}, "steps is 4"),
    ],
)
def test_bad_requests_are_refused(method: AnyViewSmall, more: dict[str, object], message: str) -> None:
    with pytest.raises(InvalidRequestError, match=message):
        view_of(method, clip(), target(), **more)


def test_bad_pushes_are_refused(method: AnyViewSmall) -> None:
    source = clip()
    stream = method.open_stream(CAMERA, [CAMERA])
    push = {"target_camera_to_world": [np.eye(4)], "stamp_ns": 5}
    stream.push(source.frames[0], np.eye(4), **push)
    with pytest.raises(InvalidRequestError, match="stamp_ns is 5"):
        stream.push(source.frames[0], np.eye(4), **push)
    with pytest.raises(InvalidRequestError, match="has 2 poses"):
        stream.push(source.frames[0], np.eye(4), target_camera_to_world=[None, None], stamp_ns=6)
    with pytest.raises(InvalidInputError, match="last row"):
        stream.push(source.frames[0], np.eye(4) * 2, target_camera_to_world=[np.eye(4)], stamp_ns=6)
    assert stream.push(source.frames[0], np.eye(4), target_camera_to_world=[None], stamp_ns=7) == (None,)
    stream.close()
    stream.close()
    with pytest.raises(EngineClosedError, match="closed"):
        stream.push(source.frames[0], np.eye(4), target_camera_to_world=[None], stamp_ns=8)
    with pytest.raises(InvalidRequestError, match="targets is empty"):
        method.open_stream(CAMERA, [])


def test_a_closed_method_refuses_work(tmp_path: Path) -> None:
    method = AnyViewSmall(device="cpu", weights=str(tiny_weights(tmp_path)))
    method.close()
    method.close()
    with pytest.raises(EngineClosedError, match="closed"):
        view_of(method, clip(), target())


def test_a_folder_will_do_for_weights_and_devices_are_checked(tmp_path: Path) -> None:
    tiny_weights(tmp_path)
    assert load_synthesizer("anyview_small", weights=str(tmp_path), device="cpu").describe().streams
    with pytest.raises(InvalidInputError, match="device 'warp:3'"):
        AnyViewSmall(device="warp:3", weights=str(tmp_path))


def test_a_first_frame_alone_is_enough_and_sizes_are_free(method: AnyViewSmall) -> None:
    for width, height in ((7, 5), (33, 90)):
        odd = PinholeCamera(30.0, 31.0, 3.2, 2.1, width, height)
        still = CameraTrajectory(odd, np.eye(4)[None])
        source = PosedClip(np.zeros((1, 32, 32, 3), np.uint8), CAMERA, np.eye(4)[None], np.array([1]))
        assert view_of(method, source, still).frames.shape == (1, height, width, 3)


@pytest.mark.parametrize(
    "parts",
    [
        {"planes": 0, "continuous_warp": False, "depth_hint": False},
        {"continuous_warp": False},
        {"depth_hint": False},
        {"memory_frames": 1},
    ],
)
def test_the_ablations_run_and_leave_out_what_they_say(tmp_path: Path, parts: dict[str, object]) -> None:
    config = replace(TINY, **parts)  # type: ignore[arg-type]
    method = AnyViewSmall(device="cpu", weights=str(tiny_weights(tmp_path, config)))
    with_depth = view_of(method, clip(2), target(2))
    without = view_of(method, clip(2, depth=False), target(2))
    assert method.describe().uses_depth == config.depth_hint
    assert (grey_levels(with_depth, without) > 0) == config.depth_hint
    if not config.planes:
        assert (with_depth.depth == 0).all()
        assert (with_depth.confidence <= 0.2).all()  # nothing it shows was seen by the source there


def test_rays_only_is_a_setting_that_needs_all_three_off() -> None:
    with pytest.raises(InvalidInputError, match="continuous_warp needs planes"):
        SmallConfig(planes=0)
