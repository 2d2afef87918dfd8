"""What a scene states of itself where its depth was guessed."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from anyview_ros.clips import PosedClip
from anyview_ros.geometry import CameraTrajectory, PinholeCamera, look_at
from anyview_ros.methods.any4d import Any4DFitter, Any4DOptions, generator
from anyview_ros.methods.any4d.live import LiveScene
from anyview_ros.metrics.reliability import good_pixels
from anyview_ros.scenes import render_clip, simulated_robot
from anyview_ros.synthesis import SynthesisRequest, load_synthesizer
from anyview_ros.synthesis.fitting import FitBudget, FitOutcome
from anyview_ros.synthesis.result import Provenance, SynthesisResult, SynthesizedView
from anyview_ros.synthesis.scene_file import write_scene

FOCUS = (0.27, 0.02, 0.90)
CAMERA = PinholeCamera.from_fov(48, 36, horizontal_fov_deg=58)
TIMES_S = 0.5 + 0.2 * np.arange(6)


@pytest.fixture(scope="module")
def robot() -> PosedClip:
    """The simulated robot, filmed by a camera that moves."""
    poses = np.stack([look_at((1.42, -0.95 + 0.12 * step, 1.52), FOCUS) for step in range(len(TIMES_S))])
    return render_clip(simulated_robot(0), CAMERA, poses, TIMES_S, supersampling=2)


@pytest.fixture(scope="module")
def held_out() -> PosedClip:
    """The same instants from a camera that is not fitted."""
    return render_clip(simulated_robot(0), CAMERA, look_at((1.2, -1.2, 1.5), FOCUS), TIMES_S, supersampling=2)


class Unsure:
    """A generator that guesses true depth and is not sure of it."""

    def __init__(self, depth: np.ndarray, confidence: float) -> None:
        self._depth, self._confidence = depth, confidence

    def synthesize(self, request: SynthesisRequest) -> SynthesisResult:
        source = request.sources[0]
        stated = np.full(source.frames.shape[:3], self._confidence, np.float32)
        view = SynthesizedView(
            source.frames, source.camera, source.camera_to_world, source.stamps_ns, stated, self._depth
        )
        return SynthesisResult((view,), Provenance("unsure"))

    def close(self) -> None:
        pass


def fit(clip: PosedClip, steps: int = 20) -> FitOutcome:
    options = {"gaussians": 2000, "guess_depth": True}
    return Any4DFitter(device="cpu").fit([clip], budget=FitBudget(steps), options=options)


def view_of(outcome: FitOutcome, truth: PosedClip, path: Path) -> SynthesizedView:
    write_scene(path, outcome.scene)
    target = CameraTrajectory(truth.camera, truth.camera_to_world, truth.stamps_ns)
    method = load_synthesizer("any4d", device="cpu", scene=str(path))
    return method.synthesize(SynthesisRequest((truth,), (target,))).views[0]


def test_a_scene_of_guessed_depth_does_not_state_more_than_comes_true(
    robot: PosedClip, held_out: PosedClip, tmp_path: Path
) -> None:
    measured = fit(robot)
    assert (measured.scene.tensors["support"] == 1).all()
    sure = view_of(measured, held_out, tmp_path / "measured")
    blind = view_of(fit(replace(robot, depth=None)), held_out, tmp_path / "guessed")
    assert sure.confidence.mean() > 0.7
    assert 0.2 < blind.confidence.mean() < sure.confidence.mean() - 0.2
    assert blind.confidence.max() <= 0.501
    assert blind.confidence.mean() < good_pixels(blind.frames, held_out.frames).mean() + 0.05


@pytest.mark.parametrize(("stated", "kept"), [(0.2, 0.2), (0.9, 0.5)])
def test_a_guess_is_not_believed_more_than_it_states(
    robot: PosedClip, monkeypatch: pytest.MonkeyPatch, stated: float, kept: float
) -> None:
    monkeypatch.setattr(generator, "load_synthesizer", lambda *_, **__: Unsure(robot.depth, stated))  # type: ignore[arg-type]
    support = fit(replace(robot, depth=None), 1).scene.tensors["support"]
    assert support == pytest.approx(np.full(len(support), kept))


def test_a_stream_is_sure_only_of_what_it_measured(robot: PosedClip) -> None:
    first, second = (
        PosedClip(
            robot.frames[i : i + 1],
            robot.camera,
            robot.camera_to_world[i : i + 1],
            robot.stamps_ns[i : i + 1],
            robot.depth[i : i + 1],
        )
        for i in (0, 1)
    )  # type: ignore[index]
    options = Any4DOptions(gaussians=2000, steps_per_frame=1)
    blind, live = (LiveScene(robot.camera, options, 0, "cpu") for _ in range(2))
    blind.push(replace(first, depth=None))
    assert blind.alive > 500
    assert blind.scene is not None
    assert blind.scene.support.max() == 0.5
    live.push(first)
    assert live.scene is not None
    live.scene.support.fill_(0.5)  # as if that depth had been guessed, and rightly
    live.push(second)
    assert (live.scene.support == 1).float().mean() > 0.5
    blind.close()
    live.close()
