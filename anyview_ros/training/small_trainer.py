"""The training run of the small network: film, fit, show, and calibrate."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

import torch
from torch import Tensor
from torch.nn import functional

from anyview_ros.errors import InvalidInputError
from anyview_ros.methods.anyview_small.config import SmallConfig
from anyview_ros.methods.anyview_small.network import SmallNetwork
from anyview_ros.methods.anyview_small.weights import SHIPPED, Calibration, load_weights, save_weights
from anyview_ros.training.batches import Batch, BatchSource
from anyview_ros.training.film_files import FilmReport, untold
from anyview_ros.training.filmed import FilmedRooms, FilmPlan, filmed_rooms, rooms_to
from anyview_ros.training.loading import loaded
from anyview_ros.training.losses import FlowSample, batch_loss, flow_loss, picture_loss, run_batch
from anyview_ros.training.network_trainer import NetworkTrainer, new_network
from anyview_ros.training.small_config import SmallTrainingConfig
from anyview_ros.training.source_pictures import PictureBatch, PictureSource

_IDENTITY = (
    "seed",
    "network",
    "batches",
    "rooms",
    "checkpoint_dtype",
    "start_from",
    "only_flow",
    "kept_batches",
    "only_depth",
    "source_pictures",
)
"""Settings that a resumed run must share with the one that wrote the checkpoint."""

_FLOW = "flow."


class SmallTrainer(NetworkTrainer[SmallNetwork]):
    """One training run in a folder.

    Args:
        config: of the run.
        folder: gets checkpoint/, log.jsonl, sheets and the weights.
        rooms: what was filmed.

    Raises:
        WeightsError: the folder holds a checkpoint that is damaged, or the weights to begin with cannot be read.
        InvalidInputError: it holds one of a run with other settings, or those weights are of another network.
    """

    def __init__(self, config: SmallTrainingConfig, folder: Path, rooms: FilmedRooms) -> None:
        """Begin, or go on where the folder's checkpoint ends."""
        self.config = config
        network, begun = first_network(config)
        if config.only_flow:
            for name, parameter in network.named_parameters():
                parameter.requires_grad_(name.startswith(_FLOW))
        super().__init__(network, folder, config, identity=_IDENTITY, started_from=begun)
        self._batches = BatchSource(rooms, config.batches, config.seed)
        self._pictures = PictureSource(rooms, config.source_pictures, config.seed)
        self._coming: Iterator[Batch] = iter(())
        self._coming_pictures: Iterator[PictureBatch] = iter(())
        self._sheet: Callable[[], list[Tensor]] = list
        self._kept: dict[int, list[FlowSample]] = {}

    def _begin(self) -> None:
        steps, processes = range(self.step, self.config.steps), self.config.loaders
        pinned = self.device.type == "cuda"
        self._coming = loaded(self._batches, steps, processes=processes, pinned=pinned)
        self._coming_pictures = loaded(self._pictures, steps, processes=processes, pinned=pinned)

    def _loss(self, step: int) -> tuple[Tensor, dict[str, Tensor]]:
        if self.config.kept_batches:
            return self._flow_alone(step)
        if self.config.only_depth:
            return self._depth_alone()
        batch = next(self._coming).to(self.device)
        loss, parts, pictures = batch_loss(self.network, batch, self.config.loss, self._run.generator())
        self._sheet = partial(_sheet, batch, pictures)
        if self.config.source_pictures.count:
            further, of_pictures, _ = picture_loss(
                self.network, next(self._coming_pictures).to(self.device), self.config.loss
            )
            loss = loss + further
            parts = parts | {f"pictures_{name}": value for name, value in of_pictures.items()}
        return loss, parts

    def _depth_alone(self) -> tuple[Tensor, dict[str, Tensor]]:
        """The loss of the depth that is read from pictures."""
        batch = next(self._coming_pictures).to(self.device)
        loss, parts, log_depth = picture_loss(self.network, batch, self.config.loss)
        self._sheet = partial(_depth_sheet, batch, log_depth, self.config.network)
        return loss, parts

    def _flow_alone(self, step: int) -> tuple[Tensor, dict[str, Tensor]]:
        """The flow head's loss on the answers kept for this step."""
        head = self.network.flow
        assert head is not None  # noqa: S101 - the configuration sees to it
        index = step % self.config.kept_batches
        if index not in self._kept:
            self._kept[index] = self._answers(self._batches[index].to(self.device))
        samples = [sample.to(torch.float32) for sample in self._kept[index]]
        noise = self._run.generator()
        loss = torch.stack([flow_loss(head, sample, noise) for sample in samples]).mean()
        return loss, {"flow": loss.detach()}

    @torch.no_grad()
    def _answers(self, batch: Batch) -> list[FlowSample]:
        return [
            FlowSample.of(instant, batch.target[:, instant.index].float() / 255).to(torch.float16)
            for instant in run_batch(self.network, batch)
        ]

    def _write_weights(self) -> None:
        save_weights(
            self.folder / "anyview_small.safetensors",
            self.averaged_network(),
            Calibration(),
            {"steps": str(self.step)},
        )

    def _samples(self) -> list[Tensor]:
        return self._sheet()


def _sheet(batch: Batch, pictures: Tensor) -> list[Tensor]:
    """Source, splat, ours and truth of the last instant."""
    count = len(batch.target) // len(batch.source)
    source = batch.source[:, -1].repeat_interleave(count, 0).float() / 255
    return [source, batch.hint[:, -1].float() / 255, pictures, batch.target[:, -1].float() / 255]


def _depth_sheet(batch: PictureBatch, log_depth: Tensor, config: SmallConfig) -> list[Tensor]:
    """The picture, the depth read from it, and the true one; white at the nearest plane, black at the farthest."""
    nearest, farthest = math.log(config.nearest_m), math.log(config.farthest_m)
    read = functional.interpolate(log_depth, batch.picture.shape[-2:], mode="nearest")
    true = torch.where(batch.true_depth > 0, batch.true_depth, config.farthest_m).log()
    greys = [((farthest - log) / (farthest - nearest)).expand(-1, 3, -1, -1) for log in (read, true)]
    return [batch.picture.float() / 255, *greys]


def prepared_rooms(
    config: SmallTrainingConfig, folder: Path, report: FilmReport = untold, until_s: float = math.inf
) -> FilmedRooms:
    """Film the rooms that a run needs into folders of ``folder``, or read them if they are there.

    Args:
        config: of the run.
        folder: gets a folder for each kind of rooms.
        report, until_s: see :func:`~anyview_ros.training.film_files.film_to_files`.

    Raises:
        InvalidInputError: the folder holds what was filmed in another way, or the device cannot film.
        ReadError: what is there is damaged.
        FilmingTimeout: time was up before.
    """
    rooms = config.rooms
    plan = FilmPlan(
        side=rooms.side, instants=rooms.instants, drawn_textures=rooms.drawn_textures, device=rooms.device
    )
    framed = replace(plan, framed=True)
    cluttered = replace(framed, cluttered=True, supersampling=2)
    tabletops = replace(framed, tabletops=True, supersampling=3, drawn_textures=False)
    after = rooms.count + rooms.framed
    orders = [
        rooms_to(folder / name, how, count, first=first)
        for name, how, count, first in (
            ("train", plan, rooms.count, 0),
            ("parallel", replace(plan, parallel=True), rooms.parallel, 0),
            ("framed", framed, rooms.framed, rooms.count),
            ("framed_parallel", replace(framed, parallel=True), rooms.framed_parallel, rooms.count),
            # they take longest; the last are filmed first
            ("cluttered", cluttered, rooms.cluttered, after),
            ("cluttered_parallel", replace(cluttered, parallel=True), rooms.cluttered_parallel, after),
            ("tabletops", tabletops, rooms.tabletops, 0),
        )
    ]
    return filmed_rooms(*orders, workers=rooms.workers, report=report, until_s=until_s)


def first_network(config: SmallTrainingConfig) -> tuple[SmallNetwork, str]:
    """The network that a run begins with: random, or with the weights of a file, less a flow head that either lacks.

    Returns:
        the network, and the hash of the file, "" where there is none.

    Raises:
        WeightsError: weights that cannot be read.
        InvalidInputError: they are of another network.
    """
    network = new_network(lambda: SmallNetwork(config.network), config)
    network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # a tenth less time per step
    weights = config.start_from
    if not weights:
        return network, ""
    loaded = load_weights(SHIPPED if weights == "shipped" else Path(weights), "cpu")
    theirs = loaded.network.config
    another_head = theirs.flow != network.config.flow and theirs.flow and network.config.flow
    if another_head or replace(theirs, flow=network.config.flow) != network.config:
        raise InvalidInputError(
            f"start_from {weights!r} holds weights of the network {theirs.as_dict()}, not of "
            f"{network.config.as_dict()}; give network those settings"
        )
    network.load_state_dict(loaded.network.state_dict(), strict=False)
    return network, loaded.sha256
