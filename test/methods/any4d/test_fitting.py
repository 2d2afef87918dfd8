from __future__ import annotations

import math
import threading
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from sliding_box import CAMERA, aside, sliding_box

from anyview_ros.clips import PosedClip
from anyview_ros.errors import InvalidClipError, InvalidRequestError, SceneFileError, SynthesisError
from anyview_ros.geometry import CameraTrajectory, PinholeCamera
from anyview_ros.methods.any4d import Any4DFitOptions, Any4DFitter
from anyview_ros.methods.any4d.depth_guess import triangulated
from anyview_ros.methods.any4d.model import MovingGaussians
from anyview_ros.methods.any4d.optimisation import Optimisation
from anyview_ros.methods.any4d.picture import picture_of
from anyview_ros.methods.any4d.tracks import Tracks, clip_flow, follow, lifted, stands_still
from anyview_ros.metrics import psnr_db
from anyview_ros.scenes import render_clip
from anyview_ros.synthesis.fitting import FitBudget, FitOutcome, SceneFitter, load_fitter
from anyview_ros.synthesis.registry import load_synthesizer
from anyview_ros.synthesis.request import SynthesisRequest
from anyview_ros.synthesis.scene_file import read_scene, write_scene

FEW = {"gaussians": 2000}


def fit(clip: PosedClip, steps: int = 30, **more: object) -> FitOutcome:
    return Any4DFitter(device="cpu").fit([clip], budget=FitBudget(steps), options=FEW, **more)  # type: ignore[arg-type]


def scene_of(outcome: FitOutcome) -> MovingGaussians:
    return MovingGaussians.load(outcome.scene.tensors, outcome.scene.settings)


def score(scene: MovingGaussians, truth: PosedClip, stamps_ns: np.ndarray) -> float:
    pictures = [
        picture_of(scene, int(stamp), truth.camera, pose).image
        for stamp, pose in zip(stamps_ns, truth.camera_to_world, strict=True)
    ]
    return psnr_db(np.concatenate(pictures), np.concatenate(list(truth.frames)))


@pytest.fixture(scope="module")
def fitted(clip: PosedClip) -> FitOutcome:
    return fit(clip)


def test_the_fitter_is_found_by_name() -> None:
    fitter = load_fitter("any4d", device="cpu")
    assert isinstance(fitter, SceneFitter)
    assert fitter.options_type is Any4DFitOptions


def test_a_fit_shows_all_instants_from_a_camera_that_was_not_fitted(
    fitted: FitOutcome, clip: PosedClip, beside: PosedClip
) -> None:
    scene = scene_of(fitted)
    ours = score(scene, beside, clip.stamps_ns)
    frozen = score(scene, beside, np.full(5, clip.stamps_ns[2]))
    copied = psnr_db(np.concatenate(list(clip.frames)), np.concatenate(list(beside.frames)))
    assert fitted.stopped == "done"
    assert ours > copied + 3
    assert ours > frozen + 2  # motion is shown, not one instant


def test_what_slides_is_found_to_move_and_what_stands_is_not(fitted: FitOutcome, clip: PosedClip) -> None:
    scene = scene_of(fitted)
    first, last = (scene.places(int(clip.stamps_ns[i])).detach().numpy() for i in (0, -1))
    box = (np.abs(first[:, 2] - 1.2) < 0.04) & (np.abs(first[:, 1]) < 0.15)
    box &= np.abs(first[:, 0] - (-0.25 + 0.08)) < 0.15
    wall = np.abs(first[:, 2] - 2.0) < 0.02
    moved = (last - first)[:, 0]
    assert box.sum() > 30
    assert np.median(moved[box]) == pytest.approx(0.32, abs=0.03)
    assert np.quantile(np.abs(moved[wall]), 0.9) < 0.02


def test_the_same_fit_gives_the_same_scene(fitted: FitOutcome, clip: PosedClip) -> None:
    again = fit(clip)
    for name, value in fitted.scene.tensors.items():
        assert np.array_equal(value, again.scene.tensors[name]), name
    other = fit(clip, seed=1)
    assert any(not np.array_equal(v, other.scene.tensors[k]) for k, v in fitted.scene.tensors.items())


def test_a_fit_that_is_cut_short_goes_on_as_if_it_had_not_been(
    fitted: FitOutcome, clip: PosedClip, tmp_path: Path
) -> None:
    path = tmp_path / "fit.checkpoint"
    cancel = threading.Event()

    class Cutting:
        asked = 0

        def is_set(self) -> bool:
            self.asked += 1
            return self.asked > 11

    part = fit(clip, cancel=Cutting(), checkpoint=path)
    assert (part.stopped, part.steps) == ("cancelled", 11)
    told: list[tuple[int, int]] = []
    whole = fit(clip, cancel=cancel, checkpoint=path, progress=lambda s, t, loss: told.append((s, t)))
    assert (whole.stopped, whole.steps) == ("done", 30)
    assert told[-1] == (30, 30)
    for name, value in fitted.scene.tensors.items():
        assert np.array_equal(value, whole.scene.tensors[name]), name
    with pytest.raises(InvalidRequestError, match="of another fit"):
        fit(clip, seed=4, checkpoint=path)
    path.write_bytes(b"nothing")
    with pytest.raises(InvalidRequestError, match="damaged"):
        fit(clip, checkpoint=path)


def test_a_fit_that_is_stopped_before_its_first_step_has_no_loss(clip: PosedClip) -> None:
    cancel = threading.Event()
    cancel.set()
    told: list[float] = []
    outcome = fit(clip, cancel=cancel, progress=lambda step, total, loss: told.append(loss))
    assert (outcome.stopped, outcome.steps) == ("cancelled", 0)
    assert math.isnan(outcome.loss)
    assert all(map(math.isnan, told))


def test_time_ends_a_fit(clip: PosedClip) -> None:
    outcome = Any4DFitter(device="cpu").fit(
        [clip], budget=FitBudget(10_000, seconds=0.05), options={"gaussians": 500, "side": 20}
    )
    assert outcome.stopped == "time"
    assert outcome.steps < 10_000


def test_a_fit_that_diverges_keeps_its_best_state(clip: PosedClip, monkeypatch: pytest.MonkeyPatch) -> None:
    step, calls = Optimisation.step, []

    def sometimes(self: Optimisation) -> float:
        calls.append(1)
        if len(calls) == 28:
            with torch.no_grad():
                self.scene.means.fill_(float("nan"))
        return step(self)

    monkeypatch.setattr(Optimisation, "step", sometimes)
    outcome = fit(clip, 60)
    assert outcome.stopped == "diverged"
    assert np.isfinite(outcome.loss)
    assert all(np.isfinite(v).all() for v in outcome.scene.tensors.values() if v.dtype.kind == "f")
    assert any("diverged" in note for note in outcome.notes)


def test_a_fit_that_diverges_at_once_is_an_error(clip: PosedClip, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Optimisation, "step", lambda self: float("nan"))
    with pytest.raises(SynthesisError, match="lower learning_rate"):
        fit(clip)


def test_clips_that_cannot_be_fitted_are_refused(clip: PosedClip) -> None:
    without = replace(clip, depth=None)
    first = PosedClip(clip.frames[:1], clip.camera, clip.camera_to_world[:1], clip.stamps_ns[:1])
    with pytest.raises(InvalidRequestError, match="one frame and no depth"):
        fit(first)
    with pytest.raises(InvalidRequestError, match="does not move enough"):
        fit(without)
    with pytest.raises(InvalidRequestError, match="0 everywhere"):
        fit(replace(clip, depth=np.zeros_like(clip.depth)))
    with pytest.raises(InvalidRequestError, match="clips is empty"):
        Any4DFitter(device="cpu").fit([])
    wrong = replace(clip)
    object.__setattr__(wrong, "depth", np.full_like(clip.depth, np.nan))
    with pytest.raises(InvalidClipError, match="not finite"):
        fit(wrong)


def test_one_frame_with_depth_is_enough(clip: PosedClip) -> None:
    one = PosedClip(
        clip.frames[:1], clip.camera, clip.camera_to_world[:1], clip.stamps_ns[:1], clip.depth[:1]
    )  # type: ignore[index]
    outcome = fit(one, 3)
    assert score(scene_of(outcome), one, one.stamps_ns) > 18


def test_parallax_tells_depth() -> None:
    rng = np.random.default_rng(0)
    camera, poses = PinholeCamera(35.0, 35.0, 19.5, 14.5, 40, 30), np.tile(np.eye(4), (4, 1, 1))
    poses[:, 0, 3] = 0.06 * np.arange(4)
    points = rng.uniform((-0.5, -0.3, 1.5), (0.5, 0.3, 2.5), (50, 3))
    pixels, depth = camera.project(points[:, None] - poses[:, :3, 3])
    tracks = Tracks(pixels, np.ones((50, 4), bool), np.full(50, 1))
    frames = np.zeros((4, 30, 40, 3), np.uint8)
    found = triangulated(tracks, PosedClip(frames, camera, poses, np.arange(4) + 1), 1)
    assert np.abs(found - depth[:, 1]).max() < 1e-6
    resting = Tracks(pixels[:, :1].repeat(4, 1), tracks.visible, tracks.frame)
    still = PosedClip(frames, camera, np.tile(np.eye(4), (4, 1, 1)), np.arange(4) + 1)
    assert (triangulated(resting, still, 1) == 0).all()


def test_flow_follows_the_box(clip: PosedClip) -> None:
    middle = np.array([[clip.camera.cx - 0.17 * clip.camera.fx / 1.2, clip.camera.cy]])
    tracks = follow(clip_flow(clip), 0, middle)
    moved = (tracks.pixels[0, :, 0] - middle[0, 0]) * 1.2 / clip.camera.fx
    assert tracks.visible.all()
    assert moved == pytest.approx(0.08 * np.arange(5), abs=0.02)


def test_flow_of_a_moving_camera_leaves_still_things_where_they_are() -> None:
    poses = np.stack([aside(x) for x in (0.0, 0.3)])
    still = render_clip(sliding_box(speed=0.0), CAMERA, poses, [0.1, 0.2], supersampling=2)
    grid = (
        np.stack(np.meshgrid(np.arange(4, 36, 3), np.arange(4, 26, 3)), -1).reshape(-1, 2).astype(np.float64)
    )
    tracks = follow(clip_flow(still), 0, grid)
    points, known = lifted(tracks, still)
    both = known.all(1)
    assert both.mean() > 0.5
    assert np.median(np.linalg.norm(tracks.pixels[both, 1] - tracks.pixels[both, 0], axis=1)) > 1.2
    assert np.quantile(np.linalg.norm(points[both, 1] - points[both, 0], axis=1), 0.9) < 0.02


def test_what_stands_still_is_known_by_being_where_it_was() -> None:
    poses = np.stack([aside(x) for x in (0.0, 0.1, 0.2, 0.3)])
    clip = render_clip(sliding_box(), CAMERA, poses, [0.1, 0.25, 0.4, 0.55], supersampling=2)
    places = np.array([[0.5, 0.4, 2.0], [0.6, -0.3, 2.0], [-0.3, 0.0, 1.2], [-0.1, 0.1, 1.2]])
    frame = np.zeros(4, np.int64)
    assert stands_still(places, frame, clip).tolist() == [True, True, False, False]


def test_given_tracks_are_used(clip: PosedClip) -> None:
    rows, columns = np.mgrid[2:28:4, 2:38:4]
    at = np.stack([columns.ravel(), rows.ravel()], -1).astype(np.float64)
    still = Tracks(np.repeat(at[:, None], 5, 1), np.ones((len(at), 5), bool), np.zeros(len(at), np.int64))
    told_still = Any4DFitter(device="cpu").fit([clip], budget=FitBudget(1), options={**FEW, "tracks": still})
    assert np.abs(told_still.scene.tensors["motion.courses"]).max() < 0.01
    assert np.abs(fit(clip, 1).scene.tensors["motion.courses"]).max() > 0.05
    short = Tracks(at[:, None], np.ones((len(at), 1), bool), np.zeros(len(at)))
    with pytest.raises(InvalidRequestError, match="5 frames of the first clip"):
        Any4DFitter(device="cpu").fit([clip], options={**FEW, "tracks": short})


def test_a_checkpoint_is_of_its_tracks_alone(clip: PosedClip, tmp_path: Path) -> None:
    path = tmp_path / "fit.safetensors"
    rows, columns = np.mgrid[2:28:4, 2:38:4]
    at = np.repeat(np.stack([columns.ravel(), rows.ravel()], -1).astype(np.float64)[:, None], 5, 1)

    def follow_these(pixels: np.ndarray) -> FitOutcome:
        tracks = Tracks(pixels, np.ones(pixels.shape[:2], bool), np.zeros(len(pixels), np.int64))
        fitter, options = Any4DFitter(device="cpu"), {**FEW, "tracks": tracks}
        return fitter.fit([clip], budget=FitBudget(1), options=options, checkpoint=path)

    follow_these(at)
    assert follow_these(at).steps == 1
    with pytest.raises(InvalidRequestError, match="of another fit"):
        follow_these(at + 0.5)


def test_given_tracks_that_move_where_nothing_is_born_leave_a_still_scene(clip: PosedClip) -> None:
    still = replace(clip, frames=np.repeat(clip.frames[:1], 5, 0), depth=np.full_like(clip.depth, 1.5))
    rows, columns = np.mgrid[4:28:4, 4:36:4]
    stay = np.repeat(np.stack([columns.ravel(), rows.ravel()], -1).astype(np.float64)[:, None], 5, 1)
    begin = np.array([[16, 10]]) + np.random.default_rng(0).uniform(0, 6, (14, 2))
    slide = begin[:, None] + 4.0 * np.arange(5)[:, None] * np.array([1.0, 0.0])
    late = np.zeros((14, 5), bool)
    late[:, 3:] = True
    tracks = Tracks(
        np.concatenate([stay, slide]),
        np.concatenate([np.ones(stay.shape[:2], bool), late]),
        np.repeat([2, 3], [len(stay), 14]),
    )
    outcome = Any4DFitter(device="cpu").fit([still], budget=FitBudget(1), options={**FEW, "tracks": tracks})
    assert outcome.steps == 1
    assert np.abs(outcome.scene.tensors["motion.free"]).max() == 0


def test_two_cameras_are_fitted_together(clip: PosedClip, beside: PosedClip) -> None:
    outcome = Any4DFitter(device="cpu").fit([clip, beside], budget=FitBudget(20), options=FEW)
    alone = fit(clip, 20)
    assert len(outcome.scene.cameras) == 2
    both = score(scene_of(outcome), beside, clip.stamps_ns)
    assert both > score(scene_of(alone), beside, clip.stamps_ns) + 0.5


def test_a_scene_in_a_file_is_rendered_at_once(
    fitted: FitOutcome, clip: PosedClip, beside: PosedClip, tmp_path: Path
) -> None:
    path = tmp_path / "box.scene"
    write_scene(path, fitted.scene)
    synthesizer = load_synthesizer("any4d", device="cpu", scene=str(path))
    target = CameraTrajectory(beside.camera, beside.camera_to_world)
    result = synthesizer.synthesize(SynthesisRequest((clip,), (target,)))
    (view,) = result.views
    expected = picture_of(scene_of(fitted), int(clip.stamps_ns[1]), beside.camera, beside.camera_to_world[1])
    assert np.array_equal(view.frames[1], expected.image)
    assert result.provenance.weights_hash
    assert 0.4 < view.confidence.mean() <= 1
    seen = (view.depth > 0) & (np.abs(view.depth - beside.depth) < 0.05 * beside.depth)  # type: ignore[operator]
    assert seen.mean() > 0.75
    assert read_scene(path).provenance["steps"] == 30


def test_a_scene_that_is_damaged_is_refused(fitted: FitOutcome, tmp_path: Path) -> None:
    tensors = {k: v for k, v in fitted.scene.tensors.items() if k != "means"}
    path = tmp_path / "damaged.scene"
    write_scene(path, replace(fitted.scene, tensors=tensors))
    with pytest.raises(SceneFileError, match="fit it again"):
        load_synthesizer("any4d", scene=str(path))
    write_scene(path, replace(fitted.scene, version=99))
    with pytest.raises(SceneFileError, match="version 99"):
        load_synthesizer("any4d", scene=str(path))


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"gaussians": 5}, "100 or more"),
        ({"bases": 4}, "six are the frozen"),
        ({"motion": "free"}, "hybrid, learned, fixed"),
        ({"depth_weight": -1}, "number of at least 0"),
        ({"learning_rate": 0}, "positive number"),
        ({"depth_weight": "high"}, "depth_weight is 'high'; give a number of at least 0"),
        ({"guess_depth": "no"}, "guess_depth is 'no'; give True or False"),
    ],
)
def test_options_that_cannot_be_are_refused(wrong: dict[str, object], told: str) -> None:
    with pytest.raises(InvalidRequestError, match=told):
        Any4DFitOptions(**wrong)  # type: ignore[arg-type]


@pytest.mark.parametrize("seed", [-1, 2**64])
def test_seeds_that_no_generator_takes_are_refused(clip: PosedClip, seed: int) -> None:
    with pytest.raises(InvalidRequestError, match=f"seed is {seed}; give 0 to"):
        fit(clip, 1, seed=seed)


def test_the_largest_seed_is_taken(clip: PosedClip) -> None:
    assert fit(clip, 1, seed=2**64 - 1).steps == 1
