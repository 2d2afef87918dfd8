from __future__ import annotations

from pathlib import Path

import av
import numpy as np
import pytest

from anyview_ros.errors import InvalidInputError
from anyview_ros.evaluation.mp4 import Mp4Writer
from anyview_ros.offline.video import read_video, video_rate_hz


def test_frames_are_written_one_by_one(tmp_path: Path) -> None:
    path = tmp_path / "film.mp4"
    with Mp4Writer(path, rate_hz=12.5) as video:
        for index in range(7):
            video.add(np.full((33, 48, 3), 30 * index, np.uint8))
        assert video.count == 7
    with av.open(str(path)) as container:
        assert float(container.streams.video[0].average_rate) == pytest.approx(12.5)
        shown = [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]
    assert [frame.shape for frame in shown] == [(32, 48, 3)] * 7
    assert [abs(int(frame.mean()) - 30 * index) <= 4 for index, frame in enumerate(shown)] == [True] * 7


def test_a_colon_in_a_name_is_no_protocol(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    path = Path("12:30:01.mp4")
    with Mp4Writer(path, rate_hz=10) as video:
        video.add(np.zeros((32, 48, 3), np.uint8))
    assert video_rate_hz(path) == 10
    assert len(list(read_video(path))) == 1


def test_frames_of_several_sizes_are_refused(tmp_path: Path) -> None:
    with Mp4Writer(tmp_path / "film.mp4", rate_hz=10) as video:
        video.add(np.zeros((32, 48, 3), np.uint8))
        with pytest.raises(InvalidInputError, match=r"frame 1 of a video is \(32, 50, 3\)"):
            video.add(np.zeros((32, 50, 3), np.uint8))
