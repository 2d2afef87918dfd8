"""What a bag holds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

IMAGE, COMPRESSED = "sensor_msgs/msg/Image", "sensor_msgs/msg/CompressedImage"
INFO, TF = "sensor_msgs/msg/CameraInfo", "tf2_msgs/msg/TFMessage"


@dataclass(frozen=True)
class BagTopic:
    """A topic of a bag: its name, its type such as "sensor_msgs/msg/Image", and how many messages it holds."""

    name: str
    type: str
    count: int


@dataclass(frozen=True)
class BagConnection:
    """How a topic was recorded; a topic has several of these if it was offered in several ways.

    Attributes:
        topic, type: where it was sent, and what it is.
        encoding: of its messages, such as "cdr".
        definition_format: "ros2msg" or "ros2idl"; "" if the bag does not define the type.
        definition: text of the type's definition.
        type_hash: of the type (REP 2011), such as "RIHS01_…"; "" if it is not told.
        qos: the profiles under which it was offered, by the names that rosbag2 writes.
    """

    topic: str
    type: str
    encoding: str
    definition_format: str
    definition: str
    type_hash: str
    qos: tuple[dict[str, Any], ...] = ()


@dataclass(frozen=True, eq=False)
class BagMessage:
    """One message as recorded.

    Attributes:
        topic, type: where it was sent, and what it is.
        log_ns: when the recorder got it. It only orders messages; the instant shown is in the header.
        cdr: the serialised message.
        connection: index among the bag's connections.
        published_ns: when it was sent, as far as the bag tells; else as ``log_ns``.
        sequence: number that the recorder gave it; 0 if none.
    """

    topic: str
    type: str
    log_ns: int
    cdr: bytes
    connection: int
    published_ns: int
    sequence: int = 0
