from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import pytest
from lerobot_maker import picture

from anyview_ros.errors import ReadError
from anyview_ros.offline.lerobot.video_encoding import Coding, EpisodeVideo
from anyview_ros.offline.lerobot.video_shelf import Joining, VideoPlace, VideoShelf
from anyview_ros.offline.video_frames import VideoFrames

RATE = Fraction(10)


def write(path: Path, count: int, *, codec: str = "h264", comment: str = "") -> Path:
    with EpisodeVideo(path, rate=RATE, coding=Coding(codec), comment=comment) as video:
        for index in range(count):
            video.add(picture(index))
    return path


def shelf(folder: Path, *, chunks: int = 1000, largest: int = 10**6) -> VideoShelf:
    return VideoShelf(lambda chunk, file: folder / f"{chunk}" / f"{file}.mp4", Joining(RATE, chunks, largest))


def test_episodes_follow_one_another_in_a_file(tmp_path: Path) -> None:
    one = shelf(tmp_path)
    places = [one.add_piece(write(tmp_path / f"{count}.mp4", count), count) for count in (3, 5, 4)]
    one.close()
    assert places == [VideoPlace(0, 0, 0.0, 0.3), VideoPlace(0, 0, 0.3, 0.8), VideoPlace(0, 0, 0.8, 1.2)]
    assert len(VideoFrames(tmp_path / "0" / "0.mp4")) == 12


def test_another_kind_or_size_begins_a_file(tmp_path: Path) -> None:
    pieces = [
        write(tmp_path / "a.mp4", 3),
        write(tmp_path / "b.mp4", 3, codec="av1"),
        write(tmp_path / "c.mp4", 3),
    ]
    one = shelf(tmp_path, chunks=2)
    places = [one.add_piece(piece, 3) for piece in pieces]
    one.close()
    assert [(place.chunk_index, place.file_index) for place in places] == [(0, 0), (0, 1), (1, 0)]
    small = shelf(tmp_path / "small", largest=pieces[0].stat().st_size + 1)
    assert [small.add_piece(pieces[0], 3).file_index for _ in range(3)] == [0, 1, 2]


def test_files_taken_over_stand_between(tmp_path: Path) -> None:
    one = shelf(tmp_path)
    piece = write(tmp_path / "a.mp4", 3)
    assert one.add_piece(piece, 3).file_index == 0
    path, place = one.add_whole()
    assert (path, place) == (tmp_path / "0" / "1.mp4", (0, 1))
    assert one.add_piece(piece, 3) == VideoPlace(0, 2, 0.0, 0.3)


def test_a_file_says_what_one_of_its_videos_says(tmp_path: Path) -> None:
    plain, computed = write(tmp_path / "a.mp4", 3), write(tmp_path / "b.mp4", 3, comment="computed")
    for name, pieces, comment in (("plain", [plain, plain], None), ("mixed", [plain, computed], "computed")):
        one = shelf(tmp_path / name)
        for piece in pieces:
            one.add_piece(piece, 3)
        one.close()
        with av.open(str(tmp_path / name / "0" / "0.mp4")) as container:
            assert container.metadata.get("comment") == comment


def test_frames_that_are_missing_are_told(tmp_path: Path) -> None:
    one = shelf(tmp_path)
    one.add_piece(write(tmp_path / "a.mp4", 3), 4)
    with pytest.raises(ReadError, match="got 3 frames but its episodes have 4"):
        one.close()
