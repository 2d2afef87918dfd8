"""The training run of any network: fit, average, log, and keep what is needed to go on."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.attention import SDPBackend, sdpa_kernel

from anyview_ros.errors import InvalidInputError
from anyview_ros.methods.devices import torch_device
from anyview_ros.methods.setting_checks import check_least
from anyview_ros.training.checkpoints import has_checkpoint, read_checkpoint, write_checkpoint
from anyview_ros.training.optimisers import OptimiserConfig, make_optimisers, rate_share

CHECKPOINT = "checkpoint"
LOG = "log.jsonl"
DTYPES = ("float32", "bfloat16")

_SAME_SAMPLES = ("workers", "device")
"""Settings in a section that change no sample: by how many processes something is made, and where."""

LossOf = Callable[[int], tuple[Tensor, Mapping[str, Tensor]]]
"""The loss of a step, to be minimised, and its parts, to be logged. All draws depend on seed and step alone."""

Report = Callable[[int, int, float], None]
"""Told the steps done, the steps in all and the loss, after each step."""


@dataclass(frozen=True)
class RunConfig:
    """What every training run has.

    Attributes:
        steps: in all.
        seed: of weights and samples.
        device: where training computes; "auto" takes CUDA where there is one.
        threads: of torch on a CPU; 0 leaves the choice to torch.
        mixed_precision: compute in bfloat16 on CUDA.
        cpu_bfloat16: compute in bfloat16 on a CPU, which is faster on those that have it in hardware alone.
        checkpoint_steps: steps between checkpoints.
        checkpoint_dtype: how averages and optimiser states are kept in checkpoints; after each checkpoint the run goes
            on with what was written, so that a resumed run equals one that was never interrupted.
        log_steps: steps between lines of the log.
        optimiser: how weights move.

    Raises:
        InvalidInputError: a number out of range, or a type that checkpoints do not have.
    """

    steps: int = 2000
    seed: int = 0
    device: str = "auto"
    threads: int = 0
    mixed_precision: bool = True
    cpu_bfloat16: bool = False
    checkpoint_steps: int = 250
    checkpoint_dtype: str = "float32"
    log_steps: int = 20
    optimiser: OptimiserConfig = field(default_factory=OptimiserConfig)

    def __post_init__(self) -> None:
        check_least(self, 1, "steps", "checkpoint_steps", "log_steps")
        check_least(self, 0, "seed", "threads")
        if self.checkpoint_dtype not in DTYPES:
            raise InvalidInputError(
                f"checkpoint_dtype is {self.checkpoint_dtype!r}; choose one of {', '.join(DTYPES)}"
            )

    def chosen_device(self) -> torch.device:
        """The device, "auto" resolved.

        Raises:
            InvalidInputError: a device that PyTorch does not know or cannot use.
        """
        return torch.device(torch_device(None if self.device == "auto" else self.device))


class TrainingRun:
    """One training run in a folder, which goes on where the folder's checkpoint ends.

    Args:
        network: on the run's device; weights that take no gradient stay as they are, and are in no checkpoint.
        folder: gets ``checkpoint/`` and ``log.jsonl``.
        config: of the run.
        identity: names of the settings that a resumed run must share with the one that wrote the checkpoint, beside
            ``optimiser.muon``; of sections all but ``workers`` and ``device``.
        started_from: hash of what else it must share, such as the weights that take no gradient.

    Attributes:
        step: steps done.
        average: moving averages of the weights that are trained, by name.

    Raises:
        WeightsError: the folder holds a checkpoint that is damaged.
        InvalidInputError: it holds one of a run with other settings, or with more steps behind it than there should be.
    """

    def __init__(
        self,
        network: nn.Module,
        folder: Path,
        config: RunConfig,
        *,
        identity: Sequence[str],
        started_from: str = "",
    ) -> None:
        self.network, self.folder, self.config = network, folder, config
        self.device = config.chosen_device()
        if config.threads:
            torch.set_num_threads(config.threads)
        folder.mkdir(parents=True, exist_ok=True)
        self._trained = {name: p for name, p in network.named_parameters() if p.requires_grad}
        self.average = {name: p.detach().clone() for name, p in self._trained.items()}
        self.step = 0
        self._identity, self._started_from = tuple(identity), started_from
        self._optimisers = make_optimisers(network, config.optimiser)
        if has_checkpoint(folder / CHECKPOINT):
            self._resume()

    def run(
        self,
        loss_of: LossOf,
        *,
        report: Report | None = None,
        time_limit_s: float = math.inf,
        on_step: Callable[[int], None] | None = None,
        on_save: Callable[[], None] | None = None,
    ) -> bool:
        """Train to the end, or until the time is up; write a checkpoint either way.

        Args:
            loss_of: see :data:`LossOf`; called in order of the steps.
            report: see :data:`Report`.
            time_limit_s: no step begins after so long.
            on_step: called with the steps done after each, such as to write sample pictures.
            on_save: called after each checkpoint, such as to write weights.

        Returns:
            whether the end was reached.

        Raises:
            InvalidInputError: the loss or its gradient is not finite; the weights are as they were before that step.
        """
        began = time.monotonic()
        while self.step < self.config.steps and time.monotonic() - began < time_limit_s:
            loss, parts = self._train(loss_of)
            if report is not None:
                report(self.step, self.config.steps, loss)
            if on_step is not None:
                on_step(self.step)
            if self.step % self.config.log_steps == 0:
                self._log(loss, parts, time.monotonic() - began)
            if self.step % self.config.checkpoint_steps == 0 and self.step < self.config.steps:
                self.save(on_save)
        self.save(on_save)
        return self.step >= self.config.steps

    def save(self, on_save: Callable[[], None] | None = None) -> None:
        """Write the checkpoint, and go on with what was written."""
        tensors = self._state()
        notes = {"step": self.step, "config": asdict(self.config), "started_from": self._started_from}
        write_checkpoint(self.folder / CHECKPOINT, tensors, notes)
        self._adopt(tensors)
        if on_save is not None:
            on_save()

    def generator(self) -> torch.Generator:
        """The randomness of this step, on the run's device: the same whether the run was interrupted or not."""
        return torch.Generator(self.device).manual_seed(self.config.seed * 1_000_003 + self.step)

    def _train(self, loss_of: LossOf) -> tuple[float, Mapping[str, Tensor]]:
        optimiser_config = self.config.optimiser
        share = rate_share(optimiser_config, self.step, self.config.steps)
        for optimiser in self._optimisers:
            for group in optimiser.param_groups:
                group["lr"] = optimiser_config.rate * share
            optimiser.zero_grad(set_to_none=True)
        config = self.config
        mixed = config.cpu_bfloat16 if self.device.type == "cpu" else config.mixed_precision
        with torch.autocast(self.device.type, torch.bfloat16, enabled=mixed), self._attention():
            loss, parts = loss_of(self.step)
        loss.backward()  # type: ignore[no-untyped-call]
        norm = torch.nn.utils.clip_grad_norm_(self._trained.values(), optimiser_config.clip)
        value, size = torch.stack([loss.detach().float(), norm.float()]).tolist()  # waits for a GPU, once
        self._check_finite("loss", value)
        self._check_finite("norm of the gradient", size)
        for optimiser in self._optimisers:
            optimiser.step()
        decay = min(optimiser_config.ema, (1 + self.step) / (10 + self.step))
        with torch.no_grad():
            # as torch.optim.swa_utils does: one by one, that is a launch on a GPU for each
            torch._foreach_lerp_(list(self.average.values()), list(self._trained.values()), 1 - decay)
        self.step += 1
        return value, parts

    def _attention(self) -> AbstractContextManager[None]:
        """On a CPU without fused kernels, whose way back takes longer than it saves for as few tokens as ours."""
        return sdpa_kernel(SDPBackend.MATH) if self.device.type == "cpu" else nullcontext()

    def _check_finite(self, name: str, value: float) -> None:
        if not math.isfinite(value):
            raise InvalidInputError(
                f"the {name} is {value} at step {self.step + 1}; resume from the checkpoint with a smaller "
                "optimiser.rate"
            )

    def _log(self, loss: float, parts: Mapping[str, Tensor], seconds: float) -> None:
        line = {"step": self.step, "seconds": round(seconds, 1), "loss": loss}
        line |= {name: float(value) for name, value in parts.items()}
        with (self.folder / LOG).open("a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")

    def _state(self) -> dict[str, Tensor]:
        kept: torch.dtype = getattr(torch, self.config.checkpoint_dtype)
        tensors = {f"weights/{name}": p.detach() for name, p in self._trained.items()}
        tensors |= {f"average/{name}": value.to(kept) for name, value in self.average.items()}
        for number, optimiser in enumerate(self._optimisers):
            for index, state in optimiser.state_dict()["state"].items():
                for name, value in state.items():
                    small = isinstance(value, Tensor) and value.ndim == 0
                    entry = torch.as_tensor(value)
                    tensors[f"optimiser/{number}/{index}/{name}"] = entry if small else entry.to(kept)
        return tensors

    def _adopt(self, tensors: dict[str, Tensor]) -> None:
        """Go on with a state as it was written."""
        with torch.no_grad():
            for name, parameter in self._trained.items():
                parameter.copy_(tensors[f"weights/{name}"])
                self.average[name].copy_(tensors[f"average/{name}"])
        for number, optimiser in enumerate(self._optimisers):
            parameters = [parameter for group in optimiser.param_groups for parameter in group["params"]]
            form = optimiser.state_dict()
            state: dict[int, dict[str, Any]] = {}
            for key, value in tensors.items():
                kind, *place = key.split("/")
                if kind == "optimiser" and int(place[0]) == number:
                    index = int(place[1])
                    state.setdefault(index, {})[place[2]] = _beside(parameters[index], value)
            form["state"] = state
            optimiser.load_state_dict(form)

    def _resume(self) -> None:
        tensors, notes = read_checkpoint(self.folder / CHECKPOINT)
        ours = json.loads(json.dumps(asdict(self.config)))
        differing = [
            name
            for name in self._identity
            if _of_samples(notes["config"].get(name)) != _of_samples(ours[name])
        ]
        if notes["config"]["optimiser"]["muon"] != self.config.optimiser.muon:
            differing.append("optimiser.muon")
        if notes["started_from"] != self._started_from:
            differing.append("weights")
        if differing:
            raise InvalidInputError(
                f"{self.folder / CHECKPOINT} was written by a run with other settings of {', '.join(differing)}; "
                "use its configuration, or another folder"
            )
        done = int(notes["step"])
        if done > self.config.steps:
            raise InvalidInputError(
                f"steps is {self.config.steps}, but the run in {self.folder} has done {done}; give {done} or more, or "
                "another folder"
            )
        self._adopt(tensors)
        self.step = done


def _beside(parameter: Tensor, value: Tensor) -> Tensor:
    """An entry of an optimiser's state as the optimiser makes it itself: laid out in memory as its weight is.

    Otherwise its fast forms, which take many weights at once, are of no use on a GPU. Counts of steps stay off it.
    """
    dtype = torch.float32 if value.is_floating_point() else value.dtype
    if value.ndim == 0:
        return value.to(dtype)
    return torch.empty_like(parameter, dtype=dtype).copy_(value)


def _of_samples(setting: Any) -> Any:
    """A setting, of a section those that samples depend on."""
    if not isinstance(setting, dict):
        return setting
    return {name: value for name, value in setting.items() if name not in _SAME_SAMPLES}
