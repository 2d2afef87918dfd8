"""What crosses the pipe between a process and the child that runs its method.

The pipe joins two processes of one program on one machine, made by it and open to nobody else; messages are pickled.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from anyview_ros import errors
from anyview_ros.errors import AnyViewError
from anyview_ros.synthesis.description import MethodDescription
from anyview_ros.synthesis.failures import is_out_of_memory


@dataclass(frozen=True)
class Begin:
    """To the child, first of all: what to load, as "module:callable" with its arguments."""

    factory: str
    arguments: dict[str, Any]


@dataclass(frozen=True)
class Loaded:
    """From the child, once: what was loaded."""

    description: MethodDescription
    weights_hash: str
    device: str
    whole_film: bool
    """Whether the method is a WholeFilmSynthesizer."""


@dataclass(frozen=True, eq=False)
class Call:
    """To the child: something to do."""

    number: int
    name: str
    arguments: tuple[Any, ...]


@dataclass(frozen=True)
class Cancel:
    """To the child: stop a call between two steps."""

    number: int


@dataclass(frozen=True)
class Progressed:
    """From the child: a step of the call with that number is done."""

    number: int
    step: int
    total: int


@dataclass(frozen=True)
class Failure:
    """An exception: the name of its class, and what it says."""

    kind: str
    text: str

    @classmethod
    def of(cls, error: BaseException) -> Failure:
        """As told to another process."""
        kind = type(error).__name__
        if isinstance(error, AnyViewError):
            return cls(kind, str(error))
        if is_out_of_memory(error):
            return cls("MemoryError", str(error))
        return cls("RuntimeError", f"{kind}: {error}")

    def exception(self) -> Exception:
        """As an exception to raise: one of ours is what it was."""
        if self.kind == "MemoryError":
            return MemoryError(self.text)
        known = getattr(errors, self.kind, None)
        if isinstance(known, type) and issubclass(known, AnyViewError):
            return known(self.text)
        return RuntimeError(self.text)


@dataclass(frozen=True, eq=False)
class Answer:
    """From the child: how loading, or the call with that number, ended."""

    number: int = -1
    value: Any = None
    failure: Failure | None = None
