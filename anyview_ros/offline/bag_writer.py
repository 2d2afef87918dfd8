"""Writing a bag: a folder with one mcap file and its metadata.yaml, as rosbag2 of Jazzy and later reads them.

The same calls give the same bytes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from pathlib import Path
from types import TracebackType
from typing import Any

from anyview_ros.offline.bag_items import BagConnection
from anyview_ros.offline.bag_profiles import profiles_text
from anyview_ros.offline.mcap_writer import Buffer, McapWriter

_VERSION = 9  # of the metadata


class BagWriter:
    """Writes a bag; a context manager, which leaves a bag without metadata if it is left before :meth:`finish`.

    Args:
        folder: of the bag; it is made.
        name: of its file, without suffix.
    """

    def __init__(self, folder: Path, name: str) -> None:
        folder.mkdir(parents=True)
        self._folder = folder
        self._file = f"{name}.mcap"
        self._mcap = McapWriter(folder / self._file)
        self._schemas: dict[tuple[str, str, str], int] = {}
        self._connections: list[BagConnection] = []

    def add_connection(self, connection: BagConnection) -> int:
        """Add a topic, or find it if the same was added before; returns its number.

        A type that is not defined is defined if it is one of ROS's own.
        """
        connection = with_definition(connection)
        if connection in self._connections:
            return self._connections.index(connection)
        schema = (connection.type, connection.definition_format, connection.definition)
        if schema not in self._schemas:
            self._schemas[schema] = self._mcap.add_schema(*schema)
        metadata = {"offered_qos_profiles": profiles_text(connection.qos)}
        if connection.type_hash:
            metadata["topic_type_hash"] = connection.type_hash
        self._connections.append(connection)
        return self._mcap.add_channel(self._schemas[schema], connection.topic, connection.encoding, metadata)

    def write(
        self, connection: int, log_ns: int, *data: Buffer, published_ns: int | None = None, sequence: int = 0
    ) -> None:
        """Write a message whose bytes are those of ``data``, one after the other."""
        self._mcap.write(connection, log_ns, *data, published_ns=published_ns, sequence=sequence)

    def finish(self, custom_data: Mapping[str, str], distribution: str = "") -> None:
        """Write the metadata and close the files.

        Args:
            custom_data: what is kept beside the messages.
            distribution: the ROS distribution that recorded them; "" if it is not known.
        """
        import yaml

        told = self._metadata(dict(custom_data), distribution or "unknown")
        text = {
            key: yaml.safe_dump(content, sort_keys=False, allow_unicode=True, width=2**31)
            for key, content in (("inside", told), ("beside", {"rosbag2_bagfile_information": told}))
        }
        self._mcap.finish({"rosbag2": {"serialized_metadata": text["inside"]}})
        (self._folder / "metadata.yaml").write_text(text["beside"], encoding="utf-8")

    def _metadata(self, custom_data: dict[str, str], distribution: str) -> dict[str, Any]:
        counts = self._mcap.counts
        began_ns, ended_ns = self._mcap.span_ns
        span = {
            "duration": {"nanoseconds": ended_ns - began_ns},
            "starting_time": {"nanoseconds_since_epoch": began_ns},
            "message_count": sum(counts),
        }
        topics = [
            {
                "topic_metadata": {
                    "name": connection.topic,
                    "type": connection.type,
                    "serialization_format": connection.encoding,
                    "offered_qos_profiles": [dict(profile) for profile in connection.qos],
                    "type_description_hash": connection.type_hash,
                },
                "message_count": count,
            }
            for connection, count in zip(self._connections, counts, strict=True)
        ]
        return {
            "version": _VERSION,
            "storage_identifier": "mcap",
            **_copied(span),
            "topics_with_message_count": topics,
            "compression_format": "",
            "compression_mode": "",
            "relative_file_paths": [self._file],
            "files": [{"path": self._file, **_copied(span)}],
            "custom_data": custom_data or None,
            "ros_distro": distribution,
        }

    def __enter__(self) -> BagWriter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._mcap.__exit__(kind, error, trace)


def _copied(span: Mapping[str, Any]) -> dict[str, Any]:
    """The same anew: YAML would refer to what it has written before, which not every reader follows."""
    return {key: dict(value) if isinstance(value, dict) else value for key, value in span.items()}


def connection_of(topic: str, kind: str, profile: Mapping[str, Any]) -> BagConnection:
    """A topic with one of ROS's own types, offered under one QoS profile."""
    return with_definition(BagConnection(topic, kind, "cdr", "", "", "", (dict(profile),)))


def with_definition(connection: BagConnection) -> BagConnection:
    """The connection with the definition of its type, if that is lacking and one of ROS's own."""
    if connection.definition:
        return connection
    definition, digest = _definition(connection.type)
    if not definition:
        return replace(connection, definition_format="")
    return replace(
        connection,
        definition_format="ros2msg",
        definition=definition,
        type_hash=connection.type_hash or digest,
    )


@cache
def _definition(kind: str) -> tuple[str, str]:
    """Definition and hash of one of ROS's own types; ("", "") of others."""
    types = ros_types()
    if kind not in types.fielddefs:
        return "", ""
    definition, _ = types.generate_msgdef(kind, ros_version=2)
    return definition, types.hash_rihs01(kind)


@cache
def ros_types() -> Any:
    """The types that come with ROS, to make messages of: ``ros_types().types[name](**fields)``."""
    from rosbags.typesys import Stores, get_typestore

    return get_typestore(Stores.ROS2_JAZZY)
