"""Settings that a network of ours is made of, by name, as its files say them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, Self

from anyview_ros.errors import InvalidInputError


@dataclass(frozen=True)
class NetworkSettings:
    """A base of frozen dataclasses of which every setting has a default."""

    def as_dict(self) -> dict[str, Any]:
        """The settings by name."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """The settings of these values by name; what is left out keeps its default.

        Raises:
            InvalidInputError: a setting there is not, of another type, or out of range.
        """
        known = {field.name: type(field.default) for field in fields(cls)}
        unknown = sorted(set(values) - set(known))
        if unknown:
            raise InvalidInputError(
                f"unknown network setting {', '.join(map(repr, unknown))}; it knows {', '.join(sorted(known))}"
            )
        for name, value in values.items():
            wanted = known[name]
            if type(value) is not wanted and not (wanted is float and type(value) is int):
                raise InvalidInputError(
                    f"network setting {name} is {value!r}; give a value of type {wanted.__name__}"
                )
        return cls(**values)
