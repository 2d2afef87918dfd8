"""``anyview methods``: which methods there are, and what each can do."""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict, fields, is_dataclass
from typing import Any

from anyview_ros.cli.arguments import add_device


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the sub-command."""
    parser = commands.add_parser(
        "methods",
        help="list the methods, or tell what one can do",
        description="List the registered methods, or load one and tell its sizes, clip lengths, options and limits.",
    )
    parser.add_argument(
        "name", nargs="?", metavar="METHOD", help="method to load and describe; none: list all"
    )
    parser.add_argument("--weights", metavar="PATH", help="its weights, for methods that need them")
    add_device(parser)
    parser.add_argument("--json", action="store_true", help="print the description as JSON")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """List or describe."""
    from anyview_ros.synthesis import available_methods, default_method, load_synthesizer

    if arguments.name is None:
        for name in available_methods():
            print(f"{name}{'  (default)' if name == default_method() else ''}")
        return 0
    synthesizer = load_synthesizer(arguments.name, device=arguments.device, weights=arguments.weights)
    try:
        description = asdict(synthesizer.describe())
    finally:
        synthesizer.close()
    description["options"] = _option_lines(description.pop("options_type"))
    if arguments.json:
        print(json.dumps(description, indent=2, default=str))
        return 0
    for key, value in description.items():
        print(f"{key:>14}: {_readable(value)}")
    return 0


def _option_lines(options_type: type | None) -> list[str]:
    if options_type is None or not is_dataclass(options_type):
        return []
    return [f"{field.name}: {field.type} = {field.default!r}" for field in fields(options_type)]


def _readable(value: Any) -> str:
    if isinstance(value, list | tuple):
        return ("\n" + " " * 16).join(str(item) for item in value) or "-"
    return "-" if value is None or value == "" else str(value)
