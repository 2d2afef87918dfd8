"""Factories by name: ours, and those that other packages add through an entry-point group."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import EntryPoint, entry_points
from typing import Any

from anyview_ros.errors import MissingDependencyError, UnknownMethodError


@dataclass(frozen=True)
class Plugins:
    """Factories of one kind, by the name of their method; imported on demand.

    Attributes:
        group: entry-point group of those that other packages add.
        built_in: ours, name -> "module:factory". Listed in code because a colcon install writes no entry-point
            metadata.
        what: a method of theirs does or is, as an error says it: "no method named 'x' ``what``".
    """

    group: str
    built_in: Mapping[str, str]
    what: str

    def names(self) -> tuple[str, ...]:
        """All names, ours first, then those of other packages, each sorted."""
        return (*sorted(self.built_in), *sorted(set(self._added()) - set(self.built_in)))

    def check(self, name: str) -> None:
        """See that there is one of this name, without importing it.

        Raises:
            UnknownMethodError: there is none; the message lists those there are.
        """
        if name not in self.names():
            raise UnknownMethodError(
                f"no method named '{name}' {self.what}; choose one of {', '.join(self.names())}"
            )

    def factory(self, name: str) -> Callable[..., Any]:
        """The factory of this name, imported.

        Raises:
            UnknownMethodError: there is none.
        """
        self.check(name)
        if name not in self.built_in:
            added: Callable[..., Any] = self._added()[name].load()
            return added
        module, _, attribute = self.built_in[name].partition(":")
        ours: Callable[..., Any] = getattr(importlib.import_module(module), attribute)
        return ours

    def _added(self) -> dict[str, EntryPoint]:
        return {point.name: point for point in entry_points(group=self.group)}


@contextmanager
def missing_package_named(method: str) -> Iterator[None]:
    """Tell which package a method lacks; a context manager around its import and making.

    Raises:
        MissingDependencyError: a package other than this one is not installed.
    """
    try:
        yield
    except ModuleNotFoundError as error:
        missing = (error.name or "").partition(".")[0]
        if not missing or missing == __name__.partition(".")[0]:
            raise
        raise MissingDependencyError(
            f"method '{method}' needs the Python package '{missing}', which is not installed: "
            "pip install 'anyview_ros[all]', or see docs/install.md for robots"
        ) from error
