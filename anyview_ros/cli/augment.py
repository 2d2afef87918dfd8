"""``anyview augment``: robot-learning datasets with more cameras, without ROS."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from contextlib import closing
from dataclasses import asdict, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from anyview_ros.cli.arguments import (
    HelpFormatter,
    add_method,
    add_options,
    add_sampling,
    add_source_options,
    picture_size,
)
from anyview_ros.cli.interruption import INTERRUPTED, interruptible
from anyview_ros.errors import InvalidInputError, SynthesisCancelled
from anyview_ros.wording import counted

if TYPE_CHECKING:
    from anyview_ros.offline.augment.engines import Engine, EngineSettings
    from anyview_ros.offline.augment.output_format import OutputFormat
    from anyview_ros.offline.augment.run import RunOptions, RunResult
    from anyview_ros.offline.augment.settings import AugmentSettings

_EPILOG = """\
inputs:
  a ROS bag            a folder with metadata.yaml, an .mcap or a .db3 file, with CameraInfo and TF
  a LeRobot dataset    v3.0, with --source-option calibration=FILE
  episodes             folders with rgb/ and lowdim/, in the AnyView release's format
  a folder             of any of these

views: `anyview augment --views help` lists the presets and their arguments. --views may be repeated.

examples:
  anyview augment drive.mcap --views vista_small --dry-run --output out      # what would be done; writes nothing
  anyview augment drive.mcap --views vista_small --output out                # a bag with one camera more
  anyview augment bags/ --views vista_arc:center=0.4,0,0.1,frame=base_link --samples 3 --output out
  anyview augment bags/ --views camera:wrist --output held_out               # scored against the wrist camera
  anyview augment dataset/ --source-option calibration=cameras.yaml --views roviaug_upper \\
      --format lerobot --mode append-episode --output augmented
  anyview augment bags/ --views vista_small --output parts/3 --shard 3/8     # one of eight machines, then:
  anyview merge parts/* --output out

written to --output, when whole: the dataset, manifest.jsonl (every view with its draw, its scores and its fate) and
report.html. Until then the work lies in OUTPUT.partial; after an interruption, --resume goes on where it was. Inputs
are never written to. Exit codes: 0 done, 2 could not be done, 130 interrupted.
"""


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the sub-command."""
    parser = commands.add_parser(
        "augment",
        help="add synthesised cameras to bags and robot-learning datasets; needs no ROS",
        description="Write every episode of some bags or datasets again, with synthesised views beside what was "
        "recorded. Nothing recorded is changed; what is synthesised is marked so.",
        epilog=_EPILOG,
        formatter_class=HelpFormatter,
    )
    parser.add_argument(
        "inputs", nargs="*", type=Path, metavar="INPUT", help="bags, datasets or episodes, see below"
    )
    parser.add_argument("--output", type=Path, metavar="DIR", help="folder to make")
    parser.add_argument(
        "--views",
        action="append",
        default=[],
        metavar="PRESET|FILE",
        help="cameras to add, or `help` to list what there is; may be repeated",
    )
    _add_result(parser.add_argument_group("what is written"))
    _add_method(parser.add_argument_group("how views are made"))
    _add_guard(parser.add_argument_group("which views are kept (`none` leaves a measure unjudged)"))
    _add_work(parser.add_argument_group("how the work is done"))
    parser.set_defaults(run=run)


def _add_result(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "--format",
        default="bag",
        choices=("bag", "lerobot", "episodes"),
        help="what the output is (default: bag)",
    )
    group.add_argument(
        "--mode",
        default="add-camera",
        choices=("add-camera", "append-episode"),
        help="cameras added to each episode, or further episodes in which a view takes the source camera's place "
        "(default: add-camera)",
    )
    group.add_argument("--camera", default="", help="source camera (default: each episode's best)")
    add_source_options(group)
    group.add_argument(
        "--size", type=picture_size, metavar="WxH", help="size of the views (default: the source's)"
    )
    group.add_argument(
        "--codec",
        default="raw",
        choices=("raw", "jpeg", "png"),
        help="how a bag's added pictures are stored (default: raw)",
    )
    group.add_argument("--confidence", action="store_true", help="write the confidence beside each view")


def _add_method(group: argparse._ArgumentGroup) -> None:
    add_method(group)
    add_sampling(group)
    add_options(group)
    group.add_argument(
        "--samples",
        type=int,
        default=1,
        metavar="N",
        help="views drawn of each sampler and episode (default: 1)",
    )
    group.add_argument(
        "--window",
        type=int,
        default=48,
        metavar="FRAMES",
        help="frames given to the method at once, at most (default: 48)",
    )
    group.add_argument(
        "--overlap",
        type=int,
        default=8,
        metavar="FRAMES",
        help="frames that windows share and are blended over (default: 8)",
    )


def _add_guard(group: argparse._ArgumentGroup) -> None:
    helps = {
        "min-coverage": "least mean share of pixels that the source shows, 0 to 1 (default: 0.3)",
        "min-confidence": "least mean confidence, 0 to 1 (default: none)",
        "min-sharpness": "least sharpness, as a share of the source's (default: none)",
        "max-flicker": "most change between frames that the source does not show, grey levels of 255 (default: none)",
        "max-inconsistency": "most difference from the source where known geometry shows the same, grey levels of 255 "
        "(default: none)",
        "max-lpips": "most LPIPS distance to the source's frame; needs --lpips-weights (default: none)",
    }
    for name, told in helps.items():
        default = 0.3 if name == "min-coverage" else None
        group.add_argument(f"--{name}", type=_number_or_none, default=default, metavar="X", help=told)
    group.add_argument(
        "--lpips-weights",
        default="",
        metavar="PATH",
        help="weights of the LPIPS network: a folder with torchvision's vgg16 and lpips' vgg.pth, or one file with "
        "both",
    )
    group.add_argument(
        "--attempts",
        type=int,
        default=3,
        metavar="N",
        help="draws in all before a view is left out (default: 3)",
    )


def _add_work(group: argparse._ArgumentGroup) -> None:
    group.add_argument("--dry-run", action="store_true", help="tell what would be done, and write nothing")
    group.add_argument("--resume", action="store_true", help="go on with an unfinished run")
    group.add_argument(
        "--overwrite",
        action="store_true",
        help="begin anew, and replace an earlier output when the new one is whole",
    )
    group.add_argument(
        "--shard",
        metavar="I/N",
        help="do the I-th of N shares (I from 0), for `anyview merge` to put together",
    )
    group.add_argument(
        "--threads",
        type=int,
        metavar="N",
        help="threads of numerical libraries (default: OMP_NUM_THREADS, or the cores)",
    )
    group.add_argument(
        "--engine",
        default="local",
        choices=("local", "ray"),
        help="this process, or a pool of Ray actors that each hold the method (default: local)",
    )
    group.add_argument(
        "--ray-address",
        default="",
        metavar="ADDRESS",
        help="address of a Ray cluster, or `auto` (default: start one here)",
    )
    group.add_argument("--actors", type=int, metavar="N", help="Ray actors (default: one per GPU, or one)")
    group.add_argument("--json", action="store_true", help="tell what happens in lines of JSON")


def _number_or_none(text: str) -> float | None:
    return None if text == "none" else float(text)


def run(arguments: argparse.Namespace) -> int:
    """Augment; 0 when done, 2 when an episode could not be, 130 when interrupted."""
    if "help" in arguments.views:
        from anyview_ros.offline.augment.view_plans import describe_presets

        print(describe_presets())
        return 0
    settings = _settings(arguments)
    if not arguments.inputs or arguments.output is None:
        raise InvalidInputError("give at least one INPUT, and --output DIR")
    return _preview(arguments, settings) if arguments.dry_run else _augment(arguments, settings)


def _settings(arguments: argparse.Namespace) -> AugmentSettings:
    from anyview_ros.offline.augment.settings import AugmentSettings, GuardSettings
    from anyview_ros.offline.augment.source_options import parse_assignments

    guard = {each.name: getattr(arguments, each.name) for each in fields(GuardSettings)}
    return AugmentSettings(
        views=tuple(arguments.views),
        format=arguments.format,
        mode=arguments.mode,
        camera=arguments.camera,
        method=arguments.method or "",
        steps=arguments.steps,
        options=tuple(arguments.option),
        weights=arguments.weights or "",
        samples=arguments.samples,
        seed=arguments.seed,
        size=arguments.size,
        longest_window=arguments.window,
        overlap=arguments.overlap,
        codec=arguments.codec,
        confidence=arguments.confidence,
        guard=GuardSettings(**guard),
        source_options=parse_assignments(arguments.source_option),
    )


def _options(arguments: argparse.Namespace) -> RunOptions:
    from anyview_ros.offline.augment.planning import Shard
    from anyview_ros.offline.augment.run import RunOptions

    shard = None if arguments.shard is None else Shard.parse(arguments.shard)
    return RunOptions(shard, arguments.resume, arguments.overwrite)


def _engine_opener(
    arguments: argparse.Namespace, settings: AugmentSettings
) -> Callable[[OutputFormat], Engine]:
    from anyview_ros.offline.augment.engines import EngineSettings, LocalEngine

    engine = EngineSettings(
        arguments.device or "", arguments.threads, ray_address=arguments.ray_address, actors=arguments.actors
    )
    if arguments.engine == "ray":
        return _ray_opener(arguments, settings, engine)
    if arguments.ray_address or arguments.actors:
        raise InvalidInputError(
            "--ray-address and --actors are for --engine ray; give that, or leave them out"
        )
    return lambda output_format: LocalEngine(settings, output_format, engine)


def _ray_opener(
    arguments: argparse.Namespace, settings: AugmentSettings, engine: EngineSettings
) -> Callable[[OutputFormat], Engine]:
    from anyview_ros.offline.augment.ray_engine import RayEngine

    inputs = [path.absolute() for path in arguments.inputs]
    return lambda _: RayEngine(inputs, settings, engine)


def _augment(arguments: argparse.Namespace, settings: AugmentSettings) -> int:
    from anyview_ros.cli.augment_progress import shown as progress
    from anyview_ros.offline.augment.run import run as augment

    options, open_engine = _options(arguments), _engine_opener(arguments, settings)
    with closing(progress(as_json=arguments.json)) as shown, interruptible() as cancel:
        try:
            result = augment(
                arguments.inputs,
                arguments.output,
                settings,
                open_engine,
                options,
                report=shown,
                cancel=cancel,
            )
        except SynthesisCancelled:
            result = None
    if result is None:
        return _interrupted(arguments)
    return _conclude(result, arguments, options)


def _interrupted(arguments: argparse.Namespace) -> int:
    from anyview_ros.cli.augment_progress import print_json

    told = (
        f"interrupted; finished episodes are kept in {arguments.output}.partial: run the same command with --resume to "
        "go on"
    )
    if arguments.json:
        print_json({"event": "interrupted", "output": str(arguments.output)})
    print(told, file=sys.stderr)
    return INTERRUPTED


def _conclude(result: RunResult, arguments: argparse.Namespace, options: RunOptions) -> int:
    from anyview_ros.cli.augment_progress import print_end
    from anyview_ros.offline.augment.report import REPORT, totals

    output, failures = arguments.output, result.failures
    counts: dict[str, Any] = totals(result.records)
    if arguments.json:
        print_end(
            "failed" if failures else "done",
            output,
            counts,
            untouched=result.untouched,
            failures={outcome.episode: outcome.failure for outcome in failures},
        )
    if failures:
        for outcome in failures:
            print(f"{outcome.episode}: {outcome.failure}", file=sys.stderr)
        print(
            f"{len(failures)} of {counted(len(failures) + len(result.records), 'episode')} could not be done, so "
            f"{output} was not made; the others are kept in {output}.partial: put these right or take them out of the "
            "inputs, and run again with --resume",
            file=sys.stderr,
        )
        return 2
    if arguments.json:
        return 0
    if result.untouched:
        print(f"{output} is whole already: nothing was done")
    elif options.shard is not None:
        print(
            f"{output}: shard {options.shard}, {counted(counts['episodes'], 'episode')}; `anyview merge` puts shards "
            "together"
        )
    else:
        print(
            f"{output}: {counted(counts['episodes'], 'episode')}, {counts['kept']} of "
            f"{counted(counts['views'], 'view')} kept, {counted(counts['frames'], 'picture')}, which are synthesised, "
            f"not seen; see {output / REPORT}"
        )
        if counts["views"] and not counts["kept"]:
            reasons = "; ".join(f"{reason} ({count})" for reason, count in counts["reasons"].items())
            print(f"no view was kept, so nothing was added: {reasons}", file=sys.stderr)
    return 0


def _preview(arguments: argparse.Namespace, settings: AugmentSettings) -> int:
    from anyview_ros.cli.augment_progress import print_json
    from anyview_ros.offline.augment.disk_space import readable_bytes
    from anyview_ros.offline.augment.formats import open_format
    from anyview_ros.offline.augment.planning import plan_episodes
    from anyview_ros.offline.augment.preview import preview
    from anyview_ros.offline.augment.run import check_run
    from anyview_ros.offline.augment.run_place import RunPlace
    from anyview_ros.offline.augment.sources import open_episodes

    options = _options(arguments)
    RunPlace(arguments.output).check_apart(arguments.inputs)
    planned = plan_episodes(open_episodes(arguments.inputs, settings))
    mine = planned if options.shard is None else options.shard.of(planned)
    output_format = open_format(settings)
    check_run(mine, settings, output_format)
    seen = preview(mine, settings, output_format, arguments.output)
    if arguments.json:
        print_json({"event": "preview", **asdict(seen), "new_frames": seen.new_frames})
        return 0
    for each in seen.episodes:
        print(
            f"{each.episode}  ({each.input}, {each.kind}){'  done already' if each.done else ''}\n"
            f"    from camera {each.camera}: {counted(each.frames, 'frame')} at {each.rate_hz:.3g} Hz\n"
            f"    views {', '.join(each.views)}: {each.width}x{each.height}, "
            f"{counted(len(each.views) * each.frames, 'picture')}\n"
            f"    up to {readable_bytes(each.part_bytes)}"
            + "".join(f"\n    lost: {loss}" for loss in each.losses)
        )
    print(
        f"{counted(len(seen.episodes), 'episode')}, {counted(seen.new_frames, 'picture')} to make; up to "
        f"{readable_bytes(seen.output_bytes)} in {arguments.output}, where {readable_bytes(seen.free_bytes)} are free. "
        "Nothing was written. The time it takes is told after the first episode."
    )
    return 0
