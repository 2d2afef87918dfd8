"""What a node's parameter is: one line of the table that every node of ours has. Knows no ROS."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any

from anyview_ros.errors import InvalidInputError

Value = bool | int | float | str | tuple[float, ...] | tuple[str, ...]


class Change(Enum):
    """When a parameter may change."""

    NEVER = "only at start"
    UNCONFIGURED = "only while the node is unconfigured"
    LIVE = "at any time"


@dataclass(frozen=True)
class Parameter:
    """One parameter.

    Attributes:
        name: full name; for a camera's parameters the part after ``<camera>.``.
        default: also tells the type: bool, int, float, str, tuple of float or tuple of str.
        description: for people, with the unit.
        change: when it may change.
        low, high: inclusive range of a number.
        choices: what a string may be; empty: anything.
    """

    name: str
    default: Value
    description: str
    change: Change
    low: float | None = None
    high: float | None = None
    choices: tuple[str, ...] = ()


def check_value(name: str, parameter: Parameter, value: Any) -> Any:
    """Return ``value`` in the parameter's own type; integers pass as floats.

    Raises:
        InvalidInputError: another type, a number out of range, or a string that is none of the choices.
    """
    if isinstance(parameter.default, tuple):
        return _check_tuple(name, parameter.default, value)
    kind = type(parameter.default)
    if kind is float and isinstance(value, int) and not isinstance(value, bool):
        value = float(value)
    if type(value) is not kind:
        raise InvalidInputError(f"{name} is {value!r}; give a {kind.__name__}: {parameter.description}")
    if parameter.choices and value not in parameter.choices:
        raise InvalidInputError(f"{name} is '{value}'; choose one of {', '.join(parameter.choices)}")
    low, high = parameter.low, parameter.high
    if low is not None and high is not None and not low <= float(value) <= high:
        raise InvalidInputError(f"{name} is {value}; give {low:g} to {high:g}: {parameter.description}")
    return value


def check_values(table: Mapping[str, Parameter], values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the values of a table's parameters by full name, each as :func:`check_value` does; others are left out.

    Raises:
        InvalidInputError: a value that its parameter cannot have.
    """
    return {name: check_value(name, entry, values[name]) for name, entry in table.items()}


def _check_tuple(name: str, default: tuple[Any, ...], value: Any) -> tuple[Any, ...]:
    if isinstance(value, str | bytes) or not isinstance(value, Sequence):
        raise InvalidInputError(f"{name} is {value!r}; give a list such as {list(default)}")
    if isinstance(default[0], str):
        return tuple(str(item) for item in value)
    if len(value) != len(default) or not all(
        isinstance(item, int | float) and not isinstance(item, bool) for item in value
    ):
        raise InvalidInputError(f"{name} is {list(value)!r}; give {len(default)} numbers")
    return tuple(float(item) for item in value)
