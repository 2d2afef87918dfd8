"""Bags with more cameras: nothing recorded is changed; what is added is whole, in its place, and said to be made."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import yaml
from bag_maker import START_NS
from mcap.reader import make_reader
from mcap.writer import Writer as McapPackageWriter
from robot_bags import film_entries, robot_entries, write_recording
from rosbags.rosbag2 import Reader
from tiny_bags import (
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
    view_of,
)

from anyview_ros.errors import InvalidInputError
from anyview_ros.geometry import DistortedCamera, PinholeCamera
from anyview_ros.offline.augment.bag_episode import BagEpisode
from anyview_ros.offline.augment.output_format import Part
from anyview_ros.offline.augment.outputs.bag import BagFormat
from anyview_ros.offline.augment.records import JobRecord, ViewRecord
from anyview_ros.offline.augment.settings import AugmentSettings
from anyview_ros.offline.augment.spool import SpooledView
from anyview_ros.offline.recording import RecordedCamera, RecordedFrame, Recording

COUNT = 8


def settings(**wished: Any) -> AugmentSettings:
    return AugmentSettings(views=("any",), **wished)


def written(episode: BagEpisode, views: list[SpooledView], folder: Path, **wished: Any) -> Path:
    """The folder of a part."""
    folder.mkdir()
    BagFormat(settings(**wished)).write_part(episode, views, folder)
    return folder


def raw(path: Path) -> list[tuple[Any, ...]]:
    """All that the records of a file say of its messages, by another library, in the order of the file."""
    with file_in(path).open("rb") as file:
        return [
            (
                c.topic,
                s.name if s else "",
                s.encoding if s else "",
                s.data if s else b"",
                c.message_encoding,
                m.log_time,
                m.publish_time,
                m.sequence,
                m.data,
            )
            for s, c, m in make_reader(file, validate_crcs=True).iter_messages(log_time_order=False)
        ]


def decoded(path: Path) -> dict[str, list[Any]]:
    """Messages by topic, decoded by a library that is not ours nor the one that wrote them."""
    from mcap_ros2.decoder import DecoderFactory

    found: dict[str, list[Any]] = {}
    with file_in(path).open("rb") as file:
        reader = make_reader(file, validate_crcs=True, decoder_factories=[DecoderFactory()])
        for _, channel, _, content in reader.iter_decoded_messages():
            found.setdefault(channel.topic, []).append(content)
    return found


def array_of(content: Any) -> np.ndarray[Any, Any]:
    flat = np.frombuffer(content.data, np.uint8)
    return flat.reshape(
        (content.height, content.width, -1) if content.encoding == "rgb8" else (content.height, -1)
    )


def stamp_of(content: Any) -> int:
    return int(content.header.stamp.sec) * 10**9 + int(content.header.stamp.nanosec)


@pytest.fixture
def bag(tmp_path: Path) -> Path:
    """A bag with small chunks, publish times and sequence numbers of its own."""
    made = write_recording(tmp_path / "bag", tiny_entries(COUNT))
    in_small_chunks(made, 1500)
    return made


def test_every_original_message_is_there_as_it_was(bag: Path, tmp_path: Path) -> None:
    episode = opened(bag)
    views = [view_of(episode, tmp_path / "spool", name, fixed=name == "still") for name in ("still", "ride")]
    made = written(episode, views, tmp_path / "part") / "original"
    before, after = raw(bag), raw(made)
    added = [one for one in after if one[0].startswith(("/still/", "/ride/"))]
    rest = list((Counter(after) - Counter(before)).elements())
    assert not Counter(before) - Counter(after)
    assert (
        len(rest) == 2 * (2 * COUNT + 1) + 1 + COUNT
    )  # pictures and infos, provenance, one static TF, and moving TF
    assert {one[0] for one in rest if one not in added} == {"/tf", "/tf_static"}
    kept = [one for one in after if one in set(before)]
    assert kept == before  # their order too


def test_topics_keep_their_types_and_qos(bag: Path, tmp_path: Path) -> None:
    episode = opened(bag)
    made = written(episode, [view_of(episode, tmp_path)], tmp_path / "part") / "original"
    with Reader(bag) as before, Reader(made) as after:
        told = {c.topic: (c.msgtype, c.msgdef, c.digest, c.ext) for c in after.connections}
        for connection in before.connections:
            kept = (connection.msgtype, connection.msgdef, connection.digest, connection.ext)
            assert told[connection.topic] == kept
            assert connection.ext.offered_qos_profiles


@pytest.mark.parametrize("sqlite", [False, True])
def test_metadata_say_what_is_in_the_bag(tmp_path: Path, *, sqlite: bool) -> None:
    source = write_recording(tmp_path / "bag", tiny_entries(COUNT), sqlite=sqlite)
    episode = opened(source)
    made = written(episode, [view_of(episode, tmp_path, fixed=True)], tmp_path / "part") / "original"
    told = yaml.safe_load((made / "metadata.yaml").read_text())["rosbag2_bagfile_information"]
    messages = raw(made)
    assert told["version"] == 9
    assert told["storage_identifier"] == "mcap"
    assert told["relative_file_paths"] == [file_in(made).name] == ["bag.mcap"]
    assert told["message_count"] == told["files"][0]["message_count"] == len(messages)
    logs = [one[5] for one in messages]
    assert told["starting_time"]["nanoseconds_since_epoch"] == min(logs)
    assert told["duration"]["nanoseconds"] == max(logs) - min(logs)
    counts = Counter(one[0] for one in messages)
    assert {
        t["topic_metadata"]["name"]: t["message_count"] for t in told["topics_with_message_count"]
    } == counts
    assert told["ros_distro"] == "rosbags"
    assert told["custom_data"]["operator"] == "made for a test"
    ours = json.loads(told["custom_data"]["anyview_ros"])
    assert ours["source"] == {"name": "bag", "fingerprint": episode.fingerprint()}
    (camera,) = ours["cameras"]
    assert camera["synthesised"] is True
    assert (camera["source_camera"], camera["method"], camera["pictures"]) == ("eye", "mirror", COUNT)
    with file_in(made).open("rb") as file:
        (inside,) = make_reader(file).iter_metadata()
    assert inside.name == "rosbag2"
    assert yaml.safe_load(inside.metadata["serialized_metadata"]) == told


def test_a_bag_that_was_augmented_before_keeps_what_was_told(tmp_path: Path, bag: Path) -> None:
    episode = opened(bag)
    first = written(episode, [view_of(episode, tmp_path / "a")], tmp_path / "part") / "original"
    again = opened(first)
    assert [camera.name for camera in again.cameras if camera.usable] == ["eye"]
    second = written(again, [view_of(again, tmp_path / "b")], tmp_path / "second") / "original"
    topics = {one[0] for one in raw(second)}
    assert {"/side/image", "/side_2/image", "/side_2/camera_info", "/side_2/provenance"} <= topics
    told = yaml.safe_load((second / "metadata.yaml").read_text())["rosbag2_bagfile_information"][
        "custom_data"
    ]
    content = json.loads(told["anyview_ros"])
    assert [camera["image"] for camera in content["cameras"]] == ["/side_2/image"]
    assert [c["image"] for c in json.loads(content["before"])["cameras"]] == ["/side/image"]


def test_what_a_view_adds(bag: Path, tmp_path: Path) -> None:
    episode = opened(bag)
    view = view_of(episode, tmp_path)
    made = written(episode, [view], tmp_path / "part", confidence=True) / "original"
    found = decoded(made)
    for index in range(COUNT):
        picture, told, sure = (
            found[f"/side/{part}"][index] for part in ("image", "camera_info", "confidence")
        )
        np.testing.assert_array_equal(array_of(picture), pixels(index)[:, ::-1])
        np.testing.assert_array_equal(array_of(sure), pixels(index)[..., 0])
        assert (picture.encoding, sure.encoding) == ("rgb8", "mono8")
        assert {stamp_of(each) for each in (picture, told, sure)} == {int(view.stamps_ns[index])}
        assert {each.header.frame_id for each in (picture, told, sure)} == {"side_optical_frame"}
        np.testing.assert_array_equal(np.reshape(told.k, (3, 3)), view.camera.matrix)
        assert (told.width, told.height) == (WIDTH, HEIGHT)
    provenance = json.loads(found["/side/provenance"][0].data)
    assert provenance["method"] == "mirror"
    assert provenance["synthesised"] is True
    assert provenance["parent_frame"] == "map"


def test_messages_follow_their_source(bag: Path, tmp_path: Path) -> None:
    episode = opened(bag)
    made = written(episode, [view_of(episode, tmp_path)], tmp_path / "part") / "original"
    topics = [(one[0], one[5]) for one in raw(made)]
    places = [index for index, (topic, _) in enumerate(topics) if topic == IMAGE]
    assert len(places) == COUNT
    for number, place in enumerate(places):
        followers = topics[place : place + 4]
        assert [topic for topic, _ in followers] == [IMAGE, "/tf", "/side/image", "/side/camera_info"]
        assert {log_ns for _, log_ns in followers} == {START_NS + (number + 1) * STEP_NS + LATE_NS}


@pytest.mark.parametrize("fixed", [True, False])
def test_its_tf_is_where_the_view_is(bag: Path, tmp_path: Path, *, fixed: bool) -> None:
    episode = opened(bag)
    view = view_of(episode, tmp_path, fixed=fixed)
    made = opened(written(episode, [view], tmp_path / "part") / "original")
    edge = made.scan.transforms.above("side_optical_frame")
    assert edge is not None
    assert (edge.parent, edge.static) == ("map", fixed)
    poses = made.frame_to_world("side_optical_frame", view.stamps_ns)
    np.testing.assert_allclose(poses, view.camera_to_world, atol=1e-12)


@pytest.mark.parametrize("codec", ["jpeg", "png"])
def test_pictures_may_be_compressed(bag: Path, tmp_path: Path, codec: Any) -> None:
    episode = opened(bag)
    made = written(episode, [view_of(episode, tmp_path)], tmp_path / "part", codec=codec) / "original"
    found = decoded(made)
    assert "/side/image" not in found
    for index, content in enumerate(found["/side/image/compressed"]):
        assert codec in content.format
        shown = cv2.imdecode(np.frombuffer(content.data, np.uint8), cv2.IMREAD_COLOR)[..., ::-1]
        expected = pixels(index)[:, ::-1]
        if codec == "png":
            np.testing.assert_array_equal(shown, expected)
        else:
            assert shown.shape == expected.shape


def test_types_that_nobody_knows_are_kept(tmp_path: Path) -> None:
    """A definition of a package of one's own, one that is no definition at all, and one in IDL."""
    source = tmp_path / "own.mcap"
    kinds = {
        "ours/msg/Count": ("ros2msg", b"uint32 count\n"),
        "odd/msg/Blob": ("ros2msg", b"\x01?"),
        "none/msg/None": ("", b""),
    }
    with source.open("wb") as file:
        writer = McapPackageWriter(file)
        writer.start("ros2")
        for number, (name, (encoding, definition)) in enumerate(kinds.items()):
            schema = writer.register_schema(name, encoding, definition)
            channel = writer.register_channel(f"/own_{number}", "cdr", schema)
            for index in range(3):
                writer.add_message(channel, 10 * number + index, b"\0\1\0\0" + bytes([index] * 4), 5, index)
        writer.finish()
    episode = opened(source)
    assert episode.cameras == ()
    made = written(episode, [], tmp_path / "part") / "original"
    with source.open("rb") as file:
        before = [
            (c.topic, s and (s.name, s.encoding, s.data), m.log_time, m.publish_time, m.sequence, m.data)
            for s, c, m in make_reader(file).iter_messages()
        ]
    after = [(one[0], one[1:4], one[5], one[6], one[7], one[8]) for one in raw(made)]
    assert after == before


def test_the_same_again_gives_the_same_bytes(bag: Path, tmp_path: Path) -> None:
    parts = []
    for name in ("first", "second"):
        episode = opened(bag)
        view = view_of(episode, tmp_path / f"spool_{name}", fixed=True)
        parts.append(written(episode, [view], tmp_path / name, confidence=True, codec="jpeg") / "original")
    for name in ("bag.mcap", "metadata.yaml"):
        assert (parts[0] / name).read_bytes() == (parts[1] / name).read_bytes()


def test_frames_that_were_left_out_have_no_view(tmp_path: Path) -> None:
    def late(entries: Iterator[Any]) -> Iterator[Any]:
        return (entry for entry in entries if entry[0] != "/tf" or entry[2] >= START_NS + 4 * STEP_NS)

    source = write_recording(tmp_path / "bag", late(tiny_entries(COUNT)))
    episode = opened(source)
    view = view_of(episode, tmp_path)
    assert len(view) == COUNT - 3
    made = written(episode, [view], tmp_path / "part") / "original"
    found = decoded(made)
    assert len(found[IMAGE]) == COUNT
    assert [stamp_of(each) for each in found["/side/image"]] == [stamp_of(each) for each in found[IMAGE][3:]]
    told = yaml.safe_load((made / "metadata.yaml").read_text())["rosbag2_bagfile_information"]["custom_data"]
    assert "3 of 8 pictures of eye are left out, numbers 1 to 3" in json.loads(told["anyview_ros"])["lost"][0]


def copies_of(episode: BagEpisode, folder: Path, **wished: Any) -> tuple[Path, SpooledView]:
    """The assembled output of a run that replaces the source camera."""
    view = view_of(episode, folder)
    part = written(episode, [view], folder / "part", mode="append-episode", **wished)
    record = ViewRecord("side", "eye", "any", {}, COUNT, WIDTH, HEIGHT, False, {}, (), True)
    told = JobRecord("k", "day_1", "bag", "bag", {}, (record,), (), {})
    output = folder / "output"
    output.mkdir()
    BagFormat(settings(mode="append-episode", **wished)).assemble([Part(told, part)], output)
    return output, view


def test_a_copy_shows_the_view_in_place_of_its_source(bag: Path, tmp_path: Path) -> None:
    output, view = copies_of(opened(bag), tmp_path)
    assert sorted(path.name for path in output.iterdir()) == ["augmentation.json", "day_1", "day_1__side"]
    (copy,) = json.loads((output / "augmentation.json").read_text())["copies"]
    assert copy == {"episode": "day_1__side", "origin": "day_1", "replaced": "eye", "view": "side"}
    before, original = raw(bag), raw(output / "day_1")
    assert Counter(before) == Counter(original)
    changed = decoded(output / "day_1__side")
    assert DEPTH not in changed
    for index in range(COUNT):
        np.testing.assert_array_equal(array_of(changed[IMAGE][index]), pixels(index)[:, ::-1])
        assert changed[IMAGE][index].header.frame_id == "side_optical_frame"
        assert stamp_of(changed[INFO][index]) == int(view.stamps_ns[index])
    rest = [one for one in before if one[0] not in (IMAGE, INFO, DEPTH)]
    assert not Counter(rest) - Counter(raw(output / "day_1__side"))
    told = yaml.safe_load((output / "day_1__side" / "metadata.yaml").read_text())
    custom = json.loads(told["rosbag2_bagfile_information"]["custom_data"]["anyview_ros"])
    assert custom["replaced"] == ["eye"]
    assert custom["left_out"] == [INFO, DEPTH, IMAGE]
    (eye,) = opened(output / "day_1__side").cameras
    assert "synthesised, not seen" in eye.reason


def test_a_copy_of_compressed_pictures_stays_compressed(tmp_path: Path) -> None:
    source = write_recording(tmp_path / "bag", tiny_entries(COUNT, compressed=True))
    output, _ = copies_of(opened(source), tmp_path)
    changed = decoded(output / "day_1__side")
    assert "png" in changed[COMPRESSED][0].format
    shown = cv2.imdecode(np.frombuffer(changed[COMPRESSED][2].data, np.uint8), cv2.IMREAD_COLOR)[..., ::-1]
    np.testing.assert_array_equal(shown, pixels(2)[:, ::-1])


def test_two_bags_of_one_name_are_refused(bag: Path, tmp_path: Path) -> None:
    part = written(opened(bag), [], tmp_path / "part")
    told = JobRecord("k", "day_1", "bag", "bag", {}, (), (), {})
    (tmp_path / "output").mkdir()
    with pytest.raises(InvalidInputError, match="two bags would be named day_1; name the inputs apart"):
        BagFormat(settings()).assemble([Part(told, part), Part(told, part)], tmp_path / "output")


def test_only_bags_can_become_bags(bag: Path) -> None:
    class Other:
        name, kind = "lesson_1", "lerobot"

    BagFormat(settings()).check([opened(bag)])
    with pytest.raises(InvalidInputError, match=r"lesson_1 is no bag .*choose --format episodes or lerobot"):
        BagFormat(settings()).check([opened(bag), Other()])  # type: ignore[list-item]


@pytest.mark.parametrize("mode", ["add-camera", "append-episode"])
def test_the_room_that_is_needed_is_guessed_from_above(bag: Path, tmp_path: Path, mode: Any) -> None:
    episode = opened(bag)
    views = [view_of(episode, tmp_path, name) for name in ("left", "right")]
    guess = BagFormat(settings(mode=mode, confidence=True)).bytes_needed(
        episode, WIDTH * HEIGHT * 3, 2 * COUNT
    )
    part = written(episode, views, tmp_path / "part", mode=mode, confidence=True)
    used = sum(file.stat().st_size for file in part.rglob("*") if file.is_file())
    assert used <= guess < used + 2**22


def test_the_room_for_copies_is_guessed_by_the_source_and_not_by_a_faster_camera(tmp_path: Path) -> None:
    def beside(entries: Iterator[Any]) -> Iterator[Any]:
        for topic, content, log_ns in entries:
            yield topic, content, log_ns
            if topic == IMAGE:
                for late_ns in range(1, 6):
                    yield "/fast/image_raw", content, log_ns + late_ns

    episode = opened(write_recording(tmp_path / "bag", beside(tiny_entries(COUNT, depth=False))))
    views = [view_of(episode, tmp_path, f"side_{number}") for number in range(5)]
    output = BagFormat(settings(mode="append-episode", camera="eye"))
    guess = output.bytes_needed(episode, WIDTH * HEIGHT * 3, len(views) * COUNT)
    assert guess > len(views) * episode.content_bytes


def test_a_view_of_another_bag_is_refused(bag: Path, tmp_path: Path) -> None:
    other = opened(write_recording(tmp_path / "other", tiny_entries(COUNT + 3)))
    with pytest.raises(InvalidInputError, match="view side has 3 stamps that eye lacks"):
        written(opened(bag), [view_of(other, tmp_path)], tmp_path / "part")


def test_a_robot_at_work(tmp_path: Path) -> None:
    """Two cameras, depth, TF and joint states of the simulated robot."""
    source = write_recording(tmp_path / "robot", robot_entries(size=(48, 36), count=3))
    episode = opened(source)
    assert [(camera.name, camera.usable, camera.has_depth) for camera in episode.cameras] == [
        ("front", True, True),
        ("overhead", True, False),
    ]
    instants = episode.film("front").stamps_ns
    assert np.ptp(episode.frame_to_world("tool0", instants)[:, :3, 3], axis=0).max() > 0.001
    made = written(episode, [view_of(episode, tmp_path, camera="front")], tmp_path / "part") / "original"
    assert not Counter(raw(source)) - Counter(raw(made))
    joints = decoded(made)["/joint_states"]
    assert np.ptp([each.position[0] for each in joints]) > 0
    assert list(joints[0].name) == [f"joint_{number}" for number in range(1, 7)]


def fixed_camera(name: str, x: float) -> RecordedCamera:
    pose = np.eye(4)
    pose[0, 3] = x
    lens = DistortedCamera(PinholeCamera(20.0, 20.0, 15.5, 11.5, 32, 24), "plumb_bob", [0.1, 0, 0, 0, 0])

    def frames() -> Iterator[RecordedFrame]:
        for index in range(6):
            yield RecordedFrame(index * 10**8, np.full((24, 32, 3), 40 * index, np.uint8))

    return RecordedCamera(name, lens, pose, frames)


def test_films_of_fixed_cameras(tmp_path: Path) -> None:
    """As made of calibrated videos of people: CameraInfo with distortion, and a static TF."""
    recording = Recording("people", fixed_camera("cam01", 0.0), (fixed_camera("cam02", 1.0),), 10.0)
    source = write_recording(tmp_path / "people", film_entries(recording, count=3, step=2, size=(16, 12)))
    episode = opened(source)
    film = episode.film("cam02")
    assert film.camera.size == (16, 12)
    assert [int(frame.image[6, 8, 0]) for frame in film.frames(range(3))] == [0, 80, 160]
    np.testing.assert_allclose(film.camera_to_world[:, 0, 3], 1.0)
    view = view_of(episode, tmp_path, camera="cam01", fixed=True)
    made = written(episode, [view], tmp_path / "part", codec="jpeg") / "original"
    assert not Counter(raw(source)) - Counter(raw(made))
    assert len(decoded(made)["/side/image/compressed"]) == 3


def test_latched_topics_are_offered_as_such(bag: Path, tmp_path: Path) -> None:
    episode = opened(bag)
    made = written(episode, [view_of(episode, tmp_path)], tmp_path / "part") / "original"
    with Reader(made) as reader:
        qos = {c.topic: c.ext.offered_qos_profiles[0] for c in reader.connections}
    assert qos["/side/provenance"].durability.name == "TRANSIENT_LOCAL"
    assert qos["/side/image"].durability.name == "VOLATILE"
    assert qos[IMAGE].reliability.name == "BEST_EFFORT"


def test_a_bag_without_tf_gets_what_its_view_needs(tmp_path: Path) -> None:
    entries = (entry for entry in tiny_entries(COUNT) if not entry[0].startswith("/tf"))
    episode = opened(write_recording(tmp_path / "bag", entries), pose="still")
    made = written(episode, [view_of(episode, tmp_path, fixed=True)], tmp_path / "part") / "original"
    (static,) = decoded(made)["/tf_static"]
    (transform,) = static.transforms
    assert (transform.header.frame_id, transform.child_frame_id) == (OPTICAL, "side_optical_frame")
    assert "/tf" not in decoded(made)
