from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from anyview_ros.clips import PosedClip
from anyview_ros.errors import InvalidInputError, ReadError
from anyview_ros.geometry import PinholeCamera
from anyview_ros.offline.episode_writer import write_episode
from anyview_ros.offline.evaluate.benchmark import content_hash, find_episodes, read_clips, score_size

CAMERA = PinholeCamera(40.0, 40.0, 31.5, 23.5, 64, 48)
ROLES = {"cam0": "target", "cam1": "input"}


def clip(stamps: tuple[int, ...] = (0, 1, 2), *, depth: bool = False) -> PosedClip:
    rng = np.random.default_rng(len(stamps))
    return PosedClip(
        rng.integers(0, 256, (len(stamps), 48, 64, 3), np.uint8),
        CAMERA,
        np.tile(np.eye(4), (len(stamps), 1, 1)),
        np.array(stamps) * 100_000_000,
        np.full((len(stamps), 48, 64), 2.0, np.float32) if depth else None,
    )


def write(folder: Path, **metadata: object) -> None:
    write_episode(
        folder, {"cam0": clip(depth=True), "cam1": clip(depth=True)}, roles=ROLES, metadata=metadata or None
    )


def test_folders_tell_group_and_split_and_metadata_overrule_them(tmp_path: Path) -> None:
    write(tmp_path / "bench" / "robots" / "arm" / "x")
    write(tmp_path / "bench" / "cars" / "y")
    write(tmp_path / "bench" / "z")
    write(tmp_path / "bench" / "w", group="told", split="so")
    keys = {each.key.name: (each.key.group, each.key.split) for each in find_episodes(tmp_path / "bench")}
    assert keys == {
        "x": ("robots", "robots/arm"),
        "y": ("cars", "cars"),
        "z": ("bench", "bench"),
        "w": ("told", "so"),
    }
    (alone,) = find_episodes(tmp_path / "bench" / "z")
    assert (alone.key.split, alone.inputs, alone.targets) == ("z", ("cam1",), ("cam0",))


def test_episodes_of_one_name_in_a_split_that_metadata_tell_are_named_by_their_paths(tmp_path: Path) -> None:
    for name in ("x/ep1", "y/ep1", "y/ep2"):
        write(tmp_path / "bench" / name, group="all", split="test")
    keys = [each.key for each in find_episodes(tmp_path / "bench")]
    assert [(key.group, key.split, key.name) for key in keys] == [
        ("all", "test", name) for name in ("x/ep1", "y/ep1", "ep2")
    ]


def test_roles_may_be_given_and_must_be_known(tmp_path: Path) -> None:
    write_episode(tmp_path / "bench" / "e", {"cam0": clip(), "cam1": clip()})
    with pytest.raises(ReadError, match="does not tell which of its cameras"):
        find_episodes(tmp_path / "bench")
    (episode,) = find_episodes(tmp_path / "bench", inputs=["cam0"], targets=["cam1"])
    assert (episode.inputs, episode.targets) == (("cam0",), ("cam1",))
    with pytest.raises(ReadError, match="no camera 'cam7'"):
        find_episodes(tmp_path / "bench", inputs=["cam7"], targets=["cam1"])


def test_no_episodes_are_an_error(tmp_path: Path) -> None:
    with pytest.raises(ReadError, match="no folder"):
        find_episodes(tmp_path / "absent")
    with pytest.raises(ReadError, match="holds no episodes"):
        find_episodes(tmp_path)


def test_clips_are_of_the_instants_that_all_cameras_have(tmp_path: Path) -> None:
    write_episode(tmp_path / "e", {"cam0": clip((0, 1, 2, 4)), "cam1": clip((1, 2, 3, 4))}, roles=ROLES)
    (episode,) = find_episodes(tmp_path / "e")
    clips = read_clips(episode, long_side=0)
    for each in (clips.inputs[0], clips.targets["cam0"]):
        np.testing.assert_array_equal(each.stamps_ns, np.array([1, 2, 4]) * 100_000_000)
    np.testing.assert_array_equal(clips.inputs[0].frames, clip((1, 2, 3, 4)).frames[[0, 1, 3]])
    assert len(read_clips(episode, long_side=0, most_frames=2).inputs[0]) == 2


def test_cameras_that_share_no_instant_are_an_error(tmp_path: Path) -> None:
    write_episode(tmp_path / "e", {"cam0": clip((0, 2)), "cam1": clip((1, 3))}, roles=ROLES)
    with pytest.raises(ReadError, match="no instant in common"):
        read_clips(find_episodes(tmp_path / "e")[0])


def test_pictures_cameras_and_depth_come_at_the_size_asked(tmp_path: Path) -> None:
    write(tmp_path / "e")
    (episode,) = find_episodes(tmp_path / "e")
    clips = read_clips(episode, long_side=32)
    source, truth = clips.inputs[0], clips.targets["cam0"]
    assert source.frames.shape[1:3] == (16, 32)  # 24 is half-way between 16 and 32 and goes down
    assert source.camera == CAMERA.resized(32, 16)
    assert source.depth is not None
    assert np.all(source.depth == 2)
    assert truth.depth is not None
    assert truth.camera.size == (32, 16)


def test_sizes_of_scores() -> None:
    assert score_size((1920, 1080), 576) == (576, 304)
    assert score_size((1920, 1080), 0) == (1920, 1080)
    assert score_size((640, 480), 192) == (192, 144)
    with pytest.raises(InvalidInputError, match="long_side is -1"):
        score_size((640, 480), -1)


def test_the_hash_tells_other_content(tmp_path: Path) -> None:
    write(tmp_path / "e")
    before = content_hash(tmp_path / "e")
    assert content_hash(tmp_path / "e") == before
    metadata = json.loads((tmp_path / "e" / "metadata.json").read_text())
    (tmp_path / "e" / "metadata.json").write_text(json.dumps({**metadata, "fps": 11}))
    assert content_hash(tmp_path / "e") != before


def test_synthesised_pictures_are_no_truth(tmp_path: Path) -> None:
    write(tmp_path / "e", synthesised={"cam0": {"method": "x"}})
    with pytest.raises(ReadError, match="are synthesised, not seen; they are no truth"):
        find_episodes(tmp_path / "e")
