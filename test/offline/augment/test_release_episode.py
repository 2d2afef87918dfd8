from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from clips import box_clip

from anyview_ros.errors import InvalidInputError, ReadError
from anyview_ros.offline.augment.release_episode import open_release_episodes
from anyview_ros.offline.augment.settings import AugmentSettings
from anyview_ros.offline.episode_writer import write_episode

SETTINGS = AugmentSettings(("vista_small",), format="episodes")
PERIOD_NS = 100_000_000


def write(path: Path) -> Path:
    clips = {"a": box_clip(4, depth=False, period_ns=PERIOD_NS), "b": box_clip(4, x=1.0, period_ns=PERIOD_NS)}
    write_episode(path, clips, roles={"b": "input", "a": "target"})
    return path


def test_the_input_is_the_best_source_and_depth_is_known(tmp_path: Path) -> None:
    (episode,) = open_release_episodes(write(tmp_path / "one"), SETTINGS)
    assert (episode.name, episode.kind, episode.losses) == ("one", "episode", ())
    assert [(c.name, c.usable, c.has_depth) for c in episode.cameras] == [
        ("b", True, True),
        ("a", True, False),
    ]
    film = episode.film("b")
    assert film.has_depth
    frames = list(film.frames(range(2, 4)))
    np.testing.assert_array_equal(frames[0].image, box_clip(4).frames[2])
    np.testing.assert_array_equal(film.stamps_ns, np.arange(4) * PERIOD_NS)


def test_a_folder_of_episodes_is_opened_by_name(tmp_path: Path) -> None:
    for name in ("second", "first"):
        write(tmp_path / name)
    (tmp_path / "notes").mkdir()
    assert [each.name for each in open_release_episodes(tmp_path, SETTINGS)] == ["first", "second"]


def test_what_is_no_episode_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ReadError, match="holds no episodes"):
        open_release_episodes(tmp_path, SETTINGS)
    with pytest.raises(InvalidInputError, match="knows no option calibration"):
        open_release_episodes(
            write(tmp_path / "e"),
            AugmentSettings(("vista_small",), source_options={"calibration": "c.yaml"}),
        )


def test_a_camera_whose_intrinsics_change_is_not_usable(tmp_path: Path) -> None:
    write(tmp_path / "e")
    entry = tmp_path / "e" / "lowdim" / "a" / "0000000001.npz"
    with np.load(entry) as values:
        np.savez(entry, **{**values, "intrinsics": values["intrinsics"] * 2})
    (episode,) = open_release_episodes(tmp_path / "e", SETTINGS)
    broken = episode.cameras[1]
    assert not broken.usable
    assert "change by" in broken.reason
    with pytest.raises(ReadError, match="cannot be used"):
        episode.film("a")


def test_the_fingerprint_goes_by_content(tmp_path: Path) -> None:
    (one,) = open_release_episodes(write(tmp_path / "one"), SETTINGS)
    (other,) = open_release_episodes(write(tmp_path / "other"), SETTINGS)
    assert one.fingerprint() == other.fingerprint()
    metadata = tmp_path / "other" / "metadata.json"
    metadata.write_text(json.dumps(json.loads(metadata.read_text()) | {"task": "pick"}))
    (changed,) = open_release_episodes(tmp_path / "other", SETTINGS)
    assert changed.fingerprint() != one.fingerprint()


def test_cameras_are_the_frames_that_it_knows(tmp_path: Path) -> None:
    (episode,) = open_release_episodes(write(tmp_path / "e"), SETTINGS)
    poses = episode.frame_to_world("b", np.array([50_000_000], np.int64))
    np.testing.assert_allclose(poses[0, :3, 3], (1.0, 0, 0))
    with pytest.raises(ReadError, match="knows no frame 'wrist'"):
        episode.frame_to_world("wrist", np.array([0], np.int64))
    with pytest.raises(ReadError, match="outside the known poses"):
        episode.frame_to_world("b", np.array([-1], np.int64))


def test_it_describes_itself(tmp_path: Path) -> None:
    (episode,) = open_release_episodes(write(tmp_path / "e"), SETTINGS)
    assert episode.describe() == {
        "rate_hz": 10.0,
        "duration_s": 0.3,
        "cameras": {"a": {"pictures": 4, "role": "target"}, "b": {"pictures": 4, "role": "input"}},
    }


def test_synthesised_pictures_are_no_source(tmp_path: Path) -> None:
    path = write(tmp_path / "e")
    content = json.loads((path / "metadata.json").read_text())
    (path / "metadata.json").write_text(json.dumps({**content, "synthesised": {"a": {"method": "x"}}}))
    (episode,) = open_release_episodes(path, SETTINGS)
    assert [camera.usable for camera in episode.cameras] == [True, False]
    assert "the pictures of a are synthesised, not seen" in episode.cameras[1].reason
    with pytest.raises(ReadError, match="synthesised"):
        episode.film("a")
