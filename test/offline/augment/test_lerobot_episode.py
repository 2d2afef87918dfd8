from __future__ import annotations

import json
import shutil
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml
from lerobot_maker import CALIBRATION, LENGTHS, SIDE, TASKS, TOP, picture, write_dataset

from anyview_ros.errors import InvalidInputError, ReadError
from anyview_ros.offline.augment.lerobot_episode import LeRobotEpisode, open_lerobot_episodes
from anyview_ros.offline.augment.settings import AugmentSettings

SETTINGS = AugmentSettings(("vista_small",), format="lerobot")
DATA = "data/chunk-000/file-000.parquet"


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_dataset(tmp_path_factory.mktemp("source") / "cups")


@pytest.fixture
def copy(source: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(source, tmp_path / "cups"))


def calibrate(path: Path, **cameras: object) -> list[LeRobotEpisode]:
    content = yaml.safe_load(CALIBRATION)
    content["links"] = cameras.pop("links", {})
    content["cameras"] |= cameras
    (path / "calibration.yaml").write_text(yaml.safe_dump(content))
    return open_lerobot_episodes(path, SETTINGS)


def test_episodes_are_sources(source: Path) -> None:
    episodes = open_lerobot_episodes(source, SETTINGS)
    assert [episode.name for episode in episodes] == ["episode_000000", "episode_000001", "episode_000002"]
    episode = episodes[1]
    assert (episode.kind, episode.path, episode.losses) == ("lerobot", source, ())
    top, side = episode.cameras
    assert (top.name, top.usable, side.name, side.usable) == (TOP, True, SIDE, False)
    assert "add it to" in side.reason
    film = episode.film(TOP)
    assert len(film) == LENGTHS[1]
    assert film.stamps_ns.tolist() == [k * 10**8 for k in range(7)]
    assert film.camera.matrix[0, 0] == 60
    for index, frame in zip((3, 4), film.frames(range(3, 5)), strict=True):
        assert np.abs(frame.image.astype(int) - picture(5 + index)).mean() < 3
    told = episode.describe()
    assert (told["fps"], told["frames"], told["tasks"], told["robot_type"]) == (10.0, 7, [TASKS[1]], "so100")
    with pytest.raises(ReadError, match="cannot be used: its calibration is not known"):
        episode.film(SIDE)
    with pytest.raises(ReadError, match="has no camera 'wrist'"):
        episode.film("wrist")


def test_without_a_calibration_no_camera_is_usable(copy: Path, tmp_path: Path) -> None:
    (copy / "calibration.yaml").rename(tmp_path / "elsewhere.yaml")
    assert not any(camera.usable for camera in open_lerobot_episodes(copy, SETTINGS)[0].cameras)
    given = AugmentSettings(("v",), source_options={"calibration": str(tmp_path / "elsewhere.yaml")})
    assert open_lerobot_episodes(copy, given)[0].cameras[0].usable
    with pytest.raises(InvalidInputError, match="knows no option calibratoin"):
        open_lerobot_episodes(copy, AugmentSettings(("v",), source_options={"calibratoin": "x"}))


def test_a_dataset_that_holds_synthesised_pictures_is_no_source(copy: Path) -> None:
    (copy / "meta" / "augmentation.json").write_text("{}")
    with pytest.raises(ReadError, match="cups holds pictures that are synthesised, not seen"):
        open_lerobot_episodes(copy, SETTINGS)


def test_a_camera_on_a_link_moves_with_it(copy: Path) -> None:
    table = pq.read_table(copy / DATA)
    rng = np.random.default_rng(0)
    states = np.concatenate(
        [rng.normal(size=(16, 3)), np.tile([0, 0, np.sqrt(0.5), np.sqrt(0.5)], (16, 1))], 1
    )
    column = pa.FixedSizeListArray.from_arrays(pa.array(states.astype(np.float32).reshape(-1)), 7)
    pq.write_table(table.set_column(0, "observation.state", column), copy / DATA)
    links = {
        "gripper": {
            "position": {"key": "observation.state", "indices": [0, 1, 2]},
            "rotation": {"key": "observation.state", "indices": [3, 4, 5, 6], "kind": "quaternion_xyzw"},
        }
    }
    side = {
        "intrinsics": {"fx": 50, "fy": 50, "cx": 31.5, "cy": 23.5},
        "link": "gripper",
        "camera_to_link": {"position": [0.1, 0, 0], "quaternion_xyzw": [0, 0, 0, 1]},
    }
    episode = calibrate(copy, links=links, **{SIDE: side})[1]
    film = episode.film(SIDE)
    expected = states[5:12, :3] + np.array([0, 0.1, 0])  # the link is turned by 90° about z
    np.testing.assert_allclose(film.camera_to_world[:, :3, 3], expected, atol=1e-6)
    np.testing.assert_allclose(film.camera_to_world[0, :3, 0], [0, 1, 0], atol=1e-6)
    halfway = episode.frame_to_world("gripper", np.array([50_000_000], np.int64))
    np.testing.assert_allclose(halfway[0, :3, 3], states[5:7, :3].mean(axis=0), atol=1e-6)
    camera = episode.frame_to_world(SIDE, np.array([100_000_000], np.int64))
    np.testing.assert_allclose(camera[0], film.camera_to_world[1], atol=1e-12)
    with pytest.raises(ReadError, match="knows no frame 'wrist'; its links and cameras are: gripper"):
        episode.frame_to_world("wrist", film.stamps_ns)
    with pytest.raises(ReadError, match="is not known"):
        episode.frame_to_world("gripper", np.array([10**12], np.int64))


def test_a_link_that_is_no_rotation_is_told(copy: Path) -> None:
    links = {
        "gripper": {
            "position": {"key": "observation.state", "indices": [0, 1, 2]},
            "rotation": {"key": "observation.state", "indices": [3, 4, 5, 6], "kind": "quaternion_wxyz"},
        }
    }
    episode = calibrate(copy, links=links)[0]
    with pytest.raises(ReadError, match="where link gripper of episode_000000"):
        episode.frame_to_world("gripper", np.array([0], np.int64))


def test_depth_videos_are_metres(copy: Path) -> None:
    key = "observation.depth.top"
    depths = np.random.default_rng(0).integers(0, 5000, (16, 48, 64), dtype=np.uint16)
    path = copy / f"videos/{key}/chunk-000/file-000.mp4"
    path.parent.mkdir(parents=True)
    with av.open(str(path), "w", format="mov") as container:
        stream = container.add_stream("png", rate=10)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "gray16be"
        for depth in depths:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(depth, format="gray16be")))
        container.mux(stream.encode(None))
    info = json.loads((copy / "meta/info.json").read_text())
    info["features"][key] = {"dtype": "video", "shape": [48, 64, 1], "names": ["height", "width", "channels"]}
    (copy / "meta/info.json").write_text(json.dumps(info))
    episodes = copy / "meta/episodes/chunk-000/file-000.parquet"
    table = pq.read_table(episodes)
    for name in ("chunk_index", "file_index", "from_timestamp", "to_timestamp"):
        table = table.append_column(f"videos/{key}/{name}", table[f"videos/{TOP}/{name}"])
    pq.write_table(table, episodes)
    depth = {"depth": {"key": key, "metres_per_unit": 0.001}}
    episode = calibrate(copy, **{TOP: yaml.safe_load(CALIBRATION)["cameras"][TOP] | depth})[1]
    assert [camera.name for camera in episode.cameras] == [TOP, SIDE]
    assert episode.cameras[0].has_depth
    frames = list(episode.film(TOP).frames(range(2, 5)))
    found = np.stack([frame.depth for frame in frames if frame.depth is not None])
    np.testing.assert_allclose(found, depths[7:10] / 1000, rtol=1e-6)


def test_lens_distortion_is_taken_out(copy: Path) -> None:
    lens = {"distortion": {"model": "plumb_bob", "coefficients": [0.2, 0, 0, 0, 0]}}
    episode = calibrate(copy, **{TOP: yaml.safe_load(CALIBRATION)["cameras"][TOP] | lens})[0]
    film = episode.film(TOP)
    assert "distortion" in film.notes[0]
    raw = open_lerobot_episodes(write_dataset(copy.parent / "raw", lengths=(5,)), SETTINGS)[0].film(TOP)
    assert not np.array_equal(next(film.frames(range(1))).image, next(raw.frames(range(1))).image)


def test_the_fingerprint_goes_by_content(source: Path, copy: Path) -> None:
    one, other = open_lerobot_episodes(source, SETTINGS), open_lerobot_episodes(copy, SETTINGS)
    assert [each.fingerprint() for each in one] == [each.fingerprint() for each in other]
    assert len({each.fingerprint() for each in one}) == 3
    (copy / "calibration.yaml").write_text(CALIBRATION.replace("60", "61"))
    assert open_lerobot_episodes(copy, SETTINGS)[0].fingerprint() != one[0].fingerprint()
    (copy / "calibration.yaml").write_text(CALIBRATION)
    video = copy / f"videos/{SIDE}/chunk-000/file-000.mp4"
    video.write_bytes(video.read_bytes() + b"\0")
    assert open_lerobot_episodes(copy, SETTINGS)[0].fingerprint() != one[0].fingerprint()


def test_pictures_in_rows_are_read(tmp_path: Path) -> None:
    source = write_dataset(tmp_path / "cups", embedded=True, lengths=(3, 2))
    film = open_lerobot_episodes(source, SETTINGS)[1].film(TOP)
    for index, frame in enumerate(film.frames(range(2))):
        np.testing.assert_array_equal(frame.image, picture(3 + index))


def test_broken_rates_keep_exact_instants(tmp_path: Path) -> None:
    source = write_dataset(tmp_path / "cups", rate=Fraction(30000, 1001), lengths=(4,))
    film = open_lerobot_episodes(source, SETTINGS)[0].film(TOP)
    assert film.stamps_ns.tolist() == [0, 33366667, 66733333, 100100000]
    assert len(list(film.frames(range(4)))) == 4


def test_a_depth_that_the_dataset_lacks_is_told_with_the_camera(copy: Path) -> None:
    depth = {"depth": {"key": "observation.depth.top", "metres_per_unit": 0.001}}
    episode = calibrate(copy, **{TOP: yaml.safe_load(CALIBRATION)["cameras"][TOP] | depth})[1]
    camera = next(each for each in episode.cameras if each.name == TOP)
    assert (camera.usable, camera.has_depth) == (False, False)
    assert "observation.depth.top is its depth, which the dataset lacks" in camera.reason
