from __future__ import annotations

import threading
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sliding_box import CAMERA
from small_weights import tiny_weights

from anyview_ros.clips import PosedClip
from anyview_ros.errors import EngineClosedError, InvalidRequestError, SynthesisCancelled, WeightsError
from anyview_ros.geometry import CameraTrajectory
from anyview_ros.methods.any4d import Any4D, Any4DOptions, generation, generator
from anyview_ros.methods.any4d.observations import generated
from anyview_ros.metrics import psnr_db
from anyview_ros.offline.synthesize import parse_options
from anyview_ros.synthesis import SynthesisRequest, load_synthesizer
from anyview_ros.synthesis.description import MethodDescription
from anyview_ros.synthesis.request import resolve_options
from anyview_ros.synthesis.result import Provenance, SynthesisResult, SynthesizedView
from anyview_ros.synthesis.scene_file import read_scene
from anyview_ros.synthesis.warm_up import warm_up_request

QUICK: dict[str, Any] = {"gaussians": 1500, "fit_steps": 6}


@dataclass(frozen=True)
class TextOptions:
    """Options of a generator that takes text."""

    prompt: str = ""


class TrueViews:
    """A generator that shows the truth, and keeps what it was asked."""

    asked: SynthesisRequest | None = None

    def __init__(self, truth: PosedClip) -> None:
        self._truth = truth

    def describe(self) -> MethodDescription:
        return MethodDescription(
            "true_views", "Shows the truth.", True, clip_frames=(1, 99), options_type=TextOptions
        )

    def synthesize(
        self, request: SynthesisRequest, *, progress: Any = None, cancel: Any = None
    ) -> SynthesisResult:
        TrueViews.asked = request
        if cancel is not None and cancel.is_set():
            raise SynthesisCancelled("cancelled")
        truth = self._truth
        for step in range(len(truth)):
            if progress is not None:
                progress(step + 1, len(truth))
        sure = np.ones(truth.frames.shape[:3], np.float32)
        view = SynthesizedView(
            truth.frames, truth.camera, truth.camera_to_world, truth.stamps_ns, sure, truth.depth
        )
        return SynthesisResult((view,), Provenance("true_views"))

    def close(self) -> None:
        pass


@pytest.fixture
def true_views(beside: PosedClip, monkeypatch: pytest.MonkeyPatch) -> type[TrueViews]:
    load = generator.load_synthesizer

    def loaded(name: str, **more: Any) -> Any:
        return TrueViews(beside) if name == "true_views" else load(name, **more)

    monkeypatch.setattr(generator, "load_synthesizer", loaded)
    TrueViews.asked = None
    return TrueViews


def request(clip: PosedClip, beside: PosedClip, **options: Any) -> SynthesisRequest:
    target = CameraTrajectory(beside.camera, beside.camera_to_world)
    return SynthesisRequest((clip,), (target,), options={**QUICK, **options})


def test_both_stages_share_one_trajectory(
    clip: PosedClip, beside: PosedClip, true_views: type[TrueViews]
) -> None:
    asked = request(clip, beside, generator="true_views", prompt="a red box")
    more = generation.generate(asked, Any4DOptions(**asked.options), device="cpu")
    assert true_views.asked is not None
    assert true_views.asked.targets[0] is asked.targets[0]
    assert true_views.asked.options == {"prompt": "a red box"}
    assert len(more) == 5
    for index, seen in enumerate(more):
        assert np.array_equal(seen.camera_to_world, asked.targets[0].camera_to_world[index])
        assert seen.stamp_ns == clip.stamps_ns[index]
        assert seen.weight.max() == pytest.approx(0.5)


def test_generated_views_help_where_the_source_sees_nothing(
    clip: PosedClip, beside: PosedClip, true_views: type[TrueViews]
) -> None:
    method = load_synthesizer("any4d", device="cpu")
    told: list[tuple[int, int]] = []
    alone = method.synthesize(request(clip, beside, generator=None)).views[0]
    result = method.synthesize(
        request(clip, beside, generator="true_views"), progress=lambda step, total: told.append((step, total))
    )
    helped = result.views[0]
    unseen = alone.confidence < 0.3
    assert 0.02 < unseen.mean() < 0.4

    def score(view: SynthesizedView) -> float:
        return psnr_db(
            np.concatenate(list(view.frames)),
            np.concatenate(list(beside.frames)),
            np.concatenate(list(unseen)),
        )

    assert score(helped) > score(alone) + 3
    assert helped.confidence[unseen].mean() < 0.4  # shown, but not seen by any camera
    assert told[-1] == (16, 16)
    assert [step for step, _ in told] == sorted({step for step, _ in told})
    assert result.provenance.steps == 6


def test_text_for_a_generator_that_takes_none_is_refused(clip: PosedClip, beside: PosedClip) -> None:
    with pytest.raises(InvalidRequestError, match="takes no text"):
        load_synthesizer("any4d").synthesize(request(clip, beside, generator="reprojection", prompt="a box"))
    with pytest.raises(InvalidRequestError, match="'any4d' itself"):
        Any4DOptions(generator="any4d")


def test_a_request_is_cancelled_and_keeps_its_scene_if_asked(
    clip: PosedClip, beside: PosedClip, tmp_path: Path
) -> None:
    method = load_synthesizer("any4d", device="cpu")
    stop = threading.Event()
    with pytest.raises(SynthesisCancelled):
        method.synthesize(
            request(clip, beside, generator=None, fit_steps=500),
            progress=lambda step, total: stop.set(),
            cancel=stop,
        )
    path = tmp_path / "kept.scene"
    view = method.synthesize(request(clip, beside, generator=None, save_to=path)).views[0]
    again = (
        load_synthesizer("any4d", device="cpu", scene=str(path)).synthesize(request(clip, beside)).views[0]
    )
    assert np.array_equal(view.frames, again.frames)
    assert read_scene(path).method == "any4d"


def test_the_small_network_is_asked_by_default_and_guesses_depth(clip: PosedClip, beside: PosedClip) -> None:
    blind = replace(clip, depth=None)
    view = load_synthesizer("any4d", device="cpu").synthesize(request(blind, beside, fit_steps=3)).views[0]
    assert view.frames.shape == beside.frames.shape
    assert (view.depth > 0).mean() > 0.6  # type: ignore[operator]


def test_a_generator_has_the_weights_that_it_is_given_wherever_it_is_asked(
    clip: PosedClip, beside: PosedClip, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    load, hashes = generator.load_synthesizer, []

    def loaded(name: str, **more: Any) -> Any:
        synthesizer = load(name, **more)
        hashes.append(synthesizer.weights_hash)
        return synthesizer

    monkeypatch.setattr(generator, "load_synthesizer", loaded)
    blind, weights = replace(clip, depth=None), tiny_weights(tmp_path)
    method = Any4D(device="cpu")
    method.synthesize(request(blind, beside, fit_steps=1, generator_weights=weights))
    options = {**QUICK, "steps_per_frame": 0, "generator_weights": weights}
    with method.open_stream(clip.camera, [clip.camera], options=options) as stream:
        pose = clip.camera_to_world[0]
        stream.push(clip.frames[0], pose, target_camera_to_world=[pose], stamp_ns=1)
    assert hashes == [sha256(weights.read_bytes()).hexdigest()] * 3  # views, their depth, a stream's depth
    with pytest.raises(WeightsError, match=r"there are no weights .*generator_weights"):
        method.synthesize(request(clip, beside, generator_weights=tmp_path / "none.safetensors"))
    method.synthesize(request(blind, beside, fit_steps=1, generator=None, generator_weights=weights))
    assert (
        hashes[-1] != hashes[0]
    )  # no generator is named, so these are not the weights of what guesses depth


def test_a_generator_guesses_depth_by_its_own_options(clip: PosedClip, beside: PosedClip) -> None:
    blind = replace(clip, depth=None)
    options = {
        **QUICK,
        "fit_steps": 1,
        "steps_per_frame": 0,
        "generator_options": {"depth_range_m": (0.45, 0.5)},
    }
    method = Any4D(device="cpu")
    whole = method.synthesize(request(blind, clip, **options)).views[0]
    with method.open_stream(clip.camera, [clip.camera], options=options) as stream:
        pose = clip.camera_to_world[0]
        (live,) = stream.push(clip.frames[0], pose, target_camera_to_world=[pose], stamp_ns=1)
    for view in (whole, live):
        assert view is not None
        assert view.depth is not None
        assert np.median(view.depth[view.depth > 0]) == pytest.approx(0.475, abs=0.04)


@pytest.mark.parametrize("seed", [-1, 2**64])
def test_a_stream_of_a_seed_that_no_generator_takes_is_refused(clip: PosedClip, seed: int) -> None:
    with pytest.raises(InvalidRequestError, match=f"seed is {seed}; give 0 to"):
        Any4D(device="cpu").open_stream(clip.camera, [clip.camera], seed=seed)


def test_what_a_generator_is_not_sure_of_counts_less() -> None:
    confidence = np.zeros((1, 30, 40), np.float32)
    confidence[:, :, 20:] = 1
    view = SynthesizedView(
        np.zeros((1, 30, 40, 3), np.uint8), CAMERA, np.eye(4)[None], np.array([7]), confidence
    )
    (seen,) = generated(view, 0.5, 40)
    assert seen.weight[0, 0].item() == pytest.approx(0.1)
    assert seen.weight[0, 30].item() == pytest.approx(0.5)
    assert seen.stamp_ns == 7


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"save_to": "/etc/passwd"}, "save_to is '/etc/passwd'; give a pathlib.Path in Python"),
        ({"generator_weights": "/srv/weights"}, "generator_weights is '/srv/weights'; give a pathlib.Path"),
        ({"fit_seconds": "5"}, "fit_seconds is '5'; give a positive number"),
        ({"generated_weight": None}, "generated_weight is None; give 0 to 1"),
        ({"generator": 7}, "generator is 7; give text"),
        ({"generator_options": "fast"}, "generator_options is 'fast'"),
        ({"fill_holes": "no"}, "fill_holes is 'no'; give True or False"),
    ],
)
def test_a_request_from_elsewhere_names_no_file_and_is_told_what_is_wrong(
    wrong: dict[str, object], told: str
) -> None:
    with pytest.raises(InvalidRequestError, match=told):
        resolve_options(wrong, Any4DOptions, "any4d")


@pytest.mark.parametrize("name", ["save_to", "generator_weights"])
def test_files_may_be_named_on_the_command_line(name: str) -> None:
    assert getattr(parse_options([f"{name}=a/b"], Any4DOptions, "any4d"), name) == Path("a/b")


def test_a_closed_method_refuses(clip: PosedClip, beside: PosedClip) -> None:
    method = Any4D(device="cpu")
    method.close()
    method.close()
    with pytest.raises(EngineClosedError):
        method.synthesize(request(clip, beside))
    with pytest.raises(EngineClosedError):
        method.open_stream(clip.camera, [clip.camera])


def test_the_warm_up_is_taken_with_a_scene_and_without(
    clip: PosedClip, beside: PosedClip, tmp_path: Path
) -> None:
    method = load_synthesizer("any4d", device="cpu")
    assert method.synthesize(warm_up_request(method.describe())).views[0].frames.shape == (1, 48, 64, 3)
    path = tmp_path / "kept.scene"
    method.synthesize(request(clip, beside, generator=None, fit_steps=1, save_to=path))
    fitted = load_synthesizer("any4d", device="cpu", scene=str(path))
    assert (method.describe().fits_each_clip, fitted.describe().fits_each_clip) == (True, False)
    assert fitted.synthesize(warm_up_request(fitted.describe())).provenance.steps == 0
