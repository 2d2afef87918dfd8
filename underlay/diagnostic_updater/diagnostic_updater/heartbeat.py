"""A sign of life."""

from __future__ import annotations

from diagnostic_msgs.msg import DiagnosticStatus

from .diagnostic_status_wrapper import DiagnosticStatusWrapper
from .diagnostic_task import DiagnosticTask


class Heartbeat(DiagnosticTask):
    """Says OK whenever it runs: when it stops, so has the node."""

    def __init__(self) -> None:
        super().__init__("Heartbeat")

    def run(self, stat: DiagnosticStatusWrapper) -> DiagnosticStatusWrapper:
        """Say so."""
        stat.summary(DiagnosticStatus.OK, "Alive")
        return stat
