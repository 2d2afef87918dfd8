from collections.abc import Iterator

import numpy as np
import pytest

from anyview_ros.errors import InvalidInputError
from anyview_ros.geometry import DistortedCamera, PinholeCamera
from anyview_ros.offline.playback import instants, reduced
from anyview_ros.offline.recording import RecordedCamera, RecordedFrame, Recording

CAMERA = PinholeCamera(100.0, 100.0, 31.5, 23.5, 64, 48)


def film(
    rate_hz: float, count: int, camera: PinholeCamera | DistortedCamera = CAMERA, name: str = "cam"
) -> RecordedCamera:
    """Frames whose grey level is their number."""

    def frames() -> Iterator[RecordedFrame]:
        for index in range(count):
            yield RecordedFrame(round(index * 1e9 / rate_hz), np.full((48, 64, 3), index, np.uint8))

    return RecordedCamera(name, camera, np.eye(4), frames)


def test_instants_come_at_the_rate_asked_for() -> None:
    recording = Recording("r", film(60, 61), (), 60.0)
    stamps = [instant.stamp_ns for instant in instants(recording, rate_hz=10)]
    np.testing.assert_allclose(np.diff(stamps), 1e8, atol=1e9 / 60)
    assert len(stamps) == 11


def test_a_rate_above_the_films_gives_every_frame() -> None:
    recording = Recording("r", film(10, 7), (), 10.0)
    assert len(list(instants(recording, rate_hz=100))) == 7


def test_references_are_those_of_the_same_instant() -> None:
    recording = Recording("r", film(30, 31), (film(30, 31, name="other"),), 30.0)
    for instant in instants(recording, rate_hz=7):
        assert instant.references["other"].image[0, 0, 0] == instant.source.image[0, 0, 0]


def test_the_shortest_film_ends_the_walk() -> None:
    recording = Recording("r", film(30, 30), (film(30, 10, name="other"),), 30.0)
    assert len(list(instants(recording, rate_hz=30))) == 10


@pytest.mark.parametrize("rate_hz", [0.0, -1.0, float("nan")])
def test_a_rate_that_is_none_is_refused(rate_hz: float) -> None:
    with pytest.raises(InvalidInputError, match="rate_hz"):
        list(instants(Recording("r", film(30, 3), (), 30.0), rate_hz=rate_hz))


def test_reduced_depth_lies_where_the_picture_does() -> None:
    columns = np.broadcast_to(np.arange(96, dtype=np.float32), (72, 96))  # the value tells the column

    def frames() -> Iterator[RecordedFrame]:
        yield RecordedFrame(0, np.zeros((72, 96, 3), np.uint8), columns)

    camera = RecordedCamera("cam", CAMERA.resized(96, 72), np.eye(4), frames)
    depth = next(reduced(Recording("r", camera, (), 30.0), 32).source.frames()).depth
    assert depth is not None
    np.testing.assert_array_equal(depth[10], 1 + 3 * np.arange(32))  # the middle one of three


def test_reducing_scales_camera_and_picture_together() -> None:
    small = reduced(Recording("r", film(30, 2), (film(30, 2, name="other"),), 30.0), 32)
    for camera in (small.source, *small.references):
        assert isinstance(camera.camera, PinholeCamera)
        assert camera.camera == CAMERA.resized(32, 24)
        assert next(camera.frames()).image.shape == (24, 32, 3)


def test_the_source_keeps_its_distortion_and_references_lose_it() -> None:
    bent = DistortedCamera(CAMERA, "plumb_bob", np.array([-0.2, 0.0, 0.0, 0.0]))
    small = reduced(Recording("r", film(30, 2, bent), (film(30, 2, bent, "other"),), 30.0), 64)
    assert isinstance(small.source.camera, DistortedCamera)
    assert isinstance(small.references[0].camera, PinholeCamera)


def test_an_absurd_size_is_refused() -> None:
    with pytest.raises(InvalidInputError, match="max_size is 3"):
        reduced(Recording("r", film(30, 2), (), 30.0), 3)


def test_the_rate_is_kept_after_a_gap() -> None:
    def frames() -> Iterator[RecordedFrame]:
        for index in (*range(30), *range(120, 150)):
            yield RecordedFrame(round(index * 1e9 / 30), np.zeros((48, 64, 3), np.uint8))

    recording = Recording("r", RecordedCamera("cam", CAMERA, np.eye(4), frames), (), 30.0)
    stamps = np.array([instant.stamp_ns for instant in instants(recording, rate_hz=5)])
    assert 10 <= len(stamps) <= 11
    assert np.diff(stamps).min() >= 0.16e9


@pytest.mark.parametrize(("source_hz", "rate_hz"), [(30, 20), (60, 40), (30, 25), (30, 10)])
def test_the_rate_is_kept_with_jitter_and_lost_frames(source_hz: int, rate_hz: int) -> None:
    rng = np.random.default_rng(0)
    numbers = np.flatnonzero(rng.uniform(size=20 * source_hz) > 0.05)
    stamps = np.round(numbers * 1e9 / source_hz + rng.normal(0, 3e6, len(numbers)).clip(-9e6, 9e6)).astype(
        int
    )

    def frames() -> Iterator[RecordedFrame]:
        for stamp_ns in stamps:
            yield RecordedFrame(int(stamp_ns), np.zeros((48, 64, 3), np.uint8))

    recording = Recording("r", RecordedCamera("cam", CAMERA, np.eye(4), frames), (), float(source_hz))
    count = len(list(instants(recording, rate_hz=rate_hz)))
    assert 0.96 * 20 * rate_hz <= count <= 1.01 * 20 * rate_hz + 1
