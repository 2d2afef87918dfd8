"""``anyview train``: fit a network of ours; the same command on a CPU and on a GPU."""

from __future__ import annotations

import argparse
import sys
from dataclasses import replace
from pathlib import Path

from anyview_ros.cli import train_anyview, train_look_beyond, train_zeronvs
from anyview_ros.cli.training_runs import (
    FilmingLine,
    add_run_arguments,
    changed,
    time_is_up_at,
    told_when_time_is_up,
    trained,
)


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the sub-command."""
    parser = commands.add_parser("train", help="train a network", description="Train a network of ours.")
    networks = parser.add_subparsers(dest="network", metavar="NETWORK", required=True)
    small = networks.add_parser(
        "small",
        help="the small network behind the method anyview_small",
        description="Film random rooms, train on them, calibrate on held-out ones. Run it again to go on: the folder "
        "holds all that is needed, and no sample is seen twice or left out.",
        epilog="example: anyview train small --output runs/small --minutes 30",
    )
    small.add_argument(
        "--config",
        default="cpu.yaml",
        metavar="YAML",
        help="a file, or the name of one of ours (default: %(default)s)",
    )
    small.add_argument(
        "--start-from",
        metavar="WEIGHTS",
        help="begin with these weights: a file, or 'shipped' for those of the package (default: as the "
        "configuration says)",
    )
    small.add_argument(
        "--rooms", type=Path, metavar="DIR", help="folder of the filmed rooms (default: rooms/ in --output)"
    )
    add_run_arguments(small)
    small.set_defaults(run=run_small)
    train_anyview.add_network(networks)
    train_zeronvs.add_network(networks)
    train_look_beyond.add_network(networks)


@told_when_time_is_up
def run_small(arguments: argparse.Namespace) -> int:
    """Train the small network; 0 when the end was reached, 1 when the time was up before."""
    end_s = time_is_up_at(arguments)  # before torch is read, which takes some of it
    from anyview_ros.training.calibration import calibrate, held_out_rooms
    from anyview_ros.training.settings import read_settings
    from anyview_ros.training.small_config import SmallTrainingConfig
    from anyview_ros.training.small_trainer import SmallTrainer, first_network, prepared_rooms

    config = changed(read_settings(SmallTrainingConfig, arguments.config), arguments)
    if arguments.start_from is not None:
        config = replace(config, start_from=arguments.start_from)
    first_network(config)  # so that weights that do not fit are told of before anything is filmed
    folder: Path = arguments.rooms or arguments.output / "rooms"
    print(f"filming rooms into {folder}, or reading what is there")
    line = FilmingLine(sys.stderr)
    rooms = prepared_rooms(config, folder, line, end_s)
    held_out = None if config.only_depth else held_out_rooms(config, folder, line, end_s)
    trainer = SmallTrainer(config, arguments.output, rooms)
    finished = trained(trainer, config, end_s)
    weights = arguments.output / "anyview_small.safetensors"
    if finished:
        print(
            "only depth was learned; learn the rest with another configuration and --start-from these weights"
            if held_out is None
            else f"calibrated on held-out rooms: {calibrate(weights, held_out, device=str(trainer.device))}"
        )
    print(f"weights: {weights}")
    return 0 if finished else 1
