from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import yaml
from film_files import write_colmap, write_pictures, write_transforms
from filmed import CAMERA, RATE_HZ, moving_clip

from anyview_ros.errors import InvalidInputError, ReadError
from anyview_ros.evaluation.pictures import write_mp4
from anyview_ros.geometry import DistortedCamera
from anyview_ros.offline.episode_writer import write_episode
from anyview_ros.offline.films import SourceSettings, open_source
from anyview_ros.offline.video import read_video


def calibration(path: Path, width: int = CAMERA.width, distortion: float = 0.0) -> Path:
    path.write_text(
        yaml.safe_dump(
            {
                "image_width": width,
                "image_height": CAMERA.height,
                "camera_matrix": {"data": CAMERA.matrix.ravel().tolist()},
                "distortion_model": "plumb_bob",
                "distortion_coefficients": {"data": [distortion, 0.0, 0.0, 0.0, 0.0]},
            }
        )
    )
    return path


@pytest.fixture
def episode(tmp_path: Path) -> Path:
    clips = {"front": moving_clip(), "side": moving_clip(0.4)}
    write_episode(tmp_path / "e", clips, rate_hz=RATE_HZ)
    return tmp_path / "e"


def test_an_episode_is_read_frame_by_frame(episode: Path) -> None:
    with pytest.raises(ReadError, match="front, side; choose"):
        open_source(episode)
    opened = open_source(episode, SourceSettings(camera="front"))
    clip = moving_clip()
    assert opened.kind == "episode"
    assert opened.film.has_depth
    assert opened.film.metric
    assert opened.film.camera == clip.camera
    np.testing.assert_array_equal(opened.film.stamps_ns, clip.stamps_ns)
    np.testing.assert_array_equal(opened.film.camera_to_world, clip.camera_to_world)
    shown = [frame.image for frame in opened.film.frames(range(2, 12, 3))]
    np.testing.assert_array_equal(np.stack(shown), clip.frames[2:12:3])
    assert set(opened.references) == {"side"}
    np.testing.assert_array_equal(
        opened.references["side"]().camera_to_world, moving_clip(0.4).camera_to_world
    )
    slow = open_source(episode, SourceSettings(camera="front", rate_hz=5)).film
    assert slow.rate_hz == pytest.approx(5)
    for number, file in enumerate(sorted((episode / "lowdim" / "front").iterdir())):
        with np.load(file) as told:
            np.savez(file, **told, stamp_ns=np.array(10**18 + number * 10**8))
    assert open_source(episode, SourceSettings(camera="front")).film.stamps_ns[0] == 10**18
    slow = open_source(episode, SourceSettings(camera="front", rate_hz=5)).film
    assert slow.rate_hz == pytest.approx(5)


def test_the_input_camera_of_an_episode_needs_no_naming(tmp_path: Path) -> None:
    clips = {"front": moving_clip(), "side": moving_clip(0.4)}
    write_episode(tmp_path / "e", clips, rate_hz=RATE_HZ, roles={"front": "target", "side": "input"})
    assert open_source(tmp_path / "e").film.name == "side"


def test_formats_are_told_apart(tmp_path: Path) -> None:
    write_transforms(tmp_path / "t", moving_clip())
    assert open_source(tmp_path / "t").kind == "transforms.json"
    write_colmap(tmp_path / "c", moving_clip())
    assert open_source(tmp_path / "c").kind == "COLMAP"
    assert open_source("motorcycle").film.camera.size == (741, 500)
    with pytest.raises(ReadError, match=r"no source at .*gone"):
        open_source(tmp_path / "gone")
    (tmp_path / "empty").mkdir()
    with pytest.raises(ReadError, match="empty is no source"):
        open_source(tmp_path / "empty")
    (tmp_path / "empty" / "metadata.yaml").write_text("")
    with pytest.raises(ReadError, match="is a ROS bag"):
        open_source(tmp_path / "empty")


def test_a_folder_of_pictures_stands_still_or_has_the_poses_it_is_given(tmp_path: Path) -> None:
    clip = moving_clip()
    write_pictures(tmp_path / "p", clip)
    calibration(tmp_path / "p" / "calibration.yaml")
    still = open_source(tmp_path / "p", SourceSettings(rate_hz=RATE_HZ)).film
    assert np.all(still.camera_to_world == np.eye(4))
    assert "stand still" in still.notes[0]
    np.testing.assert_array_equal(still.stamps_ns, clip.stamps_ns)
    shown = np.stack([frame.image for frame in still.frames(range(len(still)))])
    np.testing.assert_array_equal(shown, clip.frames)  # frame_10 comes after frame_9
    poses = tmp_path / "poses.yaml"
    poses.write_text(yaml.safe_dump(clip.camera_to_world.tolist()))
    moving = open_source(tmp_path / "p", SourceSettings(poses=str(poses))).film
    np.testing.assert_allclose(moving.camera_to_world, clip.camera_to_world, atol=1e-12)
    poses.write_text(yaml.safe_dump(clip.camera_to_world[:5].tolist()))
    with pytest.raises(ReadError, match="has 5 poses but p has 12 frames"):
        open_source(tmp_path / "p", SourceSettings(poses=str(poses)))


def test_a_video_is_counted_and_rectified(tmp_path: Path) -> None:
    video = tmp_path / "film.mp4"
    write_mp4(video, iter(moving_clip().frames), rate_hz=RATE_HZ)
    film = open_source(
        video, SourceSettings(calibration=str(calibration(tmp_path / "c.yaml", distortion=-0.3)))
    ).film
    assert len(film) == 12
    assert film.rate_hz == pytest.approx(RATE_HZ)
    assert len(film.notes) == 2
    lens = DistortedCamera(CAMERA, "plumb_bob", [-0.3, 0.0, 0.0, 0.0, 0.0])
    raw = list(read_video(video))[7].image
    shown = next(film.frames(range(7, 8))).image
    np.testing.assert_array_equal(shown, lens.rectify(raw))
    assert np.any(shown != raw)
    assert open_source(
        video, SourceSettings(calibration=str(tmp_path / "c.yaml"), rate_hz=4)
    ).film.rate_hz == pytest.approx(4)


def test_a_calibration_of_another_size_is_refused(tmp_path: Path) -> None:
    write_pictures(tmp_path / "p", moving_clip())
    told = calibration(tmp_path / "c.yaml", width=320)
    with pytest.raises(ReadError, match=r"320x180 but .*240x180"):
        open_source(tmp_path / "p", SourceSettings(calibration=str(told)))
    with pytest.raises(ReadError, match=r"no calibration at .*calibration\.yaml"):
        open_source(tmp_path / "p")


def test_settings_that_a_format_lacks_are_refused(tmp_path: Path, episode: Path) -> None:
    write_transforms(tmp_path / "t", moving_clip())
    with pytest.raises(InvalidInputError, match=r"transforms\.json takes no camera or calibration"):
        open_source(tmp_path / "t", SourceSettings(camera="a", calibration="b"))
    with pytest.raises(InvalidInputError, match="an episode takes no images"):
        open_source(episode, SourceSettings(camera="front", images="b"))
    with pytest.raises(ReadError, match="no camera 'middle'; it has left, right"):
        open_source("motorcycle", SourceSettings(camera="middle"))


def test_synthesised_cameras_of_an_episode_are_neither_source_nor_truth(tmp_path: Path) -> None:
    clips = {"front": moving_clip(), "made": moving_clip(0.2), "side": moving_clip(0.4)}
    write_episode(tmp_path / "e", clips, rate_hz=RATE_HZ, metadata={"synthesised": {"made": {}}})
    opened = open_source(tmp_path / "e", SourceSettings(camera="front"))
    assert set(opened.references) == {"side"}
    with pytest.raises(ReadError, match="are synthesised, not seen"):
        open_source(tmp_path / "e", SourceSettings(camera="made"))
