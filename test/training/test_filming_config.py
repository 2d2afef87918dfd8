from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from look_beyond_weights import TINY_VIDEO

from anyview_ros.errors import InvalidInputError
from anyview_ros.training import film_files
from anyview_ros.training.filming_config import FilmingConfig
from anyview_ros.training.look_beyond_panorama import prepared_panoramas
from anyview_ros.training.look_beyond_panorama_config import PanoramasConfig, PanoramaTrainingConfig
from anyview_ros.training.look_beyond_video import prepared_clips
from anyview_ros.training.look_beyond_video_config import ClipsConfig, VideoTrainingConfig
from anyview_ros.training.settings import read_settings


@pytest.mark.parametrize("kind", [FilmingConfig, ClipsConfig, PanoramasConfig])
@pytest.mark.parametrize("name", ["count", "supersampling", "workers"])
def test_nothing_to_film_is_refused(kind: type[FilmingConfig], name: str) -> None:
    for value in (0, -3):
        with pytest.raises(InvalidInputError, match=f"{name} is {value}; give 1 or more"):
            kind(**{name: value})


def test_robots_come_every_so_often_or_never() -> None:
    with pytest.raises(InvalidInputError, match="robot_every is -1; give 0 for none"):
        PanoramasConfig(robot_every=-1)


def test_a_device_that_cannot_film_is_named_unless_all_is_filmed(tmp_path: Path) -> None:
    films = ClipsConfig(count=1, supersampling=1)
    config = VideoTrainingConfig(network=TINY_VIDEO, clips=films)
    elsewhere = replace(config, clips=replace(films, device="moon"))
    with pytest.raises(InvalidInputError, match="device 'moon' cannot be used"):
        prepared_clips(elsewhere, tmp_path / "clips")
    prepared_clips(config, tmp_path / "clips")
    assert len(prepared_clips(elsewhere, tmp_path / "clips")) == 1
    with pytest.raises(InvalidInputError, match="device 'moon' cannot be used"):
        prepared_panoramas(PanoramaTrainingConfig(panoramas=PanoramasConfig(device="moon")), tmp_path)


@pytest.mark.parametrize("prepare", [prepared_clips, prepared_panoramas])
def test_several_processes_film(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, prepare: Callable[..., object]
) -> None:
    pools: list[int] = []

    class Told(Exception):
        pass

    def pool(workers: int, **_: object) -> None:
        pools.append(workers)
        raise Told

    monkeypatch.setattr(film_files, "ProcessPoolExecutor", pool)
    config = (
        VideoTrainingConfig(network=TINY_VIDEO, clips=ClipsConfig(count=60, workers=3))
        if prepare is prepared_clips
        else PanoramaTrainingConfig(panoramas=PanoramasConfig(count=60, workers=3))
    )
    with pytest.raises(Told):
        prepare(config, tmp_path)
    assert pools == [3]


def test_what_is_filmed_is_a_setting(tmp_path: Path) -> None:
    path = tmp_path / "settings.yaml"
    path.write_text("panoramas: {count: 7, robot_every: 2}")
    assert read_settings(PanoramaTrainingConfig, str(path)).panoramas == PanoramasConfig(7, robot_every=2)
    path.write_text("clips: {count: 0}")
    with pytest.raises(InvalidInputError, match="count is 0"):
        read_settings(VideoTrainingConfig, str(path))
