"""Mcap files read by their index: the same as another library reads, in the order of time, and no damage unseen."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mcap.reader import make_reader
from mcap.writer import CompressionType, IndexType
from mcap.writer import Writer as McapPackageWriter

from anyview_ros.errors import ReadError
from anyview_ros.offline.bags import Bag
from anyview_ros.offline.mcap_files import McapFiles

Written = list[tuple[int, int, int, bytes]]
"""Channel, log time, sequence and data of each message."""


def write(path: Path, messages: Written, *, profile: str = "ros2", **options: Any) -> Path:
    with path.open("wb") as file:
        writer = McapPackageWriter(file, **options)
        writer.start(profile)
        schema = writer.register_schema("std_msgs/msg/UInt8", "ros2msg", b"uint8 data\n")
        channels = [writer.register_channel(f"/topic_{number}", "cdr", schema) for number in range(3)]
        for channel, log_ns, sequence, data in messages:
            writer.add_message(channels[channel], log_ns, data, log_ns + 7, sequence)
        writer.finish()
    return path


def read(path: Path, **asked: Any) -> list[tuple[Any, ...]]:
    files = McapFiles([path])
    told = [
        (m.topic, m.log_ns, m.published_ns, m.sequence, m.cdr)
        for m in files.messages(asked.get("topics"), asked.get("span_ns"))
    ]
    files.close()
    return told


MESSAGES = st.lists(
    st.tuples(st.integers(0, 2), st.integers(0, 60), st.integers(0, 9), st.binary(max_size=40)),
    min_size=1,
    max_size=40,
)


@settings(max_examples=60)
@given(
    MESSAGES,
    st.sampled_from(list(CompressionType)),
    st.integers(40, 400),
    st.sets(st.sampled_from(["/topic_0", "/topic_1", "/topic_2"])),
    st.tuples(st.integers(0, 60), st.integers(0, 60)).map(lambda span: (min(span), max(span))),
)
def test_messages_are_those_that_another_library_reads(
    tmp_path_factory: pytest.TempPathFactory,
    messages: Written,
    compression: CompressionType,
    chunk_size: int,
    topics: set[str],
    span_ns: tuple[int, int],
) -> None:
    path = write(
        tmp_path_factory.mktemp("any") / "a.mcap", messages, compression=compression, chunk_size=chunk_size
    )
    with path.open("rb") as file:
        theirs = [
            (c.topic, m.log_time, m.publish_time, m.sequence, m.data)
            for _, c, m in make_reader(file).iter_messages()
        ]
    ours = read(path)
    assert sorted(ours) == sorted(theirs)
    assert [log_ns for _, log_ns, *_ in ours] == sorted(log_ns for _, log_ns, *_ in theirs)
    some = read(path, topics=topics, span_ns=span_ns)
    assert sorted(some) == sorted(
        one for one in theirs if one[0] in topics and span_ns[0] <= one[1] <= span_ns[1]
    )


COUNTED: Written = [(index % 3, 10 * index, index, bytes([index])) for index in range(30)]


def test_what_the_index_tells(tmp_path: Path) -> None:
    files = McapFiles([write(tmp_path / "a.mcap", COUNTED, chunk_size=100)])
    assert [each.topic for each in files.connections] == ["/topic_0", "/topic_1", "/topic_2"]
    assert files.counts == [10, 10, 10]
    assert files.span_ns == (0, 290)
    files.close()


def test_several_files_are_one_bag(tmp_path: Path) -> None:
    """Their messages come in the order of time, and topics that both have are one."""
    paths = [
        write(tmp_path / f"{name}.mcap", part, chunk_size=100)
        for name, part in (("a", COUNTED[::2]), ("b", COUNTED[1::2]))
    ]
    files = McapFiles(paths)
    assert [message.sequence for message in files.messages(None, None)] == list(range(30))
    assert len(files.connections) == 3
    files.close()


@pytest.mark.parametrize(
    "options", [{"use_chunking": False}, {"index_types": IndexType.NONE}, {"profile": "ros1"}]
)
def test_files_that_cannot_be_read_by_an_index_are_left_to_others(
    tmp_path: Path, options: dict[str, Any]
) -> None:
    path = write(tmp_path / "a.mcap", COUNTED, **options)
    with pytest.raises(ReadError):
        McapFiles([path])


@pytest.mark.parametrize("options", [{"use_chunking": False}, {"index_types": IndexType.NONE}])
def test_others_read_them_whole(tmp_path: Path, options: dict[str, Any]) -> None:
    with Bag(write(tmp_path / "a.mcap", COUNTED, **options)) as bag:
        assert sorted(message.cdr for message in bag.messages()) == sorted(data for *_, data in COUNTED)


def test_a_byte_that_changed_is_seen(tmp_path: Path) -> None:
    path = write(tmp_path / "a.mcap", [(0, 1, 1, bytes(500))], compression=CompressionType.NONE)
    data = bytearray(path.read_bytes())
    data[data.index(bytes(400)) + 100] = 1
    path.write_bytes(data)
    with pytest.raises(ReadError, match="checksum of a chunk does not fit"):
        read(path)
