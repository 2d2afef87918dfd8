"""``anyview train look_beyond``: fit the two small diffusion models behind the method ``look_beyond``."""

from __future__ import annotations

import argparse
import math
import shutil
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, TypeVar

from anyview_ros.errors import InvalidInputError

if TYPE_CHECKING:
    from torch import nn

    from anyview_ros.training.run import Report, RunConfig

STAGES = ("panorama", "video")
Config = TypeVar("Config", bound="RunConfig")


class Trainer(Protocol):
    """The trainer of a stage."""

    @property
    def network(self) -> nn.Module:
        """What is trained."""
        ...

    @property
    def step(self) -> int:
        """Steps done."""
        ...

    def run(self, *, report: Report | None = None, time_limit_s: float = math.inf) -> bool:
        """Train to the end, or until the time is up; return whether the end was reached."""
        ...


def add_network(networks: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the network to ``anyview train``."""
    parser = networks.add_parser(
        "look_beyond",
        help="the two small diffusion models behind the method look_beyond",
        description="Film random rooms and train on them: stage 1 draws a panorama around a picture, stage 2 a video "
        "between two keyframes. Run it again to go on: the folder holds all that is needed. Give the folder as the "
        "method's weights.",
    )
    parser.add_argument(
        "--stage", choices=(*STAGES, "both"), default="both", help="which to train (default: both)"
    )
    parser.add_argument(
        "--config",
        nargs="+",
        metavar="YAML",
        help="a file, or the name of one of ours, for each stage that is trained; none: look_beyond_panorama.yaml and "
        "look_beyond_video.yaml",
    )
    parser.add_argument("--out", type=Path, required=True, help="folder of the run and of the weights")
    parser.add_argument("--steps", type=int, help="steps of each stage, in place of the configuration's")
    parser.add_argument("--device", help="torch device, in place of the configuration's")
    parser.add_argument(
        "--minutes",
        type=float,
        help="stop each stage after so long, filming not counted; run again to go on",
    )
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Train; 0 when the end of each stage was reached, 1 when the time was up before.

    Raises:
        InvalidInputError: configurations too many or too few.
    """
    stages = STAGES if arguments.stage == "both" else (arguments.stage,)
    configs = arguments.config or [f"look_beyond_{stage}.yaml" for stage in stages]
    if len(configs) != len(stages):
        raise InvalidInputError(
            f"--config names {len(configs)} files but there are {len(stages)} stages to train, {', '.join(stages)}; "
            "give one for each"
        )
    trained = {"panorama": _train_panorama, "video": _train_video}
    finished = [trained[stage](name, arguments) for stage, name in zip(stages, configs, strict=True)]
    return 0 if all(finished) else 1


def _train_panorama(name: str, arguments: argparse.Namespace) -> bool:
    from anyview_ros.methods.look_beyond.panorama.weights import PANORAMA_FILE
    from anyview_ros.training.look_beyond_panorama import PanoramaTrainer, prepared_panoramas
    from anyview_ros.training.look_beyond_panorama_config import PanoramaTrainingConfig
    from anyview_ros.training.settings import read_settings

    config = _changed(read_settings(PanoramaTrainingConfig, name), arguments)
    folder: Path = arguments.out / "panorama"
    print(
        f"stage 1: filming {config.panoramas.count} panoramas into {folder / 'films'}, or reading what is there"
    )

    def make() -> Trainer:
        return PanoramaTrainer(config, folder, prepared_panoramas(config, folder / "films"))

    return _train(make, config, arguments, PANORAMA_FILE, folder)


def _train_video(name: str, arguments: argparse.Namespace) -> bool:
    from anyview_ros.methods.look_beyond.video.weights import VIDEO_FILE
    from anyview_ros.training.look_beyond_video import VideoTrainer, prepared_clips
    from anyview_ros.training.look_beyond_video_config import VideoTrainingConfig
    from anyview_ros.training.settings import read_settings

    config = _changed(read_settings(VideoTrainingConfig, name), arguments)
    folder: Path = arguments.out / "video"
    print(f"stage 2: filming {config.clips.count} clips into {folder / 'films'}, or reading what is there")

    def make() -> Trainer:
        return VideoTrainer(config, folder, prepared_clips(config, folder / "films"))

    return _train(make, config, arguments, VIDEO_FILE, folder)


def _train(
    make: Callable[[], Trainer], config: RunConfig, arguments: argparse.Namespace, weights: str, folder: Path
) -> bool:
    """Run one stage, and put its weights where the method looks for those of both."""
    from anyview_ros.cli.train import ProgressLine

    trainer = make()
    count = sum(p.numel() for p in trainer.network.parameters())
    print(
        f"{count / 1e6:.2f} M parameters on {config.chosen_device()}, step {trainer.step} of {config.steps}"
    )
    line = ProgressLine(sys.stderr, trainer.step)
    limit_s = math.inf if arguments.minutes is None else 60 * arguments.minutes
    finished = trainer.run(report=line.update, time_limit_s=limit_s)
    line.end()
    shutil.copyfile(folder / weights, arguments.out / weights)
    if not finished:
        print(f"stopped at step {trainer.step} of {config.steps}; run the same command again to go on")
    print(f"weights: {arguments.out / weights}")
    return finished


def _changed(config: Config, arguments: argparse.Namespace) -> Config:
    if arguments.steps is not None:
        config = replace(config, steps=arguments.steps)
    if arguments.device is not None:
        config = replace(config, device=arguments.device)
    return config
