"""Numbers of a bag's messages, such as joint states and commands, as a signal over time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from anyview_ros.errors import InvalidInputError
from anyview_ros.messages.stamps import time_to_ns
from anyview_ros.offline.augment.outputs.timeline import increasing
from anyview_ros.offline.bags import Bag

_JOINT_STATE = ("position", "velocity", "effort")
_LARGEST_ARRAY = 4096
_JITTER_NS = 1_000_000_000
"""By how much messages may be out of order; stamps that fall back further are those of another run."""


@dataclass(frozen=True, eq=False)
class Signal:
    """A topic's numbers.

    Attributes:
        topic: its name.
        stamps_ns: (M,) strictly increasing; of the headers, or of the log where there are none.
        values: float64 (M, D).
        names: of the D numbers: fields of the message, or joints.
        frame: the header's frame_id, or "".
    """

    topic: str
    stamps_ns: NDArray[np.int64]
    values: NDArray[np.float64]
    names: tuple[str, ...]
    frame: str


def read_signal(path: str | Path, wanted: str, *, from_start: bool = False) -> Signal:
    """Read a topic's numbers.

    Args:
        path: of the bag.
        wanted: name of the topic; after a colon, only the fields named, with commas between them, such as
            "/joint_states:position" or "/odom:pose.pose.position".
        from_start: see :class:`~anyview_ros.offline.bags.Bag`.

    Returns:
        The signal. Of a JointState, numbers are positions unless fields are named, and joints keep the order of the
        first message whatever the order of the later ones.

    Raises:
        InvalidInputError: no such topic or field, messages without numbers, numbers that change in count, or stamps
            that start over.
        ReadError: a bag that cannot be read.
    """
    topic, _, fields = wanted.partition(":")
    stamps, logs, rows, frame = [], [], [], ""
    names: tuple[str, ...] = ()
    with Bag(path, from_start=from_start) as bag:
        kinds = {each.name: each.type for each in bag.topics}
        if topic not in kinds:
            raise InvalidInputError(f"{path} has no topic {topic!r}; it has {', '.join(sorted(kinds))}")
        is_joints = kinds[topic].endswith("/JointState")
        chosen = tuple(field for field in fields.split(",") if field)
        for message in bag.messages({topic}):
            content = bag.decode(message)
            numbers = dict(_joints(content, chosen) if is_joints else _numbers(content, chosen))
            if not names:
                names, frame = tuple(numbers), _frame(content)
                if not names:
                    raise InvalidInputError(
                        f"messages of {topic} ({kinds[topic]}) hold no numbers{_told(chosen)}"
                    )
            if set(numbers) != set(names):
                raise InvalidInputError(
                    f"a message of {topic} has {len(numbers)} numbers, {', '.join(list(numbers)[:8])}…, where the "
                    f"first had {len(names)}; name fields that do not change, such as {topic}:FIELD"
                )
            rows.append([numbers[name] for name in names])
            stamps.append(_stamp_ns(content))
            logs.append(message.log_ns)
    if not rows:
        raise InvalidInputError(f"{path} has no messages on {topic}")
    stamped = np.array(stamps, np.int64) > 0
    if 2 * np.count_nonzero(stamped) <= len(stamped):  # most drivers that leave stamps out do so always
        stamps, stamped = logs, np.ones(len(logs), bool)
    instants = np.array(stamps, np.int64)[stamped]
    _check_one_run(instants, topic)
    known, values = increasing(instants, np.array(rows, np.float64)[stamped])
    if not np.isfinite(values).all():
        broken = names[int(np.argwhere(~np.isfinite(values))[0, 1])]
        raise InvalidInputError(
            f"{broken} of {topic} is not finite at some instants; name other fields, as {topic}:FIELD"
        )
    return Signal(topic, known, values, names, frame)


def _check_one_run(stamps_ns: NDArray[np.int64], topic: str) -> None:
    behind_ns = np.maximum.accumulate(stamps_ns) - stamps_ns
    fallen = np.flatnonzero(behind_ns > _JITTER_NS)
    if len(fallen):
        raise InvalidInputError(
            f"stamps of {topic} fall back by {behind_ns[fallen[0]] / 1e9:.1f} s after {fallen[0]} messages, as where a "
            "simulation starts over, so that values of several runs would mix; cut the bag there"
        )


def _told(chosen: tuple[str, ...]) -> str:
    return f" in {', '.join(chosen)}" if chosen else ""


def _joints(content: Any, chosen: tuple[str, ...]) -> Iterator[tuple[str, float]]:
    """Numbers of a JointState by joint, or by joint and field if several fields are named."""
    fields = chosen or ("position",)
    for field in fields:
        if field not in _JOINT_STATE:
            raise InvalidInputError(f"a JointState has no field {field!r}; it has {', '.join(_JOINT_STATE)}")
        for joint, value in zip(content.name, getattr(content, field), strict=False):
            yield str(joint) if len(fields) == 1 else f"{joint}.{field}", float(value)


def _numbers(content: Any, chosen: tuple[str, ...]) -> Iterator[tuple[str, float]]:
    """All numbers below a message by the way that leads to them, without the header and without stamps."""
    if not chosen:
        yield from _flattened(content, "")
        return
    for way in chosen:
        value = content
        for step in way.split("."):
            value = getattr(value, step, None)
            if value is None:
                raise InvalidInputError(f"a message has no field {way!r} ({step} is not there)")
        yield from _flattened(value, way)


def _flattened(value: Any, way: str) -> Iterator[tuple[str, float]]:
    if isinstance(value, bool | int | float | np.number | np.bool_):
        yield way, float(value)
    elif isinstance(value, np.ndarray | list | tuple):
        if len(value) > _LARGEST_ARRAY:
            raise InvalidInputError(
                f"field {way} has {len(value)} elements; name the fields that are a state"
            )
        for index, each in enumerate(value):
            yield from _flattened(each, f"{way}[{index}]")
    elif hasattr(value, "__dataclass_fields__"):
        for name in value.__dataclass_fields__:
            if name not in ("header", "stamp") and not name.startswith("_"):
                yield from _flattened(getattr(value, name), f"{way}.{name}".lstrip("."))


def _frame(content: Any) -> str:
    return str(getattr(getattr(content, "header", None), "frame_id", ""))


def _stamp_ns(content: Any) -> int:
    """Of the header; 0 if there is none."""
    stamp = getattr(getattr(content, "header", None), "stamp", None)
    return 0 if stamp is None else time_to_ns(stamp)
