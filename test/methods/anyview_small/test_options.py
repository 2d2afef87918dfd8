from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from clips import pose_at
from small_weights import TINY, tiny_network, tiny_weights

from anyview_ros.clips import PosedClip
from anyview_ros.errors import InvalidRequestError
from anyview_ros.geometry import CameraTrajectory, PinholeCamera
from anyview_ros.methods.anyview_small import AnyViewSmall
from anyview_ros.methods.anyview_small.cameras import Cameras
from anyview_ros.methods.anyview_small.candidates import GATES, barred_planes, plane_depths, within_planes
from anyview_ros.methods.anyview_small.config import SmallConfig
from anyview_ros.methods.anyview_small.options import SOLVERS, SmallOptions
from anyview_ros.methods.anyview_small.session import network_size
from anyview_ros.methods.anyview_small.sight import Sight
from anyview_ros.methods.anyview_small.weights import Calibration, save_weights
from anyview_ros.synthesis import SynthesisRequest, SynthesizedView

CAMERA = PinholeCamera(30.0, 30.0, 15.5, 15.5, 32, 32)
PLANES = replace(TINY, planes=12)


@pytest.fixture(scope="module")
def method(tmp_path_factory: pytest.TempPathFactory) -> AnyViewSmall:
    return AnyViewSmall(device="cpu", weights=str(tiny_weights(tmp_path_factory.mktemp("weights"), PLANES)))


def view(method: AnyViewSmall, camera: PinholeCamera = CAMERA, **options: object) -> SynthesizedView:
    coarse = np.random.default_rng(1).integers(0, 256, (6, 6, 3), np.uint8)
    frame = cv2.resize(coarse, camera.size, interpolation=cv2.INTER_CUBIC)
    source = PosedClip(frame[None], camera, np.eye(4)[None], np.array([1]))
    to = CameraTrajectory(camera, pose_at(x=0.1)[None])
    return method.synthesize(SynthesisRequest((source,), (to,), options=options)).views[0]


def test_a_known_range_of_depth_keeps_the_guess_within(method: AnyViewSmall) -> None:
    free = view(method).depth
    half_step = (PLANES.farthest_m / PLANES.nearest_m) ** (0.5 / (PLANES.planes - 1))
    for near, far in ((0.5, 0.8), (1.0, 2.0), (4.0, 7.0)):
        told = view(method, depth_range_m=(near, far))
        depth = told.depth[0][
            :, :18
        ]  # the source sees all planes there; of what lies off its image, nothing is known
        assert (depth > near / half_step / 1.001).all()
        assert (depth < far * half_step * 1.001).all()
        assert np.abs(told.depth - free).max() > 0.05


def test_a_known_range_holds_whatever_the_network_adds(tmp_path: Path) -> None:
    network = tiny_network(PLANES)
    with torch.no_grad():
        network.decoder.to_pixels.bias[
            PLANES.planes + GATES
        ] = -1.5  # what is added to the planes' mean depth
    path = tmp_path / "anyview_small.safetensors"
    save_weights(path, network, Calibration())
    low = AnyViewSmall(device="cpu", weights=str(path))
    half_step = (PLANES.farthest_m / PLANES.nearest_m) ** (0.5 / (PLANES.planes - 1))
    assert (view(low).depth < 1.5).mean() > 0.9
    assert (view(low, depth_range_m=(2.0, 4.0)).depth[0][:, :18] > 2.0 / half_step / 1.001).all()


def test_a_range_bars_what_the_source_would_see_elsewhere() -> None:
    poses = torch.eye(4, dtype=torch.float64)[None]
    behind = poses.clone()
    behind[0, 2, 3] = -1.0  # the target stands a metre behind the source
    source, target = Cameras.of([CAMERA], poses), Cameras.of([CAMERA], behind)
    depths = plane_depths(6, 0.25, 8.0, torch.device("cpu"))
    seen = Sight.between(target, source, (8, 8)).at(depths)
    barred = barred_planes((1.0, 2.0), seen, depths)[0, :, 4, 4]
    step = 32 ** (0.5 / 5)
    for depth, bar in zip(depths.flatten().tolist(), barred.tolist(), strict=True):
        in_source = depth - 1.0
        seen = in_source > 1e-3
        assert bar == (seen and not 1.0 / step <= in_source <= 2.0 * step), depth
    assert barred.any()
    assert not barred.all()


def test_depth_is_kept_between_planes_not_barred() -> None:
    depths = plane_depths(4, 1.0, 8.0, torch.device("cpu"))
    barred = torch.tensor([True, False, False, True])[None, :, None, None]
    logs = depths.flatten().log()
    for guess, kept in ((logs[0], logs[1]), (logs[3], logs[2]), (logs[1] + 0.1, logs[1] + 0.1)):
        assert within_planes(guess.reshape(1, 1, 1, 1), barred, depths).item() == pytest.approx(float(kept))
    free = within_planes(logs[:1].reshape(1, 1, 1, 1), torch.ones_like(barred), depths)
    assert free.item() == pytest.approx(float(logs[0]))  # all barred: nothing is known


def test_the_network_can_be_asked_to_work_at_another_size(tmp_path: Path) -> None:
    wide = PinholeCamera(120.0, 120.0, 63.5, 47.5, 128, 96)
    small = AnyViewSmall(device="cpu", weights=str(tiny_weights(tmp_path)))
    same, fine = view(small, wide), view(small, wide, side=128)
    assert fine.frames.shape == same.frames.shape == (1, 96, 128, 3)
    assert np.abs(same.frames.astype(int) - fine.frames.astype(int)).max() > 3
    own = view(small, wide, side=TINY.side)
    np.testing.assert_array_equal(own.frames, same.frames)
    with small.open_stream(wide, [wide], options={"side": 128}) as stream:
        coarse = np.random.default_rng(1).integers(0, 256, (6, 6, 3), np.uint8)
        frame = cv2.resize(coarse, wide.size, interpolation=cv2.INTER_CUBIC)
        (live,) = stream.push(frame, np.eye(4), target_camera_to_world=[pose_at(x=0.1)], stamp_ns=1)
    assert live is not None
    np.testing.assert_array_equal(live.frames, fine.frames)


def test_a_size_is_worked_at_however_small_the_pictures_are(method: AnyViewSmall) -> None:
    own = view(method).frames.astype(int)
    assert np.abs(own - view(method, side=64).frames.astype(int)).max() > 3


def test_a_smaller_size_than_the_weights_own_can_be_asked_for(tmp_path: Path) -> None:
    network = tiny_network(replace(PLANES, side=64, smallest_side=64))
    save_weights(tmp_path / "anyview_small.safetensors", network, Calibration(0.1, 2.0, 0.2))
    large = AnyViewSmall(device="cpu", weights=str(tmp_path))
    own, small = view(large).frames.astype(int), view(large, side=32).frames.astype(int)
    assert np.abs(own - small).max() > 3


def test_sizes_follow_the_sides() -> None:
    wide = PinholeCamera(500.0, 500.0, 319.5, 239.5, 640, 480)
    assert network_size(wide, SmallConfig()) == (48, 64)
    assert network_size(wide, SmallConfig(side=128, smallest_side=128)) == (96, 128)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"depth_range_m": (1.0,)}, "two numbers"),
        ({"depth_range_m": 3}, "two numbers"),
        ({"depth_range_m": (0.0, 1.0)}, "0 < nearest < farthest"),
        ({"depth_range_m": (2.0, 1.0)}, "0 < nearest < farthest"),
        ({"depth_range_m": (1.0, float("nan"))}, "0 < nearest < farthest"),
        ({"side": 100}, "side is 100"),
        ({"side": 24}, "side is 24"),
        ({"side": 512}, "side is 512"),
        ({"side": 64.0}, "side is 64.0"),
        ({"side": True}, "side is True"),
        ({"solver": "heun"}, "choose one of ab2, euler"),
        ({"parts": "yes"}, "parts is 'yes'"),
        ({"one_depth": 1}, "one_depth is 1"),
    ],
)
def test_bad_options_are_named(options: dict[str, object], message: str) -> None:
    with pytest.raises(InvalidRequestError, match=message):
        SmallOptions(**options)  # type: ignore[arg-type]


def test_a_list_from_json_is_a_range() -> None:
    assert SmallOptions(depth_range_m=[1, 4]).depth_range_m == (1.0, 4.0)  # type: ignore[arg-type]


def test_the_solvers_named_are_those_there_are() -> None:
    from anyview_ros.diffusion import solvers

    assert set(SOLVERS) == set(solvers.SOLVERS)
