from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from filmed import moving_clip
from filmed_episode import film_of
from zeronvs_weights import tiny_weights

from anyview_ros.clips import PosedClip
from anyview_ros.geometry import CameraTrajectory, look_at
from anyview_ros.methods.reprojection import Reprojection
from anyview_ros.methods.zeronvs import ZeroNVS
from anyview_ros.offline.augment.settings import AugmentSettings
from anyview_ros.offline.augment.spooling import spool_views
from anyview_ros.offline.synthesize import FilmTarget, RunSettings, plan_pieces, run
from anyview_ros.offline.synthesize.pieces import synthesize_pieces
from anyview_ros.offline.synthesize.whole_film import options_for_film
from anyview_ros.synthesis import SynthesisRequest


@pytest.fixture(scope="module")
def method(tmp_path_factory: pytest.TempPathFactory) -> ZeroNVS:
    return ZeroNVS(device="cpu", weights=str(tiny_weights(tmp_path_factory.mktemp("weights"))))


def still_clip(count: int = 6) -> PosedClip:
    """A camera that stands still and sees what comes nearer and nearer."""
    clip = moving_clip()
    poses = np.tile(look_at((2.0, 0.0, 0.5), (0.0, 0.0, 0.0)), (count, 1, 1))
    depth = np.stack(
        [np.full(clip.frames.shape[1:3], 2.0 / (1 + index), np.float32) for index in range(count)]
    )
    return PosedClip(clip.frames[:count], clip.camera, poses, clip.stamps_ns[:count], depth)


def swing(clip: PosedClip) -> CameraTrajectory:
    """About what the source looks at, from where it stands."""
    angles = np.radians(2.0) * np.arange(len(clip))
    eyes = [(2 * np.cos(angle), 2 * np.sin(angle), 0.5) for angle in angles]
    poses = np.stack([look_at(eye, (0.0, 0.0, 0.0)) for eye in eyes])
    return CameraTrajectory(clip.camera.resized(32, 24), poses, clip.stamps_ns)


@pytest.mark.parametrize("depth", [True, False])
def test_a_film_in_parts_is_drawn_as_in_one_request(method: ZeroNVS, depth: bool) -> None:
    clip = still_clip()
    clip = clip if depth else replace(clip, depth=None)
    film, path = film_of(clip, "front", depth=depth), swing(clip)
    whole = method.synthesize(SynthesisRequest((clip,), (path,), steps=2)).views[0]
    targets, settings = [FilmTarget("swing", path)], RunSettings(steps=2, longest_window=2)
    pieces = plan_pieces(film, targets, method.describe(), settings)
    assert len(pieces) > 1
    frames = [
        view.frames
        for made in synthesize_pieces(film, targets, pieces, method, settings)
        for _, view in made.views
    ]
    assert np.abs(np.concatenate(frames).astype(int) - whole.frames).max() <= 1


def test_what_is_written_says_what_scale_it_rests_on(method: ZeroNVS, tmp_path: Path) -> None:
    clip = still_clip()
    film, targets = film_of(clip, "front"), [FilmTarget("swing", swing(clip))]
    info = run(film, targets, method, tmp_path / "o", RunSettings(steps=1, longest_window=2))
    assert (info["scale_m"], info["scale_origin"]) == (pytest.approx(2.0), "depth")
    assert json.loads((tmp_path / "o" / "info.json").read_text())["scale_m"] == info["scale_m"]
    other = run(film, targets, Reprojection(), tmp_path / "p", RunSettings())
    assert "scale_m" not in other


def test_a_streamed_film_has_the_scale_of_its_whole_path(method: ZeroNVS, tmp_path: Path) -> None:
    clip = replace(still_clip(), depth=None)
    film, path = film_of(clip, "front", depth=False), swing(clip)
    whole = method.synthesize(SynthesisRequest((clip,), (path,), steps=2)).views[0]
    drawn = SimpleNamespace(name="swing", target=FilmTarget("swing", path), synthesis_seed=0, sampler="swing")
    settings = AugmentSettings(views=("vista_small",), steps=2)
    (view,) = spool_views(film, [drawn], method, settings, tmp_path)  # type: ignore[list-item]
    assert view.provenance["scale_m"] == pytest.approx(np.hypot(2.0, 0.5))
    assert view.provenance["scale_origin"] == "look-at"
    frames = np.stack([frame.image for frame in view.frames()])
    assert np.abs(frames.astype(int) - whole.frames).max() <= 1


def test_views_of_a_frozen_instant_share_the_scale_of_its_frame(method: ZeroNVS) -> None:
    clip = still_clip()
    film, path = film_of(clip, "front"), swing(clip)
    still = CameraTrajectory(path.camera, path.camera_to_world, np.full(len(clip), clip.stamps_ns[3]))
    options = options_for_film(film, [FilmTarget("swing", still)], method, None, 3)
    assert options.scene.scale.scale_m == pytest.approx(0.5)
    assert options.scene.scale.origin == "depth"


def test_methods_that_take_nothing_from_the_whole_keep_their_options() -> None:
    clip, options = still_clip(), {"depth_m": 1.0}
    film = film_of(clip, "front")
    assert options_for_film(film, [FilmTarget("swing", swing(clip))], Reprojection(), options) is options
