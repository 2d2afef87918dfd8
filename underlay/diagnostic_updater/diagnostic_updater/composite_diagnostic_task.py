"""Several tasks that fill one status."""

from __future__ import annotations

from .diagnostic_status_wrapper import DiagnosticStatusWrapper
from .diagnostic_task import DiagnosticTask


class CompositeDiagnosticTask(DiagnosticTask):
    """Runs its tasks in order; the values of all are kept, and the summaries merged."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.tasks: list[DiagnosticTask] = []

    def addTask(self, t: DiagnosticTask) -> None:
        """Append a task."""
        self.tasks.append(t)

    def run(self, stat: DiagnosticStatusWrapper) -> DiagnosticStatusWrapper:
        """Run all tasks, each from the summary that was passed in."""
        original, combined = DiagnosticStatusWrapper(), DiagnosticStatusWrapper()
        original.summary(stat)
        for task in self.tasks:
            stat.summary(original)
            stat = task.run(stat)
            combined.mergeSummary(stat)
        stat.summary(combined)
        return stat
