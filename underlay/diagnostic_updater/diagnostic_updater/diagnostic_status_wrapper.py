"""A status message that is easy to fill."""

from __future__ import annotations

from diagnostic_msgs.msg import DiagnosticStatus, KeyValue


class DiagnosticStatusWrapper(DiagnosticStatus):
    """A DiagnosticStatus with verbs. Levels are the message's own: OK, WARN, ERROR, STALE (single bytes)."""

    def summary(self, *args: bytes | str | DiagnosticStatus) -> None:
        """Set level and message: summary(level, message), or summary(status) to take those of a status."""
        self.level, self.message = _level_and_message(args)

    def clearSummary(self) -> None:
        """Set the level to OK and the message to nothing."""
        self.summary(DiagnosticStatus.OK, "")

    def mergeSummary(self, *args: bytes | str | DiagnosticStatus) -> None:
        """Take the worse of two levels; arguments as in summary.

        Messages of a fault push out those of health; two of a kind are joined with a semicolon.
        """
        level, message = _level_and_message(args)
        if (level > DiagnosticStatus.OK) == (self.level > DiagnosticStatus.OK):
            self.message = f"{self.message}; {message}" if self.message else message
        elif level > self.level:
            self.message = message
        self.level = max(level, self.level)

    def add(self, key: str, val: str) -> None:
        """Append a value; it is text, as in the message."""
        self.values.append(KeyValue(key=key, value=val))


def _level_and_message(args: tuple[bytes | str | DiagnosticStatus, ...]) -> tuple[bytes, str]:
    if len(args) == 1:
        return args[0].level, args[0].message
    level, message = args
    return level, str(message)
