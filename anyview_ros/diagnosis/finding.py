"""Findings and what they come to."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from enum import Enum
from typing import Any

from anyview_ros.wording import counted


class Severity(Enum):
    """How bad it is."""

    OK = "ok"
    WARNING = "warning"
    ERROR = "error"


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at.

    Attributes:
        check: name of the check, with what it found after a dot, such as "camera_info.uncalibrated".
        severity: ok; warning: views may suffer; error: there will be no views, or wrong ones.
        thing: topic, frame or file that it is about.
        value: what was seen there.
        remedy: what to do; "" where all is well.
    """

    check: str
    severity: Severity
    thing: str
    value: str
    remedy: str = ""


def fine(check: str, thing: str, value: str) -> Finding:
    """A finding that all is well."""
    return Finding(check, Severity.OK, thing, value)


def warning(check: str, thing: str, value: str, remedy: str) -> Finding:
    """A finding from which views may suffer."""
    return Finding(check, Severity.WARNING, thing, value, remedy)


def error(check: str, thing: str, value: str, remedy: str) -> Finding:
    """A finding that prevents views, or makes them wrong."""
    return Finding(check, Severity.ERROR, thing, value, remedy)


@dataclass(frozen=True)
class Diagnosis:
    """All findings about one target.

    Attributes:
        target: what was looked at.
        findings: in the order of the checks.
    """

    target: str
    findings: tuple[Finding, ...]

    def count(self, severity: Severity) -> int:
        """How many findings are of this severity."""
        return sum(finding.severity is severity for finding in self.findings)

    @property
    def is_fine(self) -> bool:
        """Whether there are neither errors nor warnings."""
        return self.count(Severity.OK) == len(self.findings)

    @property
    def verdict(self) -> str:
        """One sentence."""
        errors, warnings = self.count(Severity.ERROR), self.count(Severity.WARNING)
        if errors:
            return f"{counted(errors, 'error')}, {counted(warnings, 'warning')}: mend the errors first"
        if warnings:
            return f"usable, with {counted(warnings, 'warning')}"
        return "nothing wrong found"

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "target": self.target,
            "verdict": self.verdict,
            "errors": self.count(Severity.ERROR),
            "warnings": self.count(Severity.WARNING),
            "findings": [asdict(f) | {"severity": f.severity.value} for f in self.findings],
        }
