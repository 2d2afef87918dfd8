"""``anyview check-dataset``: whether a LeRobot dataset keeps to the rules of its format."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

_SHOWN = 20


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the sub-command."""
    parser = commands.add_parser(
        "check-dataset",
        help="check a LeRobot v3.0 dataset by every rule of the format",
        description=(
            "Check a LeRobot v3.0 dataset, whoever wrote it: metadata, rows, exact time stamps, frames of the videos, "
            "statistics, and marks of what is synthesised. Pictures are not decoded. Nothing is written."
        ),
        epilog="exit code: 0 nothing is wrong, 1 something is. docs/lerobot.md lists the rules.",
    )
    parser.add_argument("dataset", type=Path, metavar="DIR", help="the dataset's folder")
    parser.add_argument("--json", action="store_true", help="print all findings as JSON")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Check, tell, and return 0 if nothing is wrong, else 1.

    Raises:
        MissingDependencyError: pyarrow or PyAV is not installed.
    """
    from anyview_ros.offline.lerobot.checker import RULES, check_dataset

    findings = check_dataset(arguments.dataset)
    if arguments.json:
        print(json.dumps([{"rule": each.rule, "message": each.message} for each in findings], indent=2))
        return 1 if findings else 0
    for finding in findings[:_SHOWN]:
        print(finding)
    if len(findings) > _SHOWN:
        print(f"and {len(findings) - _SHOWN} more; see --json")
    if not findings:
        print(f"{arguments.dataset} keeps to all {len(RULES) + 1} rules of LeRobot v3.0")
    return 1 if findings else 0
