"""The message types of a bag, as it defines them itself; and ROS's own where it does not."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from anyview_ros.offline.bag_errors import broken_bag_errors
from anyview_ros.offline.bag_items import BagConnection

if TYPE_CHECKING:
    from rosbags.typesys.store import Typestore

_RULE = "=" * 80 + "\n"
_Definition = tuple[str, str, str]
"""Name of a type, how it is defined, and the definition."""


def types_of(connections: Iterable[BagConnection]) -> Typestore:
    """What decodes the messages of a bag; a type whose definition is damaged is as if it had none."""
    defined = {(each.type, each.definition_format, each.definition) for each in connections}
    return _types_of(tuple(sorted(defined)))


@lru_cache(maxsize=16)  # a bag is opened once for each part that is read of it
def _types_of(definitions: tuple[_Definition, ...]) -> Typestore:
    from rosbags.typesys import Stores, get_typestore

    known: dict[str, Any] = {}
    for definition in definitions:
        try:
            known.update(_defined(*definition))
        except broken_bag_errors():
            continue  # its messages are copied all the same, and told of where they must be decoded
    types = get_typestore(Stores.EMPTY)
    types.register(
        {**get_typestore(Stores.ROS2_JAZZY).fielddefs, **known}
    )  # definitions may build on ROS's own
    return types


def _defined(kind: str, encoding: str, text: str) -> dict[str, Any]:
    from rosbags.typesys import get_types_from_idl, get_types_from_msg

    if encoding == "ros2msg" and text:
        return dict(get_types_from_msg(text, kind))
    found: dict[str, Any] = {}
    if encoding in ("ros2idl", "omgidl"):
        parts = text.split(_RULE)[1:] if text.startswith(f"{_RULE}IDL: ") else [f"\n{text}"]
        for part in parts:
            found.update(get_types_from_idl(part.partition("\n")[2]))
    return found
