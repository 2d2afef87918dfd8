"""``anyview evaluate``: methods judged on a benchmark of recorded episodes."""

from __future__ import annotations

import argparse
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from anyview_ros.cli.arguments import HelpFormatter
from anyview_ros.cli.method_arguments import add_method_arguments
from anyview_ros.errors import InvalidInputError
from anyview_ros.wording import noun_of

if TYPE_CHECKING:
    from anyview_ros.evaluation.benchmark_report import BenchmarkRun
    from anyview_ros.evaluation.target_scores import LearnedMetrics
    from anyview_ros.offline.evaluate import EvaluationSettings, ResultStore

_EPILOG = """\
an episode is a folder with metadata.json, rgb/ and lowdim/ as the AnyView release writes it; metadata name the input
and target cameras (specific.roles). Folders above episodes name their group and split: DIR/GROUP/SPLIT/EPISODE.

the protocol: pictures at the release's size (long side 576), whole frames, PSNR and SSIM of each frame, means over
frames, then episodes, then splits, then groups. --size 192 or --size native are quicker, and not the protocol.

examples:
  anyview record-episodes bench --seed 0                              # a small benchmark of our own
  anyview evaluate --episodes bench --method copy_source reprojection anyview_small --size native
  anyview evaluate --episodes AnyViewBench --method anyview --weights anyview=W --option anyview.domain=robotics

written to --output: table.md, table.csv, results.json, report.html (with pictures), and episodes/, from which a run
that was stopped goes on. What was not computed says "not run".
"""


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the sub-command."""
    parser = commands.add_parser(
        "evaluate",
        help="judge methods on a benchmark of recorded episodes; needs no ROS",
        description="Synthesise the target cameras of recorded episodes by one or more methods and score the views.",
        epilog=_EPILOG,
        formatter_class=HelpFormatter,
    )
    parser.add_argument(
        "--episodes",
        type=Path,
        required=True,
        metavar="DIR",
        help="folder of the benchmark, or of one episode",
    )
    parser.add_argument(
        "--method", nargs="+", required=True, metavar="NAME", help="those to judge, see `anyview methods`"
    )
    parser.add_argument(
        "--output", type=Path, metavar="DIR", help="folder of the results (default: DIR_evaluation)"
    )
    methods = parser.add_argument_group("the methods")
    add_method_arguments(methods)
    methods.add_argument(
        "--window",
        type=int,
        metavar="FRAMES",
        help="frames given to a method at once, at most (default: as many as it takes, up to 48)",
    )
    _add_protocol(parser.add_argument_group("the protocol"))
    _add_learned(parser.add_argument_group("metrics that need weights (shown as not run without)"))
    parser.set_defaults(run=run)


def _add_protocol(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "--size",
        default="576",
        metavar="PIXELS",
        help="long side of the pictures, or native (default: 576, the protocol's)",
    )
    group.add_argument(
        "--frames", type=int, metavar="N", help="the first N instants of each episode only (default: all)"
    )
    group.add_argument(
        "--no-depth", action="store_true", help="give methods no depth, also where there is some"
    )
    group.add_argument(
        "--input",
        nargs="+",
        default=[],
        metavar="CAMERA",
        help="input cameras (default: as the episodes' metadata tell)",
    )
    group.add_argument(
        "--target",
        nargs="+",
        default=[],
        metavar="CAMERA",
        help="target cameras (default: as the episodes' metadata tell)",
    )
    group.add_argument("--most", type=int, metavar="N", help="episodes of each split, at most (default: all)")
    group.add_argument(
        "--pictures", type=int, default=8, metavar="N", help="episodes shown in the report (default: 8)"
    )


def _add_learned(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "--lpips-weights",
        nargs="+",
        default=[],
        metavar="FILE",
        help="torchvision's vgg16 and lpips' vgg.pth, or the pair of another network",
    )
    group.add_argument(
        "--video-network",
        metavar="FILE",
        help="TorchScript that makes features of videos, such as i3d_torchscript.pt; only from where you trust",
    )


def run(arguments: argparse.Namespace) -> int:
    """Evaluate; 0 when every method did every episode, 1 when some failed."""
    from anyview_ros.cli.method_arguments import load_methods
    from anyview_ros.cli.progress import progress_bar
    from anyview_ros.evaluation.benchmark_report import markdown, method_means, write_benchmark_report
    from anyview_ros.evaluation.pages import page_engine
    from anyview_ros.offline.evaluate import EvaluatedMethod, ResultStore, evaluate, find_episodes

    page_engine()  # the report comes last
    if arguments.episodes.name in ("", ".."):  # which no report could bear
        arguments.episodes = arguments.episodes.resolve()
    episodes = _at_most(
        find_episodes(arguments.episodes, inputs=arguments.input, targets=arguments.target), arguments.most
    )
    settings = _settings(arguments)
    output = arguments.output or arguments.episodes.with_name(f"{arguments.episodes.name}_evaluation")
    methods = load_methods(arguments)
    try:
        store = ResultStore(output)
        total = len(episodes) * len(methods)
        with progress_bar(total, noun_of(total, "episode")) as report:
            judged = [EvaluatedMethod(each.name, each.synthesizer, each.options) for each in methods]
            found = evaluate(episodes, judged, store, settings, report=report)
    finally:
        for method in methods:
            method.synthesizer.close()
    told = _benchmark_run(arguments, found, settings, store)
    write_benchmark_report(told, output)
    print(markdown(told, method_means(found)))
    print(f"{output / 'report.html'}: the same with pictures, which are synthesised, not seen")
    return 1 if any("failed" in result for results in found.values() for result in results) else 0


def _at_most(episodes: list[Any], most: int | None) -> list[Any]:
    if most is None:
        return episodes
    if most < 1:
        raise InvalidInputError(f"--most is {most}; give 1 or more")
    kept: dict[tuple[str, str], list[Any]] = {}
    for episode in episodes:
        kept.setdefault((episode.key.group, episode.key.split), []).append(episode)
    return [episode for split in kept.values() for episode in split[:most]]


def _settings(arguments: argparse.Namespace) -> EvaluationSettings:
    from anyview_ros.offline.evaluate import EvaluationSettings
    from anyview_ros.offline.evaluate.benchmark import NATIVE

    size = arguments.size
    if size != "native" and not (size.isdecimal() and int(size) > 0):
        raise InvalidInputError(f"--size is {size!r}; give a number of pixels, or native")
    if arguments.frames is not None and arguments.frames < 1:
        raise InvalidInputError(f"--frames is {arguments.frames}; give 1 or more")
    learned, names = _learned(arguments)
    return EvaluationSettings(
        long_side=NATIVE if size == "native" else int(size),
        most_frames=arguments.frames,
        depth=not arguments.no_depth,
        seed=arguments.seed,
        steps=arguments.steps,
        learned=learned,
        learned_names=names,
        **({} if arguments.window is None else {"longest_window": arguments.window}),
    )


def _learned(arguments: argparse.Namespace) -> tuple[LearnedMetrics, tuple[str, ...]]:
    from anyview_ros.evaluation.target_scores import LearnedMetrics
    from anyview_ros.methods.weight_checks import sha256_of_weights
    from anyview_ros.metrics.lpips import Lpips
    from anyview_ros.metrics.video_network import VideoNetwork

    device = arguments.device or "cpu"
    files = [*arguments.lpips_weights, *([arguments.video_network] if arguments.video_network else [])]
    return (
        LearnedMetrics(
            Lpips(arguments.lpips_weights, device) if arguments.lpips_weights else None,
            VideoNetwork(arguments.video_network, device) if arguments.video_network else None,
        ),
        tuple(sha256_of_weights(Path(file)) for file in files),
    )


def _benchmark_run(
    arguments: argparse.Namespace,
    found: dict[str, list[dict[str, Any]]],
    settings: EvaluationSettings,
    store: ResultStore,
) -> BenchmarkRun:
    from anyview_ros.evaluation.benchmark_report import BenchmarkRun
    from anyview_ros.evaluation.machine import machine

    distances = _video_distances(found, store)
    not_run = {}
    if settings.learned.lpips is None:
        not_run["lpips"] = "since its weights were not given (--lpips-weights)"
    if settings.learned.video is None:
        not_run["learned video distance"] = "since no network was given (--video-network)"
    elif not distances:
        not_run["learned video distance"] = "since it needs two clips or more that the network takes"
    told = {each.name: getattr(settings, each.name) for each in fields(settings) if each.name != "learned"}
    told["protocol"] = follows_protocol(arguments)
    if settings.learned.lpips is not None:
        told["lpips_network"] = settings.learned.lpips.network
    return BenchmarkRun(
        arguments.episodes.name,
        found,
        not_run=not_run,
        video_network=distances,
        settings=told,
        machine=machine(),
        picture=store.picture,
        shown=arguments.pictures,
    )


def follows_protocol(arguments: argparse.Namespace) -> bool:
    """Whether figures are the protocol's: at its size, of all episodes and frames, by the benchmark's own cameras."""
    changed = arguments.frames, arguments.most, arguments.input, arguments.target
    return arguments.size == "576" and not any(changed)


def _video_distances(
    found: dict[str, list[dict[str, Any]]], store: ResultStore
) -> dict[str, tuple[float, int]]:
    import numpy as np

    from anyview_ros.evaluation.benchmark_report import key_of
    from anyview_ros.metrics import frechet_distance

    distances = {}
    for method, results in found.items():
        kept = [store.features(method, key_of(each)) for each in results if "failed" not in each]
        known = [features for features in kept if features is not None]
        pairs = np.concatenate(known) if known else np.zeros((0, 2, 0))
        if len(pairs) > 1:
            distances[method] = (frechet_distance(pairs[:, 0], pairs[:, 1]), len(pairs))
    return distances
