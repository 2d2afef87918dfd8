"""What all trainers of one network of ours share: start, go on, look at samples, write weights."""

from __future__ import annotations

import copy
import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, TypeVar

import torch
from torch import Tensor, nn

from anyview_ros.methods.setting_checks import check_least
from anyview_ros.training.run import Report, RunConfig, TrainingRun
from anyview_ros.training.sheets import write_sheet

Network = TypeVar("Network", bound=nn.Module)


@dataclass(frozen=True)
class PicturesConfig(RunConfig):
    """A run that shows what it makes.

    Attributes:
        sheet_steps: steps between sheets of sample pictures.

    Raises:
        InvalidInputError: a number out of range.
    """

    sheet_steps: int = 250

    def __post_init__(self) -> None:
        super().__post_init__()
        check_least(self, 1, "sheet_steps")


@dataclass(frozen=True)
class LoadedConfig(PicturesConfig):
    """A run whose samples other processes may make.

    Attributes:
        loaders: processes that make samples, of each kind there is; 0 makes them in between.

    Raises:
        InvalidInputError: a number out of range.
    """

    loaders: int = 0

    def __post_init__(self) -> None:
        super().__post_init__()
        check_least(self, 0, "loaders")


class NetworkTrainer(ABC, Generic[Network]):
    """One training run of one network in a folder.

    Args:
        network: see :func:`new_network`.
        folder: gets checkpoint/, log.jsonl, sheets and the weights.
        config: of the run.
        identity, started_from: see :class:`~anyview_ros.training.run.TrainingRun`.

    Raises:
        WeightsError: the folder holds a checkpoint that is damaged.
        InvalidInputError: it holds one of a run with other settings.
    """

    def __init__(
        self,
        network: Network,
        folder: Path,
        config: PicturesConfig,
        *,
        identity: Sequence[str],
        started_from: str = "",
    ) -> None:
        """Begin, or go on where the folder's checkpoint ends."""
        self.network, self.folder = network, folder
        self._sheet_steps = config.sheet_steps
        self._run = TrainingRun(network, folder, config, identity=identity, started_from=started_from)

    @property
    def step(self) -> int:
        """Steps done."""
        return self._run.step

    @property
    def device(self) -> torch.device:
        """Where training computes."""
        return self._run.device

    def run(self, *, report: Report | None = None, time_limit_s: float = math.inf) -> bool:
        """Train to the end, or until the time is up; write a checkpoint and the weights either way.

        Args:
            report: called with the step, the steps in all and the loss, after each step.
            time_limit_s: no step begins after so long.

        Returns:
            whether the end was reached.
        """
        self._begin()
        return self._run.run(
            self._loss,
            report=report,
            time_limit_s=time_limit_s,
            on_step=self._look,
            on_save=self._write_weights,
        )

    def save(self) -> None:
        """Write the checkpoint and the averaged weights, and go on with what was written."""
        self._run.save(self._write_weights)

    def averaged_network(self) -> Network:
        """A network with the averaged weights, in evaluation mode."""
        network = copy.deepcopy(self.network)
        network.load_state_dict({**self.network.state_dict(), **self._run.average})
        return network.eval().requires_grad_(False)

    def _begin(self) -> None:
        """Called before the first step of each call of :meth:`run`."""

    @abstractmethod
    def _loss(self, step: int) -> tuple[Tensor, Mapping[str, Tensor]]:
        """As :data:`~anyview_ros.training.run.LossOf`."""

    @abstractmethod
    def _samples(self) -> list[Tensor]:
        """Pictures (B, 3, H, W) in [0, 1] of the step just done, side by side on a sheet; none: no sheet."""

    @abstractmethod
    def _write_weights(self) -> None:
        """Write the averaged network into the folder."""

    def _look(self, step: int) -> None:
        if step % self._sheet_steps == 0 or step == 1:
            samples = self._samples()
            if samples:
                write_sheet(self.folder / f"sheet_{step:06d}.png", samples)


def new_network(make: Callable[[], Network], config: RunConfig) -> Network:
    """A network with the random weights of the run's seed, on its device."""
    torch.manual_seed(config.seed)
    return make().to(config.chosen_device())
