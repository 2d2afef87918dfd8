"""Live streams: refined while frames come in, bounded in memory, repeatable where asked."""

from __future__ import annotations

import threading
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from ddr_scenes import CAMERA, QUICK, poses_at, small_clip

from anyview_ros.clips import PosedClip
from anyview_ros.errors import EngineClosedError, InvalidClipError, InvalidRequestError, SynthesisError
from anyview_ros.geometry import PinholeCamera
from anyview_ros.methods.ddr import Ddr, DdrFitter
from anyview_ros.methods.ddr.online import OnlineFit
from anyview_ros.methods.ddr.trainer import Trainer
from anyview_ros.metrics import psnr_db
from anyview_ros.synthesis.by_products import ByProduct, ByProductStream
from anyview_ros.synthesis.scene_file import write_scene

LIVE = replace(QUICK, steps_per_frame=3, instants=4)
ASIDE = poses_at([(0.12, -0.05, 0)])[0]


def push(
    stream, clip: PosedClip, index: int, *, depth: bool = True, target=ASIDE, stamp_ns: int | None = None
):
    return stream.push(
        clip.frames[index],
        clip.camera_to_world[index],
        target_camera_to_world=(target,),
        stamp_ns=int(clip.stamps_ns[index]) if stamp_ns is None else stamp_ns,
        depth=clip.depth[index] if depth else None,
    )


def test_a_live_camera_is_shown_from_elsewhere_and_better_from_frame_to_frame() -> None:
    clip = small_clip(offsets=[(0, 0, 0)] * 8)
    truth = small_clip(offsets=[(0.12, -0.05, 0)])
    scores = []
    options = replace(LIVE, steps_per_frame=8, start_from_depth=False)
    with Ddr(device="cpu").open_stream(CAMERA, [CAMERA], options=options) as stream:
        for index in range(8):
            (view,) = push(stream, clip, index)
            scores.append(psnr_db(view.frames[0], truth.frames[0]))
            assert view.stamps_ns.tolist() == [int(clip.stamps_ns[index])]
            assert view.depth.shape == (1, 24, 32)
    assert scores[-1] > scores[0] + 2
    assert scores[-1] > psnr_db(clip.frames[0], truth.frames[0]) + 2


def test_depth_makes_the_first_view_a_good_one() -> None:
    clip, truth = small_clip(offsets=[(0, 0, 0)]), small_clip(offsets=[(0.12, -0.05, 0)])
    with Ddr(device="cpu").open_stream(CAMERA, [CAMERA], options=replace(LIVE, steps_per_frame=0)) as stream:
        (view,) = push(stream, clip, 0)
    assert psnr_db(view.frames[0], truth.frames[0]) > psnr_db(clip.frames[0], truth.frames[0]) + 2


def test_the_newest_instant_is_shown_while_something_moves() -> None:
    clip = small_clip(moving=True, offsets=[(0, 0, 0)] * 10)
    with Ddr(device="cpu").open_stream(
        CAMERA, [CAMERA], options=replace(LIVE, steps_per_frame=15, rays=256)
    ) as stream:
        for index in range(6):
            (view,) = push(stream, clip, index, target=clip.camera_to_world[0])
    newest, first = psnr_db(view.frames[0], clip.frames[5]), psnr_db(view.frames[0], clip.frames[0])
    assert newest > first


def test_streams_with_steps_repeat_exactly() -> None:
    clip = small_clip(moving=True)
    runs = []
    for _ in range(2):
        with Ddr(device="cpu").open_stream(CAMERA, [CAMERA], seed=2, options=LIVE) as stream:
            runs.append([push(stream, clip, index)[0].frames for index in range(3)])
    for first, second in zip(*runs, strict=True):
        np.testing.assert_array_equal(first, second)


def test_a_thread_refines_between_frames_and_ends_with_the_stream() -> None:
    clip = small_clip()
    stream = Ddr(device="cpu").open_stream(CAMERA, [CAMERA], options=replace(QUICK, refine_ms=20_000))
    push(stream, clip, 0)
    ends = time.monotonic() + 20
    while stream.steps < 3 and time.monotonic() < ends:
        time.sleep(0.01)
    assert stream.steps >= 3
    stream.close()
    stream.close()
    assert stream._thread is not None
    assert not stream._thread.is_alive()
    with pytest.raises(EngineClosedError):
        push(stream, clip, 1)


def test_what_goes_wrong_between_frames_is_told_at_the_next_and_the_fit_goes_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    refine, tried, again = OnlineFit.refine, threading.Event(), threading.Event()

    def fail_once(fit: OnlineFit, **given: Any) -> None:
        if not tried.is_set():
            tried.set()
            raise SynthesisError("out of order")
        refine(fit, **given)
        again.set()

    monkeypatch.setattr(OnlineFit, "refine", fail_once)
    clip = small_clip()
    with Ddr(device="cpu").open_stream(CAMERA, [CAMERA], options=replace(QUICK, refine_ms=20_000)) as stream:
        push(stream, clip, 0)
        assert tried.wait(10)
        assert stream.steps == 0  # asking takes no trouble from the push
        with pytest.raises(SynthesisError, match="out of order"):
            push(stream, clip, 1)
        assert not again.wait(0.2)  # not before a frame is taken in
        push(stream, clip, 2)
        assert again.wait(10)
        assert stream.steps > 0


def test_memory_does_not_grow_and_the_window_slides() -> None:
    clip = small_clip(moving=True, offsets=[(0, 0, 0)] * 9)
    fit = OnlineFit(CAMERA, replace(LIVE, memory_mb=20), 0, torch.device("cpu"))
    sizes = []
    for index in range(9):
        fit.push(PosedClip(*(getattr(clip, n)[[index]] if n != "camera" else CAMERA for n in FIELDS)))
        fit.refine(steps=1)
        held = [fit.window._colours, fit.window._depths, fit._seen, *fit._trainer.field.parameters()]
        sizes.append(sum(one.nbytes for one in held))
        assert len(fit.window.order) == min(4, 1 + index // 2)  # frames 0.2 s apart share a slot in pairs
    assert len(set(sizes)) == 1
    stamps_ns, poses = fit.refined_camera_to_world()
    assert stamps_ns.tolist() == clip.stamps_ns[[3, 5, 7, 8]].tolist()
    np.testing.assert_allclose(poses, clip.camera_to_world[:4], atol=1e-9)


FIELDS = ("frames", "camera", "camera_to_world", "stamps_ns", "depth")


def test_a_camera_that_looks_elsewhere_begins_anew() -> None:
    clip = small_clip(offsets=[(0, 0, 0), (0.01, 0, 0), (2.5, 0, 0), (2.51, 0, 0)])
    fit = OnlineFit(CAMERA, LIVE, 0, torch.device("cpu"))
    restarts = []
    for index in range(4):
        fit.push(PosedClip(*(getattr(clip, n)[[index]] if n != "camera" else CAMERA for n in FIELDS)))
        restarts.append(fit.restarts)
    assert restarts[:2] == [0, 0]
    assert restarts[2] == 1


def test_a_fit_that_diverges_begins_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    clip = small_clip()
    fit = OnlineFit(CAMERA, LIVE, 0, torch.device("cpu"))
    fit.push(PosedClip(*(getattr(clip, n)[[0]] if n != "camera" else CAMERA for n in FIELDS)))
    step = Trainer.step
    values = iter([float("nan"), None, None])
    monkeypatch.setattr(Trainer, "step", lambda self: next(values) or step(self))
    fit.refine(steps=3)
    assert fit.restarts == 1
    assert np.isfinite(fit.render(CAMERA, ASIDE).confidence).all()


def test_refined_poses_come_from_the_window() -> None:
    clip = small_clip(offsets=[(0.03 * i, 0, 0) for i in range(6)])
    options = replace(LIVE, refine_poses=True)
    with Ddr(device="cpu").open_stream(CAMERA, [CAMERA], options=options) as stream:
        for index in range(6):
            push(stream, clip, index)
        refined = stream.by_products({ByProduct.REFINED_POSES}).refined_poses
    poses = refined.camera_to_world
    assert refined.stamps_ns.tolist() == clip.stamps_ns[2:].tolist()
    moved = np.abs(poses - clip.camera_to_world[2:]).max((1, 2))
    assert moved[0] < 0.01  # held from now on, but learned before
    assert (moved[1:] > 0).any()
    assert moved.max() < 0.05


def test_each_pose_of_the_window_is_refined_on_its_own() -> None:
    offsets = 0.01 * np.arange(10)
    clip = small_clip(offsets=[(x, 0, 0) for x in offsets])
    fit = OnlineFit(CAMERA, replace(LIVE, refine_poses=True), 0, torch.device("cpu"))
    for index in range(10):
        fit.push(PosedClip(*(getattr(clip, n)[[index]] if n != "camera" else CAMERA for n in FIELDS)))
        cameras, order = fit._trainer.cameras, fit.window.order
        groups = cameras.groups[order].tolist()
        assert len(set(groups)) == len(groups)
        assert len(cameras.offsets) == 4
        assert cameras._held == groups[0]
    assert fit.restarts == 0


def test_poses_that_are_wrong_by_turns_are_each_put_right() -> None:
    clip = small_clip(offsets=[(0.005 * index, 0, 0) for index in range(3)])
    wrong = np.array([0, -0.03, 0.03])
    given = replace(clip, camera_to_world=clip.camera_to_world.copy(), stamps_ns=2 * clip.stamps_ns)
    given.camera_to_world[:, 1, 3] += wrong
    options = replace(LIVE, steps_per_frame=40, rays=256, refine_poses=True, static_scene=True)
    with Ddr(device="cpu").open_stream(CAMERA, [CAMERA], options=options) as stream:
        for index in range(3):
            push(stream, given, index, target=None)
        poses = stream.by_products({ByProduct.REFINED_POSES}).refined_poses.camera_to_world
    assert ((given.camera_to_world - poses)[1:, 1, 3] / wrong[1:] > 0.1).all()
    left = np.linalg.norm((poses - clip.camera_to_world)[1:, :3, 3], axis=1)
    assert left.mean() < 0.9 * 0.03


def test_seeds_are_checked_before_any_frame_and_the_largest_may_begin_anew() -> None:
    clip = small_clip(offsets=[(0, 0, 0), (2.5, 0, 0)])
    method = Ddr(device="cpu")
    for seed in (-1, 2**64):
        with pytest.raises(InvalidRequestError, match=f"seed is {seed}; give 0 to"):
            method.open_stream(CAMERA, [CAMERA], seed=seed, options=LIVE)
    with method.open_stream(CAMERA, [CAMERA], seed=2**64 - 1, options=LIVE) as stream:
        for index in range(2):
            push(stream, clip, index)
        assert stream._fit.restarts == 1


def test_large_frames_are_kept_small() -> None:
    large = CAMERA.resized(640, 480)
    fit = OnlineFit(large, QUICK, 0, torch.device("cpu"))
    assert fit.window.camera.size == (160, 120)


def test_a_loaded_scene_is_shown_as_it_was(tmp_path: Path) -> None:
    clip = small_clip(moving=True)
    path = tmp_path / "scene.safetensors"
    write_scene(path, DdrFitter(device="cpu").fit([clip], options=replace(QUICK, fit_steps=3)).scene)
    with Ddr(device="cpu", scene=str(path)).open_stream(
        CAMERA, [PinholeCamera.from_fov(20, 16, horizontal_fov_deg=60)]
    ) as stream:
        (first,) = push(stream, clip, 0)
        (skipped,) = push(stream, clip, 1, target=None)
        assert skipped is None
        black = PosedClip(0 * clip.frames, clip.camera, clip.camera_to_world, clip.stamps_ns)
        late = int(clip.stamps_ns[-1])
        (last,) = push(stream, black, 2, depth=False, stamp_ns=late)
        (beyond,) = push(stream, black, 2, depth=False, stamp_ns=late + 10**9)
        np.testing.assert_array_equal(last.frames, beyond.frames)
        assert first.frames.shape == (1, 16, 20, 3)
        with pytest.raises(InvalidRequestError, match="push in order of time"):
            push(stream, clip, 0)


def test_what_is_pushed_is_checked() -> None:
    clip = small_clip()
    method = Ddr(device="cpu")
    with pytest.raises(InvalidRequestError, match="targets is empty"):
        method.open_stream(CAMERA, [])
    with pytest.raises(InvalidRequestError, match="a stream needs depth in metres"):
        method.open_stream(CAMERA, [CAMERA], options={"depth_kind": "monocular"})
    with pytest.raises(InvalidRequestError, match="room for 0 frames"):
        method.open_stream(CAMERA, [CAMERA], options={"memory_mb": 0.001})
    with pytest.raises(InvalidRequestError, match="instants is 1 but a stream needs 2 or more"):
        method.open_stream(CAMERA, [CAMERA], options={"instants": 1})
    method.open_stream(CAMERA, [CAMERA], options={"instants": 1, "static_scene": True}).close()
    blind = method.open_stream(CAMERA, [CAMERA], options=LIVE)
    with pytest.raises(InvalidRequestError, match="no depth and nothing tells"):
        push(blind, clip, 0, depth=False)
    blind.close()
    with method.open_stream(CAMERA, [CAMERA], options=replace(LIVE, depth_range_m=(0.5, 3.0))) as stream:
        assert push(stream, clip, 0, depth=False)[0].frames.shape == (1, 24, 32, 3)
    with method.open_stream(CAMERA, [CAMERA], options=LIVE) as stream:
        with pytest.raises(InvalidClipError):
            stream.push(
                clip.frames[0, :5], clip.camera_to_world[0], target_camera_to_world=(ASIDE,), stamp_ns=1
            )
        with pytest.raises(InvalidRequestError, match="has 2 poses but the stream has 1"):
            stream.push(
                clip.frames[0], clip.camera_to_world[0], target_camera_to_world=(ASIDE, ASIDE), stamp_ns=1
            )


def test_by_products_tell_of_the_newest_frame_and_of_nothing_that_was_not_wanted() -> None:
    clip = small_clip(offsets=[(0.005 * index, 0, 0) for index in range(4)])
    given = clip.camera_to_world.copy()
    given[2:, 1, 3] += 0.02  # told wrongly
    options = replace(LIVE, steps_per_frame=20, rays=256, refine_poses=True)
    with Ddr(device="cpu").open_stream(CAMERA, [CAMERA], options=options) as stream:
        assert isinstance(stream, ByProductStream)
        with pytest.raises(InvalidRequestError, match="push one first"):
            stream.by_products({ByProduct.POINTS})
        for index in range(4):
            stream.push(
                clip.frames[index],
                given[index],
                target_camera_to_world=(None,),
                stamp_ns=int(clip.stamps_ns[index]),
                depth=clip.depth[index],
            )
        nothing = stream.by_products(frozenset())
        assert not any(nothing.has(kind) for kind in ByProduct)
        told = stream.by_products(set(ByProduct))
    assert told.points.stamp_ns == int(clip.stamps_ns[3])
    near_wall, near_box = (np.abs(told.points.points[:, 0] - x) < 0.15 for x in (2.0, 1.25))
    assert (near_wall | near_box).mean() > 0.8
    assert near_box.any()
    assert told.ray_weights.dtype == np.uint8
    assert told.ray_weights.shape[0] == 5 * 120  # a panel for each of five rays
    assert (told.ray_weights == (44, 160, 44)).all(-1).any()  # the depth that the frame gives
    assert told.refined_poses.stamps_ns[-1] == clip.stamps_ns[3]
    moved = np.linalg.norm(told.refined_poses.camera_to_world[-1][:3, 3] - given[3, :3, 3])
    assert 1e-4 < moved < 0.1
    with pytest.raises(EngineClosedError):
        stream.by_products(set(ByProduct))


def test_poses_that_are_not_refined_and_poses_of_a_fitted_scene_are_no_by_product(tmp_path: Path) -> None:
    clip = small_clip(offsets=[(0, 0, 0)] * 2)
    fitted = DdrFitter(device="cpu").fit([clip], options=replace(QUICK, fit_steps=5)).scene
    write_scene(tmp_path / "scene.safetensors", fitted)
    shown, live = Ddr(device="cpu", scene=str(tmp_path / "scene.safetensors")), Ddr(device="cpu")
    for method, options in ((shown, None), (live, LIVE)):
        with method.open_stream(CAMERA, [CAMERA], options=options) as stream:
            push(stream, clip, 0)
            told = stream.by_products(set(ByProduct))
        assert len(told.points) > 50
        assert told.ray_weights is not None
        assert told.refined_poses is None
