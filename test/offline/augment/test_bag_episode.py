"""Bags as source episodes: which cameras can be used, which frames they have, and what is told of the rest."""

from __future__ import annotations

import pickle
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from bag_maker import START_NS, Entry, entries, header, image, message, stamp, transform, write_bag
from filmed import moving_clip
from mcap.writer import CompressionType
from robot_bags import info, write_recording
from rosbags.rosbag2 import CompressionFormat, CompressionMode
from tiny_bags import (
    CAMERA,
    COMPRESSED,
    DEPTH,
    HEIGHT,
    IMAGE,
    INFO,
    LATE_NS,
    OPTICAL,
    STEP_NS,
    WIDTH,
    file_in,
    in_small_chunks,
    opened,
    pixels,
    tiny_entries,
)

from anyview_ros.errors import InvalidInputError, ReadError
from anyview_ros.geometry import DistortedCamera
from anyview_ros.offline.augment.bag_episode import open_bag_episodes
from anyview_ros.offline.augment.settings import AugmentSettings

Change = Callable[[str, Any, int], Entry | None]


def changed(recording: Iterator[Entry], change: Change) -> Iterator[Entry]:
    for entry in recording:
        made = change(*entry)
        if made is not None:
            yield made


def without(*topics: str) -> Change:
    return lambda topic, content, log_ns: None if topic in topics else (topic, content, log_ns)


def pictures_of(film: Any) -> list[np.ndarray[Any, Any]]:
    return [frame.image for frame in film.frames(range(len(film)))]


STORAGES: dict[str, dict[str, Any]] = {
    "mcap": {},
    "sqlite": {"sqlite": True},
    "file": {"mode": CompressionMode.FILE, "fmt": CompressionFormat.ZSTD},
    "sqlite file": {"sqlite": True, "mode": CompressionMode.FILE, "fmt": CompressionFormat.ZSTD},
    "message": {"mode": CompressionMode.MESSAGE, "fmt": CompressionFormat.ZSTD},
    "storage": {"mode": CompressionMode.STORAGE, "fmt": CompressionFormat.ZSTD},
}


@pytest.mark.parametrize("storage", STORAGES)
def test_every_storage_gives_the_same_film(tmp_path: Path, storage: str) -> None:
    episode = opened(write_recording(tmp_path / "a bag", tiny_entries(), **STORAGES[storage]))
    assert episode.name == "a_bag"
    assert episode.losses == ()
    (camera,) = episode.cameras
    assert (camera.name, camera.usable, camera.has_depth) == ("eye", True, True)
    film = episode.film("eye")
    assert film.has_depth
    assert film.stamps_ns.tolist() == [START_NS + (index + 1) * STEP_NS for index in range(8)]
    for index, frame in enumerate(film.frames(range(8))):
        np.testing.assert_array_equal(frame.image, pixels(index))
        assert frame.depth is not None
        assert (frame.depth == 1 + index).all()
    across = film.camera_to_world[:, 0, 3]
    np.testing.assert_allclose(across, 0.1 * np.arange(8), atol=1e-9)
    assert episode.world_frame == episode.world_frame_of("eye") == "map"
    assert not list(tmp_path.rglob("*.tmp"))


@pytest.mark.parametrize("name", ["mcap", "db3"])
def test_a_single_file_will_do(tmp_path: Path, name: str) -> None:
    bag = write_recording(tmp_path / "bag", tiny_entries(), sqlite=name == "db3")
    episode = opened(file_in(bag))
    assert episode.path.suffix == f".{name}"
    assert len(episode.film("eye")) == 8
    assert episode.losses == ()


@pytest.mark.parametrize("compression", list(CompressionType))
def test_chunks_of_every_compression(tmp_path: Path, compression: CompressionType) -> None:
    bag = write_recording(tmp_path / "bag", tiny_entries())
    in_small_chunks(bag, 1500, compression)
    film = opened(bag).film("eye")
    np.testing.assert_array_equal(pictures_of(film), [pixels(index) for index in range(8)])


@pytest.mark.parametrize("wanted", [range(3, 6), range(0, 8, 3), range(7, 8), range(0)])
def test_parts_of_a_film_are_read_alone(tmp_path: Path, wanted: range) -> None:
    bag = write_recording(tmp_path / "bag", tiny_entries())
    in_small_chunks(bag, 1500)
    frames = list(opened(bag).film("eye").frames(wanted))
    assert [frame.depth[0, 0] - 1 for frame in frames if frame.depth is not None] == list(wanted)
    for index, frame in zip(wanted, frames, strict=True):
        np.testing.assert_array_equal(frame.image, pixels(index))


def test_a_split_bag_is_one_episode(tmp_path: Path) -> None:
    """As rosbag2 splits: files in the order of time, one metadata.yaml."""
    recording = list(tiny_entries())
    halves = [
        write_recording(tmp_path / f"half_{index}", iter(half))
        for index, half in enumerate((recording[:20], recording[20:]))
    ]
    whole = write_recording(tmp_path / "whole", iter(recording))
    told = (whole / "metadata.yaml").read_text()
    file_in(whole).unlink()
    for half in halves:
        file_in(half).rename(whole / f"{half.name}.mcap")
    told = told.replace("  - whole.mcap\n", "  - half_0.mcap\n  - half_1.mcap\n")
    (whole / "metadata.yaml").write_text(told)
    episode = opened(whole)
    np.testing.assert_array_equal(pictures_of(episode.film("eye")), [pixels(index) for index in range(8)])
    assert episode.losses == ()
    (whole / "half_1.mcap").unlink()
    broken = opened(whole)
    film = broken.film("eye")
    assert 0 < len(film) < 8
    assert f"half_1.mcap of {whole} is missing, with all that was in it" in broken.losses
    lost = len(recording) - 20
    assert f"{lost} of {len(recording)} messages that metadata.yaml counts are lost" in broken.losses


def test_an_episode_may_go_to_another_process(tmp_path: Path) -> None:
    episode = opened(write_recording(tmp_path / "bag", tiny_entries()))
    episode.film("eye")
    copy = pickle.loads(pickle.dumps(episode))  # noqa: S301 - our own
    np.testing.assert_array_equal(pictures_of(copy.film("eye")), pictures_of(episode.film("eye")))


def test_compressed_pictures(tmp_path: Path) -> None:
    episode = opened(write_recording(tmp_path / "bag", tiny_entries(compressed=True, depth=False)))
    film = episode.film("eye")
    assert not film.has_depth
    np.testing.assert_array_equal(pictures_of(film), [pixels(index) for index in range(8)])


def test_raw_pictures_go_before_their_compressed_twin(tmp_path: Path) -> None:
    both = [
        *tiny_entries(depth=False),
        *(e for e in tiny_entries(compressed=True, depth=False) if e[0] == COMPRESSED),
    ]
    episode = opened(write_recording(tmp_path / "bag", iter(sorted(both, key=lambda entry: entry[2]))))
    assert [camera.name for camera in episode.cameras] == ["eye"]
    assert episode.camera_topics("eye").image == IMAGE


def test_distorted_pictures_are_rectified(tmp_path: Path) -> None:
    lens = DistortedCamera(CAMERA, "plumb_bob", np.array([-0.2, 0.05, 0.0, 0.0, 0.0]))

    def distort(topic: str, content: Any, log_ns: int) -> Entry:
        return (
            (topic, info(lens, log_ns - LATE_NS, OPTICAL), log_ns)
            if topic == INFO
            else (topic, content, log_ns)
        )

    film = opened(write_recording(tmp_path / "bag", changed(tiny_entries(), distort))).film("eye")
    assert film.camera == lens.rectified
    (frame,) = film.frames(range(2, 3))
    np.testing.assert_array_equal(frame.image, lens.rectify(pixels(2)))
    assert any("distortion of eye was taken out" in note for note in film.notes)


def test_poses_are_interpolated_between_transforms(tmp_path: Path) -> None:
    """The clip's poses are known at all instants; TF was recorded at others."""
    clip = moving_clip()
    film = opened(write_bag(tmp_path / "bag", entries(clip))).film("camera")
    np.testing.assert_allclose(film.camera_to_world, clip.camera_to_world, atol=2e-3)
    np.testing.assert_array_equal(film.stamps_ns, START_NS + clip.stamps_ns)


def test_poses_are_those_of_the_first_run_where_a_simulation_starts_over(tmp_path: Path) -> None:
    def again(topic: str, content: Any, log_ns: int) -> Entry:
        """As in a second run, in which the slide stands elsewhere."""
        if topic == "/tf":
            (moved,) = content.transforms
            pose = np.eye(4)
            pose[0, 3] = 7.0
            content = transform("map", "slide", pose, stamp_of(moved))
        return topic, content, log_ns + 10 * 10**9

    recording = [*tiny_entries(24), *changed(tiny_entries(24), again)]
    episode = opened(write_recording(tmp_path / "bag", iter(recording)))
    film = episode.film("eye")
    np.testing.assert_allclose(film.camera_to_world[:, 0, 3], 0.1 * np.arange(24), atol=1e-9)
    left_out, dropped = episode.losses
    assert (
        "stamps of the transform map → slide fall back by 2.5 s, as where a simulation starts over"
        in left_out
    )
    assert "; 26 transforms behind the newest left out; " in left_out
    assert "24 of 48 pictures of eye are left out, numbers 25 to 48" in dropped


def test_frames_of_tf_are_known_at_any_instant(tmp_path: Path) -> None:
    episode = opened(write_recording(tmp_path / "bag", tiny_entries()))
    instants = START_NS + np.array([STEP_NS, STEP_NS * 3 // 2])
    poses = episode.frame_to_world("/slide", instants)
    np.testing.assert_allclose(poses[:, 0, 3], [0.0, 0.05], atol=1e-9)
    with pytest.raises(ReadError, match="has no frame 'wrist'; it has eye_optical_frame, map, slide"):
        episode.frame_to_world("wrist", instants)
    with pytest.raises(ReadError, match="was in map is not known at 1 of 2 instants"):
        episode.frame_to_world("slide", START_NS + np.array([STEP_NS, 99 * STEP_NS]))


def test_frames_without_a_pose_are_left_out_and_the_link_is_named(tmp_path: Path) -> None:
    def late(topic: str, content: Any, log_ns: int) -> Entry | None:
        return (
            None
            if topic == "/tf" and not START_NS + 3 * STEP_NS <= log_ns < START_NS + 7 * STEP_NS
            else (topic, content, log_ns)
        )

    episode = opened(write_recording(tmp_path / "bag", changed(tiny_entries(), late)))
    film = episode.film("eye")
    assert film.stamps_ns.tolist() == [START_NS + (index + 1) * STEP_NS for index in range(2, 6)]
    np.testing.assert_array_equal(pictures_of(film), [pixels(index) for index in range(2, 6)])
    (loss,) = episode.losses
    assert "4 of 8 pictures of eye are left out, numbers 1 to 2 and 7 to 8" in loss
    assert (
        "the transform map → slide was recorded from 0.20 s to 0.50 s, the pictures from 0 to 0.70 s" in loss
    )
    assert "fixed_frame=FRAME" in loss


def test_the_remedy_for_frames_without_a_pose_works(tmp_path: Path) -> None:
    def late(topic: str, content: Any, log_ns: int) -> Entry | None:
        return None if topic == "/tf" and log_ns > START_NS + 3 * STEP_NS else (topic, content, log_ns)

    episode = opened(write_recording(tmp_path / "bag", changed(tiny_entries(), late)), fixed_frame="slide")
    assert episode.world_frame == "slide"
    assert len(episode.film("eye")) == 8
    assert episode.losses == ()


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (without("/tf", "/tf_static"), "TF does not know frame eye_optical_frame of /eye/image_raw"),
        (without(INFO), "there is no CameraInfo for /eye/image_raw; record it, or give a calibration file"),
    ],
)
def test_a_camera_that_cannot_be_used_says_why(tmp_path: Path, change: Change, reason: str) -> None:
    episode = opened(write_recording(tmp_path / "bag", changed(tiny_entries(), change)))
    (camera,) = episode.cameras
    assert not camera.usable
    assert reason in camera.reason
    with pytest.raises(ReadError, match=r"camera eye of .* cannot be used"):
        episode.film("eye")


def test_a_tree_that_is_split_names_both_parts(tmp_path: Path) -> None:
    def cut(topic: str, content: Any, log_ns: int) -> Entry:
        if topic == "/tf":
            content = transform("map", "other", np.eye(4), log_ns)
        return topic, content, log_ns

    episode = opened(write_recording(tmp_path / "bag", changed(tiny_entries(), cut)), fixed_frame="map")
    (camera,) = episode.cameras
    assert (
        "where frame eye_optical_frame is in map is not known: eye_optical_frame hangs from slide"
        in camera.reason
    )
    assert "the transform that links slide to map" in camera.reason


def test_a_world_that_is_not_in_tf(tmp_path: Path) -> None:
    episode = opened(write_recording(tmp_path / "bag", tiny_entries()), fixed_frame="odom")
    (camera,) = episode.cameras
    assert (
        "has no frame 'odom', which was chosen as the world; it has eye_optical_frame, map" in camera.reason
    )


def test_a_calibration_file_and_a_still_camera_stand_in(tmp_path: Path) -> None:
    bag = write_recording(tmp_path / "bag", changed(tiny_entries(), without(INFO, "/tf", "/tf_static")))
    calibration = tmp_path / "camera.yaml"
    matrix = ", ".join(map(str, CAMERA.matrix.ravel()))
    calibration.write_text(
        f"image_width: {WIDTH}\nimage_height: {HEIGHT}\ncamera_matrix: {{data: [{matrix}]}}\n"
    )
    episode = opened(bag, calibration=str(calibration), pose="still")
    film = episode.film("eye")
    assert film.camera == CAMERA
    np.testing.assert_array_equal(film.camera_to_world, np.tile(np.eye(4), (8, 1, 1)))
    assert episode.world_frame_of("eye") == OPTICAL
    assert "eye is taken to stand still at the origin of eye_optical_frame." in film.notes


@pytest.mark.parametrize(
    ("options", "fault"), [({"pose": "moving"}, "pose is 'moving'"), ({"calib": "x"}, "no option calib")]
)
def test_options_that_make_no_sense(tmp_path: Path, options: dict[str, str], fault: str) -> None:
    bag = write_recording(tmp_path / "bag", tiny_entries())
    with pytest.raises(InvalidInputError, match=fault):
        open_bag_episodes(bag, AugmentSettings(views=("any",), source_options=options))


def test_log_times_stand_in_for_stamps_of_zero(tmp_path: Path) -> None:
    episode = opened(write_recording(tmp_path / "bag", tiny_entries(stamped=False)))
    film = episode.film("eye")
    assert film.stamps_ns.tolist() == [START_NS + (index + 1) * STEP_NS + LATE_NS for index in range(8)]
    assert "The pictures of eye have no stamps; log times stand in." in film.notes
    assert film.has_depth
    assert not episode.describe()["cameras"]["eye"]["stamped"]


def stamp_of(content: Any) -> int:
    return int(content.header.stamp.sec) * 10**9 + int(content.header.stamp.nanosec)


def restamped(content: Any, stamp_ns: int) -> Any:
    return replace(content, header=replace(content.header, stamp=stamp(stamp_ns)))


def numbered(change: Callable[[int, Any], Any], topic: str = IMAGE) -> Change:
    """Change the pictures of a topic by their number."""
    counter = iter(range(1000))
    return lambda name, content, log_ns: (
        (name, change(next(counter), content), log_ns) if name == topic else (name, content, log_ns)
    )


@pytest.mark.parametrize(
    ("change", "numbers", "why"),
    [
        (lambda n, m: replace(m, step=m.step + 5) if n in (2, 3) else m, (2, 3), "cannot be read"),
        (
            lambda n, m: image(pixels(n)[:5], "rgb8", 1, OPTICAL) if n == 4 else m,
            (4,),
            "a picture of 16x5, calibrated for 16x12",
        ),
        (
            lambda n, m: restamped(m, START_NS + STEP_NS) if n in (0, 5) else m,
            (5,),
            "stamps repeat earlier ones or run backwards",
        ),
        (lambda n, m: restamped(m, 0) if n == 6 else m, (6,), "they have no stamps"),
    ],
)
def test_pictures_that_cannot_be_used_are_left_out(
    tmp_path: Path, change: Callable[[int, Any], Any], numbers: tuple[int, ...], why: str
) -> None:
    episode = opened(write_recording(tmp_path / "bag", changed(tiny_entries(), numbered(change))))
    film = episode.film("eye")
    left = [index for index in range(8) if index not in numbers]
    np.testing.assert_array_equal(pictures_of(film), [pixels(index) for index in left])
    (loss,) = episode.losses
    assert f"{len(numbers)} of 8 pictures of eye are left out, numbers {numbers[0] + 1}" in loss
    assert why in loss


def test_compressed_pictures_that_cannot_be_decoded_are_left_out(tmp_path: Path) -> None:
    def spoil(number: int, content: Any) -> Any:
        data = content.data.copy()
        if number == 3:
            data[len(data) // 2 :] = 0
        if number == 4:
            data = data[:-20]
        return replace(content, data=data)

    recording = changed(tiny_entries(compressed=True), numbered(spoil, COMPRESSED))
    episode = opened(write_recording(tmp_path / "bag", recording))
    film = episode.film("eye")
    np.testing.assert_array_equal(pictures_of(film), [pixels(index) for index in (0, 1, 2, 5, 6, 7)])
    (loss,) = episode.losses
    assert "2 of 8 pictures of eye are left out, numbers 4 to 5: they cannot be read" in loss
    assert "truncated or corrupt" in loss


def test_a_camera_whose_pictures_all_are_broken(tmp_path: Path) -> None:
    recording = changed(tiny_entries(), numbered(lambda _, content: replace(content, step=1)))
    episode = opened(write_recording(tmp_path / "bag", recording))
    (camera,) = episode.cameras
    assert "no picture of /eye/image_raw can be read" in camera.reason


def test_depth_belongs_to_the_picture_nearest_to_it(tmp_path: Path) -> None:
    """Depth at half the rate, between pictures: each serves two of them, and none where it is too far away."""

    def rare(number: int, content: Any) -> Any:
        kept = number % 2 == 0 and number < 6
        return restamped(content, START_NS + (number + 1) * STEP_NS + STEP_NS // 2) if kept else None

    recording = (entry for entry in changed(tiny_entries(), numbered(rare, DEPTH)) if entry[1] is not None)
    episode = opened(write_recording(tmp_path / "bag", recording))
    film = episode.film("eye")
    assert film.has_depth
    seen = [float(frame.depth[0, 0]) for frame in film.frames(range(8)) if frame.depth is not None]
    assert seen == [1, 1, 3, 3, 5, 5, 0, 0]
    assert any("have no depth" in loss for loss in episode.losses)


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (lambda _, m: image(np.ones((6, 8), np.float32), "32FC1", START_NS, OPTICAL), "it is 8x6 32FC1"),
        (lambda _, m: replace(m, header=replace(m.header, frame_id="other")), "it is seen from frame other"),
        (lambda _, m: restamped(m, START_NS + 60 * STEP_NS), "pictures have one within 50 ms"),
    ],
)
def test_depth_that_is_not_aligned_is_not_used(
    tmp_path: Path, change: Callable[[int, Any], Any], why: str
) -> None:
    episode = opened(write_recording(tmp_path / "bag", changed(tiny_entries(), numbered(change, DEPTH))))
    film = episode.film("eye")
    assert not film.has_depth
    (loss,) = episode.losses
    assert "The depth of eye is not used" in loss
    assert why in loss


def test_a_lens_that_changes_is_refused(tmp_path: Path) -> None:
    def zoom(number: int, content: Any) -> Any:
        return replace(content, k=content.k * 1.5) if number > 3 else content

    episode = opened(write_recording(tmp_path / "bag", changed(tiny_entries(), numbered(zoom, INFO))))
    (camera,) = episode.cameras
    assert "tells 2 different calibrations; cut the bag where the lens changed" in camera.reason


def test_pictures_of_synthesised_cameras_are_no_source(tmp_path: Path) -> None:
    told = ("/eye/provenance", message("std_msgs/msg/String", data="{}"), START_NS)
    episode = opened(write_recording(tmp_path / "bag", iter([told, *tiny_entries()])))
    (camera,) = episode.cameras
    assert "are synthesised, not seen" in camera.reason


def test_the_fingerprint_is_that_of_the_content(tmp_path: Path) -> None:
    bag = write_recording(tmp_path / "bag", tiny_entries())
    before = opened(bag).fingerprint()
    assert before == opened(bag).fingerprint()
    file = file_in(bag)
    data = bytearray(file.read_bytes())
    data[-60] ^= 1
    file.write_bytes(data)
    assert opened(bag).fingerprint() != before


def test_a_bag_with_no_camera_at_all(tmp_path: Path) -> None:
    episode = opened(write_recording(tmp_path / "bag", changed(tiny_entries(), without(IMAGE, DEPTH))))
    assert episode.cameras == ()
    assert episode.world_frame == ""
    with pytest.raises(ReadError, match=r"has no camera 'eye'; it has none"):
        episode.film("eye")


def test_what_is_told_of_a_bag(tmp_path: Path) -> None:
    told = opened(write_recording(tmp_path / "bag", tiny_entries())).describe()
    assert told["messages"] == 1 + 10 + 8 * 4
    assert told["world_frame"] == "map"
    eye = told["cameras"]["eye"]
    assert (eye["topic"], eye["camera_info"], eye["depth"], eye["frame"]) == (IMAGE, INFO, DEPTH, OPTICAL)
    assert (eye["pictures"], eye["rate_hz"], eye["unreadable"]) == (8, 10.0, 0)


def test_cameras_share_a_depth(tmp_path: Path) -> None:
    def twice(entries: Iterator[Entry]) -> Iterator[Entry]:
        for entry in entries:
            yield entry
            if entry[0] == IMAGE:
                yield IMAGE.replace("raw", "rect"), *entry[1:]

    write_recording(tmp_path / "bag", twice(tiny_entries()))
    episode = opened(tmp_path / "bag")
    assert [camera.name for camera in episode.cameras] == ["eye/image_raw", "eye/image_rect"]
    for camera in episode.cameras:
        frames = list(episode.film(camera.name).frames(range(8)))
        assert [float(frame.depth.mean()) for frame in frames if frame.depth is not None] == [*range(1, 9)]


def packed_depth(index: int) -> np.ndarray[Any, np.dtype[np.uint8]]:
    """As compressed_depth_image_transport packs millimetres: twelve bytes, and a PNG."""
    millimetres = np.full((HEIGHT, WIDTH), 1000 * (1 + index), np.uint16)
    return np.concatenate([np.zeros(12, np.uint8), cv2.imencode(".png", millimetres)[1].ravel()])


def with_packed_depth(entries: Iterator[Entry], spoil: int | None = None) -> Iterator[Entry]:
    index = 0
    for topic, content, log_ns in entries:
        if topic != DEPTH:
            yield topic, content, log_ns
            continue
        data = packed_depth(index)
        packed = message(
            "sensor_msgs/msg/CompressedImage",
            header=content.header,
            format="16UC1; compressedDepth png",
            data=data[:30] if index == spoil else data,
        )
        yield f"{DEPTH}/compressedDepth", packed, log_ns
        index += 1


def test_compressed_depth(tmp_path: Path) -> None:
    write_recording(tmp_path / "bag", with_packed_depth(tiny_entries(), spoil=3))
    episode = opened(tmp_path / "bag")
    film = episode.film("eye")
    depths = [float(frame.depth.mean()) for frame in film.frames(range(8)) if frame.depth is not None]
    assert depths == pytest.approx([0 if index == 3 else 1 + index for index in range(8)])
    assert any("numbers 4, have no depth" in loss for loss in episode.losses)


@pytest.mark.parametrize(
    ("names", "camera", "shown"),
    [
        (
            ("/cams/front", "/cams/wrist", "/cams/front/compressed"),
            "cams/front",
            {"/cams/front", "/cams/front/compressed"},
        ),
        (
            ("/robot/image_raw", "/robot/wrist/image_raw", "/robot/wrist/depth/image_raw"),
            "robot",
            {"/robot/image_raw"},
        ),
        (
            ("/eye/image_raw", "/eye/image_rect", "/eye/image_rect/compressed", "/eye/depth/image_raw"),
            "eye/image_raw",
            {"/eye/image_raw", "/eye/image_rect", "/eye/image_rect/compressed", "/eye/depth/image_raw"},
        ),
    ],
)
def test_which_topics_show_what_a_camera_sees(
    tmp_path: Path, names: tuple[str, ...], camera: str, shown: set[str]
) -> None:
    """Those in its namespace, but for another camera's, whose frame is another."""

    def recording() -> Iterator[Entry]:
        for name in names:
            frame = "wrist" if "wrist" in name else "front"
            if name.endswith("/compressed"):
                kind, told = "sensor_msgs/msg/CompressedImage", header(START_NS, frame)
                data = cv2.imencode(".png", pixels(0))[1].ravel()
                yield name, message(kind, header=told, format="png", data=data), START_NS
            elif "depth" in name:
                metres = np.ones((HEIGHT, WIDTH), np.float32)
                yield name, image(metres, "32FC1", START_NS, frame), START_NS
            else:
                yield name, image(pixels(0), "rgb8", START_NS, frame), START_NS

    write_recording(tmp_path / "bag", recording())
    assert opened(tmp_path / "bag").shown_by(camera) == shown
