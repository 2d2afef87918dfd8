"""A diagnosis for people."""

from __future__ import annotations

import textwrap

from anyview_ros.diagnosis.finding import Diagnosis, Finding, Severity

_MARKS = {Severity.OK: "✓", Severity.WARNING: "!", Severity.ERROR: "✗"}
_COLOURS = {Severity.OK: "\033[32m", Severity.WARNING: "\033[33m", Severity.ERROR: "\033[31m"}
_PLAIN = "\033[0m"
_WIDTH = 110


def report_text(diagnosis: Diagnosis, *, colour: bool = False) -> str:
    """One line per finding (✓, ! or ✗), its remedy below it, and the verdict last."""
    lines = [diagnosis.target]
    for finding in diagnosis.findings:
        lines += _lines(finding, colour)
    worst = max(
        (finding.severity for finding in diagnosis.findings), key=list(Severity).index, default=Severity.OK
    )
    lines.append(f"{_mark(worst, colour)} {diagnosis.verdict}")
    return "\n".join(lines)


def _lines(finding: Finding, colour: bool) -> list[str]:
    told = textwrap.wrap(
        f"{finding.thing}: {finding.value} [{finding.check}]", _WIDTH, subsequent_indent="    "
    )
    remedy = textwrap.wrap(finding.remedy, _WIDTH, initial_indent="    → ", subsequent_indent="      ")
    return [f"  {_mark(finding.severity, colour)} {told[0]}", *told[1:], *remedy]


def _mark(severity: Severity, colour: bool) -> str:
    mark = _MARKS[severity]
    return f"{_COLOURS[severity]}{mark}{_PLAIN}" if colour else mark
