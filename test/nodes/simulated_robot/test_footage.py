from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from anyview_ros.errors import ReadError
from anyview_ros.nodes.simulated_robot.footage import DepthSensor, Footage, Studio, Viewpoint
from anyview_ros.scenes import MountedCamera, simulated_robot

WORLD = simulated_robot(0, period_s=2.0)


def studio(size: tuple[int, int] = (32, 24), seed: int = 0, supersampling: int = 1) -> Studio:
    front = WORLD.cameras["front"]
    small = MountedCamera(front.camera.resized(*size), front.frame, front.optical_to_frame)
    wrist = WORLD.cameras["wrist"]
    tiny = MountedCamera(wrist.camera.resized(16, 12), wrist.frame, wrist.optical_to_frame)
    views = {
        "camera": Viewpoint(small, DepthSensor(0.01, True, seed)),
        "truth_wrist": Viewpoint(tiny, None),
    }
    return Studio(WORLD, 2.0, 4, views, supersampling)


def test_footage_is_what_the_studio_shoots_and_goes_round() -> None:
    told: list[tuple[int, int]] = []
    stage = studio()
    footage = Footage.rendered(stage, lambda done, total: told.append((done, total)))
    assert told == [(1, 4), (2, 4), (3, 4), (4, 4)]
    for instant in (1, 3):
        for name in stage.viewpoints:
            shot = stage.shoot(name, instant)
            for again in (footage.shoot(name, instant), footage.shoot(name, instant + 4)):
                np.testing.assert_array_equal(again.image, shot.image)
                if shot.depth is not None:
                    np.testing.assert_array_equal(again.depth, shot.depth)
    assert footage.shoot("truth_wrist", 0).depth is None
    assert footage.size_bytes == 4 * (32 * 24 * 5 + 16 * 12 * 3)


def test_saved_footage_is_the_same_and_of_other_settings_is_refused(tmp_path: Path) -> None:
    stage = studio()
    footage = Footage.rendered(stage, lambda done, total: None)
    folder = tmp_path / "deep" / "loop"
    footage.save(folder)
    assert [path.name for path in folder.parent.iterdir()] == ["loop"]
    again = Footage.loaded(folder, stage)
    np.testing.assert_array_equal(again.shoot("camera", 2).image, footage.shoot("camera", 2).image)
    np.testing.assert_array_equal(again.shoot("camera", 2).depth, footage.shoot("camera", 2).depth)
    with pytest.raises(ReadError, match="of other settings"):
        Footage.loaded(folder, studio(size=(40, 24)))
    (folder / "camera.depth.npy").write_bytes(b"torn")
    with pytest.raises(ReadError, match="cannot be read"):
        Footage.loaded(folder, stage)
    footage.save(folder)
    Footage.loaded(folder, stage)


def test_a_stop_while_rendering_gets_through() -> None:
    class Enough(Exception):
        pass

    def stop(done: int, total: int) -> None:
        raise Enough

    with pytest.raises(Enough):
        Footage.rendered(studio(), stop)


def test_fingerprints_tell_settings_apart() -> None:
    prints = {
        studio().fingerprint({"seed": 0}),
        studio().fingerprint({"seed": 1}),
        studio(size=(40, 24)).fingerprint({"seed": 0}),
        studio(seed=2).fingerprint({"seed": 0}),
        studio(supersampling=2).fingerprint({"seed": 0}),
    }
    assert len(prints) == 5
    assert studio().fingerprint({"seed": 0}) in prints


def test_depth_noise_grows_with_the_square_of_the_depth() -> None:
    sensor = DepthSensor(noise=0.01, seed=1)
    spread = [
        float((sensor.measure(np.full((200, 200), depth, np.float32), 0) - depth).std())
        for depth in (1.0, 3.0)
    ]
    assert spread[0] == pytest.approx(0.01, rel=0.05)
    assert spread[1] == pytest.approx(0.09, rel=0.05)
    flat = np.full((4, 4), 2.0, np.float32)
    np.testing.assert_array_equal(sensor.measure(flat, 5), sensor.measure(flat, 5))
    assert (sensor.measure(flat, 5) != sensor.measure(flat, 6)).any()


def test_millimetres_are_rounded_and_unknown_stays_unknown() -> None:
    depth = np.array([[0.0, 1.2346, 80.0]], np.float32)
    measured = DepthSensor(millimetres=True).measure(depth, 0)
    assert measured.dtype == np.uint16
    np.testing.assert_array_equal(measured, [[0, 1235, 0]])  # 80 m is more than they can say
    noisy = DepthSensor(noise=0.5).measure(depth, 0)
    assert noisy[0, 0] == 0
    assert noisy[0, 1] > 0
