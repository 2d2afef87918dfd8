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

_HELD_OUT_ROOMS = 50


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
    from anyview_ros.training.calibration import calibrate
    from anyview_ros.training.film_files import film_to_files
    from anyview_ros.training.filmed import FilmPlan, read_rooms, rooms_to
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
    plan = FilmPlan(side=config.rooms.side, instants=1, held_out=True, device=config.rooms.device)
    held_out = rooms_to(folder / "held_out", plan, 0 if config.only_depth else _HELD_OUT_ROOMS)
    files = film_to_files(held_out, workers=config.rooms.workers, report=line, until_s=end_s)
    trainer = SmallTrainer(config, arguments.output, rooms)
    finished = trained(trainer, config, end_s)
    weights = arguments.output / "anyview_small.safetensors"
    if finished and config.only_depth:
        print(
            "only depth was learned; learn the rest with another configuration and --start-from these weights"
        )
    elif finished:
        print(
            f"calibrated on held-out rooms: {calibrate(weights, read_rooms(files), device=str(trainer.device))}"
        )
    print(f"weights: {weights}")
    return 0 if finished else 1
