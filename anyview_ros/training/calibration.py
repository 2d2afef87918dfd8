"""Fitting the small network's confidence on scenes that it was not trained on."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

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


def calibrate(path: Path, rooms: FilmedRooms, *, device: str = "cpu") -> Calibration:
    """Fit the confidence of the weights at ``path`` on held-out ``rooms`` and write it into the file.

    Raises:
        WeightsError: weights that cannot be read.
    """
    loaded = load_weights(path, device)
    calibration = fit(judge(loaded.network, rooms))
    save_weights(path, loaded.network, calibration, {"steps": loaded.about.get("steps", "")})
    return calibration
