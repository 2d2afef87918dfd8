from __future__ import annotations

from pathlib import Path

import av
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from anyview_ros.errors import ReadError
from anyview_ros.offline.video_frames import VideoFrames

COUNT, RATE = 40, 30


def write(path: Path, *, codec: str = "libx264", options: dict[str, str] | None = None) -> Path:
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=RATE)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        stream.options = {"g": "8", "crf": "10"} if options is None else options
        for index in range(COUNT):
            frame = np.full((48, 64, 3), 6 * index, np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format="rgb24")))
        container.mux(stream.encode(None))
    return path


@pytest.fixture(scope="module")
def films(tmp_path_factory: pytest.TempPathFactory) -> list[VideoFrames]:
    folder = tmp_path_factory.mktemp("films")
    open_groups = {"g": "8", "crf": "10", "x264-params": "open-gop=1"}
    return [
        VideoFrames(write(folder / "closed.mp4")),
        VideoFrames(write(folder / "open.mp4", options=open_groups)),
        VideoFrames(
            write(folder / "av1.mp4", codec="libsvtav1", options={"g": "8", "crf": "10", "preset": "12"})
        ),
    ]


@settings(max_examples=40)
@given(st.integers(0, COUNT - 1), st.integers(0, COUNT), st.integers(1, 5), st.integers(0, 2))
def test_any_frames_are_those_asked_for(
    films: list[VideoFrames], start: int, length: int, step: int, which: int
) -> None:
    wanted = range(start, min(start + length, COUNT), step)
    film = films[which]
    levels = [float(image.mean()) / 6 for image in film.images(wanted)]
    np.testing.assert_allclose(levels, list(wanted), atol=0.45)


def test_length_size_and_times(films: list[VideoFrames]) -> None:
    for film in films:
        assert (len(film), film.size) == (COUNT, (64, 48))
        np.testing.assert_allclose(film.times_s, np.arange(COUNT) / RATE, atol=1e-4)


def test_frames_beyond_the_end_are_refused(films: list[VideoFrames]) -> None:
    with pytest.raises(ReadError, match="has 40 frames, but 38 to 40"):
        list(films[0].images(range(38, 41)))


def test_a_cut_file_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path / "film.mp4")
    path.write_bytes(path.read_bytes()[:600])
    with pytest.raises(ReadError, match="cannot read video"):
        len(VideoFrames(path))
    with pytest.raises(ReadError, match="cannot read video"):
        len(VideoFrames(tmp_path / "none.mp4"))


def test_broken_pictures_are_told(tmp_path: Path) -> None:
    path = write(tmp_path / "film.mp4")
    content = bytearray(path.read_bytes())
    begin = content.index(b"mdat") + 900
    content[begin : begin + 1500] = bytes(1500)
    path.write_bytes(bytes(content))
    with pytest.raises(ReadError):
        list(VideoFrames(path).images(range(COUNT)))


def test_depth_is_read_as_stored(tmp_path: Path) -> None:
    path = tmp_path / "depth.mkv"
    rng = np.random.default_rng(0)
    depths = rng.integers(0, 65536, (5, 48, 64), dtype=np.uint16)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("ffv1", rate=10)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "gray16le"
        for depth in depths:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(depth, format="gray16le")))
        container.mux(stream.encode(None))
    np.testing.assert_array_equal(np.stack(list(VideoFrames(path).grey(range(1, 5)))), depths[1:])


def test_depth_in_colour_is_refused(films: list[VideoFrames]) -> None:
    with pytest.raises(ReadError, match="stored as yuv420p"):
        next(films[0].grey(range(1)))
