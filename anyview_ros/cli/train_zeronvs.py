"""``anyview train zeronvs``: fit the small diffusion model behind the method ``zeronvs``."""

from __future__ import annotations

import argparse
import math
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from anyview_ros.training.zeronvs_config import ZeroTrainingConfig


def add_network(networks: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the network to ``anyview train``."""
    parser = networks.add_parser(
        "zeronvs",
        help="the small diffusion model behind the method zeronvs",
        description="Film random rooms and simulated robots, train on them, calibrate on held-out ones. Run it again "
        "to go on: the folder holds all that is needed, and no sample is seen twice or left out.",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    parser.add_argument("--config", default="zeronvs.yaml", help="a YAML file, or the name of one of ours")
    parser.add_argument("--out", type=Path, required=True, help="folder of the run")
    parser.add_argument("--rooms", type=Path, help="folder of what was filmed; none: OUT/filmed")
    parser.add_argument("--steps", type=int, help="steps in all, in place of the configuration's")
    parser.add_argument("--device", help="torch device, in place of the configuration's")
    parser.add_argument(
        "--minutes", type=float, help="stop after so long, filming not counted; run again to go on"
    )
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Train; 0 when the end was reached, 1 when the time was up before."""
    from anyview_ros.cli.train import ProgressLine
    from anyview_ros.training.settings import read_settings
    from anyview_ros.training.zeronvs_calibration import calibrate, held_out_rooms
    from anyview_ros.training.zeronvs_config import ZeroTrainingConfig
    from anyview_ros.training.zeronvs_trainer import WEIGHTS, ZeroTrainer, prepared_rooms

    config = _changed(read_settings(ZeroTrainingConfig, arguments.config), arguments)
    folder: Path = arguments.rooms or arguments.out / "filmed"
    print(
        f"filming {config.film.rooms} rooms and {config.film.robots} robots into {folder}, or reading what is there"
    )
    trainer = ZeroTrainer(config, arguments.out, prepared_rooms(config, folder))
    count = sum(p.numel() for p in trainer.network.parameters())
    print(f"{count / 1e6:.2f} M parameters on {trainer.device}, step {trainer.step} of {config.steps}")
    line = ProgressLine(sys.stderr, trainer.step)
    limit_s = math.inf if arguments.minutes is None else 60 * arguments.minutes
    finished = trainer.run(report=line.update, time_limit_s=limit_s)
    line.end()
    weights = arguments.out / WEIGHTS
    if not finished:
        print(f"stopped at step {trainer.step} of {config.steps}; run the same command again to go on")
    rooms = held_out_rooms(config, folder)
    print(f"calibrated on held-out rooms: {calibrate(weights, rooms, device=str(trainer.device))}")
    print(f"weights: {weights}")
    return 0 if finished else 1


def _changed(config: ZeroTrainingConfig, arguments: argparse.Namespace) -> ZeroTrainingConfig:
    if arguments.steps is not None:
        config = replace(config, steps=arguments.steps)
    if arguments.device is not None:
        config = replace(config, device=arguments.device)
    return config
