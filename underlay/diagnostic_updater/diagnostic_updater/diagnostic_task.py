"""What the updater runs: a name and a function that fills a status."""

from __future__ import annotations

from collections.abc import Callable

from .diagnostic_status_wrapper import DiagnosticStatusWrapper


class DiagnosticTask:
    """The base of tasks: leaves the status as it is."""

    def __init__(self, name: str) -> None:
        self.name = name

    def getName(self) -> str:
        """Return the name under which the status is published."""
        return self.name

    def run(self, stat: DiagnosticStatusWrapper) -> DiagnosticStatusWrapper:
        """Fill a status and return it."""
        return stat


class FunctionDiagnosticTask(DiagnosticTask):
    """A task made of a function that takes a status, fills it and returns it."""

    def __init__(self, name: str, fn: Callable[[DiagnosticStatusWrapper], DiagnosticStatusWrapper]) -> None:
        super().__init__(name)
        self.fn = fn

    def run(self, stat: DiagnosticStatusWrapper) -> DiagnosticStatusWrapper:
        """Call the function."""
        return self.fn(stat)
