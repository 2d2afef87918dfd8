"""``anyview bench``: latency, throughput and memory of methods."""

from __future__ import annotations

import argparse
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING

from anyview_ros.cli.arguments import HelpFormatter, picture_size
from anyview_ros.cli.method_arguments import add_method_arguments

if TYPE_CHECKING:
    from anyview_ros.evaluation.speed import SpeedSettings

_EPILOG = """\
examples:
  anyview bench --method anyview_small --frames 1 5 --targets 1 2 4 --size 64x48 192x144 --output bench_a --label main
  anyview bench --compare bench_a/speed.json bench_b/speed.json       # ratios, case by case

The first of --frames, --targets and --size make the base case; the others are varied one at a time. Times are the least
of several rounds, in which the cases take turns: on a busy machine, trust ratios only.

what is measured elsewhere, from a checkout (each says --help; see benchmarks/README.md):
  benchmarks.live_overhead   CPU and latency that the node adds to a bare subscriber, and images lost
  benchmarks.live_stream     throughput of a 30 Hz camera through ROS, and memory
  benchmarks.window_memory   memory of a full window
  benchmarks.engine_load     several clients of one engine: fairness, further targets, replacement of a dead child
  benchmarks.anyview_speed   the full AnyView on a GPU: share of the peak, and each lever with its error
  benchmarks.reprojection    where the time of one reprojected view goes
"""


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the sub-command."""
    parser = commands.add_parser(
        "bench",
        help="measure latency, throughput and memory of methods, or compare two such runs",
        description=(
            "Measure requests and streams of methods on the simulated robot, against the length of the window, the "
            "number of targets and the size of the pictures."
        ),
        epilog=_EPILOG,
        formatter_class=HelpFormatter,
    )
    parser.add_argument(
        "--method",
        nargs="+",
        metavar="NAME",
        help="those to measure, see `anyview methods` (default: the package's)",
    )
    parser.add_argument(
        "--frames", type=int, nargs="+", metavar="N", help="source frames (default: the method's fewest)"
    )
    parser.add_argument(
        "--targets", type=int, nargs="+", default=[1, 2], metavar="N", help="target cameras (default: 1 2)"
    )
    parser.add_argument(
        "--size",
        type=picture_size,
        nargs="+",
        default=[(192, 144)],
        metavar="WxH",
        help="size of the pictures, pixels (default: 192x144)",
    )
    parser.add_argument(
        "--rounds", type=int, default=5, metavar="N", help="requests timed of each case (default: 5)"
    )
    parser.add_argument("--no-stream", action="store_true", help="do not measure streams")
    parser.add_argument("--no-depth", action="store_true", help="sources have no depth")
    parser.add_argument(
        "--label", default="", help="names this run in comparisons, such as a revision (default: the version)"
    )
    parser.add_argument(
        "--output",
        type=Path,
        metavar="DIR",
        help="folder for speed.json and speed.html (default: printed only)",
    )
    parser.add_argument(
        "--compare",
        nargs=2,
        type=Path,
        metavar=("EARLIER", "LATER"),
        help="print ratios of two speed.json; measures nothing",
    )
    add_method_arguments(parser.add_argument_group("the methods"))
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Measure or compare; 0 when done, 1 when a method refused a case."""
    if arguments.compare:
        return _compare(*arguments.compare)
    return _measure(arguments)


def _compare(earlier: Path, later: Path) -> int:
    from anyview_ros.evaluation.speed_report import comparison_text, read_speeds

    print(comparison_text(read_speeds(earlier), read_speeds(later)))
    return 0


def _measure(arguments: argparse.Namespace) -> int:
    import anyview_ros
    from anyview_ros.cli.method_arguments import load_methods
    from anyview_ros.cli.progress import progress_bar
    from anyview_ros.evaluation.machine import machine
    from anyview_ros.evaluation.pages import page_engine
    from anyview_ros.evaluation.speed import measure, requests_of, sweep
    from anyview_ros.evaluation.speed_report import SpeedRun, markdown, write_speed_report
    from anyview_ros.synthesis import default_method

    if arguments.output is not None:
        page_engine()  # the report comes last
    arguments.method = arguments.method or [default_method()]
    loaded = load_methods(arguments)
    found, load_s = {}, {}
    for method in loaded:
        frames = arguments.frames or [method.synthesizer.describe().clip_frames[0]]
        cases = sweep(frames, arguments.targets, arguments.size)
        settings = _settings(arguments, method.options)
        try:
            with progress_bar(requests_of(cases, settings), method.name) as report:
                found[method.name] = measure(method.synthesizer, cases, settings, report=report)
        finally:
            method.synthesizer.close()
        load_s[method.name] = method.load_s
    told = {each.name: getattr(settings, each.name) for each in fields(settings) if each.name != "options"}
    result = SpeedRun(
        arguments.label or f"anyview_ros {anyview_ros.__version__}", machine(), found, load_s, told
    )
    print(markdown(result))
    if arguments.output is not None:
        write_speed_report(result, arguments.output)
        print(f"{arguments.output / 'speed.html'}: the same with charts")
    return 1 if any(each.refused for cases in found.values() for each in cases) else 0


def _settings(arguments: argparse.Namespace, options: object) -> SpeedSettings:
    from anyview_ros.evaluation.speed import SpeedSettings

    return SpeedSettings(
        rounds=arguments.rounds,
        steps=arguments.steps,
        seed=arguments.seed,
        options=options,
        stream=not arguments.no_stream,
        depth=not arguments.no_depth,
    )
