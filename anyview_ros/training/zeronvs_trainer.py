"""The training run of ZeroNVS's small network: film, fit, and write weights and sample pictures."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

import torch
from torch import Tensor

from anyview_ros.errors import InvalidInputError
from anyview_ros.methods.zeronvs.levels import NoiseLevels
from anyview_ros.methods.zeronvs.network import ZeroNetwork
from anyview_ros.methods.zeronvs.reliability import Reliability
from anyview_ros.methods.zeronvs.sampling import sample
from anyview_ros.methods.zeronvs.weights_file import load_weights, save_weights
from anyview_ros.training.film_files import FilmReport, untold
from anyview_ros.training.filmed import FilmedRooms, FilmPlan, filmed_rooms, rooms_to
from anyview_ros.training.loading import loaded
from anyview_ros.training.network_trainer import NetworkTrainer, new_network
from anyview_ros.training.zeronvs_config import ZeroTrainingConfig
from anyview_ros.training.zeronvs_samples import Samples, SampleSource

WEIGHTS = "zeronvs.safetensors"
_IDENTITY = ("seed", "network", "samples", "film", "dropped_share", "heaviest", "checkpoint_dtype")
_SHEET_ROWS, _SHEET_STEPS = 8, 25


class ZeroTrainer(NetworkTrainer[ZeroNetwork]):
    """One training run in a folder.

    Args:
        config: of the run.
        folder: gets ``checkpoint/``, ``log.jsonl``, sheets and the weights.
        rooms: what was filmed.

    Raises:
        WeightsError: the folder holds a checkpoint that is damaged, or the weights to begin with cannot be read.
        InvalidInputError: it holds one of a run with other settings, or those weights are of another network.
    """

    def __init__(self, config: ZeroTrainingConfig, folder: Path, rooms: FilmedRooms) -> None:
        self.config = config
        network = new_network(lambda: ZeroNetwork(config.network), config)
        begun = _start_from(network, Path(config.start_from)) if config.start_from else ""
        super().__init__(network, folder, config, identity=_IDENTITY, started_from=begun)
        self._levels = NoiseLevels(network.scheduler_config, self.device)
        self._source = SampleSource(
            rooms,
            config.samples,
            side=config.network.side,
            mode=config.network.mode,
            seed=config.seed,
        )
        self._next: Iterator[Samples] = iter(())
        self._shown: Samples | None = None

    def _begin(self) -> None:
        steps = range(self.step, self.config.steps)
        self._next = loaded(self._source, steps, processes=self.config.loaders)

    def _loss(self, step: int) -> tuple[Tensor, Mapping[str, Tensor]]:
        del step  # samples come in order, and the noise is that of the run's step
        self._shown = next(self._next)
        source, target, poses = self._shown.pictures(self.device)
        generator = self._run.generator()
        keep = torch.rand(len(source), generator=generator, device=self.device) >= self.config.dropped_share
        timesteps = torch.randint(len(self._levels), (len(source),), generator=generator, device=self.device)
        noise = torch.randn(target.shape, generator=generator, device=self.device)
        noisy = self._levels.noisy(target, noise, timesteps)
        condition = self.network.dropped(self.network.condition(source, poses), keep)
        predicted = self.network.predict(noisy, timesteps, condition)
        error = (predicted.float() - target).square().mean((1, 2, 3))
        spread = self._levels.at(timesteps)[1][:, 0, 0, 0]
        weight = spread.square().clamp(min=1 / self.config.heaviest).reciprocal()
        return (weight * error).mean(), {"squared": error.detach().mean()}

    def _samples(self) -> list[Tensor]:
        if self._shown is None:
            return []
        source, target, poses = (part[:_SHEET_ROWS] for part in self._shown.pictures(self.device))
        network = self.averaged_network()
        with torch.no_grad():
            condition = network.condition(source, poses)
            drawn = [
                sample(network, condition, steps=_SHEET_STEPS, seeds=[seed] * len(source), guidance=1.0)
                for seed in (0, 1)
            ]
        return [(column + 1) / 2 for column in (source, *drawn, target)]

    def _write_weights(self) -> None:
        save_weights(self.folder / WEIGHTS, self.averaged_network(), Reliability(), {"steps": str(self.step)})


def _start_from(network: ZeroNetwork, path: Path) -> str:
    """Begin with the weights of a file; their hash.

    Raises:
        WeightsError: weights that cannot be read.
        InvalidInputError: they are of another network.
    """
    loaded = load_weights(path, "cpu")
    theirs = loaded.network.config
    if theirs.refine not in {0, network.config.refine} or (
        replace(theirs, refine=network.config.refine) != network.config
    ):
        raise InvalidInputError(
            f"start_from {path} holds weights of the network {theirs.as_dict()}, not of {network.config.as_dict()}; "
            "give network those settings"
        )
    network.load_state_dict(loaded.network.state_dict(), strict=False)
    return loaded.sha256


def prepared_rooms(
    config: ZeroTrainingConfig, folder: Path, report: FilmReport = untold, until_s: float = math.inf
) -> FilmedRooms:
    """Film what a run needs into ``folder``/rooms and ``folder``/robots, or read it if it is there.

    Args:
        config: of the run.
        folder: gets a folder for either.
        report, until_s: see :func:`~anyview_ros.training.film_files.film_to_files`.

    Raises:
        InvalidInputError: the folder holds what was filmed in another way, or the device cannot film.
        ReadError: what is there is damaged.
        FilmingTimeout: time was up before.
    """
    wanted = config.film
    plan = FilmPlan(side=wanted.side, instants=wanted.instants, device=wanted.device)
    orders = (
        rooms_to(folder / "rooms", plan, wanted.rooms),
        rooms_to(folder / "robots", replace(plan, robots=True), wanted.robots),
    )
    return filmed_rooms(*orders, workers=wanted.workers, report=report, until_s=until_s)
