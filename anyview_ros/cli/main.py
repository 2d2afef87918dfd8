"""``anyview``: what one can do without writing a launch file."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

import anyview_ros
from anyview_ros.cli import (
    augment,
    bench,
    check_dataset,
    demo,
    doctor,
    evaluate,
    export_ply,
    fit,
    inspect,
    inspect_rays,
    merge,
    methods,
    record_episodes,
    security_policy,
    serve,
    synthesize,
    train,
    weights,
)
from anyview_ros.errors import AnyViewError

_COMMANDS = (
    synthesize,
    fit,
    augment,
    merge,
    inspect,
    check_dataset,
    methods,
    weights,
    doctor,
    demo,
    train,
    evaluate,
    record_episodes,
    bench,
    security_policy,
    serve,
    inspect_rays,
    export_ply,
)


def build_parser() -> argparse.ArgumentParser:
    """The parser of every sub-command; building it imports nothing heavy."""
    parser = argparse.ArgumentParser(
        prog="anyview",
        description="Cameras that a robot does not have: views synthesised from the cameras it has.",
        epilog="`anyview COMMAND --help` explains each command.",
    )
    parser.add_argument("--version", action="version", version=f"anyview_ros {anyview_ros.__version__}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for command in _COMMANDS:
        command.add_parser(commands)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code: 0 done, 1 found wanting, 2 could not be done, 130 interrupted."""
    arguments = build_parser().parse_args(argv)
    try:
        return int(arguments.run(arguments))
    except (AnyViewError, OSError) as error:  # OSError: a full disk, a folder that may not be written
        print(f"anyview {arguments.command}: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return 130


if __name__ == "__main__":
    sys.exit(main())
