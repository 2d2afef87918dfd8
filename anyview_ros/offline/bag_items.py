"""What a bag holds."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class BagTopic:
    """A topic of a bag: its name, its type such as "sensor_msgs/msg/Image", and how many messages it holds."""

    name: str
    type: str
    count: int


@dataclass(frozen=True, eq=False)
class BagMessage:
    """One message as recorded.

    Attributes:
        topic, type: where it was sent, and what it is.
        log_ns: when the recorder got it. It only orders messages; the instant shown is in the header.
        cdr: the serialised message.
    """

    topic: str
    type: str
    log_ns: int
    cdr: bytes
