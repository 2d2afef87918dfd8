"""The training run of the small network: film, fit, log, and keep what is needed to go on."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from anyview_ros.errors import InvalidInputError
from anyview_ros.methods.anyview_small.network import SmallNetwork
from anyview_ros.methods.anyview_small.weights import SHIPPED, Calibration, load_weights, save_weights
from anyview_ros.training.batches import Batch, BatchSource
from anyview_ros.training.checkpoints import read_checkpoint, write_checkpoint
from anyview_ros.training.filmed import FilmedRooms, FilmPlan, film_to, read_rooms
from anyview_ros.training.losses import FlowSample, batch_loss, flow_loss, run_batch
from anyview_ros.training.optimisers import make_optimisers, rate_share
from anyview_ros.training.sheets import write_sheet
from anyview_ros.training.small_config import SmallTrainingConfig

CHECKPOINT = "checkpoint"
LOG = "log.jsonl"
_IDENTITY = (
    "seed",
    "network",
    "batches",
    "rooms",
    "checkpoint_dtype",
    "start_from",
    "only_flow",
    "kept_batches",
)
"""Settings that a resumed run must share with the one that wrote the checkpoint."""

_FLOW = "flow."

Report = Callable[[int, int, float], None]


class SmallTrainer:
    """One training run in a folder.

    Args:
        config: of the run.
        folder: gets checkpoint/, log.jsonl, sheets and the weights.
        rooms: what was filmed.

    Raises:
        WeightsError: the folder holds a checkpoint that is damaged.
        InvalidInputError: it holds one of a run with other settings.
    """

    def __init__(self, config: SmallTrainingConfig, folder: Path, rooms: FilmedRooms) -> None:
        """Begin, or go on where the folder's checkpoint ends."""
        self.config, self.folder = config, folder
        self.device = torch.device(_device(config.device))
        if config.threads:
            torch.set_num_threads(config.threads)
        folder.mkdir(parents=True, exist_ok=True)
        torch.manual_seed(config.seed)
        self.network = SmallNetwork(config.network).to(self.device)
        if config.start_from:
            _start_from(self.network, config.start_from)
        if config.only_flow:
            for name, parameter in self.network.named_parameters():
                parameter.requires_grad_(name.startswith(_FLOW))
        self.average = {name: p.detach().clone() for name, p in self.network.named_parameters()}
        self.optimisers = make_optimisers(self.network, config.optimiser)
        self.step = 0
        self._batches = BatchSource(rooms, config.batches, config.seed)
        self._kept: dict[int, list[FlowSample]] = {}
        if (folder / CHECKPOINT).exists():
            self._resume()

    def run(self, *, report: Report | None = None, time_limit_s: float = math.inf) -> bool:
        """Train to the end, or until the time is up; write a checkpoint and the weights either way.

        Args:
            report: called with the step, the steps in all and the loss, after each step.
            time_limit_s: no step begins after so long.

        Returns:
            whether the end was reached.
        """
        began = time.monotonic()
        wanted = range(self.step, self.config.steps)
        kept = self.config.kept_batches
        for batch in (None for _ in wanted) if kept else self._loaded(wanted):
            loss, parts = self._train(batch)
            if report is not None:
                report(self.step, self.config.steps, loss)
            if self.step % self.config.log_steps == 0:
                self._log(loss, parts, time.monotonic() - began)
            late = time.monotonic() - began > time_limit_s
            if self.step % self.config.checkpoint_steps == 0 and self.step < self.config.steps and not late:
                self.save()
            if late:
                break
        self.save()
        return self.step >= self.config.steps

    def averaged_network(self) -> SmallNetwork:
        """A network with the averaged weights, in evaluation mode."""
        network = SmallNetwork(self.config.network).to(self.device)
        network.load_state_dict(self.average)
        return network.eval().requires_grad_(False)

    def save(self) -> None:
        """Write the checkpoint and the averaged weights, and go on with what was written."""
        tensors, notes = self._state()
        write_checkpoint(self.folder / CHECKPOINT, tensors, notes)
        save_weights(
            self.folder / "anyview_small.safetensors",
            self.averaged_network(),
            Calibration(),
            {"steps": str(self.step)},
        )
        self._adopt(tensors)

    def _train(self, batch: Batch | None) -> tuple[float, dict[str, Tensor]]:
        """One step on a batch; None for the answers that are kept."""
        config = self.config
        share = rate_share(config.optimiser, self.step, config.steps)
        for optimiser in self.optimisers:
            for group in optimiser.param_groups:
                group["lr"] = config.optimiser.rate * share
            optimiser.zero_grad(set_to_none=True)
        mixed = config.mixed_precision and self.device.type == "cuda"
        with torch.autocast(self.device.type, torch.bfloat16, enabled=mixed):
            if batch is None:
                loss, parts = self._flow_alone()
            else:
                batch = batch.to(self.device)
                loss, parts, pictures = batch_loss(self.network, batch, config.loss, self._noise())
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(self.network.parameters(), config.optimiser.clip)
        for optimiser in self.optimisers:
            optimiser.step()
        decay = min(config.optimiser.ema, (1 + self.step) / (10 + self.step))
        with torch.no_grad():
            for name, parameter in self.network.named_parameters():
                self.average[name].lerp_(parameter.detach(), 1 - decay)
        self.step += 1
        if batch is not None and (self.step % config.sheet_steps == 0 or self.step == 1):
            self._sheet(batch, pictures)
        value = float(loss.detach())
        if not math.isfinite(value):
            raise InvalidInputError(
                f"the loss is {value} at step {self.step}; resume from the checkpoint with a smaller optimiser.rate"
            )
        return value, parts

    def _flow_alone(self) -> tuple[Tensor, dict[str, Tensor]]:
        """The flow head's loss on the answers kept for this step."""
        head = self.network.flow
        assert head is not None  # noqa: S101 - the configuration sees to it
        index = self.step % self.config.kept_batches
        if index not in self._kept:
            self._kept[index] = self._answers(self._batches[index].to(self.device))
        samples = [sample.to(torch.float32) for sample in self._kept[index]]
        noise = self._noise()
        loss = torch.stack([flow_loss(head, sample, noise) for sample in samples]).mean()
        return loss, {"flow": loss.detach()}

    @torch.no_grad()
    def _answers(self, batch: Batch) -> list[FlowSample]:
        return [
            FlowSample.of(instant, batch.target[:, instant.index].float() / 255).to(torch.float16)
            for instant in run_batch(self.network, batch)
        ]

    def _noise(self) -> torch.Generator:
        """The noise of this step, the same whether the run was interrupted or not."""
        return torch.Generator(self.device).manual_seed(self.config.seed * 1_000_003 + self.step)

    def _loaded(self, steps: range) -> Iterator[Batch]:
        if not self.config.loaders:
            for step in steps:
                yield self._batches[step]
            return
        loader: Iterable[Batch] = torch.utils.data.DataLoader(
            self._batches,
            batch_size=None,
            sampler=steps,
            num_workers=self.config.loaders,
            prefetch_factor=4,
            worker_init_fn=_one_thread,
            collate_fn=_as_it_is,
        )
        yield from loader

    def _log(self, loss: float, parts: dict[str, Tensor], seconds: float) -> None:
        line = {"step": self.step, "seconds": round(seconds, 1), "loss": loss}
        line |= {name: float(value) for name, value in parts.items()}
        with (self.folder / LOG).open("a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")

    def _sheet(self, batch: Batch, pictures: Tensor) -> None:
        count = len(batch.target) // len(batch.source)
        source = batch.source[:, -1].repeat_interleave(count, 0).float() / 255
        columns = [source, batch.hint[:, -1].float() / 255, pictures, batch.target[:, -1].float() / 255]
        write_sheet(self.folder / f"sheet_{self.step:06d}.png", columns)

    def _state(self) -> tuple[dict[str, Tensor], dict[str, Any]]:
        kept: torch.dtype = getattr(torch, self.config.checkpoint_dtype)
        tensors = {f"weights/{name}": p.detach() for name, p in self.network.named_parameters()}
        tensors |= {f"average/{name}": value.to(kept) for name, value in self.average.items()}
        for number, optimiser in enumerate(self.optimisers):
            for index, state in optimiser.state_dict()["state"].items():
                for name, value in state.items():
                    small = isinstance(value, Tensor) and value.ndim == 0
                    entry = torch.as_tensor(value)
                    tensors[f"optimiser/{number}/{index}/{name}"] = entry if small else entry.to(kept)
        return tensors, {"step": self.step, "config": asdict(self.config)}

    def _adopt(self, tensors: dict[str, Tensor]) -> None:
        """Go on with a state as it was written."""
        with torch.no_grad():
            for name, parameter in self.network.named_parameters():
                parameter.copy_(tensors[f"weights/{name}"])
                self.average[name].copy_(tensors[f"average/{name}"])
        for number, optimiser in enumerate(self.optimisers):
            form = optimiser.state_dict()
            state: dict[int, dict[str, Any]] = {}
            for key, value in tensors.items():
                kind, *place = key.split("/")
                if kind == "optimiser" and int(place[0]) == number:
                    dtype = torch.float32 if value.is_floating_point() else value.dtype
                    state.setdefault(int(place[1]), {})[place[2]] = value.to(dtype)
            form["state"] = state
            optimiser.load_state_dict(form)

    def _resume(self) -> None:
        tensors, notes = read_checkpoint(self.folder / CHECKPOINT)
        ours = json.loads(json.dumps(asdict(self.config)))
        differing = [name for name in _IDENTITY if notes["config"].get(name) != ours[name]]
        if differing:
            raise InvalidInputError(
                f"{self.folder / CHECKPOINT} was written by a run with other settings of {', '.join(differing)}; "
                "use its configuration, or another folder"
            )
        self._adopt({name: value.to(self.device) for name, value in tensors.items()})
        self.step = int(notes["step"])


def prepared_rooms(config: SmallTrainingConfig, folder: Path) -> FilmedRooms:
    """Film the rooms that a run needs into ``folder``/train and ``folder``/parallel, or read them if they are there."""
    rooms = config.rooms
    plan = FilmPlan(side=rooms.side, instants=rooms.instants, device=rooms.device)
    files = film_to(folder / "train", plan, rooms.count, workers=rooms.workers)
    aside = replace(plan, parallel=True)
    files += film_to(folder / "parallel", aside, rooms.parallel, workers=rooms.workers)
    filmed = read_rooms(files)
    if filmed.side != rooms.side or filmed.frames.shape[2] != rooms.instants:
        raise InvalidInputError(
            f"{folder} holds rooms filmed at {filmed.side} pixels and {filmed.frames.shape[2]} instants, but the "
            f"configuration says {rooms.side} and {rooms.instants}; use another folder"
        )
    return filmed


def _start_from(network: SmallNetwork, weights: str) -> None:
    """Begin with the weights of a file, which may lack a flow head.

    Raises:
        WeightsError: weights that cannot be read.
        InvalidInputError: they are of another network.
    """
    loaded = load_weights(SHIPPED if weights == "shipped" else Path(weights), "cpu")
    theirs = loaded.network.config
    if (
        theirs.flow not in (0, network.config.flow)
        or replace(theirs, flow=network.config.flow) != network.config
    ):
        raise InvalidInputError(
            f"start_from {weights!r} holds weights of the network {theirs.as_dict()}, not of "
            f"{network.config.as_dict()}; give network those settings"
        )
    network.load_state_dict(loaded.network.state_dict(), strict=False)


def _device(name: str) -> str:
    if name != "auto":
        return name
    return "cuda" if torch.cuda.is_available() else "cpu"


def _one_thread(worker: int) -> None:
    import cv2

    del worker
    torch.set_num_threads(1)
    cv2.setNumThreads(1)


def _as_it_is(batch: Any) -> Any:
    return batch
