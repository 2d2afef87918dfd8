"""``anyview merge``: the outputs of shards put together."""

from __future__ import annotations

import argparse
from contextlib import closing
from pathlib import Path

from anyview_ros.cli.arguments import HelpFormatter
from anyview_ros.wording import counted

_EPILOG = """\
examples:
  anyview augment bags/ --views vista_small --output parts/0 --shard 0/2      # on one machine
  anyview augment bags/ --views vista_small --output parts/1 --shard 1/2      # on another
  anyview merge parts/0 parts/1 --output out                                  # the same bytes as one run

Shards must be of one run: the same inputs, settings, weights and version. They are only read; where the file system has
links, the output shares their files, so remove the shards before you change the output in place.
"""


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the sub-command."""
    parser = commands.add_parser(
        "merge",
        help="put the shards of `anyview augment --shard` together",
        description="Make of the outputs of all shards what one run of `anyview augment` would have made.",
        epilog=_EPILOG,
        formatter_class=HelpFormatter,
    )
    parser.add_argument(
        "shards", nargs="+", type=Path, metavar="SHARD", help="output of a shard; all of them"
    )
    parser.add_argument("--output", type=Path, required=True, metavar="DIR", help="folder to make")
    parser.add_argument("--overwrite", action="store_true", help="replace an earlier output")
    parser.add_argument("--json", action="store_true", help="tell the result in a line of JSON")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Merge; 0 when done."""
    from anyview_ros.cli.augment_progress import print_end
    from anyview_ros.cli.augment_progress import shown as progress
    from anyview_ros.offline.augment.merge import merge
    from anyview_ros.offline.augment.report import REPORT, totals

    with closing(progress(as_json=arguments.json)) as shown:
        records = merge(arguments.shards, arguments.output, overwrite=arguments.overwrite, report=shown)
    counts = totals(records)
    if arguments.json:
        print_end("done", arguments.output, counts)
        return 0
    print(
        f"{arguments.output}: {counted(len(arguments.shards), 'shard')}, {counted(counts['episodes'], 'episode')}, "
        f"{counts['kept']} of {counted(counts['views'], 'view')} kept; see {arguments.output / REPORT}"
    )
    return 0
