"""``anyview record-episodes``: a small benchmark of computed scenes, for ``anyview evaluate``."""

from __future__ import annotations

import argparse
from pathlib import Path

from anyview_ros.cli.arguments import picture_size
from anyview_ros.wording import counted, noun_of


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the sub-command."""
    parser = commands.add_parser(
        "record-episodes",
        help="record a small benchmark of computed scenes for `anyview evaluate`",
        description=(
            "Film the simulated robot, and rooms that no training of ours has shown, by pairs of cameras with true "
            "poses and depth, as episodes in the AnyView release's format. The same seed gives the same pictures. A "
            "recording that was stopped goes on where it was."
        ),
        epilog="example: anyview record-episodes bench --episodes 1 --seed 0",
    )
    parser.add_argument("folder", type=Path, help="folder to make")
    parser.add_argument("--seed", type=int, default=0, help="seed of every random draw (default: 0)")
    parser.add_argument(
        "--episodes", type=int, default=2, metavar="N", help="episodes of each of the six splits (default: 2)"
    )
    parser.add_argument(
        "--frames", type=int, default=13, metavar="N", help="frames of each episode (default: 13)"
    )
    parser.add_argument(
        "--size",
        type=picture_size,
        default=(192, 144),
        metavar="WxH",
        help="size of the pictures, pixels (default: 192x144)",
    )
    parser.add_argument("--no-depth", action="store_true", help="leave depth out")
    parser.add_argument("--device", default="cpu", help="torch device of the ray caster (default: cpu)")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Record; 0 when done."""
    from anyview_ros.cli.progress import progress_bar
    from anyview_ros.offline.evaluate.own_benchmark import (
        ROBOT_SPLITS,
        ROOM_SPLITS,
        BenchmarkPlan,
        record_benchmark,
    )

    plan = BenchmarkPlan(
        seed=arguments.seed,
        episodes=arguments.episodes,
        frames=arguments.frames,
        size=arguments.size,
        depth=not arguments.no_depth,
        device=arguments.device,
    )
    total = (len(ROBOT_SPLITS) + len(ROOM_SPLITS)) * plan.episodes
    with progress_bar(total, noun_of(total, "episode")) as report:
        count = record_benchmark(arguments.folder, plan, report=lambda done, _total, what: report(done, what))
    print(
        f"{arguments.folder}: {counted(count, 'episode')}; judge methods by "
        f"`anyview evaluate --episodes {arguments.folder}`"
    )
    return 0
