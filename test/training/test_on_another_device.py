"""Filming and every training compute on a device other than the CPU; see ``pretended_device``."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import anyview_release
import numpy as np
import pytest
from look_beyond_weights import TINY_VIDEO
from pretended_device import pretended_device
from small_weights import TINY, tiny_weights
from tiny_panoramas import TINY as TINY_PANORAMA
from zeronvs_weights import TINY as TINY_ZERO

from anyview_ros.clips import PosedClip
from anyview_ros.geometry import PinholeCamera, look_at
from anyview_ros.offline.episode_writer import write_episode
from anyview_ros.training import calibration, zeronvs_calibration
from anyview_ros.training.anyview_lora import LoraConfig, LoraTrainer
from anyview_ros.training.batches import BatchPlan
from anyview_ros.training.filmed import FilmedRooms, FilmPlan, film_rooms
from anyview_ros.training.look_beyond_panorama import PanoramaTrainer
from anyview_ros.training.look_beyond_panorama_config import PanoramasConfig, PanoramaTrainingConfig
from anyview_ros.training.look_beyond_panorama_films import PanoramaPlan, film_panoramas
from anyview_ros.training.look_beyond_video import VideoTrainer
from anyview_ros.training.look_beyond_video_clips import film_clips
from anyview_ros.training.look_beyond_video_config import ClipsConfig, VideoTrainingConfig
from anyview_ros.training.small_config import RoomsConfig, SmallTrainingConfig
from anyview_ros.training.small_trainer import SmallTrainer
from anyview_ros.training.source_pictures import PicturePlan
from anyview_ros.training.zeronvs_config import ZeroTrainingConfig
from anyview_ros.training.zeronvs_samples import SamplePlan
from anyview_ros.training.zeronvs_trainer import WEIGHTS, ZeroTrainer

TWO_STEPS: dict[str, Any] = {"steps": 2, "checkpoint_steps": 1, "sheet_steps": 1}


@pytest.fixture
def device() -> Iterator[str]:
    with pretended_device() as name:
        yield name


@pytest.fixture(scope="module")
def rooms() -> FilmedRooms:
    return film_rooms(FilmPlan(side=32), 0, 3)


@pytest.mark.parametrize(
    "plan",
    [
        FilmPlan(side=16),
        FilmPlan(side=16, framed=True, cluttered=True, supersampling=2, drawn_textures=True, instants=1),
        FilmPlan(side=16, robots=True, instants=1),
    ],
)
def test_rooms_are_filmed_as_they_are_on_a_cpu(plan: FilmPlan, device: str) -> None:
    here, there = (film_rooms(replace(plan, device=place), 0, 1) for place in ("cpu", device))
    np.testing.assert_allclose(there.depth, here.depth, rtol=1e-2)
    assert np.abs(there.frames.astype(int) - here.frames).max() <= 1


SMALL = SmallTrainingConfig(
    **TWO_STEPS,
    network=replace(TINY, memory_frames=2, flow=8),
    batches=BatchPlan(sources=2, targets=1, two_instants_share=0.5),
    source_pictures=PicturePlan(count=2),
    rooms=RoomsConfig(count=3, side=32, workers=1),
)


@pytest.mark.parametrize("changes", [{}, {"only_flow": True, "kept_batches": 1}, {"only_depth": True}])
def test_small(tmp_path: Path, rooms: FilmedRooms, device: str, changes: dict[str, Any]) -> None:
    assert SmallTrainer(replace(SMALL, device=device, **changes), tmp_path, rooms).run()


def test_small_is_calibrated(
    tmp_path: Path, rooms: FilmedRooms, device: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(calibration, "_BATCHES", 2)
    monkeypatch.setattr(calibration, "_DRAWN_BATCHES", 1)
    calibration.calibrate(tiny_weights(tmp_path, SMALL.network), rooms, device=device)


def test_zeronvs(tmp_path: Path, rooms: FilmedRooms, device: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(zeronvs_calibration, "_BATCHES", 1)
    config = ZeroTrainingConfig(
        **TWO_STEPS,
        device=device,
        network=TINY_ZERO,
        samples=SamplePlan(batch=4),
    )
    assert ZeroTrainer(config, tmp_path, rooms).run()
    zeronvs_calibration.calibrate(tmp_path / WEIGHTS, rooms, device=device)


def test_look_beyonds_panoramas(tmp_path: Path, device: str) -> None:
    plan = PanoramaPlan(height=16, source_width=16, source_height=16, robot_every=0, device=device)
    config = PanoramaTrainingConfig(
        **TWO_STEPS,
        device=device,
        batch=2,
        network=TINY_PANORAMA,
        panoramas=PanoramasConfig(count=2, robot_every=0),
    )
    assert PanoramaTrainer(config, tmp_path, film_panoramas(plan, 0, 2)).run()


def test_look_beyonds_video(tmp_path: Path, device: str) -> None:
    config = VideoTrainingConfig(
        **TWO_STEPS,
        device=device,
        batch=2,
        network=TINY_VIDEO,
        clips=ClipsConfig(count=2, supersampling=1, device=device),
    )
    assert VideoTrainer(config, tmp_path, film_clips(config.plan(), 0, 2)).run()


def test_anyview(tmp_path: Path, device: str) -> None:
    camera = PinholeCamera(30.0, 30.0, 23.5, 15.5, 48, 32)
    frames = np.random.default_rng(0).integers(0, 255, (6, 32, 48, 3), np.uint8)
    clips = [
        PosedClip(
            frames,
            camera,
            np.stack([look_at((x, -1.0, 0.5), (0, 0, 0))] * 6),
            100_000_000 * np.arange(1, 7),
        )
        for x in (0.0, 0.5)
    ]
    folder = tmp_path / "episodes"
    write_episode(
        folder / "a",
        {"cam0": clips[1], "cam1": clips[0]},
        rate_hz=10.0,
        roles={"cam0": "target", "cam1": "input"},
    )
    weights = anyview_release.write_small_bundle(tmp_path / "weights")
    config = LoraConfig(
        rank=4,
        steps=2,
        frames=5,
        domain="robotics",
        size=anyview_release.SIZE,
        checkpoint_steps=1,
        device=device,
    )
    assert LoraTrainer(weights, folder, tmp_path / "run", config).run()
