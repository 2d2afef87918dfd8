"""Fitting the small network's confidence on scenes that it was not trained on."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from anyview_ros.methods.anyview_small.confidence import confidence
from anyview_ros.methods.anyview_small.flow import Told, drawn_difference, imagined_share, spread
from anyview_ros.methods.anyview_small.network import SmallNetwork
from anyview_ros.methods.anyview_small.weights import Calibration, load_weights, save_weights
from anyview_ros.metrics.reliability import GOOD_ERROR, brier_score
from anyview_ros.training.batches import BatchPlan, BatchSource
from anyview_ros.training.filmed import FilmedRooms
from anyview_ros.training.losses import run_batch

Float = NDArray[np.float64]
_SLOPES = np.linspace(0.5, 6.0, 23)
_MIDDLES = np.geomspace(0.02, 0.6, 35)
_BEYONDS = np.linspace(0.0, 1.0, 11)
_BATCHES, _EVERY = 24, 11
_DRAWN_BATCHES, _DRAWN_STEPS = 8, 4
_PLAN = BatchPlan(
    two_instants_share=0.0, view_change_shares=(0.34, 0.33, 0.33), wide_share=0.0, augment=False
)


@dataclass(frozen=True, eq=False)
class Judged:
    """Pixels of held-out views: what the network expected of them, and what came true.

    Attributes:
        support: (P,), share that the source shows.
        log_error: (P,), logarithm of the expected error.
        good: bool (P,), whether the error was at most ``GOOD_ERROR``.
    """

    support: Float
    log_error: Float
    good: NDArray[np.bool_]


def judge(network: SmallNetwork, rooms: FilmedRooms, *, seed: int = 0) -> Judged:
    """Gather pixels of held-out views, half of them with depth images, most of which are faulty."""
    device = next(network.parameters()).device
    batches = BatchSource(rooms, _PLAN, seed)
    columns: tuple[list[Float], list[Float], list[NDArray[np.bool_]]] = ([], [], [])
    with torch.inference_mode():
        for number in range(_BATCHES):
            batch = batches[number].to(device)
            for instant in run_batch(network, batch):
                error = (instant.mixture.colour - batch.target[:, instant.index].float() / 255).abs().mean(1)
                columns[0].append(instant.mixture.support.flatten()[::_EVERY].double().cpu().numpy())
                columns[1].append(
                    instant.decoded.prediction.log_error.flatten()[::_EVERY].double().cpu().numpy()
                )
                columns[2].append((error <= GOOD_ERROR).flatten()[::_EVERY].cpu().numpy())
    return Judged(np.concatenate(columns[0]), np.concatenate(columns[1]), np.concatenate(columns[2]))


def fit(judged: Judged) -> Calibration:
    """Return the calibration whose confidences are nearest to what came true (least Brier score), by a grid."""
    best, chosen = math.inf, Calibration()
    for middle in _MIDDLES:
        for slope in _SLOPES:
            sure = 1 / (1 + np.exp(-slope * (math.log(middle) - judged.log_error)))
            for beyond in _BEYONDS:
                stated = sure * (judged.support + beyond * (1 - judged.support))
                score = brier_score(stated, judged.good)
                if score < best:
                    best, chosen = score, Calibration(float(middle), float(slope), float(beyond))
    return chosen


def drawn_share(
    network: SmallNetwork, rooms: FilmedRooms, calibration: Calibration, *, seed: int = 0
) -> float:
    """How often pixels that are drawn in several steps are good, over how often the expected picture was said to be.

    Args:
        network: one with a flow head.
        rooms: held-out.
        calibration: of the expected picture.
        seed: of the views and the draws.
    """
    head = network.flow
    assert head is not None  # noqa: S101 - the caller sees to it
    device = next(network.parameters()).device
    batches = BatchSource(rooms, _PLAN, seed)
    stated, good = 0.0, 0.0
    with torch.inference_mode():
        for number in range(_DRAWN_BATCHES):
            batch = batches[number].to(device)
            for instant in run_batch(network, batch):
                decoded, mixed = instant.decoded, instant.mixture
                told = Told.of(decoded.prediction, mixed, decoded.features, decoded.grid)
                drawn = drawn_difference(head, told, steps=_DRAWN_STEPS, seed=seed) * spread(
                    decoded.prediction
                )
                trust = confidence(mixed.support, decoded.prediction.log_error, calibration)
                share = imagined_share(trust)
                picture = (mixed.colour + share * drawn).clamp(0, 1)
                error = (picture - batch.target[:, instant.index].float() / 255).abs().mean(1, keepdim=True)
                stated += float((share * trust).sum())
                good += float((share * (error <= GOOD_ERROR)).sum())
    return min(good / stated, 1.0) if stated else 1.0


def calibrate(path: Path, rooms: FilmedRooms, *, device: str = "cpu") -> Calibration:
    """Fit the confidence of the weights at ``path`` on held-out ``rooms`` and write it into the file.

    Raises:
        WeightsError: weights that cannot be read.
    """
    loaded = load_weights(path, device)
    calibration = fit(judge(loaded.network, rooms))
    if loaded.network.flow is not None:
        calibration = replace(calibration, drawn=drawn_share(loaded.network, rooms, calibration))
    save_weights(path, loaded.network, calibration, {"steps": loaded.about.get("steps", "")})
    return calibration
