"""Distillation as a fit: what it reaches, how it ends, how it goes on, what it refuses, and the scene it leaves."""

from __future__ import annotations

import threading
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from zeronvs_weights import tiny_weights

from anyview_ros.clips import PosedClip
from anyview_ros.errors import (
    EngineClosedError,
    InvalidInputError,
    InvalidRequestError,
    SceneFileError,
    SynthesisError,
    WeightsError,
)
from anyview_ros.geometry import CameraTrajectory, PinholeCamera
from anyview_ros.methods.zeronvs.distillation import DistillOptions, ZeroFitter
from anyview_ros.methods.zeronvs.distillation.distiller import Distiller
from anyview_ros.methods.zeronvs.distillation.scene import DistilledScene
from anyview_ros.metrics import psnr_db
from anyview_ros.synthesis import SynthesisRequest, load_synthesizer
from anyview_ros.synthesis.fitting import FitBudget, FitOutcome, SceneFitter, load_fitter
from anyview_ros.synthesis.scene_file import write_scene
from benchmarks.support.two_backed_ball import DISTANCE_M, BallDenoiser, camera_at, exact, input_clip
from benchmarks.zeronvs_anchors import OPTIONS

QUICK = replace(OPTIONS, anchors=1, anchor_steps=6, voxels=4000, samples=12, rays=96)


def fit(options: DistillOptions = QUICK, steps: int = 4, seed: int = 0, **others) -> FitOutcome:
    fitter = ZeroFitter(device="cpu", loaded=exact())
    return fitter.fit([input_clip()], budget=FitBudget(steps), seed=seed, options=options, **others)


class After:
    """A cancel token that is set after so many looks."""

    def __init__(self, looks: int) -> None:
        self.looks = looks

    def is_set(self) -> bool:
        self.looks -= 1
        return self.looks < 0


def test_the_input_view_is_learned_and_depth_with_it() -> None:
    clip = input_clip()
    few, many = fit(steps=2), fit(steps=60)
    assert (many.stopped, many.steps) == ("done", 60)
    assert many.loss < 0.2 * few.loss
    scene = DistilledScene.unpacked(many.scene, torch.device("cpu"))
    picture = scene.render(clip.camera, clip.camera_to_world[0])
    assert psnr_db(picture.image, clip.frames[0]) > 22
    known = clip.depth[0] > 0
    assert np.median(np.abs(picture.depth - clip.depth[0])[known]) < 0.12  # a cell is 0.11 m


def test_what_the_input_did_not_see_is_marked_as_imagined() -> None:
    scene = DistilledScene.unpacked(fit(steps=60).scene, torch.device("cpu"))
    clip = input_clip()
    middle = slice(20, 28)
    front = scene.render(clip.camera, camera_at(0.0)).confidence[middle, middle]
    back = scene.render(clip.camera, camera_at(180.0)).confidence[middle, middle]
    assert front.mean() > 0.5
    assert back.mean() < 0.1


def test_a_fit_that_was_cancelled_goes_on_as_if_it_never_had_been(tmp_path: Path) -> None:
    whole = fit(steps=8)
    path = tmp_path / "fit.safetensors"
    half = fit(steps=8, cancel=After(QUICK.anchor_steps + 3), checkpoint=path)
    assert (half.stopped, half.steps) == ("cancelled", 3)
    rest = fit(steps=8, checkpoint=path)
    assert (rest.stopped, rest.steps) == ("done", 8)
    for name, value in whole.scene.tensors.items():
        np.testing.assert_array_equal(rest.scene.tensors[name], value, err_msg=name)
    assert rest.loss == whole.loss
    with pytest.raises(InvalidRequestError, match="of another fit"):
        fit(steps=8, seed=1, checkpoint=path)
    with pytest.raises(InvalidRequestError, match="of another fit"):
        fit(replace(QUICK, guidance=9.0), steps=8, checkpoint=path)


def test_a_fit_that_was_cancelled_goes_on_to_more_steps_and_keeps_its_anchors(tmp_path: Path) -> None:
    path = tmp_path / "fit.safetensors"
    half = fit(steps=4, cancel=After(QUICK.anchor_steps + 3), checkpoint=path)
    assert (half.stopped, half.steps) == ("cancelled", 3)
    more = fit(steps=6, checkpoint=path)
    assert (more.stopped, more.steps) == ("done", 6)
    np.testing.assert_array_equal(more.scene.tensors["anchors"], half.scene.tensors["anchors"])
    fewer = fit(steps=2, checkpoint=path)
    assert (fewer.stopped, fewer.steps) == ("done", 6)


def test_a_fit_cancelled_while_anchors_are_drawn_stops_there(tmp_path: Path) -> None:
    path = tmp_path / "fit.safetensors"
    outcome = fit(cancel=After(2), checkpoint=path)
    assert (outcome.stopped, outcome.steps) == ("cancelled", 0)
    assert not path.exists()  # nothing is done that the seed would not do again
    cancel = threading.Event()
    cancel.set()
    assert fit(replace(QUICK, anchors=0), cancel=cancel).stopped == "cancelled"


def test_anchors_are_drawn_in_the_steps_that_suit_the_weights() -> None:
    fitter = ZeroFitter(device="cpu", loaded=replace(exact(), anchor_steps=2))
    options = replace(QUICK, anchor_steps=None)
    outcome = fitter.fit([input_clip()], budget=FitBudget(8), options=options, cancel=After(2 + 3))
    assert (outcome.stopped, outcome.steps) == ("cancelled", 3)


def test_seeds_may_be_large_but_not_negative() -> None:
    first, second = (fit(steps=1, seed=seed).scene.tensors["anchors"] for seed in (2**64 - 1, 2**64 - 2))
    assert not np.array_equal(first, second)
    for seed in (-1, 2**64):
        with pytest.raises(InvalidRequestError, match=f"seed is {seed}"):
            fit(seed=seed)


def test_time_that_is_up_ends_it() -> None:
    fitter = ZeroFitter(device="cpu", loaded=exact())
    outcome = fitter.fit([input_clip()], budget=FitBudget(10**6, 0.5), options=QUICK)
    assert outcome.stopped == "time"
    assert 0 <= outcome.steps < 10**6


def test_progress_is_told_to_the_end() -> None:
    told: list[tuple[int, int, float]] = []
    fit(progress=lambda *a: told.append(a))
    assert told[-1][:2] == (4, 4)
    assert np.isfinite(told[-1][2])


def test_the_same_seed_gives_the_same_scene_and_another_gives_another() -> None:
    first, again, other = (fit(steps=3, seed=seed).scene.tensors for seed in (0, 0, 1))
    assert all(np.array_equal(first[name], again[name]) for name in first)
    assert not np.array_equal(first["values"], other["values"])
    assert not np.array_equal(first["anchors"], other["anchors"])


def test_a_fit_that_diverges_keeps_its_last_state_that_was_sound(monkeypatch: pytest.MonkeyPatch) -> None:
    step = Distiller.step

    def poisoned(self: Distiller) -> float:
        if self.step_count == 28:
            with torch.no_grad():
                self.field.grids[0].fill_(float("nan"))
        return step(self)

    monkeypatch.setattr(Distiller, "step", poisoned)
    outcome = fit(steps=40)
    assert (outcome.stopped, outcome.steps) == ("diverged", 25)
    assert all(np.isfinite(value).all() for value in outcome.scene.tensors.values())
    assert any("diverged; the scene is that of step 25" in note for note in outcome.notes)


def test_a_denoiser_that_gives_nothing_finite_is_an_error_and_not_a_scene() -> None:
    class Broken(BallDenoiser):
        def predict(self, noisy, timesteps, condition):
            return torch.full_like(noisy, float("nan"))

    fitter = ZeroFitter(device="cpu", loaded=replace(exact(), denoiser=Broken()))
    with pytest.raises(SynthesisError, match=r"diverged at step 0.*lower sds_weight"):
        fitter.fit([input_clip()], budget=FitBudget(3), options=replace(QUICK, anchors=0))


def test_the_scene_tells_where_it_comes_from() -> None:
    scene = fit(replace(QUICK, anchors=2)).scene
    assert (scene.method, scene.version) == ("zeronvs", 1)
    assert scene.tensors["anchors"].shape == (2, 16, 16, 3)
    anchors = np.array(scene.settings["anchor_camera_to_world"])
    np.testing.assert_allclose(anchors[0], camera_at(120.0), atol=1e-9)
    np.testing.assert_allclose(anchors[1], camera_at(240.0), atol=1e-9)
    assert scene.settings["look_at_m"] == DISTANCE_M
    assert scene.provenance["weights_hash"] == "exact"
    assert scene.provenance["steps"] == 4
    assert scene.provenance["options"]["guidance"] == 7.5


def test_one_frame_is_the_input_and_the_others_are_named() -> None:
    clip = input_clip()
    two = PosedClip(
        np.stack([np.zeros_like(clip.frames[0]), clip.frames[0]]),
        clip.camera,
        np.concatenate([clip.camera_to_world] * 2),
        np.array([0, 5]),
        np.concatenate([clip.depth] * 2),
    )
    fitter = ZeroFitter(device="cpu", loaded=exact())
    outcome = fitter.fit([two], budget=FitBudget(1), options=replace(QUICK, frame=1, anchors=0))
    assert "Distilled from frame 1 alone; 1 other frames" in outcome.notes[0]
    assert outcome.scene.cameras[0].stamps_ns.tolist() == [5]
    assert outcome.loss < 0.5
    with pytest.raises(InvalidRequestError, match="frame is 7 but the clip has 2"):
        fitter.fit([two], options=replace(QUICK, frame=7))
    with pytest.raises(InvalidRequestError, match="no clip"):
        fitter.fit([], options=QUICK)


def test_without_depth_it_must_be_told_how_far_things_are() -> None:
    clip = input_clip()
    blind = PosedClip(clip.frames, clip.camera, clip.camera_to_world, clip.stamps_ns)
    fitter = ZeroFitter(device="cpu", loaded=exact())
    options = replace(QUICK, look_at_m=None, anchors=0, extent_m=None)
    with pytest.raises(InvalidRequestError, match="nothing tells how far things are"):
        fitter.fit([blind], options=options)
    outcome = fitter.fit([blind], budget=FitBudget(1), options=replace(options, look_at_m=2.0))
    assert outcome.scene.settings["scale_m"] == 2.0
    assert outcome.scene.settings["space"]["high"][0] == 4.0
    seen = fitter.fit([clip], budget=FitBudget(1), options=options).scene
    assert seen.settings["look_at_m"] == pytest.approx(1.53, abs=0.03)  # the ball's near side
    np.testing.assert_allclose(seen.settings["scale_m"], np.percentile(clip.depth[clip.depth > 0], 20))


def test_an_axis_outside_the_picture_is_refused() -> None:
    clip = input_clip()
    camera = PinholeCamera(clip.camera.fx, clip.camera.fy, -5.0, clip.camera.cy, *clip.camera.size)
    off = PosedClip(clip.frames, camera, clip.camera_to_world, clip.stamps_ns, clip.depth)
    fitter = ZeroFitter(device="cpu", loaded=exact())
    with pytest.raises(InvalidRequestError, match="lies outside its picture"):
        fitter.fit([off], options=QUICK)


@pytest.fixture(scope="module")
def scene_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("scene") / "scene.safetensors"
    write_scene(path, fit(steps=40).scene)
    return path


def test_a_scene_is_shown_from_any_camera_at_any_instant(scene_file: Path) -> None:
    shown = load_synthesizer(scene=str(scene_file), device="cpu:0")
    assert shown.device == "cpu:0"
    description = shown.describe()
    assert (description.name, description.generative, description.default_steps) == ("zeronvs", True, 0)
    camera = PinholeCamera.from_fov(20, 14, horizontal_fov_deg=40)
    poses = np.stack([camera_at(0.0), camera_at(90.0), camera_at(90.0)])
    target = CameraTrajectory(camera, poses, np.array([0, 10**9, 10**9]))
    result = shown.synthesize(SynthesisRequest((input_clip(),), (target,)))
    (view,) = result.views
    assert view.frames.shape == (3, 14, 20, 3)
    assert view.depth is not None
    np.testing.assert_array_equal(view.frames[1], view.frames[2])  # nothing moves
    assert result.provenance.weights_hash == shown.weights_hash
    assert len(shown.weights_hash) == 64
    clip = input_clip()
    with shown.open_stream(clip.camera, [camera]) as stream:
        (live,) = stream.push(
            clip.frames[0], clip.camera_to_world[0], target_camera_to_world=[poses[1]], stamp_ns=3
        )
        assert stream.provenance.weights_hash == shown.weights_hash
    np.testing.assert_array_equal(live.frames[0], view.frames[1])
    shown.close()
    with pytest.raises(EngineClosedError):
        shown.synthesize(SynthesisRequest((input_clip(),), (target,)))


def test_a_scene_that_cannot_be_shown_is_refused(scene_file: Path, tmp_path: Path) -> None:
    with pytest.raises(InvalidInputError, match="takes weights to draw views, or a scene"):
        load_synthesizer("zeronvs", scene=str(scene_file), weights="w", device="cpu")
    with pytest.raises(SceneFileError, match="there is no scene"):
        load_synthesizer("zeronvs", scene=str(tmp_path / "none"), device="cpu")
    good = fit(steps=1).scene
    for name, tensors, told in (
        ("torn", {**good.tensors, "seen": good.tensors["seen"][1:]}, "do not fit each other"),
        ("nan", {**good.tensors, "values": np.full_like(good.tensors["values"], np.nan)}, "not finite"),
        ("less", {"values": good.tensors["values"]}, "seen"),
    ):
        path = tmp_path / f"{name}.safetensors"
        write_scene(path, replace(good, tensors=tensors))
        with pytest.raises(SceneFileError, match=told):
            load_synthesizer(scene=str(path), device="cpu")


def test_it_is_found_by_name_and_loads_weights_by_option(tmp_path: Path) -> None:
    fitter = load_fitter("zeronvs", device="cpu")
    assert isinstance(fitter, SceneFitter)
    options = replace(
        QUICK, weights=str(tiny_weights(tmp_path)), anchor_steps=2, elevation_deg=(5.0, 40.0), extent_m=None
    )
    outcome = fitter.fit([input_clip()], budget=FitBudget(3), options=options)
    assert outcome.steps == 3
    assert len(outcome.scene.provenance["weights_hash"]) == 64
    with pytest.raises(WeightsError):
        fitter.fit([input_clip()], options=replace(QUICK, weights=str(tmp_path / "none.safetensors")))
