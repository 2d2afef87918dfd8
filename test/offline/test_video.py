from pathlib import Path

import numpy as np
import pytest

from anyview_ros.errors import ReadError
from anyview_ros.evaluation.pictures import write_mp4
from anyview_ros.offline.video import calibrated_video, read_video, video_rate_hz

YAML = """
image_width: {width}
image_height: 48
camera_matrix: {{data: [50.0, 0.0, 31.5, 0.0, 50.0, 23.5, 0.0, 0.0, 1.0]}}
distortion_model: plumb_bob
distortion_coefficients: {{data: [0.0, 0.0, 0.0, 0.0, 0.0]}}
"""


@pytest.fixture
def video(tmp_path: Path) -> Path:
    path = tmp_path / "film.mp4"
    frames = (np.full((48, 64, 3), 20 * index, np.uint8) for index in range(10))
    assert write_mp4(path, frames, rate_hz=10) == 10
    return path


def test_a_video_gives_its_frames_with_stamps_from_zero(video: Path) -> None:
    frames = list(read_video(video))
    assert [round(frame.stamp_ns / 1e8) for frame in frames] == list(range(10))
    assert [abs(int(frame.image.mean()) - 20 * index) <= 4 for index, frame in enumerate(frames)] == [
        True
    ] * 10
    assert video_rate_hz(video) == pytest.approx(10)


def test_a_calibrated_video_is_a_recording(video: Path) -> None:
    video.with_suffix(".yaml").write_text(YAML.format(width=64))
    recording = calibrated_video(video)
    assert recording.source.camera.size == (64, 48)  # type: ignore[union-attr]
    assert len(list(recording.source.frames())) == 10


def test_a_calibration_of_another_size_is_refused(video: Path) -> None:
    video.with_suffix(".yaml").write_text(YAML.format(width=66))
    with pytest.raises(ReadError, match=r"66x48 but .*64x48"):
        calibrated_video(video)


def test_what_is_no_video_is_named(tmp_path: Path) -> None:
    path = tmp_path / "noise.mp4"
    path.write_bytes(b"not a film" * 100)
    with pytest.raises(ReadError, match=r"noise\.mp4"):
        list(read_video(path))
    with pytest.raises(ReadError, match=r"none\.mp4"):
        list(read_video(tmp_path / "none.mp4"))
