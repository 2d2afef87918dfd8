"""Video files where PyAV is not installed."""

from __future__ import annotations

import sys
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from anyview_ros.errors import MissingDependencyError
from anyview_ros.evaluation.mp4 import Mp4Writer
from anyview_ros.media import create_video, open_video
from anyview_ros.offline.lerobot.video_encoding import Coding, EpisodeVideo
from anyview_ros.offline.lerobot.video_joining import VideoKind
from anyview_ros.offline.video import read_video, video_rate_hz
from anyview_ros.offline.video_frames import VideoFrames


@pytest.mark.parametrize(
    "use",
    [
        open_video,
        create_video,
        video_rate_hz,
        VideoKind.of,
        lambda path: next(read_video(path)),
        lambda path: VideoFrames(path).size,
        lambda path: Mp4Writer(path, rate_hz=10.0),
        lambda path: EpisodeVideo(path, rate=Fraction(10), coding=Coding()),
    ],
)
def test_a_missing_pyav_is_told_with_the_command_that_installs_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, use: Callable[[Path], Any]
) -> None:
    monkeypatch.setitem(sys.modules, "av", None)
    with pytest.raises(MissingDependencyError, match=r"pip install 'anyview_ros\[video\]'"):
        use(tmp_path / "film.mp4")
    assert not list(tmp_path.iterdir())
