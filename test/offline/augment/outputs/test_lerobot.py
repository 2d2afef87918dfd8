from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from clips import box_clip
from filmed_episode import FilmedEpisode, grey_film
from lerobot_maker import CALIBRATION, LENGTHS, SIDE, TOP, picture, write_dataset
from png_text import read_png_text
from spooled_views import mirrored_view, part_of

from anyview_ros.errors import InvalidInputError, ReadError
from anyview_ros.offline.augment.file_hashes import hashed_files
from anyview_ros.offline.augment.lerobot_episode import open_lerobot_episodes
from anyview_ros.offline.augment.output_format import Part
from anyview_ros.offline.augment.outputs.episodes import EpisodesFormat
from anyview_ros.offline.augment.outputs.lerobot import LeRobotFormat
from anyview_ros.offline.augment.outputs.lerobot_views import camera_key
from anyview_ros.offline.augment.outputs.marks import COMMENT
from anyview_ros.offline.augment.release_episode import open_release_episodes
from anyview_ros.offline.augment.settings import AugmentSettings
from anyview_ros.offline.augment.source_episode import SourceEpisode
from anyview_ros.offline.episode_writer import write_episode
from anyview_ros.offline.episodes import Episode
from anyview_ros.offline.lerobot.checker import check_dataset
from anyview_ros.offline.lerobot.dataset import LeRobotDataset
from anyview_ros.offline.lerobot.layout import AUGMENTATION
from anyview_ros.offline.lerobot.pictures import embedded_picture
from anyview_ros.offline.lerobot.video_encoding import video_info

ADD = AugmentSettings(("vista_small",), format="lerobot")
APPEND = replace(ADD, mode="append-episode")
ARC = "observation.images.arc_0"


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_dataset(tmp_path_factory.mktemp("source") / "cups")


def parts_of(
    settings: AugmentSettings,
    episodes: Sequence[SourceEpisode],
    folder: Path,
    *,
    without: Sequence[int] = (),
    camera: str = TOP,
) -> list[Part]:
    """The parts of all episodes, each with one view but for those ``without``."""
    output_format = LeRobotFormat(settings)
    output_format.check(episodes)
    parts = []
    for index, episode in enumerate(episodes):
        place = folder / "parts" / str(index)
        view = mirrored_view(episode.film(camera), folder / "spool" / str(index), "arc_0")
        views = [] if index in without else [view]
        output_format.write_part(episode, views, place)
        parts.append(part_of(place, episode, views, left_out=() if views else ("arc_0",)))
    return parts


def assembled(settings: AugmentSettings, parts: Sequence[Part], output: Path) -> LeRobotDataset:
    dataset = assembled_unchecked(settings, parts, output)
    assert check_dataset(output) == []
    return dataset


def assembled_unchecked(settings: AugmentSettings, parts: Sequence[Part], output: Path) -> LeRobotDataset:
    output.mkdir(parents=True)
    LeRobotFormat(settings).assemble(parts, output)
    return LeRobotDataset.open(output)


def images(dataset: LeRobotDataset, index: int, key: str) -> np.ndarray:
    segment = dataset.video(dataset.episodes[index], key)
    return np.stack(list(segment.images(range(segment.count)))).astype(int)


def test_an_added_camera_leaves_the_rest_as_it_was(source: Path, tmp_path: Path) -> None:
    episodes = open_lerobot_episodes(source, ADD)
    dataset = assembled(ADD, parts_of(ADD, episodes, tmp_path), tmp_path / "out")
    before, after = hashed_files(source), hashed_files(dataset.path)
    untouched = [name for name in before if name.startswith("videos/")]
    assert len(untouched) == 2
    assert {name: after[name] for name in untouched} == {name: before[name] for name in untouched}
    assert dataset.video_keys == (TOP, SIDE, ARC)
    recorded = LeRobotDataset.open(source)
    for old, new in zip(recorded.episodes, dataset.episodes, strict=True):
        assert dataset.rows(new).equals(recorded.rows(old))
        assert new.tasks == old.tasks
        assert {name: new.row[name] for name in old.row} == dict(old.row)
        np.testing.assert_allclose(
            images(dataset, new.index, ARC), images(recorded, old.index, TOP)[:, :, ::-1], atol=12
        )
    kept, known = (json.loads((path / "meta/stats.json").read_text()) for path in (dataset.path, source))
    assert {key: kept[key] for key in known} == known
    assert dataset.info["features"][ARC]["info"]["synthesised"] is True
    assert dataset.info["splits"] == recorded.info["splits"]
    told = json.loads((dataset.path / "meta/augmentation.json").read_text())
    assert told["episodes"][1]["synthesised"][ARC]["method"] == "mirrored"
    assert told["episodes"][1]["synthesised"][ARC]["camera_to_world"][0][3] == pytest.approx(0.1)
    assert (dataset.path / "calibration.yaml").read_text() == CALIBRATION


def test_appended_episodes_are_copies_but_for_one_camera(source: Path, tmp_path: Path) -> None:
    episodes = open_lerobot_episodes(source, APPEND)
    parts = parts_of(APPEND, episodes, tmp_path, without=[1])
    dataset = assembled(APPEND, parts, tmp_path / "out")
    recorded = LeRobotDataset.open(source)
    assert [episode.length for episode in dataset.episodes] == [*LENGTHS, LENGTHS[0], LENGTHS[2]]
    told = json.loads((dataset.path / "meta/augmentation.json").read_text())
    origins = [episode["origin_episode_index"] for episode in told["episodes"]]
    assert origins == [None, None, None, 0, 2]
    assert [list(episode["synthesised"]) for episode in told["episodes"]] == [[], [], [], [TOP], [TOP]]
    assert told["views_left_out"] == [{"episode": "episode_000001", "view": "arc_0", "reason": ""}]
    assert not any("re_encoded" in episode for episode in told["episodes"])
    for copy, origin in ((3, 0), (4, 2)):
        np.testing.assert_array_equal(images(dataset, copy, SIDE), images(recorded, origin, SIDE))
        np.testing.assert_allclose(
            images(dataset, copy, TOP), images(recorded, origin, TOP)[:, :, ::-1], atol=12
        )
        rows = dataset.rows(dataset.episodes[copy]), recorded.rows(recorded.episodes[origin])
        for key in ("action", "observation.state", "timestamp", "frame_index", "task_index"):
            assert rows[0][key].equals(rows[1][key]), key
    before, after = hashed_files(source), hashed_files(dataset.path)
    for name in (name for name in before if name.startswith("videos/")):
        assert after[name] == before[name]


def test_an_episode_without_a_view_is_left_out_and_told(source: Path, tmp_path: Path) -> None:
    parts = parts_of(ADD, open_lerobot_episodes(source, ADD), tmp_path, without=[1])
    dataset = assembled(ADD, parts, tmp_path / "out")
    recorded = LeRobotDataset.open(source)
    assert [episode.length for episode in dataset.episodes] == [LENGTHS[0], LENGTHS[2]]
    np.testing.assert_array_equal(images(dataset, 1, SIDE), images(recorded, 2, SIDE))
    told = json.loads((dataset.path / "meta/augmentation.json").read_text())
    assert [each["name"] for each in told["episodes_left_out"]] == ["episode_000001"]
    assert told["episodes_left_out"][0]["lacks"] == [ARC]
    assert dataset.info["splits"] == {"train": "0:2"}
    rows = dataset.rows(dataset.episodes[1]), recorded.rows(recorded.episodes[2])
    assert rows[0]["action"].equals(rows[1]["action"])


def test_a_view_may_be_left_out_instead(source: Path, tmp_path: Path) -> None:
    settings = replace(ADD, source_options={"missing_view": "camera"})
    parts = parts_of(settings, open_lerobot_episodes(source, settings), tmp_path, without=[1])
    dataset = assembled(settings, parts, tmp_path / "out")
    assert dataset.video_keys == (TOP, SIDE)
    assert len(dataset.episodes) == 3


def comments(dataset: LeRobotDataset) -> dict[str, set[str]]:
    """What the metadata of a dataset's videos say, by key."""
    found: dict[str, set[str]] = {}
    for file in sorted((dataset.path / "videos").rglob("*.mp4")):
        with av.open(str(file)) as container:
            key = file.relative_to(dataset.path / "videos").parts[0]
            found.setdefault(key, set()).add(container.metadata.get("comment", ""))
    return found


def test_only_synthesised_pictures_say_so(source: Path, tmp_path: Path) -> None:
    """Recorded videos too are joined anew: where an episode is left out, and in copies."""
    added = assembled(
        ADD,
        parts_of(ADD, open_lerobot_episodes(source, ADD), tmp_path / "add", without=[1]),
        tmp_path / "added",
    )
    assert comments(added) == {TOP: {""}, SIDE: {""}, ARC: {COMMENT}}
    appended = assembled(
        APPEND, parts_of(APPEND, open_lerobot_episodes(source, APPEND), tmp_path), tmp_path / "out"
    )
    assert comments(appended) == {TOP: {"", COMMENT}, SIDE: {""}}


def test_views_are_stored_as_the_pictures_that_they_replace(tmp_path: Path) -> None:
    source = write_dataset(tmp_path / "cups", pixels="yuv444p", lengths=(3, 2))
    dataset = assembled(
        APPEND, parts_of(APPEND, open_lerobot_episodes(source, APPEND), tmp_path), tmp_path / "out"
    )
    stored = {video_info(file)["video.pix_fmt"] for file in (dataset.path / "videos").rglob("*.mp4")}
    assert stored == {"yuv444p"}
    assert json.loads((dataset.path / AUGMENTATION).read_text())["videos_stored_as"] == {}


def test_views_that_cannot_be_stored_so_are_told(tmp_path: Path) -> None:
    source = write_dataset(tmp_path / "cups", lengths=(3, 2))
    file = source / f"videos/{TOP}/chunk-000/file-000.mp4"
    with av.open(str(file), "w") as container:
        stream = container.add_stream("libvpx-vp9", rate=10, options={"g": "1", "lag-in-frames": "0"})
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        for index in range(5):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture(index), format="rgb24")))
        container.mux(stream.encode(None))
    info = json.loads((source / "meta/info.json").read_text())
    info["features"][TOP]["info"]["video.codec"] = "vp9"
    (source / "meta/info.json").write_text(json.dumps(info))
    assert check_dataset(source) == []
    dataset = assembled(
        APPEND, parts_of(APPEND, open_lerobot_episodes(source, APPEND), tmp_path), tmp_path / "out"
    )
    told = json.loads((dataset.path / AUGMENTATION).read_text())["videos_stored_as"]
    views = f"videos/{TOP}/chunk-000/file-001.mp4"
    assert told == {views: {"video.codec": "h264", "video.pix_fmt": "yuv420p"}}


def test_no_episode_with_all_views_is_an_error(source: Path, tmp_path: Path) -> None:
    episodes = open_lerobot_episodes(source, ADD)[:1]
    output_format = LeRobotFormat(ADD)
    view = mirrored_view(episodes[0].film(TOP), tmp_path / "spool", "arc_0")
    other = replace(view, name="arc_1")
    output_format.write_part(episodes[0], [view], tmp_path / "1")
    output_format.write_part(episodes[0], [other], tmp_path / "2")
    parts = [
        part_of(tmp_path / "1", episodes[0], [view]),
        part_of(tmp_path / "2", episodes[0], [other], "second"),
    ]
    with pytest.raises(InvalidInputError, match="no episode has all of the views"):
        output_format.assemble(parts, tmp_path / "out")


@pytest.mark.parametrize("settings", [ADD, APPEND], ids=["add", "append"])
def test_the_same_in_gives_the_same_bytes(settings: AugmentSettings, source: Path, tmp_path: Path) -> None:
    outputs = []
    for name in ("one", "two"):
        parts = parts_of(settings, open_lerobot_episodes(source, settings), tmp_path / name)
        outputs.append(hashed_files(assembled(settings, parts, tmp_path / name / "out").path))
    assert outputs[0] == outputs[1]
    again = assembled(settings, parts, tmp_path / "again")  # parts are whole after an assembly
    assert hashed_files(again.path) == outputs[0]


def test_the_guess_of_the_size_holds(source: Path, tmp_path: Path) -> None:
    for settings in (ADD, APPEND):
        episodes = open_lerobot_episodes(source, settings)
        for part, episode in zip(
            parts_of(settings, episodes, tmp_path / settings.mode), episodes, strict=True
        ):
            size = sum(known for known, _ in hashed_files(part.folder).values())
            frames = episode.episode.length
            assert size < LeRobotFormat(settings).bytes_needed(episode, 64 * 48 * 3, frames) < 20 * size


def test_pictures_in_rows_are_replaced_in_a_copy(tmp_path: Path) -> None:
    source = write_dataset(tmp_path / "cups", embedded=True, lengths=(3, 2))
    dataset = assembled(
        APPEND, parts_of(APPEND, open_lerobot_episodes(source, APPEND), tmp_path), tmp_path / "out"
    )
    recorded = LeRobotDataset.open(source)
    copy, origin = dataset.rows(dataset.episodes[2]), recorded.rows(recorded.episodes[0])
    assert copy[SIDE].equals(origin[SIDE])
    (tmp_path / "picture.png").write_bytes(copy[TOP][1].as_py()["bytes"])
    assert "computed, not filmed" in read_png_text(tmp_path / "picture.png")["Comment"]
    expected = open_lerobot_episodes(source, ADD)[0].film(TOP)
    for got, want in zip(copy[TOP].to_pylist(), expected.frames(range(3)), strict=True):
        np.testing.assert_array_equal(embedded_picture(got, TOP), want.image[:, ::-1])
    added = assembled(
        ADD, parts_of(ADD, open_lerobot_episodes(source, ADD), tmp_path / "add"), tmp_path / "added"
    )
    assert added.video_keys == (ARC,)
    assert added.rows(added.episodes[1]).equals(recorded.rows(recorded.episodes[1]))


def test_two_datasets_become_one(tmp_path: Path) -> None:
    one = write_dataset(tmp_path / "one", lengths=(3, 2))
    two = write_dataset(tmp_path / "two", lengths=(4,))
    episodes = [*open_lerobot_episodes(one, ADD), *open_lerobot_episodes(two, ADD)]
    dataset = assembled(ADD, parts_of(ADD, episodes, tmp_path), tmp_path / "out")
    assert [episode.length for episode in dataset.episodes] == [3, 2, 4]
    np.testing.assert_array_equal(images(dataset, 2, TOP), images(LeRobotDataset.open(two), 0, TOP))


@pytest.mark.parametrize("settings", [ADD, APPEND], ids=["add", "append"])
def test_datasets_and_films_whose_cameras_come_in_another_order_become_one(
    settings: AugmentSettings, tmp_path: Path
) -> None:
    one = write_dataset(tmp_path / "one", lengths=(3,))
    two = write_dataset(tmp_path / "two", lengths=(2,), keys=(SIDE, TOP))
    recorded = [*open_lerobot_episodes(one, settings), *open_lerobot_episodes(two, settings)]
    films = {"front": grey_film(4), "side": grey_film(4)}
    turned = dict(reversed(films.items()))
    filmed = [
        FilmedEpisode(each, name=name, content=name * 32) for name, each in (("e0", films), ("e1", turned))
    ]
    for episodes, camera in ((recorded, TOP), (filmed, "front")):
        folder = tmp_path / camera
        dataset = assembled(settings, parts_of(settings, episodes, folder, camera=camera), folder / "out")
        first, second = dataset.episodes[:2]
        assert [first.length, second.length] == [len(episode.film(camera)) for episode in episodes]
        assert dataset.video_keys[:2] == tuple(camera_key(each.name) for each in episodes[0].cameras)
        shown = episodes[1].film(camera).frames(range(second.length))
        wanted = np.stack([frame.image for frame in shown]).astype(int)
        assert np.abs(images(dataset, 1, camera_key(camera)) - wanted).mean() < 4


@pytest.mark.parametrize("settings", [ADD, APPEND], ids=["add", "append"])
def test_datasets_of_different_codecs_become_one(settings: AugmentSettings, tmp_path: Path) -> None:
    one = write_dataset(tmp_path / "one", lengths=(3,))
    two = write_dataset(tmp_path / "two", lengths=(2,), codec="av1")
    episodes = [*open_lerobot_episodes(one, settings), *open_lerobot_episodes(two, settings)]
    dataset = assembled(settings, parts_of(settings, episodes, tmp_path), tmp_path / "out")
    told = json.loads((dataset.path / AUGMENTATION).read_text())["videos_stored_as"]
    assert {stored["video.codec"] for stored in told.values()} == {"av1"}
    assert f"videos/{SIDE}/chunk-000/file-001.mp4" in told


def test_what_does_not_fit_one_dataset_is_refused(source: Path, tmp_path: Path) -> None:
    faster = write_dataset(tmp_path / "faster", rate=Fraction(20), lengths=(3,))
    other = write_dataset(tmp_path / "other", robot="aloha", lengths=(3,))
    fewer = write_dataset(tmp_path / "fewer", keys=(TOP,), lengths=(3,))
    for path, message in (
        (faster, "20 frames|frames per second"),
        (other, "different robots"),
        (fewer, "features"),
    ):
        episodes = [*open_lerobot_episodes(source, ADD), *open_lerobot_episodes(path, ADD)]
        with pytest.raises(InvalidInputError, match=message):
            LeRobotFormat(ADD).check(episodes)
    bare = write_dataset(tmp_path / "bare", calibrated=False, lengths=(3,))
    with pytest.raises(InvalidInputError, match="--source-option calibration=FILE"):
        LeRobotFormat(ADD).check(open_lerobot_episodes(bare, ADD))
    with pytest.raises(InvalidInputError, match="missing_view is 'frame'"):
        LeRobotFormat(replace(ADD, source_options={"missing_view": "frame"})).check([])


def test_actions_in_a_camera_s_frame_are_refused(source: Path, tmp_path: Path) -> None:
    settings = replace(ADD, source_options={"action_frame": TOP})
    with pytest.raises(InvalidInputError, match="a camera's: seen from another camera"):
        LeRobotFormat(settings).check(open_lerobot_episodes(source, settings))
    named = write_dataset(tmp_path / "named", lengths=(3,))
    info = json.loads((named / "meta/info.json").read_text())
    info["features"]["action"]["names"] = [f"cam_{index}" for index in range(7)]
    (named / "meta/info.json").write_text(json.dumps(info))
    with pytest.raises(InvalidInputError, match="'cam_0' of action"):
        LeRobotFormat(ADD).check(open_lerobot_episodes(named, ADD))
    told = replace(ADD, source_options={"action_frame": "base"})
    LeRobotFormat(told).check(open_lerobot_episodes(named, told))


def test_views_that_do_not_fit_are_refused(source: Path, tmp_path: Path) -> None:
    episode = open_lerobot_episodes(source, ADD)[0]
    small = mirrored_view(episode.film(TOP), tmp_path, "small", size=(32, 24))
    with pytest.raises(InvalidInputError, match="takes the place of"):
        LeRobotFormat(APPEND).write_part(episode, [small], tmp_path / "1")
    with pytest.raises(InvalidInputError, match=r"has a feature observation\.images\.side already"):
        LeRobotFormat(ADD).write_part(episode, [replace(small, name="side")], tmp_path / "2")
    short = mirrored_view(episode.film(TOP).sliced(slice(0, 2)), tmp_path, "short")
    with pytest.raises(InvalidInputError, match="from the whole episode"):
        LeRobotFormat(ADD).write_part(episode, [short], tmp_path / "3")


def test_parts_without_their_files_are_refused(source: Path, tmp_path: Path) -> None:
    parts = parts_of(ADD, open_lerobot_episodes(source, ADD), tmp_path)
    (tmp_path / "out").mkdir()
    with pytest.raises(
        ReadError, match=r"no part holds videos/observation\.images\.top/chunk-000/file-000\.mp4"
    ):
        LeRobotFormat(ADD).assemble(parts[1:], tmp_path / "out")
    (parts[0].folder / "part.json").write_text("{")
    with pytest.raises(ReadError, match="is no part of a LeRobot dataset"):
        LeRobotFormat(ADD).assemble(parts, tmp_path / "out")


def test_views_of_other_sizes_and_moving_cameras(source: Path, tmp_path: Path) -> None:
    (episode,) = open_lerobot_episodes(source, ADD)[:1]
    view = mirrored_view(episode.film(TOP), tmp_path, "odd", size=(33, 25))
    poses = view.camera_to_world.copy()
    poses[:, 2, 3] += np.arange(len(view))
    view = replace(view, camera_to_world=poses, fixed=False)
    single = write_dataset(tmp_path / "single", lengths=(LENGTHS[0],))
    (episode,) = open_lerobot_episodes(single, ADD)
    LeRobotFormat(ADD).write_part(episode, [view], tmp_path / "part")
    dataset = assembled(ADD, [part_of(tmp_path / "part", episode, [view])], tmp_path / "out")
    key = "observation.images.odd"
    assert dataset.features[key]["shape"] == [25, 33, 3]
    assert images(dataset, 0, key).shape == (LENGTHS[0], 25, 33, 3)
    told = json.loads((dataset.path / "meta/augmentation.json").read_text())["episodes"][0]["synthesised"][
        key
    ]
    np.testing.assert_array_equal(np.load(dataset.path / told["camera_to_world_file"]), poses)


def test_a_dataset_becomes_release_episodes(source: Path, tmp_path: Path) -> None:
    settings = replace(ADD, format="episodes")
    episode = open_lerobot_episodes(source, settings)[1]
    view = mirrored_view(episode.film(TOP), tmp_path, "arc_0")
    EpisodesFormat(settings).write_part(episode, [view], tmp_path / "part")
    (tmp_path / "out").mkdir()
    EpisodesFormat(settings).assemble([part_of(tmp_path / "part", episode, [view])], tmp_path / "out")
    opened = Episode.open(tmp_path / "out" / "episode_000001")
    assert opened.cameras == ("arc_0", "observation_images_top")
    assert opened.rate_hz == 10
    assert len(opened.clip("arc_0").frames) == LENGTHS[1]


def test_release_episodes_become_a_dataset(tmp_path: Path) -> None:
    for name, count in (("a", 4), ("b", 6)):
        clips = {
            "front": box_clip(count, period_ns=50_000_000),
            "rear": box_clip(count, x=1.0, period_ns=50_000_000),
        }
        write_episode(tmp_path / "in" / name, clips, roles={"front": "input"}, rate_hz=20.0)
    settings = replace(ADD, source_options={"task": "look", "robot_type": "box"})
    episodes = open_release_episodes(tmp_path / "in", settings)
    dataset = assembled(settings, parts_of(settings, episodes, tmp_path, camera="front"), tmp_path / "out")
    assert (dataset.rate, dataset.tasks, dataset.info["robot_type"]) == (20, ("look",), "box")
    assert dataset.video_keys == ("observation.images.front", "observation.images.rear", ARC)
    brightness = box_clip(6).frames[:, :, ::-1].astype(int).mean(axis=(1, 2, 3))
    np.testing.assert_allclose(images(dataset, 1, ARC).mean(axis=(1, 2, 3)), brightness, atol=4)
    appended = replace(settings, mode="append-episode")
    parts = parts_of(appended, episodes, tmp_path / "append", camera="front")
    dataset = assembled(appended, parts, tmp_path / "append" / "out")
    assert [episode.length for episode in dataset.episodes] == [4, 6, 4, 6]
    assert dataset.video_keys == ("observation.images.front", "observation.images.rear")
    with pytest.raises(InvalidInputError, match="is no bag and has no topics"):
        parts_of(
            replace(settings, source_options={"state": "/joint_states"}),
            episodes,
            tmp_path / "s",
            camera="front",
        )
    mixed: list[SourceEpisode] = [*episodes, *open_lerobot_episodes(write_dataset(tmp_path / "d"), ADD)]
    with pytest.raises(InvalidInputError, match="not of both"):
        LeRobotFormat(ADD).check(mixed)


def test_files_are_kept_below_their_limit(tmp_path: Path) -> None:
    source = write_dataset(tmp_path / "cups", lengths=(5, 5, 5))
    info = json.loads((source / "meta/info.json").read_text())
    info |= {"data_files_size_in_mb": 0.0006, "video_files_size_in_mb": 0.0006, "chunks_size": 2}
    (source / "meta/info.json").write_text(json.dumps(info))
    dataset = assembled_unchecked(
        ADD, parts_of(ADD, open_lerobot_episodes(source, ADD), tmp_path), tmp_path / "out"
    )
    for below, kind in (("data", "parquet"), ("meta/episodes", "parquet"), (f"videos/{ARC}", "mp4")):
        found = sorted(
            file.relative_to(dataset.path / below) for file in (dataset.path / below).rglob(f"*.{kind}")
        )
        wanted = [Path(f"chunk-{name}.{kind}") for name in ("000/file-000", "000/file-001", "001/file-000")]
        assert found == wanted
    # The source's own files are taken over as they are, whatever their size.
    assert {finding.rule for finding in check_dataset(dataset.path)} == {"video-files"}
    np.testing.assert_allclose(images(dataset, 2, ARC), images(dataset, 2, TOP)[:, :, ::-1], atol=12)
