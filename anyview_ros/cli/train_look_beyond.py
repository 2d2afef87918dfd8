"""``anyview train look_beyond``: fit the two small diffusion models behind the method ``look_beyond``."""

from __future__ import annotations

import argparse
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from anyview_ros.cli.training_runs import (
    FilmingLine,
    add_run_arguments,
    changed,
    time_is_up_at,
    told_when_time_is_up,
    trained,
)
from anyview_ros.errors import InvalidInputError

if TYPE_CHECKING:
    from anyview_ros.training.network_trainer import NetworkTrainer
    from anyview_ros.training.run import RunConfig

STAGES = ("panorama", "video")


def add_network(networks: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the network to ``anyview train``."""
    parser = networks.add_parser(
        "look_beyond",
        help="the two small diffusion models behind the method look_beyond",
        description="Film random rooms and train on them: stage 1 draws a panorama around a picture, stage 2 a video "
        "between two keyframes. Run it again to go on: the folder holds all that is needed. Give the folder as the "
        "method's weights.",
        epilog="example: anyview train look_beyond --output runs/look_beyond --minutes 30",
    )
    parser.add_argument(
        "--stage", choices=(*STAGES, "both"), default="both", help="which to train (default: both)"
    )
    parser.add_argument(
        "--config",
        nargs="+",
        metavar="YAML",
        help="a file, or the name of one of ours, for each stage that is trained (default: look_beyond_panorama.yaml "
        "and look_beyond_video.yaml)",
    )
    add_run_arguments(parser)
    parser.set_defaults(run=run)


@told_when_time_is_up
def run(arguments: argparse.Namespace) -> int:
    """Train; 0 when the end of each stage was reached, 1 when the time was up before.

    Raises:
        InvalidInputError: configurations too many or too few.
    """
    end_s = time_is_up_at(arguments)
    stages = STAGES if arguments.stage == "both" else (arguments.stage,)
    configs = arguments.config or [f"look_beyond_{stage}.yaml" for stage in stages]
    if len(configs) != len(stages):
        raise InvalidInputError(
            f"--config names {len(configs)} files but there are {len(stages)} stages to train, {', '.join(stages)}; "
            "give one for each"
        )
    train = {"panorama": _train_panorama, "video": _train_video}
    finished = all(train[stage](name, arguments, end_s) for stage, name in zip(stages, configs, strict=True))
    return 0 if finished else 1


def _train_panorama(name: str, arguments: argparse.Namespace, end_s: float) -> bool:
    from anyview_ros.methods.look_beyond.panorama.weights import PANORAMA_FILE
    from anyview_ros.training.look_beyond_panorama import PanoramaTrainer, prepared_panoramas
    from anyview_ros.training.look_beyond_panorama_config import PanoramaTrainingConfig
    from anyview_ros.training.settings import read_settings

    config = changed(read_settings(PanoramaTrainingConfig, name), arguments)
    folder: Path = arguments.output / "panorama"
    print(
        f"stage 1: filming {config.panoramas.count} panoramas into {folder / 'films'}, or reading what is there"
    )

    panoramas = prepared_panoramas(config, folder / "films", FilmingLine(sys.stderr), end_s)
    trainer = PanoramaTrainer(config, folder, panoramas)
    return _train(trainer, config, end_s, folder / PANORAMA_FILE, arguments.output)


def _train_video(name: str, arguments: argparse.Namespace, end_s: float) -> bool:
    from anyview_ros.methods.look_beyond.video.weights import VIDEO_FILE
    from anyview_ros.training.look_beyond_video import VideoTrainer, prepared_clips
    from anyview_ros.training.look_beyond_video_config import VideoTrainingConfig
    from anyview_ros.training.settings import read_settings

    config = changed(read_settings(VideoTrainingConfig, name), arguments)
    folder: Path = arguments.output / "video"
    print(f"stage 2: filming {config.clips.count} clips into {folder / 'films'}, or reading what is there")
    clips = prepared_clips(config, folder / "films", FilmingLine(sys.stderr), end_s)
    trainer = VideoTrainer(config, folder, clips)
    return _train(trainer, config, end_s, folder / VIDEO_FILE, arguments.output)


def _train(trainer: NetworkTrainer[Any], config: RunConfig, end_s: float, weights: Path, out: Path) -> bool:
    """Run one stage, and put its weights where the method looks for those of both."""
    finished = trained(trainer, config, end_s)
    print(f"weights: {shutil.copyfile(weights, out / weights.name)}")
    return finished
