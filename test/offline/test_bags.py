"""Bags that were cut, damaged, or whose recorder was killed: what is whole is read, and what is lost is told."""

from __future__ import annotations

import re
import sqlite3
import subprocess
import sys
import tempfile
from contextlib import closing
from dataclasses import replace
from hashlib import sha256
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import zstandard
from bag_maker import IMAGE, OPTICAL, entries, write_bag
from filmed import moving_clip
from mcap.reader import make_reader
from mcap.records import Channel, Message, Schema
from mcap.stream_reader import StreamReader
from mcap.writer import CompressionType
from mcap.writer import Writer as McapWriter
from tiny_bags import in_small_chunks, tiny_entries

from anyview_ros.diagnosis import Severity, diagnose
from anyview_ros.errors import ReadError
from anyview_ros.offline.bag_evidence import bag_evidence
from anyview_ros.offline.bag_unpacking import readable_files
from anyview_ros.offline.bags import Bag, describe_camera, find_cameras
from anyview_ros.offline.cut_mcap import cut_mcap


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_bag(tmp_path_factory.mktemp("whole") / "bag", entries(moving_clip()))


@pytest.fixture
def copy(whole: Path, tmp_path: Path) -> Path:
    """A copy of the whole bag, to be spoiled."""
    bag = tmp_path / "bag"
    bag.mkdir()
    for file in whole.iterdir():
        (bag / file.name).write_bytes(file.read_bytes())
    return bag


def mcap_in(bag: Path) -> Path:
    (file,) = bag.glob("*.mcap")
    return file


def checksummed(bag: Path) -> Path:
    """The bag's file, rewritten in small chunks with a checksum each."""
    file = mcap_in(bag)
    records = list(StreamReader(BytesIO(file.read_bytes())).records)
    channels: dict[int, int] = {}
    with file.open("wb") as written:
        writer = McapWriter(written, chunk_size=300_000, compression=CompressionType.NONE)
        writer.start("ros2")
        schemas = {
            r.id: writer.register_schema(r.name, r.encoding, r.data) for r in records if isinstance(r, Schema)
        }
        for record in records:
            if isinstance(record, Channel) and record.id not in channels:
                channels[record.id] = writer.register_channel(record.topic, "cdr", schemas[record.schema_id])
            elif isinstance(record, Message):
                writer.add_message(
                    channels[record.channel_id], record.log_time, record.data, record.publish_time
                )
        writer.finish()
    return file


def cut(file: Path, share: float) -> None:
    file.write_bytes(file.read_bytes()[: round(file.stat().st_size * share)])


def contents(path: Path) -> list[tuple[str, str, int, str]]:
    """Topic, type, log time and a digest of each message."""
    with Bag(path) as bag:
        read = [(m.topic, m.type, m.log_ns, sha256(m.cdr).hexdigest()) for m in bag.messages()]
        assert {t.name: t.count for t in bag.topics} == {
            t.name: sum(m[0] == t.name for m in read) for t in bag.topics
        }
        assert bag.span_ns[0] <= read[0][2] <= read[-1][2] <= bag.span_ns[1]
    return read


def losses(path: Path) -> tuple[str, ...]:
    with Bag(path) as bag:
        return bag.losses


def test_nothing_of_a_whole_bag_is_lost(whole: Path) -> None:
    assert losses(whole) == losses(mcap_in(whole)) == ()
    assert contents(mcap_in(whole)) == contents(whole)


@pytest.mark.parametrize("with_metadata", [False, True])
@pytest.mark.parametrize("share", [0.3, 0.6, 0.99])
def test_a_cut_bag_is_read_as_far_as_it_is_whole(
    whole: Path, copy: Path, share: float, *, with_metadata: bool
) -> None:
    cut(mcap_in(copy), share)
    if not with_metadata:
        (copy / "metadata.yaml").unlink()
    everything, read = contents(whole), contents(copy)
    assert read == everything[: len(read)]
    assert 0.8 * share * len(everything) < len(read) < len(everything)
    first, *others = losses(copy)
    seconds = (read[-1][2] - read[0][2]) / 1e9
    assert (
        f"{mcap_in(copy).name} breaks off after {len(read)} messages, {seconds:.1f} s from the first" in first
    )
    lost = len(everything) - len(read)
    told = f"{lost} of {len(everything)} messages that metadata.yaml counts are lost"
    assert others == ([told] if with_metadata else [])
    assert contents(mcap_in(copy)) == read


def test_a_file_that_lacks_only_its_index_has_lost_nothing(whole: Path, copy: Path) -> None:
    cut(mcap_in(copy), 0.999)
    assert losses(copy) == ()
    assert contents(copy) == contents(whole)


def test_a_rest_of_zeros_is_not_looked_through(whole: Path, copy: Path) -> None:
    """A file system may have given the room, but not the bytes, when the power failed."""
    file = checksummed(copy)
    cut(file, 0.6)
    with file.open("ab") as grown:
        grown.truncate(file.stat().st_size + 10**9)
    everything, read = contents(whole), contents(copy)
    assert len(read) > 0.4 * len(everything)
    assert read == everything[: len(read)]
    damaged, broken_off, _ = losses(copy)
    assert damaged == f"damaged chunks in {file.name}: 1; their messages are lost"
    (rest_bytes,) = re.findall(r"its last (\d+) bytes are incomplete", broken_off)
    assert 0.9e9 < int(rest_bytes) <= 1e9


def damage(file: Path, *, with_index: bool) -> None:
    data = bytearray(file.read_bytes())
    data[len(data) // 3] ^= 0xFF
    file.write_bytes(data if with_index else data[:-40])


def test_a_damaged_chunk_is_left_out(whole: Path, copy: Path) -> None:
    file = checksummed(copy)
    damage(file, with_index=False)
    everything, read = contents(whole), contents(copy)
    assert 0.7 * len(everything) < len(read) < len(everything)
    assert read[-1] == everything[-1]
    assert [message for message in everything if message in read] == read
    assert losses(copy) == (
        f"damaged chunks in {file.name}: 1; their messages are lost",
        f"{len(everything) - len(read)} of {len(everything)} messages that metadata.yaml counts are lost",
    )


def test_a_damaged_chunk_of_a_bag_with_an_index_is_an_error(copy: Path) -> None:
    damage(checksummed(copy), with_index=True)
    with pytest.raises(ReadError, match=r"cannot read on in bag .*checksum"):
        contents(copy)


RECORDER = """
import sys
from pathlib import Path
from rosbags.rosbag2 import Reader, StoragePlugin, Writer
from rosbags.typesys import Stores, get_typestore

store = get_typestore(Stores.ROS2_JAZZY)
source, target = map(Path, sys.argv[1:])
with Reader(source) as reader, Writer(target, version=9, storage_plugin=StoragePlugin.MCAP) as writer:
    connections = {c.id: writer.add_connection(c.topic, c.msgtype, typestore=store) for c in reader.connections}
    for connection, log_ns, cdr in reader.messages():
        writer.write(connections[connection.id], log_ns, cdr)
    print("all is written", flush=True)
    sys.stdin.read()
"""


def test_a_recorder_that_is_killed_leaves_what_it_wrote(whole: Path, tmp_path: Path) -> None:
    bag = tmp_path / "bag"
    command = [sys.executable, "-c", RECORDER, str(whole), str(bag)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as recorder:
        assert recorder.stdout is not None
        assert recorder.stdout.readline() == "all is written\n"
        recorder.kill()
    assert not (bag / "metadata.yaml").exists()
    everything, read = contents(whole), contents(bag)
    assert 0 < len(read) < len(everything)
    assert read == everything[: len(read)]
    assert f"breaks off after {len(read)} messages" in losses(bag)[0]


def test_the_doctor_tells_what_is_lost(copy: Path) -> None:
    cut(mcap_in(copy), 0.6)
    diagnosis = diagnose(bag_evidence(copy, image=IMAGE))
    lost = [finding for finding in diagnosis.findings if finding.check == "images.lost"]
    assert [finding.severity for finding in lost] == [Severity.WARNING] * 2
    assert "breaks off after" in lost[0].value
    assert "that metadata.yaml counts are lost" in lost[1].value


def test_files_of_one_bag_are_read_in_the_order_of_log_times(whole: Path, tmp_path: Path) -> None:
    recording = list(entries(moving_clip()))
    for name, part in (("even", recording[::2]), ("odd", recording[1::2])):
        made = write_bag(tmp_path / name, iter(part))
        mcap_in(made).rename(tmp_path / f"{name}.mcap")
        (made / "metadata.yaml").unlink()
        made.rmdir()
    key = lambda message: (message[2], message[0], message[3])  # noqa: E731
    read = contents(tmp_path)
    assert [message[2] for message in read] == sorted(message[2] for message in read)
    assert sorted(read, key=key) == sorted(contents(whole), key=key)


def test_a_database_without_metadata(tmp_path: Path) -> None:
    bag = write_bag(tmp_path / "bag", entries(moving_clip()), sqlite=True)
    everything = contents(bag)
    assert losses(bag) == ()
    (bag / "metadata.yaml").unlink()
    assert contents(bag) == everything
    (loss,) = losses(bag)
    assert "has no metadata.yaml: its recorder was killed" in loss


def write_by_hand(path: Path, *, end: bool = False, profile: str = "ros2", **options: Any) -> None:
    """Ten numbered messages of a type of its own."""
    with path.open("wb") as file:
        writer = McapWriter(file, **options)
        writer.start(profile)
        schema = writer.register_schema(
            "ours/msg/Count", "ros2msg", b"std_msgs/Header header\nuint32 count\n"
        )
        channel = writer.register_channel("/count", "cdr", schema)
        for count in range(10):
            cdr = b"\0\1\0\0" + np.array([0, 0, 1, 0, count], "<u4").tobytes()
            writer.add_message(channel, 10 + count, cdr, 10 + count)
        if end:
            writer.finish()


@pytest.mark.parametrize(
    "options",
    [
        {"use_chunking": False},
        *({"compression": kind, "chunk_size": 60} for kind in CompressionType),
    ],
)
def test_every_form_of_chunk_and_types_of_others(tmp_path: Path, options: dict[str, Any]) -> None:
    path = tmp_path / "count.mcap"
    write_by_hand(path, **options)
    with Bag(path) as bag:
        counts = [bag.decode(message).count for message in bag.messages({"/count"})]
        assert not list(bag.messages({"/other"}))
        assert bag.losses
    assert counts == list(range(len(counts)))
    assert len(counts) > 5


def test_chunks_that_overlap_are_read_in_the_order_of_log_times(tmp_path: Path) -> None:
    path = tmp_path / "late.mcap"
    log_ns = np.argsort(np.arange(60) + np.random.default_rng(0).uniform(0, 8, 60)) + 100
    with path.open("wb") as file:
        writer = McapWriter(file, chunk_size=250, compression=CompressionType.NONE)
        writer.start("ros2")
        schema = writer.register_schema("std_msgs/msg/UInt8", "ros2msg", b"uint8 data\n")
        channel = writer.register_channel("/count", "cdr", schema)
        for time_ns in log_ns.tolist():
            writer.add_message(channel, time_ns, b"\0\1\0\0" + bytes([time_ns]), time_ns)
        writer.finish()
    assert log_ns.tolist() != sorted(log_ns.tolist())
    for from_start in (False, True):
        with Bag(path, from_start=from_start) as bag:
            assert bag.span_ns == (100, 159)
            assert [(m.log_ns, bag.decode(m).data) for m in bag.messages()] == [
                (n, n) for n in range(100, 160)
            ]
            assert [m.log_ns for m in bag.messages(span_ns=(117, 131))] == list(range(117, 132))


def test_a_topic_without_messages_hides_no_others_of_a_database(tmp_path: Path) -> None:
    bag = write_bag(tmp_path / "bag", tiny_entries(4), sqlite=True)
    (file,) = bag.glob("*.db3")
    with closing(sqlite3.connect(file)) as database, database:
        columns = [row[1] for row in database.execute("PRAGMA table_info(topics)")]
        told = ", ".join({"id": "99", "name": "'/silent'"}.get(name, name) for name in columns)
        database.execute(f"INSERT INTO topics SELECT {told} FROM topics LIMIT 1")  # noqa: S608
    read = []
    for from_start in (False, True):
        with Bag(file, from_start=from_start) as opened:
            read.append((opened.span_ns, [(m.topic, m.log_ns) for m in opened.messages()]))
    assert read[0][0] == read[1][0] == (read[0][1][0][1], read[0][1][-1][1])
    assert sorted(read[0][1]) == sorted(read[1][1])


def test_a_closed_bag_holds_no_file_open(whole: Path) -> None:
    def held() -> int:
        return sum(fd.resolve() == mcap_in(whole).resolve() for fd in Path("/proc/self/fd").iterdir())

    with Bag(whole) as bag:
        assert next(bag.messages())
        assert held()
    assert not held()


def test_a_camera_without_its_calibration_cannot_be_described(whole: Path) -> None:
    with Bag(whole) as bag:
        (camera,) = find_cameras(bag.topics)
        told = describe_camera(bag, camera)
        assert (told.optical_frame, told.root_frame) == (OPTICAL, "map")
        assert (told.width, told.height) == moving_clip().camera.size
        with pytest.raises(ReadError, match="no message on /elsewhere/camera_info"):
            describe_camera(bag, replace(camera, camera_info="/elsewhere/camera_info"))


def test_a_file_that_has_gone_is_an_error_of_ours(tmp_path: Path) -> None:
    with pytest.raises(ReadError, match=r"cannot read .*gone\.mcap: No such file"):
        cut_mcap(tmp_path / "gone.mcap")


def test_recordings_of_others_than_ros_2_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "other.mcap"
    write_by_hand(path, profile="ros1")
    with pytest.raises(ReadError, match="has the profile 'ros1'; only recordings of ROS 2 are read"):
        Bag(path)


@pytest.mark.parametrize("content", [b"", b"\x89MCAP0\r\n", b"nothing of the kind"])
def test_a_file_without_a_message_is_an_error(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "broken.mcap"
    path.write_bytes(content)
    with pytest.raises(ReadError, match=r"broken\.mcap (holds no messages|is no mcap file)"):
        Bag(path)


@pytest.mark.parametrize("share", [0.3, 0.6, 0.99])
def test_a_database_that_was_cut_is_read_as_far_as_its_pages_go(tmp_path: Path, share: float) -> None:
    bag = write_bag(tmp_path / "bag", entries(moving_clip()), sqlite=True)
    everything = contents(bag)
    (file,) = bag.glob("*.db3")
    cut(file, share)
    read = contents(bag)
    assert share * 0.3 * len(everything) < len(read) < len(everything)
    assert set(read) < set(everything)
    assert [message[2] for message in read] == sorted(message[2] for message in read)
    told, count = losses(bag)
    assert told == f"bag.db3 is cut or damaged: {len(read)} messages of it can be read, the others are lost"
    assert (
        count
        == f"{len(everything) - len(read)} of {len(everything)} messages that metadata.yaml counts are lost"
    )


def test_a_database_that_was_cut_to_nothing_is_refused(tmp_path: Path) -> None:
    bag = write_bag(tmp_path / "bag", entries(moving_clip()), sqlite=True)
    (file,) = bag.glob("*.db3")
    cut(file, 0.001)
    with pytest.raises(ReadError, match=r"cannot read bag .*bag\.db3"):
        Bag(bag)


SQLITE_RECORDER = """
import sqlite3, sys
source, target, journal = sys.argv[1:]
with sqlite3.connect(source) as read:
    rows = read.execute("SELECT id, topic_id, timestamp, data FROM messages").fetchall()
    script = [line for line in read.iterdump() if not line.startswith('INSERT INTO "messages"')]
database = sqlite3.connect(target)
database.execute(f"PRAGMA journal_mode={journal}")
database.executescript("\\n".join(script))
database.execute("PRAGMA wal_autocheckpoint=0")
database.execute("BEGIN")
for number, row in enumerate(rows):
    database.execute("INSERT INTO messages VALUES (?, ?, ?, ?)", row)
    if journal == "WAL" and number == 99:
        database.commit()
        database.execute("BEGIN")
print("all is written", flush=True)
sys.stdin.read()
"""


def killed_database(tmp_path: Path, journal: str) -> tuple[Path, list[tuple[str, str, int, str]]]:
    """The file of a recorder that was killed, and what it was told to write."""
    bag = write_bag(tmp_path / "bag", entries(moving_clip()), sqlite=True)
    (source,) = bag.glob("*.db3")
    target = tmp_path / "killed.db3"
    command = [sys.executable, "-c", SQLITE_RECORDER, str(source), str(target), journal]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as recorder:
        assert recorder.stdout is not None
        assert recorder.stdout.readline() == "all is written\n"
        recorder.kill()
    return target, contents(bag)


def test_a_killed_recorder_of_a_database_leaves_nothing_and_that_is_said(tmp_path: Path) -> None:
    file, _ = killed_database(tmp_path, "MEMORY")
    with pytest.raises(
        ReadError, match=r"killed\.db3 .*(holds no messages|cannot be read|malformed)|cannot read bag"
    ):
        Bag(file)


def test_what_a_killed_recorder_left_in_the_journal_is_read(tmp_path: Path) -> None:
    file, everything = killed_database(tmp_path, "WAL")
    journal = file.with_name("killed.db3-wal")
    before = (file.read_bytes(), journal.read_bytes())
    assert len(contents(file)) == 100
    assert set(contents(file)) < set(everything)
    assert losses(file) == ("killed.db3 has a journal beside it: its recorder was killed",)
    assert (file.read_bytes(), journal.read_bytes()) == before


def test_a_compressed_file_that_breaks_off(tmp_path: Path) -> None:
    bag = write_bag(tmp_path / "bag", entries(moving_clip()))
    everything = contents(bag)
    packed = tmp_path / "bag.mcap.zstd"
    data = zstandard.ZstdCompressor().compress(mcap_in(bag).read_bytes())
    packed.write_bytes(data)
    assert contents(packed) == everything
    packed.write_bytes(data[: len(data) // 2])
    read = contents(packed)
    assert 0 < len(read) < len(everything)
    assert read == everything[: len(read)]
    assert any("breaks off after" in loss for loss in losses(packed))


def packed_in_parts(path: Path, count: int, *, sqlite: bool) -> Path:
    """A bag of many files, as a recorder leaves it that splits and compresses them."""
    recording = sorted(entries(moving_clip()), key=lambda entry: entry[2])
    path.mkdir()
    for index in range(count):
        first, stop = (len(recording) * each // count for each in (index, index + 1))
        part = write_bag(path.with_name(f"{path.name}_{index}"), iter(recording[first:stop]), sqlite=sqlite)
        (file,) = (each for each in part.iterdir() if each.name != "metadata.yaml")
        packed = zstandard.ZstdCompressor().compress(file.read_bytes())
        (path / f"{file.name}.zstd").write_bytes(packed)
    return path


@pytest.mark.parametrize("from_start", [False, True])
@pytest.mark.parametrize("sqlite", [False, True])
def test_compressed_bags_of_many_files(tmp_path: Path, *, sqlite: bool, from_start: bool) -> None:
    first, second = (packed_in_parts(tmp_path / name, 6, sqlite=sqlite) for name in ("first", "second"))
    count = len(list(entries(moving_clip())))
    with Bag(first, from_start=from_start) as bag, Bag(second, from_start=from_start) as other:
        pairs = list(zip(bag.messages(), other.messages(), strict=True))
    assert len(pairs) == count
    one, another = (
        sorted((message.log_ns, message.cdr) for message in read) for read in zip(*pairs, strict=True)
    )
    assert one == another  # in any order among those of one instant


def test_files_unpacked_for_a_bag_go_when_other_bags_need_the_room(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    bags = [packed_in_parts(tmp_path / name, 6, sqlite=False) for name in ("first", "second")]
    for path in (*bags, *bags):
        Bag(path).close()
        assert sorted(file.name for file in folder.glob("*/*")) == [
            f"{path.name}_{index}.mcap" for index in range(6)
        ]


def test_files_of_a_bag_that_is_being_opened_stay_when_another_is_opened(tmp_path: Path) -> None:
    paths = [packed_in_parts(tmp_path / name, 6, sqlite=False) for name in ("first", "second")]
    files = readable_files(sorted(paths[0].iterdir()))
    Bag(paths[1]).close()
    assert all(file.path.is_file() for file in files)


@pytest.mark.parametrize(
    "spoiled", ["", "rosbag2_bagfile_information: {}", "{", "- 1", "rosbag2_bagfile_information:\n  files: ["]
)
def test_a_metadata_file_that_is_broken_is_told_and_left_aside(whole: Path, copy: Path, spoiled: str) -> None:
    (copy / "metadata.yaml").write_text(spoiled)
    assert contents(copy) == contents(whole)
    (loss,) = losses(copy)
    assert "metadata.yaml cannot be read" in loss
    assert "the files beside it are taken for the bag" in loss


def test_a_bag_none_of_whose_files_is_there_is_refused(copy: Path) -> None:
    mcap_in(copy).unlink()
    with pytest.raises(ReadError, match="cannot read bag"):
        Bag(copy)


def test_damage_in_the_middle_of_a_bag_with_an_index_can_be_left_out(whole: Path, copy: Path) -> None:
    damage(checksummed(copy), with_index=True)
    everything = contents(whole)
    with Bag(copy, from_start=True) as bag:
        read = [(m.topic, m.type, m.log_ns, sha256(m.cdr).hexdigest()) for m in bag.messages()]
        lost = len(everything) - len(read)
        assert 0 < lost < 0.3 * len(everything)
        assert f"{lost} of {len(everything)} messages that metadata.yaml counts are lost" in bag.losses


def test_a_message_that_is_none_of_its_type_is_an_error_of_ours(tmp_path: Path) -> None:
    path = tmp_path / "count.mcap"
    with path.open("wb") as file:
        writer = McapWriter(file)
        writer.start("ros2")
        schema = writer.register_schema("std_msgs/msg/Header", "ros2msg", b"")
        writer.add_message(writer.register_channel("/head", "cdr", schema), 1, b"\0\1\0\0\1", 1)
        writer.finish()
    with Bag(path) as bag:
        (message,) = bag.messages()
        with pytest.raises(ReadError, match="a message of 5 bytes on /head is no std_msgs/msg/Header"):
            bag.decode(message)


@pytest.mark.parametrize("ended", [True, False])
def test_a_chunk_that_names_the_topics_may_be_damaged(tmp_path: Path, *, ended: bool) -> None:
    """Channels are told in the first chunk, and once more at the end of a file that was ended."""
    bag = write_bag(tmp_path / "bag", tiny_entries(40))
    file = in_small_chunks(bag, 4000)
    with file.open("rb") as stream:
        chunks = make_reader(stream).get_summary().chunk_indexes
    content = bytearray(file.read_bytes())
    content[chunks[0].chunk_start_offset + 200] ^= 0xFF
    if not ended:
        del content[chunks[-1].chunk_start_offset :]
    alone = tmp_path / "alone.mcap"
    alone.write_bytes(content)
    if ended:
        with Bag(alone, from_start=True) as read:
            rest = len(list(tiny_entries(40))) - len(list(read.messages()))
            assert 0 < rest < 30
            assert read.losses == ("damaged chunks in alone.mcap: 1; their messages are lost",)
    else:
        with Bag(alone, from_start=True) as read:
            nameless = len(list(read.messages()))
            assert any(
                "messages of alone.mcap are lost: what names their topics" in each for each in read.losses
            )
            assert nameless > 0
