"""``anyview inspect``: what a bag or dataset holds, and whether and how it can be augmented."""

from __future__ import annotations

import argparse
import json

from anyview_ros.cli.arguments import HelpFormatter, add_source_options

_EPILOG = """\
examples:
  anyview inspect drive.mcap
  anyview inspect recording/ --json
  anyview inspect recording/ --source-option calibration=camera.yaml --source-option pose=still

exit code: 0 it can be augmented, 1 it cannot, 2 could not look.
"""


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the sub-command."""
    parser = commands.add_parser(
        "inspect",
        help="tell which cameras, rates, TF chains and gaps a bag or dataset has, and how to augment it",
        description=(
            "Look through a bag, a LeRobot dataset or an episode, and tell on one screen which cameras there are, "
            "their rates, sizes, depth and TF chains, what is lost or left out, and whether and how it can be "
            "augmented, with the command to run. Nothing is written."
        ),
        epilog=_EPILOG,
        formatter_class=HelpFormatter,
    )
    parser.add_argument(
        "input", help="a bag (folder, .mcap, .db3), a dataset, an episode, or a folder of these"
    )
    add_source_options(parser)
    parser.add_argument("--json", action="store_true", help="print all as JSON")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Look, tell, and return 0 if the input can be augmented, else 1.

    Raises:
        AnyViewError: the input cannot be read.
    """
    from anyview_ros.offline.augment.inspection import inspect_input, inspection_text
    from anyview_ros.offline.augment.source_options import parse_assignments

    told = inspect_input(arguments.input, parse_assignments(arguments.source_option))
    print(json.dumps(told, indent=2, ensure_ascii=False) if arguments.json else inspection_text(told))
    return 0 if told["can_be_augmented"] else 1
