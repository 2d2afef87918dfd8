"""A topic as a filter."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .simple_filter import SimpleFilter

if TYPE_CHECKING:
    from rclpy.node import Node

DEFAULT_DEPTH = 10


class Subscriber(SimpleFilter):
    """Subscribes to a topic and lets every message through.

    Takes the node, then what `Node.create_subscription` takes except the callback: the quality of service is
    the keyword `qos_profile` (default: the last 10 messages, reliable). The subscription itself is `sub`; its
    attributes can be read here.
    """

    def __init__(self, node: Node, msg_type: type, topic: str, *args: Any, **kwargs: Any) -> None:
        super().__init__()
        self.node = node
        self.topic = topic
        kwargs.setdefault("qos_profile", DEFAULT_DEPTH)
        self.sub = node.create_subscription(msg_type, topic, self.callback, *args, **kwargs)

    def callback(self, msg: Any) -> None:
        """Pass on a message of the topic."""
        self.signalMessage(msg)

    def getTopic(self) -> str:
        """Return the name of the topic as it was given."""
        return self.topic

    def __getattr__(self, key: str) -> Any:
        if key == "sub":  # not created yet
            raise AttributeError(key)
        return getattr(self.sub, key)
