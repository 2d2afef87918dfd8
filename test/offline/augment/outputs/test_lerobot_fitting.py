"""What one dataset cannot hold is refused before any view is made."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from augment_runs import ANY_VIEW, augment
from filmed_episode import FilmedEpisode, grey_film
from lerobot_maker import SIDE, TOP, write_dataset
from spooled_views import mirrored_view

from anyview_ros.errors import InvalidInputError
from anyview_ros.geometry import PinholeCamera
from anyview_ros.offline.augment.lerobot_episode import open_lerobot_episodes
from anyview_ros.offline.augment.making import wanted_views
from anyview_ros.offline.augment.outputs.lerobot import LeRobotFormat
from anyview_ros.offline.augment.outputs.lerobot_fitting import ViewOutline, wanted_outlines
from anyview_ros.offline.augment.settings import AugmentSettings

ADD = AugmentSettings(("vista_small",), format="lerobot", method="copy_source", guard=ANY_VIEW)
APPEND = replace(ADD, mode="append-episode")
NAMED_SIDE = "fixed:name=side,in=source,position=0.1,0,0"
EMPTY_PLACE = "fixed:name=other,in=source,position=0.1,0,0"


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_dataset(tmp_path_factory.mktemp("source") / "cups", lengths=(3, 2))


def test_views_are_known_before_they_are_drawn() -> None:
    side = PinholeCamera.from_fov(20, 14, horizontal_fov_deg=60)
    episode = FilmedEpisode({"front": grey_film(3), "side": grey_film(3, camera=side)})
    views = (
        "vista_small:samples=2",
        "camera:side",
        "camera:side,name=small,size=32x24",
        "orbit:30,distance=1,fov=50",
        EMPTY_PLACE,
        "fixed:name=own,in=source,position=0.1,0,0,intrinsics=50,50,20,15,41,31",
    )
    for size in (None, (40, 30)):
        settings = replace(ADD, views=views, size=size)
        film = episode.film("front")
        drawn = [sampler.draw(episode, film, index=index) for sampler, index in wanted_views(settings)]
        sizes = {camera.name: episode.film(camera.name).camera.size for camera in episode.cameras}
        assert list(wanted_outlines(settings, "front", sizes)) == [
            ViewOutline(view.name, "front", view.target.trajectory.camera.size) for view in drawn
        ]
        assert len(drawn) == 7


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (
            replace(ADD, views=(NAMED_SIDE,)),
            r"has a feature observation\.images\.side already.* view side .*name=",
        ),
        (
            replace(APPEND, views=(EMPTY_PLACE,), size=(32, 24)),
            r"other is 32x24 but takes the place of observation\.images\.top, whose pictures are 64x48",
        ),
    ],
)
def test_views_that_a_dataset_has_no_place_for_are_refused(
    settings: AugmentSettings, message: str, dataset: Path, tmp_path: Path
) -> None:
    with pytest.raises(InvalidInputError, match=message):
        augment(dataset, tmp_path / "out", replace(settings, camera=TOP))
    assert list(tmp_path.iterdir()) == []


def test_views_that_a_dataset_has_a_place_for_pass(dataset: Path) -> None:
    for settings in (
        replace(APPEND, views=(NAMED_SIDE,)),
        replace(ADD, views=(EMPTY_PLACE,), size=(32, 24)),
        replace(APPEND, views=(EMPTY_PLACE,), size=(64, 48)),
        replace(
            APPEND, views=(f"camera:{SIDE}",), size=(32, 24)
        ),  # of the size of the camera that it is like
        replace(APPEND, views=("camera:none",)),  # which its draw refuses
    ):
        LeRobotFormat(settings).check(open_lerobot_episodes(dataset, settings))


def test_views_that_films_have_no_place_for_are_refused(tmp_path: Path) -> None:
    single = FilmedEpisode({"front": grey_film(3)})
    LeRobotFormat(APPEND).check([single])
    with pytest.raises(InvalidInputError, match=r"vista_small_0 is 8x6 .* place of front, .* are 16x12"):
        LeRobotFormat(replace(APPEND, size=(8, 6))).check([single])
    small = mirrored_view(single.film("front"), tmp_path / "spool", size=(8, 6))
    with pytest.raises(InvalidInputError, match=r"left is 8x6 .* place of front"):
        LeRobotFormat(APPEND).write_part(single, [small], tmp_path / "part")
    twice = FilmedEpisode({"front": grey_film(3), "on front": grey_film(3)})
    LeRobotFormat(ADD).check([twice])
    with pytest.raises(InvalidInputError, match=r"has a feature observation\.images\.on_front already"):
        LeRobotFormat(replace(ADD, views=("frame:front,position=0,0,0.1",))).check([twice])


def test_cameras_that_would_share_a_key_are_refused() -> None:
    alike = FilmedEpisode({"on front": grey_film(3), "on/front": grey_film(3)})
    with pytest.raises(InvalidInputError, match=r"cameras on front, on/front of .* would share keys"):
        LeRobotFormat(ADD).check([alike])


def test_films_that_are_not_alike_are_refused() -> None:
    one = FilmedEpisode({"front": grey_film(4)}, content="0" * 64)
    slow = FilmedEpisode({"front": grey_film(4, rate_hz=5)}, content="1" * 64)
    more = FilmedEpisode({"front": grey_film(4), "side": grey_film(4)}, content="2" * 64)
    LeRobotFormat(ADD).check([one, one])
    turned = FilmedEpisode({"side": grey_film(4), "front": grey_film(4)}, content="3" * 64)
    LeRobotFormat(ADD).check([more, turned])
    with pytest.raises(InvalidInputError, match=r"has 10 frames per second, .* 5; give one rate"):
        LeRobotFormat(ADD).check([one, slow])
    with pytest.raises(InvalidInputError, match="one dataset needs the same in all episodes"):
        LeRobotFormat(ADD).check([one, more])
