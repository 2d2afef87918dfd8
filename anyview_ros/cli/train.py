"""``anyview train``: fit a network of ours; the same command on a CPU and on a GPU."""

from __future__ import annotations

import argparse
import math
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from anyview_ros.cli import train_anyview, train_look_beyond, train_zeronvs

if TYPE_CHECKING:
    from anyview_ros.training.small_config import SmallTrainingConfig

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
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    small.add_argument("--config", default="cpu.yaml", help="a YAML file, or the name of one of ours")
    small.add_argument("--out", type=Path, required=True, help="folder of the run")
    small.add_argument("--rooms", type=Path, help="folder of the filmed rooms; none: OUT/rooms")
    small.add_argument("--steps", type=int, help="steps in all, in place of the configuration's")
    small.add_argument("--device", help="torch device, in place of the configuration's")
    small.add_argument(
        "--minutes", type=float, help="stop after so long, filming not counted; run again to go on"
    )
    small.set_defaults(run=run_small)
    train_anyview.add_network(networks)
    train_zeronvs.add_network(networks)
    train_look_beyond.add_network(networks)


def run_small(arguments: argparse.Namespace) -> int:
    """Train the small network; 0 when the end was reached, 1 when the time was up before."""
    from anyview_ros.training.calibration import calibrate
    from anyview_ros.training.filmed import FilmPlan, film_to, read_rooms
    from anyview_ros.training.settings import read_settings
    from anyview_ros.training.small_config import SmallTrainingConfig
    from anyview_ros.training.small_trainer import SmallTrainer, prepared_rooms

    config = _changed(read_settings(SmallTrainingConfig, arguments.config), arguments)
    folder: Path = arguments.rooms or arguments.out / "rooms"
    print(f"filming {config.rooms.count} rooms into {folder}, or reading what is there")
    trainer = SmallTrainer(config, arguments.out, prepared_rooms(config, folder))
    count = sum(p.numel() for p in trainer.network.parameters())
    print(f"{count / 1e6:.2f} M parameters on {trainer.device}, step {trainer.step} of {config.steps}")
    line = ProgressLine(sys.stderr, trainer.step)
    limit_s = math.inf if arguments.minutes is None else 60 * arguments.minutes
    finished = trainer.run(report=line.update, time_limit_s=limit_s)
    line.end()
    weights = arguments.out / "anyview_small.safetensors"
    if finished:
        plan = FilmPlan(side=config.rooms.side, instants=1, held_out=True, device=config.rooms.device)
        files = film_to(folder / "held_out", plan, _HELD_OUT_ROOMS, workers=config.rooms.workers)
        print(
            f"calibrated on held-out rooms: {calibrate(weights, read_rooms(files), device=str(trainer.device))}"
        )
    else:
        print(f"stopped at step {trainer.step} of {config.steps}; run the same command again to go on")
    print(f"weights: {weights}")
    return 0 if finished else 1


def _changed(config: SmallTrainingConfig, arguments: argparse.Namespace) -> SmallTrainingConfig:
    if arguments.steps is not None:
        config = replace(config, steps=arguments.steps)
    if arguments.device is not None:
        config = replace(config, device=arguments.device)
    return config


class ProgressLine:
    """Steps done, loss and remaining time: one line that changes on a terminal, now and then a line elsewhere.

    Args:
        stream: where to write.
        first: step that the run begins at.
    """

    def __init__(self, stream: TextIO, first: int) -> None:
        """Begin at ``first``."""
        self._stream, self._first = stream, first
        self._began = self._shown = time.monotonic()
        self._smooth = math.nan

    def update(self, step: int, total: int, loss: float) -> None:
        """Show that ``step`` of ``total`` steps are done."""
        self._smooth = loss if math.isnan(self._smooth) else 0.98 * self._smooth + 0.02 * loss
        now = time.monotonic()
        live = self._stream.isatty()
        if now - self._shown < (0.2 if live else 10.0) and step < total:
            return
        self._shown = now
        left_s = (now - self._began) / max(step - self._first, 1) * (total - step)
        filled = 30 * step // total
        text = f"[{'#' * filled}{'.' * (30 - filled)}] {step}/{total}  loss {self._smooth:.4f}  {_clock(left_s)} left"
        self._stream.write(f"\r{text}" if live else f"{text}\n")
        self._stream.flush()

    def end(self) -> None:
        """Leave the line."""
        if self._stream.isatty():
            self._stream.write("\n")


def _clock(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes // 60}:{minutes % 60:02d}:{rest:02d}"
