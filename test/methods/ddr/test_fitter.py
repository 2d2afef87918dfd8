"""Fits: what they reach, how they end, how they go on, and what they refuse."""

from __future__ import annotations

import threading
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from ddr_scenes import QUICK, SMALL_BASELINE, poses_at, small_clip

from anyview_ros.clips import PosedClip
from anyview_ros.errors import InvalidInputError, InvalidRequestError, SynthesisError
from anyview_ros.methods.ddr import DdrFitter
from anyview_ros.methods.ddr.baking import Baker
from anyview_ros.methods.ddr.renderer import SceneRenderer
from anyview_ros.methods.ddr.scene import DdrScene
from anyview_ros.methods.ddr.trainer import Trainer
from anyview_ros.metrics import psnr_db
from anyview_ros.synthesis.fitting import FitBudget, SceneFitter, load_fitter


def without_depth(clip: PosedClip) -> PosedClip:
    return PosedClip(clip.frames, clip.camera, clip.camera_to_world, clip.stamps_ns)


def renderer_of(scene) -> SceneRenderer:
    return SceneRenderer(DdrScene.unpacked(scene, torch.device("cpu")))


def test_a_fit_shows_the_scene_from_a_camera_that_did_not_film_it() -> None:
    clip = small_clip()
    outcome = DdrFitter(device="cpu").fit([clip], budget=FitBudget(steps=80), options=QUICK)
    assert (outcome.stopped, outcome.steps) == ("done", 80)
    held_out = small_clip(offsets=[(0.15, -0.1, 0.0)])
    picture = renderer_of(outcome.scene).render(held_out.camera, held_out.camera_to_world[0], 0)
    assert psnr_db(picture.image, held_out.frames[0]) > psnr_db(clip.frames[0], held_out.frames[0]) + 3
    sure = picture.confidence > 0.9
    assert sure.mean() > 0.5
    assert np.median(np.abs(picture.depth - held_out.depth[0])[sure]) < 0.08


def test_what_moves_is_shown_where_it_was() -> None:
    clip = small_clip(moving=True, offsets=[(0, 0, 0)] * 6)
    options = replace(QUICK, fit_steps=150, rays=256)
    renderer = renderer_of(DdrFitter(device="cpu").fit([clip], options=options).scene)
    assert Baker(renderer.scene.field).moving_share > 0
    pictures = [renderer.render(clip.camera, poses_at([(0, 0, 0)])[0], int(s)).image for s in clip.stamps_ns]
    for right, wrong in ((0, 5), (5, 0)):
        assert psnr_db(pictures[right], clip.frames[right]) > psnr_db(pictures[right], clip.frames[wrong]) + 1


def test_the_scene_tells_where_it_comes_from() -> None:
    clip = small_clip()
    options = replace(QUICK, fit_steps=2)
    scene = DdrFitter(device="cpu").fit([clip], seed=5, options=options).scene
    assert (scene.method, scene.version) == ("ddr", 1)
    assert scene.provenance["steps"] == 2
    assert scene.provenance["seed"] == 5
    assert scene.provenance["options"]["depth_loss"] == "ddr"
    assert len(scene.provenance["clips_sha256"]) == 64
    (camera,) = scene.cameras
    np.testing.assert_array_equal(camera.camera_to_world, clip.camera_to_world)
    np.testing.assert_allclose(camera.refined_camera_to_world, clip.camera_to_world, atol=1e-12)
    assert camera.refined_camera == clip.camera


def test_the_same_seed_gives_the_same_scene() -> None:
    clip, options = small_clip(), replace(QUICK, fit_steps=5)
    first, second, third = (
        DdrFitter(device="cpu").fit([clip], seed=seed, options=options).scene.tensors for seed in (0, 0, 1)
    )
    assert all(np.array_equal(first[name], second[name]) for name in first)
    assert not all(np.array_equal(first[name], third[name]) for name in first)


def test_a_fit_that_was_cancelled_goes_on_as_if_it_never_had_been(tmp_path: Path) -> None:
    clip, options = small_clip(moving=True), replace(QUICK, fit_steps=12)
    whole = DdrFitter(device="cpu").fit([clip], options=options)

    class After:
        def __init__(self, looks: int) -> None:
            self.looks = looks

        def is_set(self) -> bool:
            self.looks -= 1
            return self.looks < 0

    path = tmp_path / "fit.safetensors"
    half = DdrFitter(device="cpu").fit([clip], options=options, cancel=After(5), checkpoint=path)
    assert (half.stopped, half.steps) == ("cancelled", 5)
    assert path.is_file()
    rest = DdrFitter(device="cpu").fit([clip], options=options, checkpoint=path)
    assert (rest.stopped, rest.steps) == ("done", 12)
    for name, value in whole.scene.tensors.items():
        np.testing.assert_array_equal(rest.scene.tensors[name], value, err_msg=name)
    assert rest.loss == whole.loss


def test_a_checkpoint_of_another_fit_is_refused(tmp_path: Path) -> None:
    clip, options, path = small_clip(), replace(QUICK, fit_steps=1), tmp_path / "fit.safetensors"
    fitter = DdrFitter(device="cpu")
    fitter.fit([clip], options=options, checkpoint=path)
    longer = fitter.fit([clip], budget=FitBudget(steps=2), options=options, checkpoint=path)
    assert longer.steps == 2
    with pytest.raises(InvalidRequestError, match="of another fit"):
        fitter.fit([clip], options=options, seed=1, checkpoint=path)
    with pytest.raises(InvalidRequestError, match="of another fit"):
        fitter.fit([without_depth(clip)], options=replace(options, depth_range_m=(0.5, 3)), checkpoint=path)
    path.write_bytes(b"nonsense")
    with pytest.raises(InvalidRequestError, match="damaged"):
        fitter.fit([clip], options=options, checkpoint=path)


def test_time_that_is_up_ends_a_fit() -> None:
    outcome = DdrFitter(device="cpu").fit(
        [small_clip()], budget=FitBudget(steps=10**6, seconds=0.3), options=QUICK
    )
    assert outcome.stopped == "time"
    assert 0 < outcome.steps < 10**6


def test_progress_is_told_to_the_end() -> None:
    told: list[tuple[int, int, float]] = []
    DdrFitter(device="cpu").fit(
        [small_clip()], options=replace(QUICK, fit_steps=3), progress=lambda *a: told.append(a)
    )
    assert told[-1][:2] == (3, 3)
    assert np.isfinite(told[-1][2])


def test_a_fit_that_diverges_keeps_its_best_state(monkeypatch: pytest.MonkeyPatch) -> None:
    step = Trainer.step

    def poisoned(self: Trainer) -> float:
        if self.step_count == 60:
            with torch.no_grad():
                self.field.grids[0].fill_(float("nan"))
        return step(self)

    monkeypatch.setattr(Trainer, "step", poisoned)
    outcome = DdrFitter(device="cpu").fit([small_clip()], budget=FitBudget(steps=100), options=QUICK)
    assert outcome.stopped == "diverged"
    assert outcome.steps in (25, 50)
    assert np.isfinite(outcome.loss)
    assert all(np.isfinite(value).all() for value in outcome.scene.tensors.values())
    assert any("diverged" in note for note in outcome.notes)


def test_a_fit_that_diverges_at_once_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Trainer, "step", lambda self: float("nan"))
    with pytest.raises(SynthesisError, match="diverged at step 0"):
        DdrFitter(device="cpu").fit([small_clip()], options=QUICK)


def test_one_frame_only_is_refused() -> None:
    with pytest.raises(InvalidRequestError, match="at least two frames but the clips have 1"):
        DdrFitter(device="cpu").fit([small_clip(offsets=[(0, 0, 0)])], options=QUICK)
    with pytest.raises(InvalidRequestError, match="at least two frames but the clips have 0"):
        DdrFitter(device="cpu").fit([], options=QUICK)


def test_no_depth_and_no_parallax_is_refused_whatever_the_range() -> None:
    clip = without_depth(small_clip(offsets=[(0, 0, 0)] * 3))
    for options in (QUICK, replace(QUICK, depth_range_m=(0.5, 3.0))):
        with pytest.raises(InvalidRequestError, match=r"no parallax: all cameras stand within 0\.00 mm"):
            DdrFitter(device="cpu").fit([clip], options=options)
    unknown = PosedClip(
        clip.frames, clip.camera, clip.camera_to_world, clip.stamps_ns, np.zeros((3, 24, 32), np.float32)
    )
    with pytest.raises(InvalidRequestError, match="no parallax"):
        DdrFitter(device="cpu").fit([unknown], options=QUICK)


def test_no_depth_but_parallax_finds_its_own_range() -> None:
    clip = small_clip(
        offsets=[(0.06 * i, 0, 0) for i in range(5)], camera=small_clip().camera.resized(96, 72)
    )
    outcome = DdrFitter(device="cpu").fit([without_depth(clip)], options=replace(QUICK, fit_steps=1))
    assert "tracked points lie" in outcome.notes[0]
    low, high = (np.exp(outcome.scene.settings["space"][name][2]) for name in ("low", "high"))
    assert low < 1.2
    assert high > 2.0


def test_no_depth_and_nothing_to_track_is_refused() -> None:
    clip = small_clip(offsets=[(0.05 * i, 0, 0) for i in range(4)])
    grey = PosedClip(np.full_like(clip.frames, 127), clip.camera, clip.camera_to_world, clip.stamps_ns)
    with pytest.raises(InvalidRequestError, match="only 0 points could be tracked"):
        DdrFitter(device="cpu").fit([grey], options=QUICK)


def test_values_that_are_not_finite_are_refused_or_unknown() -> None:
    clip = small_clip()
    depth = clip.depth.copy()
    depth[:, ::2] = np.nan
    holed = PosedClip(clip.frames, clip.camera, clip.camera_to_world, clip.stamps_ns, depth)
    outcome = DdrFitter(device="cpu").fit([holed], options=replace(QUICK, fit_steps=3))
    assert np.isfinite(outcome.loss)
    with pytest.raises(InvalidInputError, match="not finite"):
        PosedClip(clip.frames, clip.camera, np.full_like(clip.camera_to_world, np.nan), clip.stamps_ns)


def test_monocular_depth_is_aligned_before_the_fit() -> None:
    clip = small_clip(
        offsets=[(0.06 * i, 0, 0) for i in range(5)], camera=small_clip().camera.resized(96, 72)
    )
    estimate = PosedClip(clip.frames, clip.camera, clip.camera_to_world, clip.stamps_ns, clip.depth / 3)
    options = replace(QUICK, fit_steps=1, depth_kind="monocular")
    outcome = DdrFitter(device="cpu").fit([estimate], options=options)
    assert "aligned with tracked points; scales" in outcome.notes[0]
    assert np.exp(outcome.scene.settings["space"]["high"][2]) > 2.0
    still = PosedClip(clip.frames, clip.camera, clip.camera_to_world[[0] * 5], clip.stamps_ns, clip.depth)
    with pytest.raises(InvalidRequestError, match="the depth is monocular and no parallax"):
        DdrFitter(device="cpu").fit([still], options=options)
    with pytest.raises(InvalidRequestError, match="a clip has no depth"):
        DdrFitter(device="cpu").fit([without_depth(clip)], options=options)


def test_two_cameras_of_different_size_make_one_scene() -> None:
    first = small_clip(offsets=SMALL_BASELINE[:2])
    second = small_clip(offsets=[(0.2, 0, 0), (0.21, 0, 0)], camera=first.camera.resized(20, 16))
    scene = DdrFitter(device="cpu").fit([first, second], options=replace(QUICK, fit_steps=3)).scene
    assert [camera.camera.size for camera in scene.cameras] == [(32, 24), (20, 16)]


def test_cameras_with_depth_and_without_make_one_scene() -> None:
    seen, other = small_clip(offsets=SMALL_BASELINE[:2]), small_clip(offsets=[(0.1, 0, 0), (0.11, 0, 0)])
    for clips in ([seen, without_depth(other)], [without_depth(other), seen]):
        outcome = DdrFitter(device="cpu").fit(clips, options=replace(QUICK, fit_steps=40))
        assert len(outcome.scene.cameras) == 2
        picture = renderer_of(outcome.scene).render(other.camera, other.camera_to_world[0], 0)
        assert np.median(np.abs(picture.depth - other.depth[0])) < 0.1


def test_it_is_a_fitter_and_knows_its_devices() -> None:
    fitter = load_fitter("ddr", device="cpu")
    assert isinstance(fitter, SceneFitter)
    assert fitter.name == "ddr"
    with pytest.raises(InvalidInputError, match="device 'abacus' cannot be used"):
        load_fitter("ddr", device="abacus")


def test_a_cancel_token_that_was_set_before_stops_at_once() -> None:
    cancel = threading.Event()
    cancel.set()
    outcome = DdrFitter(device="cpu").fit([small_clip()], options=QUICK, cancel=cancel)
    assert (outcome.stopped, outcome.steps) == ("cancelled", 0)


@pytest.mark.parametrize("seed", [-1, 2**64])
def test_seeds_that_no_generator_takes_are_refused(seed: int) -> None:
    with pytest.raises(InvalidRequestError, match=f"seed is {seed}; give 0 to"):
        DdrFitter(device="cpu").fit([small_clip()], seed=seed, options=QUICK)


def test_the_largest_seed_is_taken() -> None:
    options = replace(QUICK, fit_steps=1)
    assert DdrFitter(device="cpu").fit([small_clip()], seed=2**64 - 1, options=options).steps == 1
