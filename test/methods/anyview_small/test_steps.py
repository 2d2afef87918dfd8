"""Views in several steps: what was not seen is drawn, what was seen stays."""

from __future__ import annotations

import threading
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from clips import pose_at
from small_weights import TINY, tiny_network, tiny_weights

from anyview_ros.clips import PosedClip
from anyview_ros.errors import InvalidInputError, InvalidRequestError, SynthesisCancelled
from anyview_ros.geometry import CameraTrajectory, PinholeCamera
from anyview_ros.methods.anyview_small import AnyViewSmall
from anyview_ros.methods.anyview_small.weights import Calibration, save_weights
from anyview_ros.synthesis import SynthesisRequest, SynthesizedView

CAMERA = PinholeCamera(30.0, 30.0, 15.5, 15.5, 32, 32)
FLOW = replace(TINY, flow=8)


@pytest.fixture(scope="module")
def method(tmp_path_factory: pytest.TempPathFactory) -> AnyViewSmall:
    return AnyViewSmall(device="cpu", weights=str(tiny_weights(tmp_path_factory.mktemp("flow"), FLOW)))


def clip(count: int = 3) -> PosedClip:
    rng = np.random.default_rng(3)
    coarse = rng.integers(60, 200, (count, 6, 6, 3), np.uint8)
    frames = np.stack([cv2.resize(c, CAMERA.size, interpolation=cv2.INTER_LINEAR) for c in coarse])
    poses = np.stack([pose_at(x=0.05 * t) for t in range(count)])
    return PosedClip(frames, CAMERA, poses, 100 * np.arange(1, count + 1))


def target(count: int = 3, camera: PinholeCamera = CAMERA, x: float = 0.3) -> CameraTrajectory:
    return CameraTrajectory(camera, np.stack([pose_at(x=x + 0.03 * t, y=-0.1) for t in range(count)]))


def views(method: AnyViewSmall, *targets: CameraTrajectory, **more: object) -> tuple[SynthesizedView, ...]:
    request = SynthesisRequest((clip(len(targets[0])),), targets, **more)  # type: ignore[arg-type]
    return method.synthesize(request).views


def levels(a: SynthesizedView, b: SynthesizedView) -> int:
    return int(np.abs(a.frames.astype(int) - b.frames.astype(int)).max())


def test_one_step_is_the_default_and_shows_the_regression_alone(method: AnyViewSmall, tmp_path: Path) -> None:
    network = tiny_network(FLOW)
    network.config, network.flow = TINY, None
    save_weights(tmp_path / "anyview_small.safetensors", network, Calibration(0.1, 2.0, 0.2))
    bare = AnyViewSmall(device="cpu", weights=str(tmp_path))
    assert method.describe().default_steps == 1
    assert bare.describe().default_steps == 0
    (plain,), (open_,), (one,) = (
        views(bare, target()),
        views(method, target()),
        views(method, target(), steps=1),
    )
    assert levels(plain, open_) == levels(plain, one) == 0
    assert levels(plain, views(method, target(), steps=4)[0]) > 10
    np.testing.assert_array_equal(plain.confidence, views(method, target(), steps=4)[0].confidence)


def test_weights_that_do_not_sample_refuse_steps(tmp_path: Path) -> None:
    bare = AnyViewSmall(device="cpu", weights=str(tiny_weights(tmp_path)))
    with pytest.raises(InvalidRequestError, match="steps is 4"):
        views(bare, target(), steps=4)
    with pytest.raises(InvalidRequestError, match="steps is 4"):
        bare.open_stream(CAMERA, [CAMERA], steps=4)
    with pytest.raises(InvalidRequestError, match="steps is 0"):
        bare.open_stream(CAMERA, [CAMERA], steps=0)
    assert bare.open_stream(CAMERA, [CAMERA], steps=1).provenance.steps == 0


def test_the_seed_chooses_the_draw_and_provenance_tells_it(method: AnyViewSmall) -> None:
    (first,), (same,), (other,) = (views(method, target(), steps=3, seed=seed) for seed in (5, 5, 6))
    assert levels(first, same) == 0
    assert levels(first, other) > 10
    request = SynthesisRequest((clip(),), (target(),), steps=3, seed=5)
    made = method.synthesize(request).provenance
    assert (made.steps, made.seed) == (3, 5)
    assert method.open_stream(CAMERA, [CAMERA], steps=3, seed=5).provenance == made
    assert method.open_stream(CAMERA, [CAMERA]).provenance.steps == 1


def test_seeds_of_streams_are_checked_when_they_are_opened(method: AnyViewSmall) -> None:
    for seed in (-1, 2**64):
        with pytest.raises(InvalidRequestError, match=f"seed is {seed}"):
            method.open_stream(CAMERA, [CAMERA], seed=seed)
    method.open_stream(CAMERA, [CAMERA], seed=2**40).close()  # one step draws nothing
    with pytest.raises(InvalidInputError, match=f"seed is {2**40}; give 0 to 42949671"):
        method.open_stream(CAMERA, [CAMERA], steps=3, seed=2**40)


def test_draws_differ_little_from_one_instant_to_the_next(method: AnyViewSmall) -> None:
    still = clip(2)
    still = replace(
        still, frames=np.repeat(still.frames[:1], 2, 0), camera_to_world=np.stack([np.eye(4)] * 2)
    )
    to = CameraTrajectory(CAMERA, np.stack([pose_at(x=0.3)] * 2))
    one, many = (
        method.synthesize(SynthesisRequest((still,), (to,), steps=steps)).views[0].frames.astype(int)
        for steps in (1, 4)
    )
    flicker = np.abs(many[1] - many[0]).mean()
    assert np.abs(many - one).mean() > 2  # something was drawn
    assert flicker < 0.5 * np.abs(many[0] - one[0]).mean()


def test_a_stream_gives_the_pixels_of_synthesize(method: AnyViewSmall) -> None:
    source, to = clip(4), target(4)
    whole = method.synthesize(SynthesisRequest((source,), (to,), steps=4, seed=2)).views[0]
    with method.open_stream(CAMERA, [CAMERA], steps=4, seed=2) as stream:
        for t in range(4):
            (view,) = stream.push(
                source.frames[t],
                source.camera_to_world[t],
                target_camera_to_world=[to.camera_to_world[t]],
                stamp_ns=int(source.stamps_ns[t]),
            )
            assert view is not None
            np.testing.assert_array_equal(view.frames[0], whole.frames[t])


def test_targets_do_not_disturb_each_others_draws(method: AnyViewSmall) -> None:
    both = views(method, target(x=0.3), target(x=-0.4), steps=4)
    assert levels(both[1], views(method, target(x=-0.4), steps=4)[0]) <= 1


def test_the_world_may_be_moved_and_turned(method: AnyViewSmall) -> None:
    moved = np.eye(4)
    moved[:3, :3] = cv2.Rodrigues(np.array([1.0, -2.0, 0.5]))[0]
    moved[:3, 3] = 25.0, -100.0, 4.0
    source, to = clip(), target()
    elsewhere = replace(source, camera_to_world=moved @ source.camera_to_world)
    there = CameraTrajectory(to.camera, moved @ to.camera_to_world)
    here = views(method, to, steps=4)[0]
    assert levels(here, method.synthesize(SynthesisRequest((elsewhere,), (there,), steps=4)).views[0]) <= 2


def test_what_can_be_trusted_is_left_as_it_is(tmp_path: Path) -> None:
    for middle, changed in ((1e4, False), (1e-6, True)):  # all that was seen is trusted; nothing is
        save_weights(
            tmp_path / "anyview_small.safetensors", tiny_network(FLOW), Calibration(middle, 4.0, 1.0)
        )
        method = AnyViewSmall(device="cpu", weights=str(tmp_path))
        one, many = (views(method, target(), steps=steps)[0] for steps in (1, 4))
        assert (levels(one, many) > 0) == changed


def test_draws_are_trusted_as_far_as_they_were_found_to_be_good(tmp_path: Path) -> None:
    told = []
    for drawn in (1.0, 0.5):
        calibration = Calibration(0.02, 4.0, 1.0, drawn)
        save_weights(tmp_path / "anyview_small.safetensors", tiny_network(FLOW), calibration)
        method = AnyViewSmall(device="cpu", weights=str(tmp_path))
        told.append([views(method, target(), steps=steps)[0].confidence for steps in (1, 4)])
    np.testing.assert_array_equal(told[0][0], told[1][0])
    drawn_alone = told[1][0] < 0.5
    assert drawn_alone.any()
    np.testing.assert_allclose(told[1][1][drawn_alone], 0.5 * told[0][1][drawn_alone], rtol=1e-4)


def test_draws_are_shown_at_the_targets_size(method: AnyViewSmall) -> None:
    wide = PinholeCamera(75.0, 75.0, 39.5, 29.5, 80, 60)
    one, many = (views(method, target(camera=wide), steps=steps)[0] for steps in (1, 4))
    assert many.frames.shape == (3, 60, 80, 3)
    assert levels(one, many) > 10
    soft = {"sharp": False}
    one, many = (views(method, target(camera=wide), steps=steps, options=soft)[0] for steps in (1, 4))
    assert levels(one, many) > 10


@pytest.mark.parametrize("size", [(64, 48), (32, 24)])
@pytest.mark.parametrize("sharp", [True, False])
@pytest.mark.parametrize("steps", [1, 2])
def test_one_depth_shows_another_picture_and_depth(
    method: AnyViewSmall, size: tuple[int, int], sharp: bool, steps: int
) -> None:
    to = target(camera=PinholeCamera(60.0, 60.0, 31.5, 23.5, 64, 48).resized(*size))
    mean, single = (
        views(method, to, steps=steps, options={"sharp": sharp, "one_depth": one_depth})[0]
        for one_depth in (False, True)
    )
    assert np.abs(mean.depth - single.depth).max() > 0.1
    assert levels(mean, single) > 10


def test_cancel_stops_between_two_sampling_steps(method: AnyViewSmall) -> None:
    class AfterSome(threading.Event):
        asked = 0

        def is_set(self) -> bool:
            self.asked += 1
            return self.asked > 5

    cancel = AfterSome()
    with pytest.raises(SynthesisCancelled):
        method.synthesize(SynthesisRequest((clip(1),), (target(1),), steps=50), cancel=cancel)
    assert cancel.asked == 6
