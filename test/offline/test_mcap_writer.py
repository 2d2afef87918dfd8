"""Mcap files that we write: another library reads all that was written, by index and from the start."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mcap.exceptions import McapError
from mcap.reader import NonSeekingReader, make_reader

from anyview_ros.offline.mcap_writer import McapWriter


def write(path: Path, messages: list[tuple[int, int, bytes]]) -> bytes:
    with McapWriter(path) as writer:
        schemas = [
            writer.add_schema(f"ours/msg/Kind{number}", "ros2msg", f"uint{8 * 2**number} value")
            for number in range(2)
        ]
        channels = [
            writer.add_channel(schemas[number % 2], f"/topic_{number}", "cdr", {"né": "\n"})
            for number in range(3)
        ]
        for number, (channel, log_ns, data) in enumerate(messages):
            half = len(data) // 2
            writer.write(
                channels[channel],
                log_ns,
                data[:half],
                memoryview(data)[half:],
                published_ns=9,
                sequence=number,
            )
        writer.finish({"first": {"key": "value"}, "second": {}})
    return path.read_bytes()


@settings(max_examples=40)
@given(st.lists(st.tuples(st.integers(0, 2), st.integers(0, 2**63 - 1), st.binary(max_size=30)), max_size=30))
def test_another_library_reads_what_was_written(
    tmp_path_factory: pytest.TempPathFactory, messages: list[tuple[int, int, bytes]]
) -> None:
    data = write(tmp_path_factory.mktemp("made") / "a.mcap", messages)
    expected = [
        (f"/topic_{channel}", log_ns, 9, number, content)
        for number, (channel, log_ns, content) in enumerate(messages)
    ]
    for reader in (
        make_reader(BytesIO(data), validate_crcs=True),
        NonSeekingReader(BytesIO(data), validate_crcs=True),
    ):
        told = [
            (c.topic, m.log_time, m.publish_time, m.sequence, m.data)
            for _, c, m in reader.iter_messages(log_time_order=False)
        ]
        assert told == expected
    reader = make_reader(BytesIO(data), validate_crcs=True)
    assert reader.get_header().profile == "ros2"
    assert {each.name: each.metadata for each in reader.iter_metadata()} == {
        "first": {"key": "value"},
        "second": {},
    }
    summary = reader.get_summary()
    assert summary is not None
    assert summary.statistics is not None
    assert summary.statistics.message_count == len(messages)
    logs = [log_ns for _, log_ns, _ in messages]
    span = (summary.statistics.message_start_time, summary.statistics.message_end_time)
    assert span == ((min(logs), max(logs)) if logs else (0, 0))
    assert {c.topic: c.metadata for c in summary.channels.values()} == {
        f"/topic_{n}": {"né": "\n"} for n in range(3)
    }


def test_large_messages_fill_chunks_of_their_own(tmp_path: Path) -> None:
    data = write(tmp_path / "a.mcap", [(0, index, bytes([index]) * 700_000) for index in range(6)])
    summary = make_reader(BytesIO(data)).get_summary()
    assert summary is not None
    assert len(summary.chunk_indexes) == 3
    for index in summary.chunk_indexes:
        assert index.message_end_time - index.message_start_time == 1
        assert list(index.message_index_offsets) == [0]
    *_, last = make_reader(BytesIO(data)).iter_messages(starting_at=5)
    assert last[2].data == bytes([5]) * 700_000


def leave_by_an_error(path: Path) -> None:
    with McapWriter(path) as writer:
        writer.write(
            writer.add_channel(writer.add_schema("a/msg/B", "ros2msg", ""), "/a", "cdr", {}), 1, b"12"
        )
        raise KeyError


def test_a_file_that_is_left_by_an_error_has_no_end(tmp_path: Path) -> None:
    path = tmp_path / "a.mcap"
    with pytest.raises(KeyError):
        leave_by_an_error(path)
    with path.open("rb") as file:
        reader = make_reader(file)
        with pytest.raises(McapError):
            reader.get_summary()


def test_a_file_that_is_there_is_not_written_over(tmp_path: Path) -> None:
    (tmp_path / "a.mcap").touch()
    with pytest.raises(FileExistsError):
        McapWriter(tmp_path / "a.mcap")
