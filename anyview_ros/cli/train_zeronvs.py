"""``anyview train zeronvs``: fit the small diffusion model behind the method ``zeronvs``."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from anyview_ros.cli.training_runs import (
    FilmingLine,
    add_run_arguments,
    changed,
    time_is_up_at,
    told_when_time_is_up,
    trained,
)


def add_network(networks: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the network to ``anyview train``."""
    parser = networks.add_parser(
        "zeronvs",
        help="the small diffusion model behind the method zeronvs",
        description="Film random rooms and simulated robots, train on them, calibrate on held-out ones. Run it again "
        "to go on: the folder holds all that is needed, and no sample is seen twice or left out.",
        epilog="example: anyview train zeronvs --output runs/zeronvs --minutes 30",
    )
    parser.add_argument(
        "--config",
        default="zeronvs.yaml",
        metavar="YAML",
        help="a file, or the name of one of ours (default: %(default)s)",
    )
    parser.add_argument(
        "--rooms", type=Path, metavar="DIR", help="folder of what was filmed (default: filmed/ in --output)"
    )
    add_run_arguments(parser)
    parser.set_defaults(run=run)


@told_when_time_is_up
def run(arguments: argparse.Namespace) -> int:
    """Train; 0 when the end was reached, 1 when the time was up before."""
    end_s = time_is_up_at(arguments)
    from anyview_ros.training.settings import read_settings
    from anyview_ros.training.zeronvs_calibration import calibrate, held_out_rooms
    from anyview_ros.training.zeronvs_config import ZeroTrainingConfig
    from anyview_ros.training.zeronvs_trainer import WEIGHTS, ZeroTrainer, prepared_rooms

    config = changed(read_settings(ZeroTrainingConfig, arguments.config), arguments)
    folder: Path = arguments.rooms or arguments.output / "filmed"
    print(
        f"filming {config.film.rooms} rooms and {config.film.robots} robots into {folder}, or reading what is there"
    )
    line = FilmingLine(sys.stderr)
    rooms = prepared_rooms(config, folder, line, end_s)
    held_out = held_out_rooms(config, folder, line, end_s)
    trainer = ZeroTrainer(config, arguments.output, rooms)
    finished = trained(trainer, config, end_s)
    weights = arguments.output / WEIGHTS
    print(f"calibrated on held-out rooms: {calibrate(weights, held_out, device=str(trainer.device))}")
    print(f"weights: {weights}")
    return 0 if finished else 1
