"""The method: with a scene, without one, and what it refuses."""

from __future__ import annotations

import threading
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from ddr_scenes import CAMERA, QUICK, poses_at, small_clip

from anyview_ros.errors import (
    EngineClosedError,
    InvalidInputError,
    InvalidRequestError,
    SceneFileError,
    SynthesisCancelled,
)
from anyview_ros.geometry import CameraTrajectory, PinholeCamera
from anyview_ros.methods.ddr import Ddr, DdrFitter, DdrOptions
from anyview_ros.methods.ddr.trainer import Trainer
from anyview_ros.metrics import psnr_db
from anyview_ros.synthesis import SynthesisRequest, Synthesizer, available_methods, load_synthesizer
from anyview_ros.synthesis.scene_file import read_scene, scene_hash, write_scene
from anyview_ros.synthesis.warm_up import warm_up_request


@pytest.fixture(scope="module")
def scene_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("ddr") / "scene.safetensors"
    options = replace(QUICK, static_scene=False)
    write_scene(path, DdrFitter(device="cpu").fit([small_clip(moving=True)], options=options).scene)
    return path


def request(count: int = 2, **given) -> SynthesisRequest:
    clip = small_clip(moving=True)
    poses = poses_at([(0.1, 0, 0), (-0.1, 0.05, 0)])[:count]
    target = CameraTrajectory(
        PinholeCamera.from_fov(40, 30, horizontal_fov_deg=50), poses, clip.stamps_ns[:count]
    )
    return SynthesisRequest((clip,), (target,), **given)


def test_a_fitted_scene_is_rendered(scene_path: Path) -> None:
    method = load_synthesizer("ddr", device="cpu", scene=str(scene_path))
    assert isinstance(method, Synthesizer)
    told: list[tuple[int, int]] = []
    result = method.synthesize(request(seed=3), progress=lambda *a: told.append(a))
    (view,) = result.views
    assert view.frames.shape == (2, 30, 40, 3)
    assert view.depth.shape == view.confidence.shape == (2, 30, 40)
    assert 0 <= view.confidence.min() < view.confidence.max() <= 1
    assert told == [(1, 2), (2, 2)]
    provenance = result.provenance
    assert (provenance.method, provenance.seed, provenance.steps) == ("ddr", 3, 0)
    assert provenance.weights_hash == scene_hash(scene_path)
    again = method.synthesize(request(seed=3)).views[0]
    np.testing.assert_array_equal(again.frames, view.frames)


def test_it_shows_its_source_again(scene_path: Path) -> None:
    clip = small_clip(moving=True)
    asked = SynthesisRequest((clip,), (CameraTrajectory(CAMERA, clip.camera_to_world),))
    (view,) = load_synthesizer("ddr", device="cpu", scene=str(scene_path)).synthesize(asked).views
    scores = [psnr_db(view.frames[i], clip.frames[i]) for i in range(len(clip))]
    assert min(scores) > 18
    assert np.median(np.abs(view.depth - clip.depth)) < 0.08


def test_a_scene_is_known_by_its_hash_and_a_method_without_one_has_none(scene_path: Path) -> None:
    method = Ddr(device="cpu", scene=str(scene_path))
    assert method.weights_hash == scene_hash(scene_path)
    assert method.synthesize(request()).provenance.weights_hash == method.weights_hash
    with method.open_stream(CAMERA, [CAMERA]) as stream:
        assert stream.provenance.weights_hash == method.weights_hash
    assert Ddr(device="cpu").weights_hash == ""


def test_what_no_camera_saw_has_no_confidence(scene_path: Path) -> None:
    method = load_synthesizer("ddr", device="cpu", scene=str(scene_path))
    clip = small_clip(moving=True)
    away = poses_at([(0, 0, 0)])[0]
    away[:3, :3] = away[:3, :3] @ np.diag([-1.0, 1.0, -1.0])  # looks back
    aside = poses_at([(1.5, 0, 0)])[0]
    target = CameraTrajectory(CAMERA, np.stack([away, aside]), clip.stamps_ns[:2])
    (view,) = method.synthesize(SynthesisRequest((clip,), (target,))).views
    assert view.confidence[0].max() == 0
    assert (view.depth[0] == 0).all()
    assert 0.05 < (view.confidence[1] > 0.5).mean() < 0.9


def test_a_request_without_a_scene_is_fitted_first() -> None:
    told: list[tuple[int, int]] = []
    method = Ddr(device="cpu")
    result = method.synthesize(request(steps=4, options=QUICK), progress=lambda *a: told.append(a))
    assert result.provenance.steps == 4
    assert result.provenance.weights_hash == ""
    assert told[-1] == (6, 6)
    assert all(total == 6 for _, total in told)
    same = method.synthesize(request(steps=4, options=QUICK))
    np.testing.assert_array_equal(result.views[0].frames, same.views[0].frames)


def test_a_fit_stops_when_it_is_cancelled(scene_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cancel, done, step = threading.Event(), [], Trainer.step

    def third_cancels(self: Trainer) -> float:
        done.append(self.step_count)
        if len(done) == 3:
            cancel.set()
        return step(self)

    monkeypatch.setattr(Trainer, "step", third_cancels)
    with pytest.raises(SynthesisCancelled, match="'ddr' was cancelled between two steps"):
        Ddr(device="cpu").synthesize(request(options=QUICK), cancel=cancel)
    assert len(done) == 3
    with pytest.raises(SynthesisCancelled, match="'ddr' was cancelled between two steps"):
        Ddr(device="cpu", scene=str(scene_path)).synthesize(request(), cancel=cancel)


def test_the_engines_warm_up_can_be_served(scene_path: Path) -> None:
    for method in (Ddr(device="cpu"), Ddr(device="cpu", scene=str(scene_path))):
        result = method.synthesize(warm_up_request(method.describe()))
        assert result.views[0].frames.shape == (1, 48, 64, 3)


def test_it_describes_itself(scene_path: Path) -> None:
    assert "ddr" in available_methods()
    fitting, rendering = Ddr(device="cpu").describe(), Ddr(device="cpu", scene=str(scene_path)).describe()
    assert fitting.clip_frames[0] == 2
    assert rendering.clip_frames[0] == 1
    assert (fitting.default_steps, rendering.default_steps) == (DdrOptions().fit_steps, 0)
    assert fitting.streams
    assert rendering.streams
    assert (fitting.fits_each_clip, rendering.fits_each_clip) == (True, False)


def test_files_that_are_no_scene_of_ours_are_refused(tmp_path: Path, scene_path: Path) -> None:
    with pytest.raises(SceneFileError, match="no scene at"):
        Ddr(scene=str(tmp_path / "none.safetensors"))
    scene = read_scene(scene_path)
    path = tmp_path / "scene.safetensors"
    for changed, complaint in (
        (replace(scene, method="any4d"), "fitted by method 'any4d'"),
        (replace(scene, version=99), "version 99"),
        (replace(scene, tensors={"seen": scene.tensors["seen"]}), "cannot be used"),
        (replace(scene, settings={}), "cannot be used"),
        (
            replace(
                scene, tensors={**scene.tensors, "field.grids.0": scene.tensors["field.grids.0"] * np.nan}
            ),
            "not finite",
        ),
    ):
        write_scene(path, changed)
        with pytest.raises(SceneFileError, match=complaint):
            Ddr(scene=str(path))


def test_requests_that_make_no_sense_are_refused(scene_path: Path) -> None:
    method = Ddr(device="cpu", scene=str(scene_path))
    with pytest.raises(InvalidRequestError, match="unknown option 'colour'"):
        method.synthesize(request(options={"colour": 1}))
    with pytest.raises(InvalidRequestError, match="does not sample in steps"):
        method.synthesize(request(steps=5))
    with pytest.raises(InvalidInputError, match="takes no weights"):
        load_synthesizer("ddr", weights="somewhere")
    method.close()
    method.close()
    with pytest.raises(EngineClosedError):
        method.synthesize(request())


def test_points_lie_on_what_was_seen(scene_path: Path) -> None:
    method = Ddr(device="cpu", scene=str(scene_path))
    clip = small_clip(moving=True)
    cloud = method.point_cloud(int(clip.stamps_ns[0]))
    assert len(cloud) > 100
    # The wall's face is at x = 2, the box's at 1.2; cells are some centimetres.
    near_wall, near_box = np.abs(cloud.points[:, 0] - 2.0) < 0.12, np.abs(cloud.points[:, 0] - 1.25) < 0.15
    assert (near_wall | near_box).mean() > 0.8
    assert near_box.any()
    with pytest.raises(InvalidRequestError, match="no scene is loaded"):
        Ddr(device="cpu").point_cloud(0)
