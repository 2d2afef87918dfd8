from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from lerobot_maker import picture

from anyview_ros.errors import InvalidInputError, ReadError
from anyview_ros.offline.lerobot.video_encoding import CODECS, Coding, EpisodeVideo, video_info
from anyview_ros.offline.lerobot.video_joining import VideoKind, cut_video, join_videos
from anyview_ros.offline.video_frames import VideoFrames

LENGTHS = (5, 3, 7)


def write(path: Path, first: int, count: int, *, rate: Fraction, codec: str, width: int = 64) -> Path:
    with EpisodeVideo(path, rate=rate, coding=Coding(codec), comment="computed") as video:
        for index in range(first, first + count):
            video.add(picture(index, width=width))
    return path


def images(path: Path) -> np.ndarray:
    video = VideoFrames(path)
    return np.stack(list(video.images(range(len(video)))))


@pytest.mark.parametrize("rate", [Fraction(30), Fraction(10), Fraction(30000, 1001), Fraction(25, 2)])
@pytest.mark.parametrize("codec", CODECS)
def test_joined_videos_have_exact_times_and_the_same_pictures(
    codec: str, rate: Fraction, tmp_path: Path
) -> None:
    firsts = np.cumsum([0, *LENGTHS[:-1]])
    pieces = [
        write(tmp_path / f"{index}.mp4", int(first), length, rate=rate, codec=codec)
        for index, (first, length) in enumerate(zip(firsts, LENGTHS, strict=True))
    ]
    assert len({VideoKind.of(piece) for piece in pieces}) == 1
    joined = tmp_path / "joined.mp4"
    assert join_videos(pieces, joined, rate=rate) == sum(LENGTHS)
    np.testing.assert_array_equal(images(joined), np.concatenate([images(piece) for piece in pieces]))
    np.testing.assert_allclose(VideoFrames(joined).times_s, np.arange(15) / float(rate), atol=1e-9)
    with av.open(str(joined)) as container:
        stream = container.streams.video[0]
        assert (stream.frames, stream.average_rate) == (15, rate)
        assert container.metadata["comment"] == "computed"
    assert cut_video(joined, 5, 3, tmp_path / "cut.mp4", rate=rate)
    np.testing.assert_array_equal(images(tmp_path / "cut.mp4"), images(pieces[1]))
    np.testing.assert_allclose(
        VideoFrames(tmp_path / "cut.mp4").times_s, np.arange(3) / float(rate), atol=1e-9
    )


@pytest.mark.parametrize("codec", CODECS)
def test_the_same_pictures_give_the_same_bytes(codec: str, tmp_path: Path) -> None:
    one, two = (write(tmp_path / f"{i}.mp4", 0, 6, rate=Fraction(30), codec=codec) for i in range(2))
    assert one.read_bytes() == two.read_bytes()


def test_pictures_are_kept_well(tmp_path: Path) -> None:
    for codec in CODECS:
        path = write(tmp_path / f"{codec}.mp4", 0, 8, rate=Fraction(30), codec=codec)
        expected = np.stack([picture(index) for index in range(8)]).astype(int)
        assert np.abs(images(path).astype(int) - expected).mean() < 2, codec


def test_what_cannot_be_cut_is_left(tmp_path: Path) -> None:
    path = tmp_path / "film.mp4"
    with EpisodeVideo(path, rate=Fraction(30), coding=Coding("h264")) as video:
        for _ in range(8):
            video.add(picture(0))
    assert cut_video(path, 2, 2, tmp_path / "cut.mp4", rate=Fraction(30))
    assert not cut_video(path, 3, 2, tmp_path / "cut.mp4", rate=Fraction(30))  # which leans on frame 2
    assert not cut_video(path, 2, 2, tmp_path / "cut.mp4", rate=Fraction(29))
    reordered = tmp_path / "reordered.mp4"
    with av.open(str(reordered), "w") as container:
        stream = container.add_stream("libx264", rate=30, options={"bf": "2", "g": "8"})
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        rng = np.random.default_rng(0)
        base = rng.integers(0, 256, (48, 64, 3), dtype=np.uint8)
        for index in range(16):
            frame = av.VideoFrame.from_ndarray(np.roll(base, index, 1), format="rgb24")
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    assert not cut_video(reordered, 0, 8, tmp_path / "cut.mp4", rate=Fraction(30))


def test_videos_of_another_clock_are_not_joined(tmp_path: Path) -> None:
    path = write(tmp_path / "film.mp4", 0, 4, rate=Fraction(30), codec="h264")
    with pytest.raises(ReadError, match="does not divide a frame of 1/29 s"):
        join_videos([path], tmp_path / "joined.mp4", rate=Fraction(29))
    path.write_bytes(path.read_bytes()[:300])
    for read in (
        video_info,
        VideoKind.of,
        lambda cut: join_videos([cut], tmp_path / "joined.mp4", rate=Fraction(30)),
    ):
        with pytest.raises(ReadError, match=r"holds no video|cannot read video"):
            read(path)


def test_odd_sizes_keep_every_pixel(tmp_path: Path) -> None:
    path = tmp_path / "odd.mp4"
    with EpisodeVideo(path, rate=Fraction(30), coding=Coding("av1")) as video:
        for index in range(4):
            video.add(picture(index, width=65, height=47))
    assert images(path).shape == (4, 47, 65, 3)
    told = video_info(path)
    assert (told["video.width"], told["video.height"], told["video.codec"]) == (65, 47, "h264")


def test_what_cannot_be_encoded_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidInputError, match="codec is 'vp9'"):
        EpisodeVideo(tmp_path / "film.mp4", rate=Fraction(30), coding=Coding("vp9"))
    with EpisodeVideo(tmp_path / "film.mp4", rate=Fraction(30), coding=Coding("h264")) as video:
        video.add(picture(0))
        with pytest.raises(InvalidInputError, match="picture 1 of a video is"):
            video.add(picture(1, width=66))


def test_videos_are_stored_as_those_of_the_dataset_if_they_can_be(tmp_path: Path) -> None:
    def stored(codec: str, pixels: str) -> tuple[str, str]:
        path = tmp_path / f"{codec}_{pixels}.mp4"
        coding = Coding.like({"video.codec": codec, "video.pix_fmt": pixels})
        with EpisodeVideo(path, rate=Fraction(10), coding=coding) as video:
            for index in range(4):
                video.add(picture(index))
        expected = np.stack([picture(index) for index in range(4)]).astype(int)
        assert np.abs(images(path).astype(int) - expected).mean() < 3
        told = video_info(path)
        return told["video.codec"], told["video.pix_fmt"]

    for codec, pixels in (
        ("h264", "yuv444p"),
        ("h264", "yuvj420p"),
        ("hevc", "yuv422p10le"),
        ("av1", "yuv420p10le"),
    ):
        assert stored(codec, pixels) == (codec, pixels)
    assert stored("av1", "yuv444p") == ("av1", "yuv420p")
    assert stored("vp9", "yuv422p") == ("h264", "yuv422p")
    assert Coding.like({}) == Coding("h264", "")


def test_info_tells_the_file(tmp_path: Path) -> None:
    told = video_info(write(tmp_path / "film.mp4", 0, 4, rate=Fraction(30), codec="av1"))
    assert told == {
        "video.height": 48,
        "video.width": 64,
        "video.codec": "av1",
        "video.pix_fmt": "yuv420p",
        "video.is_depth_map": False,
        "video.fps": 30,
        "video.channels": 3,
        "has_audio": False,
    }
